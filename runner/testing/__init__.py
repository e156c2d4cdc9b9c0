"""What plugin authors and our own tests use: an adversarial provider, and the plugin that speaks to it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["PLUGINS"]

PLUGINS: Final = Path(__file__).parent / "plugins"
"""The folder of the test plugins: `plugins.dirs=[...]` makes them known."""
