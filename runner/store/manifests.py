"""What run folders say of clips: their manifests are the second record of what was paid for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from runner.money import from_usd
from runner.store import documents
from runner.store.clip_record import ClipRecord
from runner.store.interface import Judgement
from runner.store.local import inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PAID: Final = ("done", "held")
"""Endings of shots that have their clips."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedClip:
    """A finished shot of a run folder."""

    folder: Path
    key: str
    run_key: str
    project: str
    sequence: str
    shot: str
    generator: str
    model: str
    path: Path
    """Of the clip, below `folder`."""
    frame_path: Path | None
    """Of the hand-over frame that it starts from."""
    digest: str
    record: ClipRecord
    cost: int | None = None
    """Millionths of a US dollar, by the `run.json` beside the manifest; `None` is unknown."""
    task: str = ""
    verdict: Judgement | None = None
    """What the user said of it."""
    is_second: bool = False
    """Another folder may say more about it: the clip is that of another run's shot, or a take that was not chosen."""


def recorded_clips(root: Path) -> Iterator[RecordedClip]:
    """The finished shots of all run folders below an outputs root, and their other takes; second records last."""
    second = []
    for folder, names in inside.walk(root):
        if documents.MANIFEST in names:
            for clip in clips_of(folder):
                if clip.is_second:
                    second.append(clip)
                else:
                    yield clip
    yield from second


def unlisted_clips(root: Path) -> Iterator[Path]:
    """Clips in run folders without a manifest: their run was killed, and only the journal had their keys."""
    for folder, names in inside.walk(root):
        if documents.RUN in names and documents.MANIFEST not in names:
            for shots, clips in inside.walk(folder):
                if shots.name == "shots":
                    yield from (shots / name for name in clips)


def clips_of(folder: Path) -> list[RecordedClip]:
    """The finished shots of one run folder, and their other takes; none where its manifest is missing or broken."""
    manifest, run = documents.read_manifest(folder), documents.read_run(folder)
    found = []
    try:
        for sequence, content in (manifest or {"sequences": {}})["sequences"].items():
            for shot, entry in content["shots"].items():
                of_run = _OfRun(folder=folder, manifest=manifest, sequence=sequence, shot=shot, entry=entry)
                if _has_clip(entry):
                    reported = (run or {}).get("shots", {}).get(f"{sequence}/{shot}", {})
                    found.append(of_run.chosen(reported))
                takes = [one for one in entry.get("alternates", ()) if _has_clip(one) and one.get("record")]
                found += [of_run.not_chosen(one) for one in takes]
    except (AttributeError, KeyError, TypeError, ValueError):
        return []
    return found


def _has_clip(entry: Any) -> bool:
    return entry["ending"] in _PAID and bool(entry.get("clip"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfRun:
    """The entry of a shot in a manifest."""

    folder: Path
    manifest: Any
    sequence: str
    shot: str
    entry: Any

    def chosen(self, reported: Any) -> RecordedClip:
        """The clip of the shot; `reported` is what `run.json` says of it."""
        entry = self.entry
        verdicts = (one for one in Judgement if entry.get(str(one)) is True)
        return replace(
            self._taken(entry, _record(entry)),
            cost=from_usd(reported.get("cost_usd")),
            task=str(reported.get("task") or ""),
            verdict=next(verdicts, None),
            is_second=entry.get("graft") is True,
        )

    def not_chosen(self, take: Any) -> RecordedClip:
        """A take of the shot that a beam did not choose. What it cost is in the cost of the shot."""
        if not documents.is_digest(take["key"]):
            raise ValueError("the key of a take is no digest")
        return replace(self._taken(take, ClipRecord.from_json(take["record"])), is_second=True)

    def _taken(self, entry: Any, record: ClipRecord) -> RecordedClip:
        clip, frame = entry["clip"], entry.get("first_frame")
        return RecordedClip(
            folder=self.folder,
            key=entry["key"],
            run_key=str(self.manifest["key"]),
            project=str(self.manifest["project"]["name"]),
            sequence=self.sequence,
            shot=self.shot,
            generator=str(self.entry["generator"]),
            model=str(self.entry.get("model") or ""),
            path=self.folder / clip["path"],
            frame_path=self.folder / frame["path"] if frame else None,
            digest=clip["sha256"],
            record=record,
        )


def _record(entry: Any) -> ClipRecord:
    """Of a manifest of version 1 or 2."""
    frame = entry.get("first_frame")
    return ClipRecord.from_json(
        {
            "version": 1,
            "input_mode": entry.get("input_mode") or entry.get("how") or "text",
            "fallback": entry.get("fallback") or entry.get("fell_back") or "",
            "first_frame": frame
            and {**_without(frame, "path"), "extension": str(frame["path"]).rpartition(".")[2]},
            "clip": _without(entry["clip"], "path", "sha256"),
            "adherence": entry.get("adherence"),
            "look": entry.get("look"),
            "warnings": entry.get("warnings") or (),
        }
    )


def _without(artifact: Any, *names: str) -> dict[str, Any]:
    return {name: value for name, value in artifact.items() if name not in names}
