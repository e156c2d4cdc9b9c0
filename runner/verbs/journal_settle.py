"""`runner journal resolve`: settling what only the user can know; `runner journal cancel`: ending a task."""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING

from runner import store
from runner.errors import UsageError
from runner.money import dollars
from runner.outgoing import outgoing
from runner.planning.preparation import plan as make_plan
from runner.session import Session
from runner.store.attempt import BY_USER, OPEN, Attempt, Phase
from runner.store.interface import Change, Filter
from runner.verbs import composing
from runner.verbs.arguments import Common, Parser, tracebacks
from runner.verbs.composing import Composing
from runner.verbs.root import attempts_in, of_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runner.planning.plan import Plan


class _Resolving(Common):
    words: list[str]
    submitted: str | None
    not_submitted: bool
    abandon: bool


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


def resolve(words: Sequence[str]) -> int:
    """Settle one attempt. Refused while a living run works on it."""
    arguments = _resolve_parser().read(words, _Resolving())
    tokens = [word for word in arguments.words if "=" not in word]
    root, _ = of_words("journal resolve", (word for word in arguments.words if "=" in word))
    task = arguments.submitted or ""
    given = {
        "--submitted": arguments.submitted is not None,
        "--not-submitted": arguments.not_submitted,
        "--abandon": arguments.abandon,
    }
    chosen = [name for name, is_given in given.items() if is_given]
    if len(tokens) != 1 or len(chosen) != 1 or (chosen == ["--submitted"] and not task):
        raise UsageError(
            "resolve takes one token and one answer",
            hint="\n".join(("one of", *(line.strip() for line in answers(root)))),
        )
    attempt, (answer,) = _the_one(root, tokens[0]), chosen
    _check(attempt, answer, root)
    if answer == "--submitted":
        if outgoing(task) != task:
            raise UsageError("a task id with a key or a control character in it cannot be recorded")
        _check_task(attempt, task, root)
        _move(root, attempt, Phase.SUBMITTED, Change(task=task, note=BY_USER))
        print(f"{attempt.name}: the next run picks it up as task {task}; until then this can be corrected")
    elif answer == "--not-submitted":
        change = Change(cost=0, task="", note="not submitted, says the user")
        _move(root, attempt, Phase.REFUSED, change)
        print(f"{attempt.name}: was not submitted; the next run submits it, and nothing is reserved any more")
    else:
        _move(root, attempt, Phase.ABANDONED, Change(note="abandoned by the user"))
        print(
            f"{attempt.name}: abandoned; its {dollars(attempt.at_risk)} stay counted, "
            "and the next run pays for another clip"
        )
    return 0


def cancel(words: Sequence[str]) -> int:
    """Cancel the task of an attempt at its provider, where that saves money."""
    parser = composing.parser(
        "journal cancel",
        "Cancel a task at its provider. Name the project, so that the generator has its options and its key.",
        examples=(
            "journal cancel TOKEN +project=my_film",
            "journal cancel TOKEN +project=my_film generator=kie",
        ),
        sweeps=False,
    )
    tokens = [word for word in words if "=" not in word and not word.startswith("-")]
    arguments = composing.read(parser, [word for word in words if word not in tokens], Composing())
    if len(tokens) != 1:
        parser.error("it takes one TOKEN, and the overrides of the project")
    planned = make_plan(arguments.composed())
    attempt = _the_one(planned.project.output_root, tokens[0])
    with tracebacks(arguments.debug):
        asyncio.run(_cancelled(planned, attempt))
    print(f"{attempt.name}: task {attempt.task} is cancelled; the next run records what it cost")
    return 0


async def _cancelled(planned: Plan, attempt: Attempt) -> None:
    async with Session(planned.project.output_root) as session:
        await session.cancel_task(attempt, planned)


def answers(root: Path) -> list[str]:
    """The commands that settle an attempt of unknown outcome, indented."""
    at = "" if str(root) == "outputs" else f" {shlex.join([f'output.root={root}'])}"
    return [
        f"  python -m runner journal resolve TOKEN {answer}{at}"
        for answer in ("--submitted TASKID", "--not-submitted", "--abandon")
    ]


def _move(root: Path, attempt: Attempt, phase: Phase, change: Change) -> None:
    async def moved() -> None:
        async with store.open_journal(root) as journal:
            await journal.move(attempt.token, phase, change)

    asyncio.run(moved())


def _the_one(root: Path, token: str) -> Attempt:
    found = attempts_in(root, Filter(token_prefix=token))
    if len(found) != 1:
        raise UsageError(
            f"{'no attempt has' if not found else f'{len(found)} attempts have'} a token that begins with {token}",
            where=str(store.journal_path(root)),
            hint="python -m runner journal  lists them; another root is named with output.root=DIR",
        )
    return found[0]


def _check_task(attempt: Attempt, task: str, root: Path) -> None:
    """A task makes one clip: that of another attempt is a slip of the hand."""
    wanted = Filter(task=task, generator=attempt.generator, phases=(*OPEN, Phase.FETCHED))
    for other in attempts_in(root, wanted):
        if other.token != attempt.token and other.account == attempt.account:
            raise UsageError(
                f"task {task} is that of another attempt",
                where=f"{other.project} {other.name}, attempt {other.token[:8]}, {other.phase}",
                hint="look the task up again at the provider: python -m runner journal --json  lists all ids",
            )


def _check(attempt: Attempt, answer: str, root: Path) -> None:
    may = {Phase.INTENDED, Phase.UNKNOWN}
    if answer == "--abandon":
        may |= {Phase.SUBMITTED, Phase.READY, Phase.LOST}
        if not store.object_store(root).intact(attempt.digest):
            may.add(Phase.FETCHED)
    if attempt.phase not in may and not attempt.task_from_user:
        raise UsageError(
            f"this attempt is {attempt.phase}; there is nothing to resolve with {answer}", where=attempt.name
        )
    reader = store.read_journal(root)
    if reader is not None:
        with reader:
            if attempt.key in reader.leased():
                raise UsageError(
                    "a run is working on this shot right now",
                    where=attempt.name,
                    hint="wait for it, or stop it",
                )
