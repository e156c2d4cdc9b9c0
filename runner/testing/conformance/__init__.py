"""Whether a plugin keeps its contract: the checks behind `python -m runner conformance NAME`.

    targets = find("mine", ["generator.api_key=..."])
    results = asyncio.run(examine(targets, spend=True, tell=print))

The checks use a plugin as a run does: loaded by name, its options read as a configuration's, built with a real
`Context`. A generator makes real clips, three of them at the most; without `spend` one that is not known to be free
is not asked for any.
"""

from __future__ import annotations

from runner.testing.conformance.examine import examine
from runner.testing.conformance.report import Result, Verdict
from runner.testing.conformance.target import Target, find

__all__ = ["Result", "Target", "Verdict", "examine", "find"]
