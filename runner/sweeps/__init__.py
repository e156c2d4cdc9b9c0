"""The jobs of a sweep, run together in one session, and the record of how each of them ended."""
