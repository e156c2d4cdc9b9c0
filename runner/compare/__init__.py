"""Whether a film is worse than before, beyond noise: statistics, baselines, verdicts, and how they are written down."""
