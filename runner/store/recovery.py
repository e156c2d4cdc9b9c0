"""A journal that lost its rows: what else proves that clips were paid for, and how the journal is rebuilt from that."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner import store
from runner.errors import JournalError, OutputError
from runner.money import dollars
from runner.store import documents
from runner.store.attempt import Attempt, Phase
from runner.store.interface import Decision, Filter
from runner.store.local.durable import part_file
from runner.store.manifests import clips_of, recorded_clips, unlisted_clips

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from runner.store.interface import Journal
    from runner.store.manifests import RecordedClip

SCOPE = "recovered"
"""The scope of rebuilt attempts: no budget pays for them again."""
WHOLE_ROOT = "root"
"""In place of a key: the user agreed to start with an empty journal beside clips."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What can be rebuilt."""

    attempts: tuple[Attempt, ...]
    """In the order of their run folders; their clips are in the object store, or in `files`."""
    files: tuple[tuple[str, Path], ...]
    """Digests that the object store lost, each with a copy to be put back."""
    damaged: tuple[RecordedClip, ...]
    """Clips whose files are gone or changed everywhere."""
    decisions: tuple[Decision, ...] = ()
    """What the user said of clips that are rebuilt."""


class Copies:
    """Where else the files of an object store may be: in run folders, and below other outputs roots."""

    def __init__(self, root: Path, more_roots: Sequence[Path] = ()) -> None:
        self._others = [store.object_store(other) for other in more_roots]
        self._listed: dict[str, list[Path]] = {}
        self._unlisted: list[Path] = []
        for place in (root, *more_roots):
            self._unlisted += unlisted_clips(place)
            for clip in recorded_clips(place):
                self._listed.setdefault(clip.digest, []).append(clip.path)
                if clip.frame_path is not None and clip.record.first_frame is not None:
                    self._listed.setdefault(clip.record.first_frame.sha256, []).append(clip.frame_path)

    def find(self, digest: str) -> Path | None:
        """A file that has this digest, verified by reading it."""
        candidates = [objects.path(digest) for objects in self._others]
        candidates += self._listed.get(digest, [])
        for path in candidates + self._unlisted:
            if store.digest_of(path) == digest:
                return path
        return None


def check_evidence(root: Path, run_folder: Path, keys: Collection[str]) -> None:
    """Raise `JournalError` where clips were paid for that the journal knows nothing of.

    `keys` are the paid shots of a run that is about to start in `run_folder`.
    """
    check_rows(root)
    reader = store.read_journal(root)
    if reader is None:
        return
    with reader:
        accepted = reader.accepted_losses()
        wanted = set(keys) - accepted
        here = [clip for clip in clips_of(run_folder) if clip.key in wanted]
        known = reader.by_keys([clip.key for clip in here])
        if missing := [clip for clip in here if clip.key not in known]:
            raise _lost_rows(root, missing)


def check_rows(root: Path) -> None:
    """Raise `JournalError` where there are clips, and no journal or one without any row."""
    reader = store.read_journal(root)
    if reader is not None:
        with reader:
            if not reader.is_empty() or reader.accepted_losses():
                return
    clips = list(recorded_clips(root))
    if clips or any(unlisted_clips(root)) or any(store.object_store(root).all()):
        raise _lost_rows(root, clips)


def restore(root: Path, digest: str) -> bool:
    """Put a clip that the object store lost back from a run folder; whether there was one. Raises `OutputError`."""
    found = Copies(root).find(digest)
    if found is None:
        return False
    put_back(root, digest, found)
    return True


def put_back(root: Path, digest: str, source: Path) -> None:
    """Copy a file into the object store. Raises `OutputError`."""
    try:
        with part_file(root / ".runner" / "work") as part:
            shutil.copyfile(source, part)
            if store.digest_of(part) != digest:
                raise OSError(f"{source} changed while it was copied")
            store.object_store(root).put(part, digest)
    except OSError as error:
        raise OutputError(
            "a clip cannot be put back into the object store",
            where=str(root),
            why=f"{source} is a copy of it: {error.strerror or error}",
            hint="make room, or make the folder writable; then rerun the same command",
        ) from error


