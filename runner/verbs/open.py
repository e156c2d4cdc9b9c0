"""`runner open [DIR]`: opens the report of a run or a sweep, by default of what ended last, in the browser."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from runner import store
from runner.errors import UsageError
from runner.outgoing import one_line
from runner.outputs.places import SWEEPS
from runner.outputs.runs import runs
from runner.verbs.arguments import Common, Parser
from runner.verbs.report import followed

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Arguments(Common):
    folder: Path | None


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "open",
        "Open the report of a run or a sweep in the browser, and print its path. It is made first where there is none."
        " Without a folder: of the run below ./outputs that started last, or of its sweep.",
        examples=("open", "open outputs/PROJECT/latest", "open outputs"),
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="a run, a sweep, a project or an outputs root"
    )
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Open one report."""
    from runner.report.html import NAME, write

    arguments = _parsed(words)
    folder = _chosen(arguments.folder or Path("outputs"))
    path = folder / NAME
    if not store.is_plain_below(folder, NAME):
        path = write(folder)
    if arguments.as_json:
        print(json.dumps({"report": str(path)}))
        return 0
    print(one_line(str(path)))
    if not arguments.quiet:
        _open(path)
    return 0


def _chosen(named: Path) -> Path:
    """The run or sweep that is named, or the latest one below."""
    folder = followed(named)
    if any((folder / name).is_file() for name in ("run.json", "manifest.json", "sweep.json")):
        return folder
    found = next(iter(runs(folder)), None)
    if found is None:
        raise UsageError("there is no run to open", where=str(named), hint="python -m runner list")
    parent = found.folder.parent
    return parent if parent.parent.name == SWEEPS else found.folder


def _open(path: Path) -> None:
    """Let the browser of this desktop show a file; where there is none, its path was printed."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return  # text browsers would take over the terminal
    with contextlib.suppress(webbrowser.Error, OSError):
        webbrowser.open(path.absolute().as_uri())
