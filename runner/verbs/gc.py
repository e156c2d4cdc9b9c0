"""`runner gc`: removes files of the store that nothing refers to; paid ones only when told to."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

from runner import store
from runner.errors import UsageError
from runner.outputs import manifest
from runner.store.attempt import Phase
from runner.store.interface import Filter
from runner.verbs.arguments import Common, Parser
from runner.verbs.root import attempts_in, of_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# A file this young may belong to a run that is about to note it.
_YOUNG_S: Final = 3600.0


class _Arguments(Common):
    words: list[str]
    paid: bool
    now: bool


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "gc",
        "Remove files of the store that nothing refers to. Files that are paid for are kept.",
        examples=("gc", "gc output.root=DIR --paid"),
    )
    parser.add_argument("words", nargs="*", metavar="output.root=DIR", help="the outputs root (outputs)")
    parser.add_argument("--paid", action="store_true", help="also remove clips that no run folder shows")
    parser.add_argument("--now", action="store_true", help="also remove files younger than an hour")
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Remove, and say what."""
    arguments = _parsed(words)
    root, _ = of_words("gc", arguments.words)
    _check_idle(root)
    objects = store.object_store(root)
    fetched = attempts_in(root, Filter(phases=[Phase.FETCHED]))
    clips = {attempt.digest for attempt in fetched}
    frames = {one.record.first_frame.sha256 for one in fetched if one.record.first_frame is not None}
    keep = clips | frames
    if arguments.paid:
        keep &= _shown(root)
    count = freed = 0
    now, youngest = time.time(), 0.0 if arguments.now else _YOUNG_S
    for digest in list(objects.all()):
        if digest not in keep and objects.age_s(digest, now) >= youngest:
            freed += objects.remove(digest)
            count += 1
    for size in objects.remove_parts(now - youngest):
        freed += size
        count += 1
    if arguments.as_json:
        print(json.dumps({"removed": count, "bytes": freed, "kept": len(keep)}))
    else:
        print(f"removed {count} files, {freed:,} bytes; kept {len(keep)} that are paid for or shown")
    return 0


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
    for path in root.rglob(manifest.NAME):
        found = manifest.read(path.parent)
        if found is not None:
            shown |= {str(file["sha256"]) for file in manifest.artifacts(found)}
    return shown
