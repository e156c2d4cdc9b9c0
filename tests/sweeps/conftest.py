"""Sweeps over paid projects: the fake provider."""

from __future__ import annotations

from tests.engine.conftest import fake, uploader

__all__ = ["fake", "uploader"]
