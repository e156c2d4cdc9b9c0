"""A journal that lost its rows: what else proves that clips were paid for, and how the journal is rebuilt from that."""

from __future__ import annotations

import shlex
import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import JournalError
from runner.money import dollars
from runner.store.attempt import Attempt, Phase
from runner.store.local.objects import LocalObjects, digest_of
from runner.store.manifests import clips_of, recorded_clips
from runner.store.sqlite.reader import SqliteReader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from runner.store.manifests import RecordedClip
    from runner.store.sqlite.journal import SqliteJournal

SCOPE = "recovered"
"""The scope of rebuilt attempts: no budget pays for them again."""
WHOLE_ROOT = "root"
"""In place of a key: the user agreed to start with an empty journal beside clips."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What can be rebuilt."""

    attempts: tuple[Attempt, ...]
    """In the order of their run folders; their clips are in the object store, or in `clips`."""
    clips: tuple[tuple[str, Path], ...]
    """Digests, and files of run folders that hold them, to be put back into the object store."""
    damaged: tuple[RecordedClip, ...]
    """Clips whose files are gone or changed everywhere."""


def check_evidence(root: Path, run_folder: Path, keys: Collection[str]) -> None:
    """Raise `JournalError` where clips were paid for that the journal knows nothing of.

    `keys` are the paid shots of a run that is about to start in `run_folder`.
    """
    reader = SqliteReader.opened(_journal(root))
    if reader is None:
        found = [*recorded_clips(root)]
        if found or any(LocalObjects(root / ".runner" / "objects").all()):
            raise _lost_rows(root, found)
        return
    with reader:
        accepted = reader.accepted_losses()
        if reader.is_empty() and not accepted:
            found = [*recorded_clips(root)]
            if found or any(LocalObjects(root / ".runner" / "objects").all()):
                raise _lost_rows(root, found)
            return
        wanted = set(keys) - accepted
        here = [clip for clip in clips_of(run_folder) if clip.key in wanted]
        known = reader.by_keys([clip.key for clip in here])
        if missing := [clip for clip in here if clip.key not in known]:
            raise _lost_rows(root, missing)


def find_copy(root: Path, digest: str) -> Path | None:
    """A file of any run folder that has this digest, verified by reading it."""
    for clip in recorded_clips(root):
        if clip.digest == digest and digest_of(clip.path) == digest:
            return clip.path
    return None


def restore(root: Path, digest: str) -> bool:
    """Put a clip that the object store lost back from a run folder; whether there was one."""
    found = find_copy(root, digest)
    if found is None:
        return False
    put_back(root, digest, found)
    return True


def put_back(root: Path, digest: str, source: Path) -> None:
    """Copy a file of a run folder into the object store."""
    work = root / ".runner" / "work"
    work.mkdir(parents=True, exist_ok=True)
    part = work / f"restore-{uuid.uuid4().hex}"
    try:
        shutil.copyfile(source, part)
        LocalObjects(root / ".runner" / "objects").put(part, digest)
    finally:
        part.unlink(missing_ok=True)


def recoverable(root: Path, sources: Iterable[Path]) -> Recovery:
    """What the run folders below `sources` prove, and the journal of `root` does not know."""
    objects = LocalObjects(root / ".runner" / "objects")
    clips: dict[str, Path] = {}
    attempts: dict[str, Attempt] = {}
    damaged: dict[str, RecordedClip] = {}
    found: dict[str, list[RecordedClip]] = {}
    for source in sources:
        for clip in recorded_clips(source):
            found.setdefault(clip.key, []).append(clip)
    known = _known(root, found)
    for key, candidates in found.items():
        if key in known:
            continue
        for clip in candidates:
            if not objects.intact(clip.digest):
                if digest_of(clip.path) != clip.digest:
                    damaged.setdefault(key, clip)
                    continue
                clips[clip.digest] = clip.path
            attempts[key] = _attempt(clip)
            damaged.pop(key, None)
            break
    return Recovery(
        attempts=tuple(attempts.values()), clips=tuple(clips.items()), damaged=tuple(damaged.values())
    )


async def rebuild(journal: SqliteJournal, root: Path, found: Recovery) -> None:
    """Put the clips back, then record the attempts."""
    import asyncio

    for digest, source in found.clips:
        await asyncio.to_thread(put_back, root, digest, source)
    await journal.add(found.attempts)


def unknown_keys(root: Path) -> dict[str, RecordedClip]:
    """The shots that run folders list as finished, and the journal does not know."""
    found = {clip.key: clip for clip in recorded_clips(root)}
    known = _known(root, found)
    return {key: clip for key, clip in found.items() if key not in known}


def _known(root: Path, keys: Collection[str]) -> Collection[str]:
    reader = SqliteReader.opened(_journal(root))
    if reader is None:
        return ()
    with reader:
        return reader.by_keys(keys)


def _attempt(clip: RecordedClip) -> Attempt:
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
        reserved=None if clip.cost is None else clip.cost,
        cost=clip.cost or 0,
        task=clip.task,
        digest=clip.digest,
        record=clip.record,
        note=f"recovered from {clip.folder.name}",
    )


def _lost_rows(root: Path, clips: list[RecordedClip]) -> JournalError:
    at = "" if str(root) == "outputs" else " " + shlex.join([f"output.root={root}"])
    paid = sum(clip.cost or 0 for clip in clips)
    cost = f", which cost {dollars(paid)} as far as is recorded" if paid else ""
    what = f"{len(clips)} finished clips{cost}" if clips else "clips in the object store"
    return JournalError(
        "the journal does not know what was paid for",
        where=str(_journal(root)),
        why=f"there are {what}, and the journal has no attempt of them: it was emptied, deleted, or not copied along",
        hint="\n".join(
            (
                "one of",
                f"python -m runner recover{at}                 (rebuild the journal from the run folders)",
                f"python -m runner recover --accept-loss{at}   (pay for those clips again)",
            )
        ),
    )


def _journal(root: Path) -> Path:
    return root / ".runner" / "journal.db"
