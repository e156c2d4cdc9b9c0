"""Films from YAML, every shot starting where the one before it ended. This is the library; the command line uses it.

import asyncio, runner

async def main():
    plan = runner.plan(runner.compose(["+project=ad_campaign"]))
    async with runner.Session() as session:
        (outcome,) = await session.run([plan], observer=lambda event: print(event.kind, event.shot))
    print(outcome.exit_code, outcome.cost.usd)

asyncio.run(main())
"""

from __future__ import annotations

import sys

if sys.argv[:1] == ["-m"] and not sys.flags.safe_path:
    # `python -m runner` puts the current folder first in the module path. A project that somebody downloaded must not
    # replace modules of ours with files of its own. (This module itself is found by then, and `-m` stands for it.)
    del sys.path[0]

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from runner.config.compose import Composed, PrimaryConfig, compose, compose_sweep
    from runner.engine.timing import Timing
    from runner.outputs.outcome import FilmOutcome, RunOutcome, ShotOutcome
    from runner.planning.plan import Plan
    from runner.planning.preparation import Registries, plan
    from runner.session import Session

__version__ = "0.1.0"

__all__ = [
    "Composed",
    "FilmOutcome",
    "Plan",
    "PrimaryConfig",
    "Registries",
    "RunOutcome",
    "Session",
    "ShotOutcome",
    "Timing",
    "compose",
    "compose_sweep",
    "plan",
]

_HOME: Final = {
    "Composed": "runner.config.compose",
    "FilmOutcome": "runner.outputs.outcome",
    "Plan": "runner.planning.plan",
    "PrimaryConfig": "runner.config.compose",
    "Registries": "runner.planning.preparation",
    "RunOutcome": "runner.outputs.outcome",
    "Session": "runner.session",
    "ShotOutcome": "runner.outputs.outcome",
    "Timing": "runner.engine.timing",
    "compose": "runner.config.compose",
    "compose_sweep": "runner.config.compose",
    "plan": "runner.planning.preparation",
}


def __getattr__(name: str) -> object:
    """Import what is asked for only then: `runner --help` needs none of it."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
