"""Plans of paid projects: the fake provider."""

from __future__ import annotations

from tests.engine.conftest import fake

__all__ = ["fake"]
