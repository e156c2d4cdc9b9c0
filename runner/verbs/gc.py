"""`runner gc`: lists the files of the store that nothing refers to, and removes them with `--yes`."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner import store
from runner.errors import UsageError
from runner.money import dollars, to_usd
from runner.outputs import description, manifest
from runner.report import table
from runner.report.table import Cell, Column
from runner.store import recovery
from runner.store.attempt import Phase
from runner.store.interface import Filter
from runner.verbs.arguments import Common, Parser
from runner.verbs.root import attempts_in, of_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from runner.store.attempt import Attempt
    from runner.store.local.objects import LocalObjects

# A file this young may belong to a run that is about to note it.
_YOUNG_S: Final = 3600.0
_COLUMNS: Final = (
    Column("file", least=12),
    Column("age", right=True),
    Column("size", right=True),
    Column("cost", right=True),
    Column("what", least=16),
)


class _Arguments(Common):
    words: list[str]
    paid: bool
    now: bool
    yes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A file that nothing needs. `cost` is in millionths of a US dollar; `None` where nothing is known of it."""

    name: str
    what: str
    age_s: float
    bytes: int
    cost: int | None = None
    part: Path | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.name,
            "what": self.what,
            "age_s": round(self.age_s),
            "bytes": self.bytes,
            "cost_usd": None if self.cost is None else to_usd(self.cost),
        }


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "gc",
        "List the files of the store that nothing refers to; --yes removes them. What is paid for is kept.",
        examples=("gc", "gc --yes", "gc output.root=DIR --paid"),
    )
    parser.add_argument("words", nargs="*", metavar="output.root=DIR", help="the outputs root (outputs)")
    parser.add_argument("--paid", action="store_true", help="also clips that no run folder shows")
    parser.add_argument("--now", action="store_true", help="also files younger than an hour")
    parser.add_argument("--yes", action="store_true", help="remove them")
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """List what would be removed, or remove it."""
    arguments = _parsed(words)
    root, _ = of_words("gc", arguments.words)
    _check_idle(root)
    recovery.check_rows(root)
    objects = store.object_store(root)
    fetched = attempts_in(root, Filter(phases=[Phase.FETCHED]))
    clips = {attempt.digest for attempt in fetched}
    frames = {one.record.first_frame.sha256 for one in fetched if one.record.first_frame is not None}
    # What a run folder shows is kept, also where the journal has lost its row.
    shown = _shown(root)
    keep = shown if arguments.paid else clips | frames | shown
    found = [*_unneeded(objects, keep, fetched), *_pictures(root, keep)]
    young = [] if arguments.now else [one for one in found if one.age_s < _YOUNG_S]
    candidates = [one for one in found if one not in young]
    if arguments.yes:
        for one in candidates:
            if one.part is not None:
                one.part.unlink(missing_ok=True)
            else:
                objects.remove(one.name)
    if arguments.as_json:
        print(json.dumps(_as_json(arguments, candidates, kept=len(keep), young=len(young)), indent=2))
    else:
        _show(arguments, candidates, kept=len(keep), young=len(young))
    return 0


def _unneeded(objects: LocalObjects, keep: set[str], fetched: Sequence[Attempt]) -> Iterator[_Candidate]:
    known = {attempt.digest: attempt for attempt in fetched}
    now = time.time()
    for digest in list(objects.all()):
        if digest in keep:
            continue
        attempt = known.get(digest)
        yield _Candidate(
            name=digest,
            what="nothing refers to it" if attempt is None else f"clip of {attempt.name}, in no run folder",
            age_s=objects.age_s(digest, now),
            bytes=objects.size(digest),
            cost=None if attempt is None else attempt.cost,
        )
    for path, written, size in objects.parts(now):
        yield _Candidate(
            name=path.name, what="a file that was not finished", age_s=now - written, bytes=size, part=path
        )


def _pictures(root: Path, keep: set[str]) -> Iterator[_Candidate]:
    """What was made to look at a clip or a film that is not kept. It can be made again."""
    now = time.time()
    for digest, path in store.derived(root).all():
        if digest not in keep:
            state = path.lstat()
            what = "a picture of a clip that is not kept"
            yield _Candidate(
                name=path.name, what=what, age_s=now - state.st_mtime, bytes=state.st_size, part=path
            )


def _as_json(
    arguments: _Arguments, candidates: Sequence[_Candidate], *, kept: int, young: int
) -> dict[str, Any]:
    size = sum(one.bytes for one in candidates)
    return {
        "removed": len(candidates) if arguments.yes else 0,
        "bytes": size if arguments.yes else 0,
        "kept": kept,
        "young": young,
        "files": [one.to_json() for one in candidates],
    }


def _show(arguments: _Arguments, candidates: Sequence[_Candidate], *, kept: int, young: int) -> None:
    from runner.report.console import Console

    console = Console()
    if candidates and not arguments.yes:
        rows = [
            (
                Cell(one.name[:12]),
                Cell(_age(one.age_s)),
                Cell(_size(one.bytes)),
                Cell("" if one.cost is None else dollars(one.cost)),
                Cell(one.what),
            )
            for one in candidates
        ]
        table.show(console, _COLUMNS, rows, rest="--json has all")
    files = "1 file" if len(candidates) == 1 else f"{len(candidates)} files"
    size, cost = _size(sum(one.bytes for one in candidates)), sum(one.cost or 0 for one in candidates)
    paid = f"; they cost {dollars(cost)}, and are paid for again when they are requested" if cost else ""
    if arguments.yes:
        print(f"removed {files}, {size}; kept {kept} that are paid for or shown")
    elif candidates:
        print(f"{files}, {size} can be removed{paid}; kept are {kept} that are paid for or shown")
    else:
        print(f"nothing to remove; kept are {kept} that are paid for or shown")
    if young:
        print(f"{young} younger than an hour {'is' if young == 1 else 'are'} left alone; --now includes them")
    if candidates and not arguments.yes:
        options = [name for name, given in (("--paid", arguments.paid), ("--now", arguments.now)) if given]
        print(
            f"next: {shlex.join(['python', '-m', 'runner', 'gc', *arguments.words, *options, '--yes'])}  removes them"
        )


def _age(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count / 1e3:,.1f} kB"


def _check_idle(root: Path) -> None:
    reader = store.read_journal(root)
    if reader is None:
        return
    with reader:
        if reader.leased():
            raise UsageError(
                "a run is at work in this root", where=str(root), hint="wait for it, then run gc again"
            )


def _shown(root: Path) -> set[str]:
    """Digests of the files that any run folder below the root shows."""
    shown = set()
    for folder, names in store.walk(root):
        found = manifest.read(folder) if manifest.NAME in names else None
        if found is not None:
            shown |= {str(file["sha256"]) for file in manifest.artifacts(found)}
            shown |= description.inputs(folder)
    return shown
