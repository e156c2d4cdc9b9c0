"""`runner gc`: removes files of the store that nothing refers to; paid ones only when told to."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

from runner.errors import UsageError
from runner.outputs import manifest
from runner.store.attempt import Phase
from runner.store.claims import any_held
from runner.store.objects import Objects
from runner.store.reading import attempts_in, look
from runner.verbs.arguments import Common, Parser
from runner.verbs.root import of_words

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
    if look(root, any_held(time.time()), False):
        raise UsageError(
            "a run is at work in this root", where=str(root), hint="wait for it, then run gc again"
        )
    objects = Objects(root / ".runner" / "objects")
    fetched = attempts_in(root, "phase = ?", Phase.FETCHED)
    clips = {attempt.digest for attempt in fetched}
    frames = {
        str(frame["sha256"]) for one in fetched if isinstance(frame := one.facts.get("first_frame"), dict)
    }
    keep = clips | frames
    if arguments.paid:
        keep &= _shown(root)
    count = freed = 0
    oldest = time.time() - (0.0 if arguments.now else _YOUNG_S)
    for digest in list(objects.all()):
        if digest not in keep and objects.path(digest).stat().st_mtime <= oldest:
            freed += objects.remove(digest)
            count += 1
    for part in list(objects.parts()):
        if part.stat().st_mtime <= oldest:
            freed += part.stat().st_size
            part.unlink()
            count += 1
    if arguments.as_json:
        print(json.dumps({"removed": count, "bytes": freed, "kept": len(keep)}))
    else:
        print(f"removed {count} files, {freed:,} bytes; kept {len(keep)} that are paid for or shown")
    return 0


def _shown(root: Path) -> set[str]:
    """Digests of the files that any run folder below the root shows."""
    shown = set()
    for path in root.rglob(manifest.NAME):
        found = manifest.read(path.parent)
        if found is not None:
            shown |= {str(file["sha256"]) for file in manifest.artifacts(found)}
    return shown
