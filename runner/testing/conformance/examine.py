"""All the checks of some plugins, one plugin after the other."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from runner.engine.timing import Timing
from runner.engine.watchdog import watching
from runner.errors import UsageError
from runner.kinds import Kind
from runner.net import http
from runner.testing.conformance import common, extractors, generators, metrics, uploaders
from runner.testing.conformance.report import Checks, Verdict, told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.testing.conformance.report import Result
    from runner.testing.conformance.target import Target

_BLOCKED_S = 1.0
"""Seconds that a method of a plugin may keep the event loop to itself."""
_CHECKS = {
    Kind.GENERATOR: generators.check,
    Kind.EXTRACTOR: extractors.check,
    Kind.UPLOADER: uploaders.check,
    Kind.METRIC: metrics.check,
}


async def examine(
    targets: Sequence[Target], *, spend: bool = False, tell: Callable[[Result], None] = lambda result: None
) -> list[Result]:
    """Check each plugin; `tell` gets each result as it comes.

    Raises `UsageError`, before anything is asked of any of them, for a generator that is not known to be free
    while `spend` is not set.
    """
    for target in targets:
        cost = generators.cost(target) if target.kind is Kind.GENERATOR else ""
        if cost and not spend:
            raise UsageError(
                f"the checks of {target} make up to {generators.CLIPS} clips",
                why=cost,
                hint="add --spend to agree",
            )
    results: list[Result] = []
    for target in targets:
        checks = Checks(str(target), tell)
        blocked: list[str] = []
        with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
            async with watching(Timing(stall_s=_BLOCKED_S), blocked.append), http.client() as client:
                if await common.check(target, checks, Path(folder), client):
                    try:
                        await _CHECKS[target.kind](target, checks, Path(folder), client)
                    except Exception as error:  # each check catches its own; this is what comes around them
                        checks.note("is left cleanly after its work", Verdict.FAILED, told(error))
        if target.kind not in (Kind.EXTRACTOR, Kind.METRIC):  # those work in threads
            verdict = Verdict.FAILED if blocked else Verdict.OK
            checks.note("leaves the event loop to others", verdict, "; ".join(blocked))
        results += checks.results
    return results
