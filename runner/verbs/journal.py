"""`runner journal`: attempts and spend. `journal resolve` and `journal cancel` are in `journal_settle`."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from runner import store
from runner.money import dollars, to_usd
from runner.report import table
from runner.report.fallbacks import few
from runner.report.table import Cell, Column
from runner.store.attempt import OPEN, Attempt, Phase
from runner.store.interface import Filter
from runner.verbs import journal_settle
from runner.verbs.arguments import COMMON, Common, Parser
from runner.verbs.root import attempts_in, of_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FILTERS: Final = ("project", "provider", "state", "key", "token")


class _Listing(Common):
    words: list[str]


_COLUMNS: Final = (
    Column("token"),
    Column("state"),
    Column("cost", right=True),
    Column("shot", least=12),
    Column("when"),
)


def _parser() -> Parser:
    parser = Parser(
        "journal",
        "List attempts and what they cost. `journal resolve TOKEN` settles one whose outcome is unknown,\n"
        "`journal cancel TOKEN` cancels its task.",
        examples=(
            "journal",
            "journal project=my_film state=unknown --json",
            "journal resolve TOKEN --submitted TASKID",
            "journal resolve --help",
        ),
    )
    known = ", ".join(f"{name}=" for name in _FILTERS)
    parser.add_argument(
        "words", nargs="*", metavar="KEY=VALUE", help=f"output.root=DIR, or a filter: {known}"
    )
    return parser


def main(words: Sequence[str]) -> int:
    """List attempts, resolve one, or cancel its task."""
    at = next((at for at, word in enumerate(words) if word not in COMMON), 0)
    settle = {"resolve": journal_settle.resolve, "cancel": journal_settle.cancel}
    if words[at : at + 1] and words[at] in settle:
        return settle[words[at]]([*words[:at], *words[at + 1 :]])
    arguments = _parser().read(words, _Listing())
    root, filters = of_words("journal", arguments.words, _FILTERS)
    state, key = filters.get("state"), filters.get("key")
    found = attempts_in(
        root,
        Filter(
            project=filters.get("project"),
            generator=filters.get("provider"),
            phases=None if state is None else [phase for phase in Phase if phase == state],
            keys=None if key is None else [key],
            token_prefix=filters.get("token"),
        ),
    )
    if arguments.as_json:
        print(json.dumps([_entry(one) for one in found], indent=2, ensure_ascii=False))
    else:
        _show(found, root)
    return 0


def _entry(attempt: Attempt) -> dict[str, Any]:
    entry = dataclasses.asdict(attempt) | {"record": attempt.record.to_json()}
    for name in ("reserved", "cost"):
        entry[f"{name}_usd"] = to_usd(entry[name])
        del entry[name]
    return entry


def _show(found: list[Attempt], root: Path) -> None:
    from rich.text import Text

    from runner.report.console import Console

    console = Console()
    if not found:
        console.print(Text(f"no attempts in {store.journal_path(root)}"), soft_wrap=True)
        return
    # The newest first: they are what one looks for, and a long table shows its first rows.
    rows = [_row(one) for one in reversed(found)]
    table.show(console, _COLUMNS, rows, rest="python -m runner journal --json has all")
    for line in _totals(found, root):
        console.print(Text(line), soft_wrap=True)


def _row(one: Attempt) -> tuple[Cell, ...]:
    style = "red" if one.phase in (Phase.UNKNOWN, Phase.LOST) else "yellow" if one.phase in OPEN else ""
    return (
        Cell(one.token[:8]),
        Cell(one.phase, style),
        Cell(dollars(one.cost) if one.cost is not None else f"({dollars(one.reserved)})"),
        Cell(f"{one.project} {one.name}"),
        Cell(datetime.fromtimestamp(one.created, UTC).strftime("%m-%d %H:%M")),
    )


def _totals(found: list[Attempt], root: Path) -> list[str]:
    """Spend by project and provider, and what is still on its way."""
    lines = []
    for project, generator in sorted({(one.project, one.generator) for one in found}):
        here = [one for one in found if (one.project, one.generator) == (project, generator)]
        spent = sum(one.cost or 0 for one in here)
        count = "1 attempt" if len(here) == 1 else f"{len(here)} attempts"
        lines.append(f"{project}, {generator}: {count}, {dollars(spent)} spent")
    risky = [one for one in found if one.cost is None and one.phase not in (Phase.REFUSED,)]
    if risky:
        known = sum(one.reserved or 0 for one in risky)
        blind = sum(one.reserved is None for one in risky)
        more = f", and {blind} attempts of unknown price" if blind else ""
        lines.append(f"money at risk: {dollars(known)}{more}; reserved amounts stand in brackets")
    waiting = [one for one in found if one.phase is Phase.UNKNOWN]
    if waiting:
        count = "1 waits" if len(waiting) == 1 else f"{len(waiting)} wait"
        tokens = few([one.token[:8] for one in waiting])
        lines += [f"{count} for you to resolve with one of (TOKEN: {tokens})", *journal_settle.answers(root)]
    return lines
