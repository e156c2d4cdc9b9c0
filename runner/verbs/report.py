"""`runner report DIR...`: writes the report of a run or a sweep again, or prints it as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import RunnerError, UsageError
from runner.outgoing import one_line
from runner.report.model import is_sweep, read_run, read_sweep
from runner.verbs.arguments import Common, Parser

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Arguments(Common):
    folders: list[Path]


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "report",
        "Write report.html into the folders of runs and sweeps, again or for the first time: of runs that go on, that"
        " were killed, and of older versions, too. With --json nothing is written.",
        examples=("report outputs/PROJECT/RUN", "report outputs/PROJECT/sweeps/*", "report DIR --json"),
    )
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="DIR", help="a run folder, or that of a sweep"
    )
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Write, or print, each report; 2 where a folder is none of a run or a sweep."""
    arguments = _parsed(words)
    if arguments.as_json:
        found = [_model(folder) for folder in arguments.folders]
        print(json.dumps(found[0] if len(found) == 1 else found, indent=2, ensure_ascii=False, default=str))
        return 0
    from runner.report.html import write

    errors: list[RunnerError] = []
    for folder in arguments.folders:
        try:
            path = write(followed(folder))
        except RunnerError as error:
            if len(arguments.folders) == 1:
                raise
            errors.append(error)
            print(one_line(f"{folder}: {error.line}"))
            continue
        if not arguments.quiet:
            print(one_line(str(path)))
    return max((error.exit_code for error in errors), default=0)


def _model(folder: Path) -> dict[str, Any]:
    folder = followed(folder)
    return read_sweep(folder).to_json() if is_sweep(folder) else read_run(folder).to_json()


def followed(folder: Path) -> Path:
    """The folder that is meant: `latest` is a link of ours, and leads to a run beside it."""
    if not folder.is_dir():
        raise UsageError("there is no such folder", where=str(folder))
    if folder.is_symlink():
        target = folder.resolve()
        if target.is_relative_to(folder.parent.resolve()):
            return folder.parent / target.relative_to(folder.parent.resolve())
    return folder
