"""Small images of some frames of a clip, for people to look at: posters, and the frames around a seam.

    for number, width, data in stills(path, [(0, 320), (-1, 320)]):      # JPEG, at most 320 pixels wide

Reads the index of the clip, and decodes from the key frame before each group of frames that are near to each other.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import av
from PIL import Image

from runner.errors import ExtractionRefused
from runner.media.colour import to_rgb
from runner.media.source import open_video
from runner.media.tail import shown_times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from runner.media.source import Source

__all__ = ["jpeg", "stills"]

_QUALITY: Final = 82
_NEAR: Final = 48
"""Frames between two that are wanted up to which decoding on is quicker than to look for a key frame."""


def stills(path: Path, wanted: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, bytes]]:
    """Frames by their numbers, each as JPEG of at most so many pixels in width: number, width, data.

    Numbers count from 0, or from the end where they are negative; those beyond the clip's ends are left out. Raises
    `MediaError` for a clip that does not decode.
    """
    with open_video(path) as source:
        times = shown_times(source)
    of_place: dict[int, list[tuple[int, int]]] = {}
    for number, width in wanted:
        place = number + len(times) if number < 0 else number
        if 0 <= place < len(times):
            of_place.setdefault(place, []).append((number, width))
    for group in _groups(sorted(of_place)):
        for place, rgb in _decoded(path, times, group):
            for number, width in of_place[place]:
                yield number, width, jpeg(rgb, width)


def jpeg(rgb: NDArray[np.uint8] | Image.Image, width: int) -> bytes:
    """An image as JPEG, made smaller where it is wider than `width` pixels."""
    image = rgb if isinstance(rgb, Image.Image) else Image.fromarray(rgb)
    if image.width > width:
        height = max(1, round(image.height * width / image.width))
        image = image.resize((width, height), Image.Resampling.BOX if image.width > 2 * width else None)
    data = io.BytesIO()
    image.convert("RGB").save(data, "JPEG", quality=_QUALITY)
    return data.getvalue()


def _groups(places: list[int]) -> list[list[int]]:
    groups: list[list[int]] = []
    for place in places:
        if groups and place - groups[-1][-1] <= _NEAR:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _decoded(path: Path, times: list[int], group: list[int]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The frames of a group; from the beginning of the clip where the key frame before it does not lead to them."""
    found: dict[int, NDArray[np.uint8]] = {}
    for from_start in (False, True):
        left = {times[place]: place for place in group if place not in found}
        if not left:
            break
        with open_video(path) as source:
            try:
                _collect(source, left, found, from_start=from_start or not group[0])
            except av.FFmpegError as error:
                if from_start:
                    raise ExtractionRefused(
                        "this clip cannot be decoded", where=str(path), why=error.strerror or str(error)
                    ) from error
    missing = [place for place in group if place not in found]
    if missing:
        raise ExtractionRefused(
            "a frame of this clip cannot be decoded",
            where=str(path),
            why=f"frame {missing[0]} of {len(times)} does not come out of the decoder",
        )
    yield from sorted(found.items())


def _collect(
    source: Source, left: dict[int, int], found: dict[int, NDArray[np.uint8]], *, from_start: bool
) -> None:
    if not from_start:
        source.container.seek(min(left), stream=source.track, backward=True)
    last = max(left)
    source.track.thread_type = "AUTO"
    for frame in source.container.decode(source.track):
        source.decoded()
        if frame.pts is None or frame.is_corrupt:
            continue
        if frame.pts in left:
            found[left[frame.pts]] = to_rgb(frame, source.sar, source.crop)
        if frame.pts >= last:
            return
