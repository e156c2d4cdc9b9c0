"""The seams of a film, in its order, with what was measured at each, and how bad it is."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from runner.report.model.loose import items, mapping, number, text, whole
from runner.report.model.parts import SeamView

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.report.model.parts import AdherenceView, ShotView

_EITHER_SIDE: Final = 3
"""Frames that are shown before and after a seam."""
_VERDICTS: Final = {"locked": 0.0, "reencoded": 0.25, "reframed": 0.5, "ignored": 0.9}
_BEST_DB: Final = 50.0
_WORST_JUMP: Final = 10.0
"""As a multiple of the clip's own pace: more is not worse."""


def seams_of(shots: Sequence[ShotView], manifest: Mapping[str, Any]) -> tuple[SeamView, ...]:
    """The seams of all sequences: each pair of consecutive shots that both have clips."""
    return tuple(_seams(shots, manifest))


def _seams(shots: Sequence[ShotView], manifest: Mapping[str, Any]) -> Iterator[SeamView]:
    sequences: dict[str, list[ShotView]] = {}
    for shot in shots:
        sequences.setdefault(shot.sequence, []).append(shot)
    for name, of_sequence in sequences.items():
        film = mapping(mapping(mapping(manifest, "sequences"), name), "film")
        cuts = {text(one, "into"): one for one in items(film, "seams")}
        parts = {text(one, "shot"): one for one in items(film, "parts")}
        for before, after in itertools.pairwise(of_sequence):
            if before.clip is not None and after.clip is not None:
                yield _seam(before, after, mapping(cuts, after.name), parts)


def _seam(before: ShotView, after: ShotView, cut: dict[str, Any], parts: Mapping[str, Any]) -> SeamView:
    kind = kind_of(after, before)
    jump = number(cut, "jump_after")
    return SeamView(
        sequence=after.sequence,
        before=before.name,
        after=after.name,
        kind=kind,
        badness=_badness(kind, after.adherence, jump),
        adherence=after.adherence,
        metrics={name: value for name, value in after.metrics.items() if name.startswith("seam_")},
        overlap=whole(cut, "overlap"),
        trimmed_from=text(cut, "trimmed_from"),
        jump_before=number(cut, "jump_before"),
        jump_after=jump,
        frames_before=_last(before, mapping(parts, before.name)),
        frames_after=_first(after, mapping(parts, after.name)),
    )


def kind_of(shot: ShotView, before: ShotView) -> str:
    """How a shot begins after the one before it."""
    if shot.fallback:
        return "fallback"
    if shot.boundary != "chain":
        return shot.boundary or "cut"
    return "chain" if shot.starts_from in ("", before.shot) else "reanchored"


def _badness(kind: str, adherence: AdherenceView | None, jump: float | None) -> float:
    if kind == "fallback":
        return 1.0
    if kind in ("cut", "image"):
        return 0.0  # nothing was to match
    found = 0.0
    if adherence is not None:
        off = 1 - min(max(adherence.psnr_db or 0.0, 0.0), _BEST_DB) / _BEST_DB
        found = _VERDICTS.get(adherence.verdict, 0.5) + 0.1 * off
    if jump is not None:
        found = max(found, 0.8 * min(max(jump - 1, 0.0), _WORST_JUMP) / _WORST_JUMP)
    return round(min(found, 1.0), 4)


def _last(shot: ShotView, part: dict[str, Any]) -> tuple[int, ...]:
    frames = shot.clip.frames if shot.clip is not None else None
    end = whole(part, "end") or frames or 0
    end = min(end, frames) if frames else end
    return tuple(range(max(end - _EITHER_SIDE, 0), end))


def _first(shot: ShotView, part: dict[str, Any]) -> tuple[int, ...]:
    frames = shot.clip.frames if shot.clip is not None else None
    start = max(whole(part, "start") or 0, 0)
    return tuple(range(start, min(start + _EITHER_SIDE, frames or 0)))
