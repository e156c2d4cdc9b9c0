"""The journal in one SQLite file per outputs root."""
