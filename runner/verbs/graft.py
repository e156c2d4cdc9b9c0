"""`runner graft RUN SHOT --from OTHER`: a run with the clip of another run for one of its shots."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import UsageError
from runner.money import to_usd
from runner.outgoing import one_line
from runner.outputs import manifest
from runner.planning.preparation import Registries
from runner.report import summary
from runner.verbs.again import made, recorded, with_root
from runner.verbs.arguments import Common, Parser, tracebacks
from runner.verbs.confirm import confirm
from runner.verbs.root import of_folder, shot_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.outputs.outcome import RunOutcome
    from runner.verbs.root import ShotOfRun


class _Arguments(Common):
    folder: Path
    shot: str
    other: Path
    words: list[str]


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "graft",
        "Run what a folder was composed from once more, with the clip that another run of the same outputs root has "
        "for one of its shots. Clips are reused; only shots that go on from the grafted one are generated, and paid "
        "for. The result is a run of its own: neither folder is changed.",
        examples=(
            "graft outputs/PROJECT/RUN SEQUENCE/SHOT --from outputs/PROJECT/OTHER",
            "graft outputs/PROJECT/sweeps/SWEEP/JOB SHOT --from outputs/PROJECT/RUN budget.max_cost=5",
        ),
    )
    parser.add_argument("folder", type=Path, metavar="RUN", help="the run folder whose film is to change")
    parser.add_argument("shot", metavar="SHOT", help="a shot of it, by SEQUENCE/NAME or name")
    parser.add_argument(
        "--from",
        dest="other",
        type=Path,
        required=True,
        metavar="OTHER",
        help="the run folder that has the clip, for a shot of the same name",
    )
    parser.add_argument(
        "words", nargs="*", metavar="OVERRIDE", help="what is yours to say: addresses, key files, a budget"
    )
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Run with the grafted clip; the exit code of that run."""
    arguments = _parsed(words)
    grafted, source = _shots(arguments)
    given = [*_overrides(arguments, grafted, source), *arguments.words]
    run = recorded(arguments.folder, with_root(arguments.folder, given), Registries())
    confirm([run.plan])
    with tracebacks(arguments.debug):
        (outcome,) = asyncio.run(made([run], arguments.quiet))
    if outcome.error is not None and not outcome.shots:
        raise outcome.error
    if outcome.interrupted and outcome.folder is None:
        raise KeyboardInterrupt
    if arguments.as_json:
        print(json.dumps(_as_json(outcome, grafted, source), indent=2, ensure_ascii=False))
    else:
        summary.show(outcome, [])
        print(one_line(_told(outcome, grafted, arguments.other)))
    return outcome.exit_code


def _shots(arguments: _Arguments) -> tuple[ShotOfRun, ShotOfRun]:
    """The shot that changes, and the one whose clip it gets. Raises `UsageError`."""
    grafted = shot_of(arguments.folder, arguments.shot)
    source = shot_of(arguments.other, grafted.name)
    if not source.digest:
        raise UsageError(
            "the other run has no clip of this shot", where=f"{arguments.other}, shot {source.name}"
        )
    if source.digest == grafted.digest:
        raise UsageError("both runs have the same clip of this shot", where=grafted.name)
    root, other = of_folder(arguments.folder), of_folder(arguments.other)
    if root != other:
        raise UsageError(
            "the runs are in different outputs roots",
            where=f"{root or arguments.folder}, {other or arguments.other}",
            why="a graft takes a clip that the store of the run's own root has",
        )
    return grafted, source


def _overrides(arguments: _Arguments, grafted: ShotOfRun, source: ShotOfRun) -> list[str]:
    """What tells the run of the graft from the one that it was."""
    sequence, _, name = grafted.name.partition("/")
    at = f"sequences.{sequence}.shots.{name}"
    found = [f"{at}.graft={source.key}"]
    mine, theirs = (_entry(folder, grafted.name) for folder in (arguments.folder, arguments.other))
    # The seam is the other run's only where the clip started from the very frame that is before it here.
    if mine.get("starts_from") and _frame(mine) != _frame(theirs):
        found.append(f"{at}.boundary=cut")
    return found


def _entry(folder: Path, shot: str) -> dict[str, Any]:
    sequence, _, name = shot.partition("/")
    found: dict[str, Any] = (manifest.read(folder) or {})["sequences"][sequence]["shots"][name]
    return found


def _frame(entry: dict[str, Any]) -> str | None:
    frame = entry.get("first_frame") or {}
    return frame.get("sha256")


def _told(outcome: RunOutcome, grafted: ShotOfRun, other: Path) -> str:
    again = [shot.planned.name for shot in outcome.shots if shot.clip is not None and not shot.reused]
    follows = f"generated again: {', '.join(again)}" if again else "nothing was generated"
    return f"{grafted.name} has the clip of {other}; {follows}"


def _as_json(outcome: RunOutcome, grafted: ShotOfRun, source: ShotOfRun) -> dict[str, Any]:
    return {
        "folder": str(outcome.folder) if outcome.folder is not None else None,
        "grafted": {"shot": grafted.name, "key": source.key, "sha256": source.digest},
        "generated": [shot.planned.name for shot in outcome.shots if shot.clip and not shot.reused],
        "cost_usd": to_usd(outcome.cost.now.micros) if outcome.cost is not None else None,
        "errors": [error.line for error in outcome.errors],
        "exit_code": outcome.exit_code,
    }
