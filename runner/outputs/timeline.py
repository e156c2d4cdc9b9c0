"""`timeline.otio`: a film for an editor, as OpenTimelineIO reads it. Clips are untrimmed, by relative path.

The schemas are those of OpenTimelineIO 0.15 and later (Timeline.1, Stack.1, Track.1, Clip.2, Gap.1, Transition.1,
ExternalReference.1, Marker.2). The JSON is written here: the library is compiled, and only tests need it.
"""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.outputs.outcome import Artifact, RunOutcome, ShotOutcome

NAME: Final = "timeline.otio"
_OURS: Final = "film-runner"
_DEFAULT: Final = "DEFAULT_MEDIA"


def timelines(
    outcome: RunOutcome, takes: Mapping[str, Sequence[Artifact]] | None = None
) -> Iterator[Timeline]:
    """A timeline for each film that was made.

    `takes` are further clips of a shot by its name, such as `hero/pour`; they become alternates of its media. Unless
    they are given, those are the takes that a beam did not choose.
    """
    shots = {shot.planned.name: shot for shot in outcome.shots}
    if takes is None:
        takes = {
            name: [one.clip for one in shot.alternates if one.clip is not None]
            for name, shot in shots.items()
        }
    for film in outcome.all_films:
        if film.film is not None and "parts" in film.film.properties:
            folder = PurePosixPath(film.film.path).parent
            name = film.sequence.name if film.sequence is not None else outcome.plan.project.name
            yield Timeline(name, film.film, shots, folder, takes)


class Timeline:
    """The timeline of one film. Times count in frames of the film."""

    def __init__(
        self,
        name: str,
        film: Artifact,
        shots: Mapping[str, ShotOutcome],
        folder: PurePosixPath,
        takes: Mapping[str, Sequence[Artifact]],
    ) -> None:
        self._name = name
        self._film: dict[str, Any] = dict(film.properties)
        self._fps = Fraction(str(self._film["fps"]))
        self._shots = shots
        self._folder = folder
        self._takes = takes
        self._seams: dict[str, Any] = {seam["into"]: seam for seam in self._film["seams"]}

    @property
    def path(self) -> str:
        """Where it belongs in the run folder."""
        return str(self._folder / NAME)

    def text(self) -> str:
        """The file, as it is written."""
        return json.dumps(self._value(), indent=2, ensure_ascii=False) + "\n"

    def _value(self) -> dict[str, Any]:
        parts = self._film["parts"]
        tracks = [self._track("Video", parts)]
        if any(self._has_sound(part) for part in parts):
            tracks.append(self._track("Audio", parts))
        metadata = {_OURS: {"frames": self._film["frames"], "fps": self._film["fps"]}}
        return {
            "OTIO_SCHEMA": "Timeline.1",
            "name": self._name,
            "global_start_time": None,
            "metadata": metadata,
            "tracks": {**_item("Stack.1", "tracks"), "source_range": None, "children": tracks},
        }

    def _track(self, kind: str, parts: Sequence[Any]) -> dict[str, Any]:
        children: list[Any] = []
        for part, after in pairwise([*parts, None]):
            if part["fade"]:
                children.append(self._dissolve(part["fade"]))
            children.append(self._clip(kind, part, after["fade"] if after else 0))
        return {**_item("Track.1", kind), "source_range": None, "kind": kind, "children": children}

    def _clip(self, kind: str, part: Any, next_fade: int) -> dict[str, Any]:
        """The frames of a part between the middles of the dissolves around it."""
        into = part["fade"] // 2
        shown = part["frames"] - into - (next_fade - next_fade // 2)
        shot = self._shots.get(part["shot"])
        if shot is None or shot.clip is None:
            missing: dict[str, Any] = {"OTIO_SCHEMA": "MissingReference.1", "name": "", "metadata": {}}
            missing["available_range"] = None
            return self._referring("end card", self._range(into, shown), {_DEFAULT: missing}, [])
        start = part["start"] * self._fps / Fraction(str(shot.clip.properties["fps"])) + into
        source = self._range(start, shown)
        if kind == "Audio" and not self._has_sound(part):
            return {**_item("Gap.1", ""), "source_range": self._range(0, shown)}
        references = {_DEFAULT: self._media(shot.clip)}
        for number, take in enumerate(self._takes.get(part["shot"], ()), start=2):
            references[f"alternate {number}"] = self._media(take)
        markers = [*self._markers(part["shot"], shot, start)] if kind == "Video" else []
        return self._referring(shot.planned.shot.name, source, references, markers)

    def _referring(
        self, name: str, source: dict[str, Any], references: dict[str, Any], markers: list[Any]
    ) -> dict[str, Any]:
        return {
            **_item("Clip.2", name),
            "source_range": source,
            "markers": markers,
            "media_references": references,
            "active_media_reference_key": _DEFAULT,
        }

    def _media(self, clip: Artifact) -> dict[str, Any]:
        fps = Fraction(str(clip.properties["fps"]))
        path = PurePosixPath(clip.path)
        if path.is_relative_to(self._folder):
            path = path.relative_to(self._folder)
        return {
            "OTIO_SCHEMA": "ExternalReference.1",
            "name": path.name,
            "target_url": str(path),
            "available_range": _range(0, int(str(clip.properties["frames"])), fps),
            "metadata": {_OURS: {"sha256": clip.sha256}},
        }

    def _markers(self, name: str, shot: ShotOutcome, start: Fraction) -> Iterator[dict[str, Any]]:
        at = self._range(start, 1)
        seam = self._seams.get(name)
        if seam is not None:
            count = seam["overlap"]
            frames = "1 frame" if count == 1 else f"{count} frames"
            text = f"{frames} shown before, left out" if count else "nothing is shown twice"
            yield _marker("seam", text, "GREEN", at, seam)
        for warning in shot.warnings:
            yield _marker("warning", warning, "RED", at, {})

    def _dissolve(self, fade: int) -> dict[str, Any]:
        return {
            "OTIO_SCHEMA": "Transition.1",
            "name": "dissolve",
            "metadata": {},
            "transition_type": "SMPTE_Dissolve",
            "in_offset": _time(fade // 2, self._fps),
            "out_offset": _time(fade - fade // 2, self._fps),
        }

    def _has_sound(self, part: Any) -> bool:
        shot = self._shots.get(part["shot"])
        return shot is not None and shot.clip is not None and bool(shot.clip.properties.get("audio"))

    def _range(self, start: Fraction | int, frames: int) -> dict[str, Any]:
        return _range(start, frames, self._fps)


def _item(schema: str, name: str) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": schema,
        "name": name,
        "metadata": {},
        "effects": [],
        "markers": [],
        "enabled": True,
    }


def _marker(
    name: str, comment: str, colour: str, marked: dict[str, Any], facts: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "Marker.2",
        "name": f"{name}: {comment}",
        "comment": comment,
        "color": colour,
        "marked_range": marked,
        "metadata": {_OURS: dict(facts)},
    }


def _range(start: Fraction | int, frames: int, fps: Fraction) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "TimeRange.1",
        "start_time": _time(start, fps),
        "duration": _time(frames, fps),
    }


def _time(frames: Fraction | int, fps: Fraction) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(fps), "value": float(frames)}
