"""`runner reproduce DIR`: compose the runs of a folder again from what is in them, run them, and compare digests."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.outgoing import one_line
from runner.outputs import manifest, reproduction
from runner.planning.preparation import Registries
from runner.report import summary
from runner.verbs.again import made, recorded, with_root
from runner.verbs.arguments import Common, Parser, tracebacks
from runner.verbs.confirm import confirm
from runner.verbs.verify import run_folders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.outputs.outcome import RunOutcome
    from runner.outputs.reproduction import Compared
    from runner.verbs.again import Recorded


class _Arguments(Common):
    folder: Path
    words: list[str]


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "reproduce",
        "Compose the run of a folder, or all runs below one, again from what is in it, run it, and compare the digests "
        "of all files. In its own outputs root the clips that are paid for are reused; in another one they are paid "
        "for again.",
        examples=(
            "reproduce outputs/PROJECT/RUN",
            "reproduce outputs/PROJECT/sweeps/SWEEP",
            "reproduce outputs/PROJECT/RUN output.root=again",
        ),
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a run folder, or a folder of them")
    parser.add_argument(
        "words",
        nargs="*",
        metavar="OVERRIDE",
        help="what is yours to say: output.root=DIR, addresses, key files",
    )
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Reproduce run folders; 1 where something differs, the worst exit code of the runs where one failed."""
    arguments = _parsed(words)
    folders, registries = run_folders(arguments.folder), Registries()
    words = with_root(arguments.folder, arguments.words)
    runs = [recorded(folder, words, registries) for folder in folders]
    others = [(one, differ) for one in runs if (differ := reproduction.requests(one.manifest, one.plan))]
    if others:
        return _show_requests(arguments, others)
    plans = [one.plan for one in runs]
    confirm(plans)
    with tracebacks(arguments.debug):
        outcomes = asyncio.run(made(runs, arguments.quiet))
    for outcome in outcomes:
        if outcome.error is not None and not outcome.shots:
            raise outcome.error
    if all(outcome.interrupted and outcome.folder is None for outcome in outcomes):
        raise KeyboardInterrupt
    return _show_files(arguments, runs, outcomes)


def _show_requests(arguments: _Arguments, others: Sequence[tuple[Recorded, Sequence[Compared]]]) -> int:
    """What would be requested otherwise: nothing is run, since it would be another run."""
    if arguments.as_json:
        _print_json([_entry(one, None, differ, exit_code=1) for one, differ in others])
        return 1
    for one, differ in others:
        print(one_line(f"{one.folder}: composed again, this is another request; nothing was started"))
        for field in differ:
            print(one_line(f"  - {field.name}: was {_value(field.was)}, is {_value(field.now)}"))
    print("beside the folder, this decides it: your overrides, plugins, model cards, the program's version")
    return 1


def _show_files(arguments: _Arguments, recorded: Sequence[Recorded], outcomes: Sequence[RunOutcome]) -> int:
    entries = []
    for one, outcome in zip(recorded, outcomes, strict=True):
        now = manifest.read(outcome.folder) if outcome.folder is not None else None
        compared = reproduction.files(one.manifest, now or {"sequences": {}})
        differ = [file for file in compared if not file.same]
        exit_code = outcome.exit_code or (1 if differ else 0)
        entries.append(_entry(one, outcome, differ, exit_code=exit_code, compared=len(compared)))
        if not arguments.as_json:
            if len(recorded) == 1:
                summary.show(outcome, [])
            _show_compared(one, outcome, differ, len(compared))
    if arguments.as_json:
        _print_json(entries)
    elif len(recorded) > 1:
        bad = sum(entry["exit_code"] != 0 for entry in entries)
        print(f"{len(recorded) - bad} of {len(recorded)} runs are reproduced")
    return int(max(entry["exit_code"] for entry in entries))


def _show_compared(one: Recorded, outcome: RunOutcome, differ: Sequence[Compared], count: int) -> None:
    if not differ and outcome.exit_code == 0:
        reused = sum(shot.reused for shot in outcome.shots)
        clips = f"{reused} of {len(outcome.shots)} clips reused"
        print(one_line(f"{one.folder}: reproduced, {count} files are all the same ({clips})"))
        return
    print(one_line(f"{one.folder}: not reproduced, {len(differ)} of {count} files differ"))
    for file in differ:
        print(one_line(f"  - {file.name}: was {_value(file.was, 12)}, is {_value(file.now, 12)}"))
    for error in outcome.errors:
        print(one_line(f"  - {error.line}"))
    if any(file.name.endswith(" clip") and file.now for file in differ):
        print("  the requests are the same: this generator makes another clip each time")


def _entry(
    one: Recorded,
    outcome: RunOutcome | None,
    differ: Sequence[Compared],
    *,
    exit_code: int,
    compared: int = 0,
) -> dict[str, Any]:
    made = outcome.folder if outcome is not None else None
    return {
        "folder": str(one.folder),
        "reproduced_in": str(made) if made is not None else None,
        "compared": compared,
        "differences": [{"name": file.name, "was": file.was, "now": file.now} for file in differ],
        "exit_code": exit_code,
    }


def _print_json(entries: Sequence[dict[str, Any]]) -> None:
    print(json.dumps(entries, indent=2, ensure_ascii=False))


def _value(value: Any, longest: int = 60) -> str:
    if value is None:
        return "not there"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else f"{text[:longest]}..."
