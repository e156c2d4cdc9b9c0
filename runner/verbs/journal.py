"""`runner journal`: attempts and spend; `runner journal resolve`: settling what only a person can know."""

from __future__ import annotations

import dataclasses
import json
import shlex
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from runner.errors import UsageError
from runner.store.attempt import BY_PERSON, OPEN, Attempt, Phase
from runner.store.budget import dollars
from runner.store.claims import held
from runner.store.journal import Journal
from runner.store.reading import JOURNAL, attempts_in, look
from runner.verbs.arguments import COMMON, Common, Parser
from runner.verbs.root import of_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FILTERS: Final = {
    "project": "project",
    "provider": "generator",
    "state": "phase",
    "key": "key",
    "token": "token",
}


class _Listing(Common):
    words: list[str]


class _Resolving(_Listing):
    submitted: str | None
    not_submitted: bool
    abandon: bool


def _parser() -> Parser:
    parser = Parser(
        "journal",
        "List attempts and what they cost. `journal resolve TOKEN` settles one whose outcome is unknown.",
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


def _resolve_parser() -> Parser:
    parser = Parser(
        "journal resolve",
        "Say what became of an attempt, after a look at the provider's own list of tasks.",
        examples=(
            "journal resolve TOKEN --submitted TASKID",
            "journal resolve TOKEN --not-submitted output.root=DIR",
            "journal resolve TOKEN --abandon",
        ),
    )
    add = parser.add_argument
    add("words", nargs="*", metavar="TOKEN", help="the first letters of the token; output.root=DIR")
    add("--submitted", metavar="TASKID", help="the provider has it under this id; the next run picks it up")
    add("--not-submitted", action="store_true", help="the provider never got it; the next run submits it")
    add("--abandon", action="store_true", help="give it up; its price stays counted")
    return parser


def main(words: Sequence[str]) -> int:
    """List attempts, or resolve one."""
    at = next((at for at, word in enumerate(words) if word not in COMMON), 0)
    if words[at : at + 1] == ["resolve"]:
        return _resolve([*words[:at], *words[at + 1 :]])
    arguments = _parser().read(words, _Listing())
    root, filters = of_words("journal", arguments.words, _FILTERS)
    conditions = " AND ".join(f"{_FILTERS[name]} = ?" for name in filters) or "1"
    found = attempts_in(root, conditions, *filters.values())
    if arguments.as_json:
        print(json.dumps([_entry(one) for one in found], indent=2, ensure_ascii=False))
    else:
        _show(found, root)
    return 0


def _entry(attempt: Attempt) -> dict[str, Any]:
    entry = dataclasses.asdict(attempt)
    for name in ("reserved", "cost"):
        entry[f"{name}_usd"] = None if entry[name] is None else entry[name] / 1_000_000
        del entry[name]
    return entry


def _show(found: list[Attempt], root: Path) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not found:
        console.print(Text(f"no attempts in {root / '.runner' / JOURNAL}", overflow="fold"))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, justify in (
        ("token", "left"),
        ("when", "left"),
        ("shot", "left"),
        ("state", "left"),
        ("cost", "right"),
    ):
        table.add_column(
            name, justify="right" if justify == "right" else "left", no_wrap=True, overflow="ellipsis"
        )
    for one in found:
        when = datetime.fromtimestamp(one.created, UTC).strftime("%m-%d %H:%M")
        cost = dollars(one.cost) if one.cost is not None else f"({dollars(one.reserved)})"
        style = "red" if one.phase in (Phase.UNKNOWN, Phase.LOST) else "yellow" if one.phase in OPEN else ""
        table.add_row(
            one.token[:8], when, Text(f"{one.project} {one.name}"), Text(one.phase, style=style), cost
        )
    console.print(table)
    for line in _totals(found, root):
        console.print(Text(line, overflow="fold"))


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
        lines += [f"{count} for a person, who says one of", *_answers(root)]
    return lines


def _answers(root: Path) -> list[str]:
    there = "" if str(root) == "outputs" else f" {shlex.join([f'output.root={root}'])}"
    return [
        f"  python -m runner journal resolve TOKEN {answer}{there}"
        for answer in ("--submitted TASKID", "--not-submitted", "--abandon")
    ]


def _resolve(words: Sequence[str]) -> int:
    """Settle one attempt. Refused while a living run works on it."""
    arguments = _resolve_parser().read(words, _Resolving())
    tokens = [word for word in arguments.words if "=" not in word]
    root, _ = of_words("journal resolve", (word for word in arguments.words if "=" in word))
    task = arguments.submitted or ""
    answers = {
        "--submitted": arguments.submitted is not None,
        "--not-submitted": arguments.not_submitted,
        "--abandon": arguments.abandon,
    }
    given = [name for name, is_given in answers.items() if is_given]
    if len(tokens) != 1 or len(given) != 1 or (given == ["--submitted"] and not task):
        raise UsageError(
            "resolve takes one token and one answer",
            hint="\n".join(("one of", *(line.strip() for line in _answers(root)))),
        )
    attempt = _the_one(root, tokens[0])
    (answer,) = given
    _check(attempt, answer, root)
    if task:
        _check_task(attempt, task, root)
    with Journal(root / ".runner" / JOURNAL) as journal:
        if answer == "--submitted":
            journal.now(journal.move(attempt.token, Phase.SUBMITTED, task=task, note=BY_PERSON))
            print(
                f"{attempt.name}: will be picked up as task {task} by the next run; until then this can be corrected"
            )
        elif answer == "--not-submitted":
            journal.now(
                journal.move(
                    attempt.token, Phase.REFUSED, cost=0, task="", note="not submitted, says a person"
                )
            )
            print(
                f"{attempt.name}: was not submitted; the next run asks for it, nothing is reserved for it any more"
            )
        else:
            journal.now(journal.move(attempt.token, Phase.ABANDONED, note="abandoned by a person"))
            print(
                f"{attempt.name}: abandoned; its {dollars(attempt.at_risk)} stay counted, the next run pays for another"
            )
    return 0


def _the_one(root: Path, token: str) -> Attempt:
    # Tokens are hexadecimal: nothing in one has a meaning for GLOB.
    plain = "".join(letter for letter in token if letter.isalnum())
    found = attempts_in(root, "token GLOB ?", f"{plain}*")
    if len(found) != 1:
        raise UsageError(
            f"{'no attempt has' if not found else f'{len(found)} attempts have'} a token that begins with {token}",
            where=str(root / ".runner" / JOURNAL),
            hint="python -m runner journal  lists them; another root is named with output.root=DIR",
        )
    return found[0]


def _check_task(attempt: Attempt, task: str, root: Path) -> None:
    """A task makes one clip: that of another attempt is a slip of the hand."""
    taken = [
        one
        for one in attempts_in(root, "task = ? AND generator = ?", task, attempt.generator)
        if one.token != attempt.token
        and one.account == attempt.account
        and one.phase in (*OPEN, Phase.FETCHED)
    ]
    if taken:
        (other, *_) = taken
        raise UsageError(
            f"task {task} is that of another attempt",
            where=f"{other.project} {other.name}, attempt {other.token[:8]}, {other.phase}",
            hint="look the task up again at the provider: python -m runner journal --json  lists all ids",
        )


def _check(attempt: Attempt, answer: str, root: Path) -> None:
    may = {Phase.INTENDED, Phase.UNKNOWN}
    if answer == "--abandon":
        may |= {Phase.SUBMITTED, Phase.READY, Phase.LOST}
    if attempt.phase not in may and not attempt.told_by_person:
        raise UsageError(
            f"this attempt is {attempt.phase}; there is nothing to resolve with {answer}", where=attempt.name
        )
    if look(root, held(attempt.key, time.time()), False):
        raise UsageError(
            "a run is working on this shot right now", where=attempt.name, hint="wait for it, or stop it"
        )
