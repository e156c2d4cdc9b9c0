"""What metrics are measured with: two images against each other, motion between them, and the subjects themselves."""
