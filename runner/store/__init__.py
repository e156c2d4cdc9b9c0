"""What outlives a run: the journal of attempts and spend, and the content-addressed files beside it."""
