"""The shots, films and drift of a manifest, as a report shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runner import store
from runner.report.model.loose import flag, items, mapping, number, numbers, text, texts, whole
from runner.report.model.parts import (
    AdherenceView,
    ClipView,
    DriftView,
    FilmView,
    FrameView,
    MediaView,
    ShotView,
    TakeView,
)
from runner.store.documents import is_inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runner.api import JSON

_REQUEST: Final = ("duration_s", "aspect_ratio", "resolution", "fps", "seed", "negative_prompt", "params")
"""Fields of a request that have no place of their own in a `ShotView`."""


def shots_of(folder: Path, manifest: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[ShotView]:
    """The shots of a manifest, with what `run.json` says of the last run. Blocking."""
    recorded = mapping(run, "shots")
    for sequence, content in mapping(manifest, "sequences").items():
        for number_, (name, entry) in enumerate(mapping(content, "shots").items(), start=1):
            yield _shot(folder, sequence, name, number_, entry, mapping(recorded, f"{sequence}/{name}"))


def _shot(
    folder: Path, sequence: str, name: str, place: int, entry: dict[str, Any], run: dict[str, Any]
) -> ShotView:
    # Manifests of version 1 have other names for three fields.
    return ShotView(
        name=f"{sequence}/{name}",
        sequence=sequence,
        shot=name,
        number=place,
        key=entry["key"],
        ending=entry["ending"],
        prompt=text(entry, "prompt"),
        boundary=text(entry, "boundary"),
        input_mode=text(entry, "input_mode") or text(entry, "how"),
        starts_from=text(entry, "starts_from") or text(mapping(entry, "image"), "name"),
        generator=text(entry, "generator"),
        model=text(entry, "model"),
        take=whole(entry, "take") or 1,
        request=_request(entry),
        fallback=text(entry, "fallback") or text(entry, "fell_back"),
        clip=clip_of(folder, mapping(entry, "clip")),
        first_frame=_frame(folder, mapping(entry, "first_frame")),
        adherence=_adherence(mapping(entry, "adherence")),
        metrics=numbers(entry, "metrics"),
        score=number(entry, "score"),
        takes=tuple(_take(folder, one) for one in items(entry, "alternates") if isinstance(one, dict)),
        judgement=next((one for one in ("accepted", "rejected") if flag(entry, one)), ""),
        warnings=texts(entry, "warnings"),
        error=text(entry, "error"),
        reason=text(entry, "reason"),
        reused=flag(run, "reused"),
        elapsed_s=number(run, "elapsed_s"),
        cost_usd=number(run, "cost_usd"),
        task=text(run, "task"),
    )


def _request(entry: dict[str, Any]) -> dict[str, JSON]:
    return {name: entry[name] for name in _REQUEST if entry.get(name) not in (None, "", {}, [])}


def media_of(folder: Path, entry: dict[str, Any]) -> MediaView | None:
    """A file that a document lists; `None` where its path would lead out of the folder."""
    return MediaView(**_media(folder, entry)) if is_inside(entry.get("path")) else None


def clip_of(folder: Path, entry: dict[str, Any]) -> ClipView | None:
    """A clip or a film that a document lists; `None` as above."""
    if not is_inside(entry.get("path")):
        return None
    return ClipView(
        **_media(folder, entry),
        codec=text(entry, "codec"),
        width=whole(entry, "width"),
        height=whole(entry, "height"),
        fps=text(entry, "fps"),
        frames=whole(entry, "frames"),
        duration_s=number(entry, "duration_s"),
        has_audio=bool(entry.get("audio")),
    )


def _media(folder: Path, entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "path": entry["path"],
        "sha256": text(entry, "sha256"),
        "bytes": whole(entry, "bytes") or 0,
        "is_there": store.is_plain_below(folder, entry["path"]),
    }


def _frame(folder: Path, entry: dict[str, Any]) -> FrameView | None:
    if not is_inside(entry.get("path")):
        return None
    return FrameView(
        **_media(folder, entry),
        width=whole(entry, "width"),
        height=whole(entry, "height"),
        time_s=number(entry, "time_s"),
        method=text(entry, "method"),
    )


def _adherence(entry: dict[str, Any]) -> AdherenceView | None:
    verdict = text(entry, "verdict")
    if not verdict:
        return None
    return AdherenceView(
        verdict=verdict,
        psnr_db=number(entry, "psnr_db"),
        zoom=number(entry, "zoom"),
        shift=number(entry, "shift"),
        luma=number(entry, "luma"),
        eases_in=whole(entry, "eases_in"),
        repeats=whole(entry, "repeats"),
    )


def _take(folder: Path, entry: dict[str, Any]) -> TakeView:
    return TakeView(
        take=whole(entry, "take") or 0,
        key=text(entry, "key"),
        ending=text(entry, "ending"),
        score=number(entry, "score"),
        clip=media_of(folder, mapping(entry, "clip")),
    )


def films_of(folder: Path, manifest: Mapping[str, Any]) -> tuple[FilmView, ...]:
    """The films of the sequences, then the one of the whole run where there is one. Blocking."""
    found = [
        _film(folder, name, mapping(content, "film"))
        for name, content in mapping(manifest, "sequences").items()
    ]
    if "film" in manifest:
        found.append(_film(folder, "", mapping(manifest, "film")))
    return tuple(found)


def _film(folder: Path, name: str, entry: dict[str, Any]) -> FilmView:
    clip = clip_of(folder, entry)
    return FilmView(name=name, clip=clip, method=text(entry, "method"), notes=texts(entry, "notes"))


def drifts_of(manifest: Mapping[str, Any], limit: float | None) -> tuple[DriftView, ...]:
    """The drift of each chain of two clips and more; `limit` is `continuity.max_drift`."""
    found = (
        drift_of(sequence, entry, limit)
        for sequence, content in mapping(manifest, "sequences").items()
        for entry in items(content, "drift")
        if isinstance(entry, dict)
    )
    return tuple(one for one in found if one.distances)


def drift_of(sequence: str, entry: dict[str, Any], limit: float | None) -> DriftView:
    """The drift of one chain, as a manifest or an event has it."""
    distances = numbers(entry, "distances")
    slope = mapping(mapping(entry, "slopes"), "distance")
    breaks_at = whole(entry, "breaks_at")
    return DriftView(
        sequence=sequence,
        anchor=text(entry, "anchor"),
        shots=tuple(distances),
        distances=tuple(distances.values()),
        per_shot=number(slope, "per_shot"),
        low=number(slope, "low"),
        high=number(slope, "high"),
        limit=limit,
        breaks_at=breaks_at if breaks_at is not None and breaks_at > 0 else None,
    )
