"""Pictures and clips: probing, frames, joining, seams, colour. Knows nothing of the engine or of configuration."""