def recoverable(root: Path, more_roots: Sequence[Path] = ()) -> Recovery:
    """What run folders, and other outputs roots, have of what the journal or the object store of `root` lost."""
    objects, copies = store.object_store(root), Copies(root, more_roots)
    files: dict[str, Path] = {}

    def is_there(digest: str) -> bool:
        if digest in files or objects.intact(digest):
            return True
        copy = copies.find(digest)
        if copy is not None:
            files[digest] = copy
        return copy is not None

    found: dict[str, list[RecordedClip]] = {}
    for place in (root, *more_roots):
        for clip in recorded_clips(place):
            found.setdefault(clip.key, []).append(clip)
    known = _stored_digests(root)
    attempts, damaged, decisions = [], [], []
    for key, candidates in found.items():
        if key in known:
            continue
        intact = next((clip for clip in candidates if is_there(clip.digest)), None)
        if intact is None:
            damaged.append(candidates[0])
            continue
        # A run that reused the clip does not say what it cost.
        costs = [clip.cost for clip in candidates if clip.cost is not None]
        attempts.append(_attempt(intact, max(costs, default=None)))
        decisions += _decided(clip for clip in candidates if clip.digest == intact.digest)
        if intact.record.first_frame is not None:
            is_there(intact.record.first_frame.sha256)
    for digests in known.values():
        for digest in digests:
            is_there(digest)
    return Recovery(
        attempts=tuple(attempts),
        files=tuple(files.items()),
        damaged=tuple(damaged),
        decisions=tuple(decisions),
    )


def _decided(clips: Iterable[RecordedClip]) -> list[Decision]:
    """The last word on a clip: that of the manifest that was written last."""
    said = [(_written(clip.folder), clip, clip.verdict) for clip in clips if clip.verdict is not None]
    if not said:
        return []
    when, clip, verdict = max(said, key=lambda one: one[0])
    return [Decision(key=clip.key, digest=clip.digest, verdict=verdict, decided=when)]


def _written(folder: Path) -> float:
    try:
        return (folder / documents.MANIFEST).lstat().st_mtime
    except OSError:
        return 0.0


async def rebuild(journal: Journal, root: Path, found: Recovery) -> None:
    """Put the files back, then record the attempts."""
    for digest, source in found.files:
        await asyncio.to_thread(put_back, root, digest, source)
    await journal.add(found.attempts)
    await journal.decide(found.decisions)


def unknown_keys(root: Path) -> dict[str, RecordedClip]:
    """The shots that run folders list as finished, and the journal does not know."""
    known = _stored_digests(root)
    return {clip.key: clip for clip in recorded_clips(root) if clip.key not in known}


def _stored_digests(root: Path) -> dict[str, list[str]]:
    """By the keys that the journal knows, the digests of the files that it states are in the object store."""
    reader = store.read_journal(root)
    if reader is None:
        return {}
    found: dict[str, list[str]] = {}
    with reader:
        for attempt in reader.attempts(Filter()):
            digests = found.setdefault(attempt.key, [])
            if attempt.digest and attempt.phase in (Phase.FETCHED, Phase.LOST):
                digests.append(attempt.digest)
                if attempt.record.first_frame is not None:
                    digests.append(attempt.record.first_frame.sha256)
    return found


def _attempt(clip: RecordedClip, cost: int | None) -> Attempt:
    return Attempt(
        token=uuid.uuid4().hex,
        key=clip.key,
        scope=SCOPE,
        project=clip.project,
        sequence=clip.sequence,
        shot=clip.shot,
        generator=clip.generator,
        model=clip.model,
        account="",
        phase=Phase.FETCHED,
        reserved=cost,
        cost=cost,
        task=clip.task,
        digest=clip.digest,
        record=clip.record,
        note=f"recovered from {clip.folder.name}",
    )


def _lost_rows(root: Path, clips: list[RecordedClip]) -> JournalError:
    at = "" if str(root) == "outputs" else " " + shlex.join([f"output.root={root}"])
    paid = sum(clip.cost or 0 for clip in clips)
    cost = f", which cost {dollars(paid)} as far as is recorded" if paid else ""
    what = f"{len(clips)} finished clips{cost}" if clips else "clips that no manifest lists"
    return JournalError(
        "the journal does not know what was paid for",
        where=str(store.journal_path(root)),
        why=f"there are {what}, and the journal has no attempt of them: it was emptied, deleted, or not copied along",
        hint="\n".join(
            (
                "one of",
                f"python -m runner recover{at}                 (rebuild the journal from the run folders)",
                f"python -m runner recover --accept-loss{at}   (pay for those clips again)",
            )
        ),
    )
