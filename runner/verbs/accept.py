"""`runner accept DIR SHOT`: the film goes on from a clip, whatever its seam is like; `reject` is the opposite."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runner import store
from runner.errors import UsageError
from runner.store.interface import Decision, Judgement
from runner.verbs.arguments import Common, Parser
from runner.verbs.root import of_folder, shot_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_AND_NOW = {
    Judgement.ACCEPTED: "the same command goes on from it",
    Judgement.REJECTED: "no run goes on from it; another take is requested with a higher `take` of the shot",
}


class _Arguments(Common):
    folder: Path
    shot: str


def _parsed(verb: str, about: str, words: Sequence[str]) -> _Arguments:
    parser = Parser(
        verb,
        about,
        examples=(f"{verb} outputs/PROJECT/RUN SEQUENCE/SHOT", f"{verb} outputs/PROJECT/RUN SHOT --json"),
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a run folder")
    parser.add_argument("shot", metavar="SHOT", help="a shot of it that has a clip, by SEQUENCE/NAME or name")
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Accept the clip of one shot."""
    about = (
        "Accept the clip of a shot as it is: the next run goes on from it, whatever was measured at its seam."
    )
    return decide(Judgement.ACCEPTED, _parsed("accept", about, words))


def reject(words: Sequence[str]) -> int:
    """Reject the clip of one shot."""
    about = "Reject the clip of a shot: it stays in the store, and no run goes on from it. `accept` takes that back."
    return decide(Judgement.REJECTED, _parsed("reject", about, words))


def decide(verdict: Judgement, arguments: _Arguments) -> int:
    """Record a decision in the outputs root of a run folder. It holds for this clip in every run of the root."""
    shot = shot_of(arguments.folder, arguments.shot)
    if not shot.digest:
        raise UsageError("there is no clip of this shot to decide about", where=shot.name)
    root = of_folder(arguments.folder)
    if root is None:
        raise UsageError("this folder is in no outputs root", where=str(arguments.folder))
    decision = Decision(key=shot.key, digest=shot.digest, verdict=verdict, decided=time.time())
    asyncio.run(_recorded(root, decision))
    if arguments.as_json:
        print(
            json.dumps(
                {"shot": shot.name, "key": shot.key, "sha256": shot.digest, "verdict": verdict}, indent=2
            )
        )
    elif not arguments.quiet:
        print(f"{shot.name}: {verdict}; {_AND_NOW[verdict]}")
    return 0


async def _recorded(root: Path, decision: Decision) -> None:
    async with store.open_journal(root) as journal:
        await journal.decide([decision])
