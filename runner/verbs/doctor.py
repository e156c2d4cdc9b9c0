"""`runner doctor`: whether this configuration can be run here and now. Nothing is bought."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from runner.config import compose
from runner.doctor import Check, Verdict, examine
from runner.errors import ConfigError, UsageError
from runner.report import paragraph
from runner.verbs.prepare import Preparation, checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.cli import Flags
    from runner.config.compose import Composed
    from runner.planning.plan import Plan

# Without a project the chosen plugins are examined as for two shots, the second of which needs a picture.
_ANY: Final = (
    "project.name=doctor",
    "+sequences.any.shots.one.prompt=A calm lake",
    "+sequences.any.shots.two.prompt=The same lake at night",
)
_STYLES: Final = {
    Verdict.OK: "green",
    Verdict.WARNING: "yellow",
    Verdict.FAILED: "bold red",
    Verdict.SKIPPED: "dim",
}
_INDENT: Final = 20


def main(flags: Flags) -> int:
    """Examine one configuration; 1 when a check fails."""
    words = checked(flags.rest)
    if any(word in ("-m", "--multirun") for word in words):
        raise UsageError("doctor examines one configuration, not a sweep")
    film = _names_a_project(words)
    preparation = Preparation()
    found: list[Check] = []

    def task(composed: Composed) -> int:
        plan = preparation.plan(composed)
        found.extend(asyncio.run(_examined(plan, flags, film=film)))
        return 0

    try:
        codes = compose.each_job(words if film else (*words, *_ANY), task)
    except ConfigError as error:
        if not film and not error.hint:
            error.hint = "without a project two shots are made up; name yours: doctor +project=NAME"
        raise
    if not codes:
        return 0  # --cfg and its like print, and run nothing
    failed = any(check.verdict is Verdict.FAILED for check in found)
    if flags.as_json:
        print(json.dumps(_as_json(found), indent=2, ensure_ascii=False))
    elif not flags.quiet:
        print(_sum(found))
    return 1 if failed else 0


def _names_a_project(words: Sequence[str]) -> bool:
    return any(word.lstrip("+").partition("=")[0] in ("project", "project.name") for word in words)


async def _examined(plan: Plan, flags: Flags, *, film: bool) -> list[Check]:
    found = []
    async for check in examine(plan, film=film):
        found.append(check)
        if not flags.as_json and not (flags.quiet and check.verdict is not Verdict.FAILED):
            _show(check)
    return found


def _show(check: Check) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    head = Text(f"{check.verdict:<8} ", style=_STYLES[check.verdict])
    paragraph.show(console, f"{check.subject:<10} {check.message}", head=head, indent=_INDENT)
    if check.hint:
        console.print(Text(f"{'':{_INDENT}}next: {check.hint}"), soft_wrap=True)


def _sum(found: Sequence[Check]) -> str:
    counts = {verdict: sum(check.verdict is verdict for check in found) for verdict in Verdict}
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def _as_json(found: Sequence[Check]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(check) for check in found]
