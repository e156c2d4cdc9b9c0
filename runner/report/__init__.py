"""What a run leaves behind: folder, manifest, logs, summary."""
