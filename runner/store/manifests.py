"""What run folders say of clips: their manifests are the second record of what was paid for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner.money import from_usd
from runner.store import documents
from runner.store.clip_record import ClipRecord
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
    cost: int | None
    """Millionths of a US dollar, by the `run.json` beside the manifest; `None` is unknown."""
    task: str
    record: ClipRecord
    grafted: bool = False
    """The clip is that of another run's shot, whose folder says more about it."""


def recorded_clips(root: Path) -> Iterator[RecordedClip]:
    """The finished shots of all run folders below an outputs root; those that have clips of others last."""
    grafted = []
    for folder, names in inside.walk(root):
        if documents.MANIFEST in names:
            for clip in clips_of(folder):
                if clip.grafted:
                    grafted.append(clip)
                else:
                    yield clip
    yield from grafted


def unlisted_clips(root: Path) -> Iterator[Path]:
    """Clips in run folders without a manifest: their run was killed, and only the journal had their keys."""
    for folder, names in inside.walk(root):
        if documents.RUN in names and documents.MANIFEST not in names:
            for shots, clips in inside.walk(folder):
                if shots.name == "shots":
                    yield from (shots / name for name in clips)


def clips_of(folder: Path) -> list[RecordedClip]:
    """The finished shots of one run folder; none where its manifest is missing or broken."""
    manifest, run = documents.read_manifest(folder), documents.read_run(folder)
    found = []
    try:
        for sequence, content in (manifest or {"sequences": {}})["sequences"].items():
            for shot, entry in content["shots"].items():
                if entry["ending"] in _PAID and entry.get("clip"):
                    found.append(_clip(folder, manifest, run, sequence, shot, entry))
    except (AttributeError, KeyError, TypeError, ValueError):
        return []
    return found


def _clip(folder: Path, manifest: Any, run: Any, sequence: str, shot: str, entry: Any) -> RecordedClip:
    clip = entry["clip"]
    frame = entry.get("first_frame")
    reported = (run or {}).get("shots", {}).get(f"{sequence}/{shot}", {})
    return RecordedClip(
        folder=folder,
        key=entry["key"],
        run_key=str(manifest["key"]),
        project=str(manifest["project"]["name"]),
        sequence=sequence,
        shot=shot,
        generator=str(entry["generator"]),
        model=str(entry.get("model") or ""),
        path=folder / clip["path"],
        frame_path=folder / frame["path"] if frame else None,
        digest=clip["sha256"],
        cost=from_usd(reported.get("cost_usd")),
        task=str(reported.get("task") or ""),
        record=_record(entry),
        grafted=entry.get("graft") is True,
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
