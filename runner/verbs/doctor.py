"""`runner doctor`: whether this configuration can be run here and now. Nothing is bought."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from runner.doctor import Check, Verdict, examine
from runner.errors import ConfigError, UsageError
from runner.planning.preparation import plan as make_plan
from runner.report import paragraph
from runner.verbs import composing
from runner.verbs.arguments import tracebacks
from runner.verbs.composing import Composing

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def _parsed(words: Sequence[str]) -> Composing:
    parser = composing.parser(
        "doctor",
        "Check whether a configuration can run here and now. Nothing is bought.",
        examples=("doctor +project=ad_campaign", "doctor generator=kie uploader=kie --json"),
        sweeps=False,
    )
    return composing.read(parser, words, Composing())


def main(words: Sequence[str]) -> int:
    """Examine one configuration; 1 when a check fails."""
    arguments = _parsed(words)
    film = _names_a_project(arguments.words)
    if not film:
        arguments.words += _ANY
    if arguments.printed():
        return 0
    try:
        plan = make_plan(arguments.composed())
        if plan.project.ci.replays:
            why = "a replay has no key, and sends nothing"
            raise UsageError(
                "doctor has nothing to look at in a replay", why=why, hint="leave +ci=replay out"
            )
        with tracebacks(arguments.debug):
            found = asyncio.run(_examined(plan, arguments, film=film))
    except ConfigError as error:
        if not film and not error.hint:
            error.hint = "without a project two shots are made up; name yours: doctor +project=NAME"
        raise
    failed = any(check.verdict is Verdict.FAILED for check in found)
    if arguments.as_json:
        print(json.dumps(_as_json(found), indent=2, ensure_ascii=False))
    elif not arguments.quiet:
        print(_sum(found))
    return 1 if failed else 0


def _names_a_project(words: Sequence[str]) -> bool:
    return any(word.lstrip("+").partition("=")[0] in ("project", "project.name") for word in words)


async def _examined(plan: Plan, arguments: Composing, *, film: bool) -> list[Check]:
    found = []
    async for check in examine(plan, film=film):
        found.append(check)
        if not arguments.as_json and not (arguments.quiet and check.verdict is not Verdict.FAILED):
            _show(check)
    return found


def _show(check: Check) -> None:
    from rich.text import Text

    from runner.report.console import Console

    console = Console()
    head = Text(f"{check.verdict:<8} ", style=_STYLES[check.verdict])
    paragraph.show(console, f"{check.subject:<10} {check.message}", head=head, indent=_INDENT)
    if check.hint:
        console.print(Text(f"{'':{_INDENT}}next: {check.hint}"), soft_wrap=True)


def _sum(found: Sequence[Check]) -> str:
    counts = {verdict: sum(check.verdict is verdict for check in found) for verdict in Verdict}
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def _as_json(found: Sequence[Check]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(check) for check in found]
