"""`runner verify DIR`: recompute every digest of a run folder, or of all runs below one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import UsageError
from runner.outgoing import one_line
from runner.outputs import manifest
from runner.store import digest_of, walk
from runner.store.documents import read_run
from runner.verbs.arguments import Common, Parser

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Arguments(Common):
    folders: list[Path]


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "verify",
        "Recompute the digest of every file of a run folder, or of all run folders below one.",
        examples=("verify outputs", "verify outputs/PROJECT/RUN --json"),
    )
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="DIR", help="a run folder, or a folder of them"
    )
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Check each named folder; 1 when a file is missing or changed."""
    arguments = _parsed(words)
    results = [_checked(folder) for named in arguments.folders for folder in run_folders(named)]
    bad = sum(result["exit_code"] != 0 for result in results)
    if arguments.as_json:
        print(json.dumps(results, indent=2, ensure_ascii=False))
    else:
        for result in results:
            _show(result)
        if len(results) > 1:
            print(f"{len(results) - bad} of {len(results)} folders are whole")
    return 1 if bad else 0


def run_folders(root: Path) -> list[Path]:
    """`root`, or the run folders below it. Raises `UsageError` where there is none."""
    if not root.is_dir():
        raise UsageError("there is no such folder", where=str(root))
    if (root / manifest.NAME).exists() or (root / "run.json").exists():
        return [root]
    found = [folder for folder, names in walk(root) if "run.json" in names]
    if not found:
        raise UsageError(
            "this is not a run folder",
            where=str(root),
            why=f"there is no {manifest.NAME} in it, nor below it",
        )
    return found


def _checked(folder: Path) -> dict[str, Any]:
    problems: list[str] = []
    found = manifest.read(folder)
    run = read_run(folder)
    if found is None:
        missing = "missing" if not (folder / manifest.NAME).exists() else "broken"
        return _result(folder, 0, [f"{manifest.NAME} is {missing}: the run did not finish"])
    stated = run.get("manifest_sha256") if run is not None else None
    if stated and digest_of(folder / manifest.NAME) != stated:
        problems.append(f"{manifest.NAME} was changed after the run")
    files = manifest.artifacts(found)
    for file in files:
        path = folder / file["path"]
        digest = digest_of(path)
        if digest is None:
            problems.append(f"{file['path']} is missing")
        elif digest != file["sha256"]:
            problems.append(
                f"{file['path']} was changed: {path.lstat().st_size:,} bytes, sha256 {digest[:12]}..."
            )
    for name, sequence in found["sequences"].items():
        for shot, entry in sequence["shots"].items():
            if entry.get("ending") != "done":
                problems.append(
                    f"{name}/{shot} is {entry.get('ending')}: {entry.get('error') or entry.get('reason')}"
                )
    return _result(folder, len(files), problems)


def _result(folder: Path, files: int, problems: list[str]) -> dict[str, Any]:
    return {"folder": str(folder), "files": files, "problems": problems, "exit_code": 1 if problems else 0}


def _show(result: dict[str, Any]) -> None:
    count = len(result["problems"])
    verdict = f"{result['files']} files, all as they were made" if not count else f"{count} problems"
    print(one_line(f"{result['folder']}: {verdict}"))
    for problem in result["problems"]:
        print(one_line(f"  - {problem}"))
