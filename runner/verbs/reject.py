"""`runner reject DIR SHOT`: no run goes on from a clip; see `accept`."""

from __future__ import annotations

from runner.verbs.accept import reject as main

__all__ = ["main"]
