"""The web service: an HTTP API and pages over one session of one outputs root.

Data goes one way: a request is checked, becomes a job that is on disk, waits for its turn, and is run by the session,
whose events are in the run folder like those of any run. Pages and streams read run folders and nothing else, so they
show what another process started just as well.
"""
