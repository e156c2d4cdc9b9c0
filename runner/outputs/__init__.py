"""The run folder: where files go, the manifest, the record of a run, films that are reused."""
