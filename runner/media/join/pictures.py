"""The pictures of a piece that is encoded: chosen frames of a clip, as the film needs them, or two clips in one."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

import av
import numpy as np

from runner.errors import JoinError
from runner.media.memory import is_large
from runner.media.source import open_video

from .conform import conform
from .pieces import Encoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .encoder import Settings
    from .pieces import Dissolved

_THREADS: Final = 2  # two halve the wait; more only cost memory, a frame each


def shown(piece: Encoded | Dissolved, settings: Settings) -> Iterator[av.VideoFrame]:
    """The frames of a piece at the film's size and in its colours."""
    if isinstance(piece, Encoded):
        yield from _filtered(piece, settings)
        return
    pairs = zip(_filtered(piece.before, settings), _filtered(piece.after, settings), strict=True)
    for number, (before, after) in enumerate(pairs, start=1):
        yield _blended(before, after, number / (piece.frames + 1))


def _filtered(piece: Encoded, settings: Settings) -> Iterator[av.VideoFrame]:
    frames = conform(pictures(piece), piece.clip, settings)
    return map(piece.picture, frames) if piece.picture else frames


def _blended(before: av.VideoFrame, after: av.VideoFrame, share: float) -> av.VideoFrame:
    """`share` of the second frame over the first, in the samples as they are."""
    weight = round(256 * share)
    a, b = (frame.to_ndarray().astype(np.uint16) for frame in (before, after))
    mixed = ((256 - weight) * a + weight * b + 128) >> 8
    return av.VideoFrame.from_ndarray(mixed.astype(np.uint8), before.format.name)


def pictures(piece: Encoded) -> Iterator[av.VideoFrame]:
    """The frames of a piece, one for each pick, as they were decoded (not rotated, not scaled).

    A frame that cannot be decoded is replaced by the one before it (the one after it at the start). Raises
    `JoinError` when no frame can.
    """
    picks = iter(piece.picks)
    wanted = next(picks, None)
    last: av.VideoFrame | None = None
    for number, frame in _decoded(piece):
        while wanted is not None and wanted < number:
            yield last if last is not None else frame
            wanted = next(picks, None)
        last = frame
        while wanted is not None and wanted == number:
            yield frame
            wanted = next(picks, None)
        if wanted is None:
            return
    if last is None:
        raise JoinError("A clip cannot be decoded", where=str(piece.clip.path), hint="fetch the clip again")
    while wanted is not None:
        yield last
        wanted = next(picks, None)


def _decoded(piece: Encoded) -> Iterator[tuple[int, av.VideoFrame]]:
    """Frames of a clip with their number in the order of display, from a little before the first pick on."""
    clip = piece.clip
    numbers = {clip.pts[packet]: number for number, packet in enumerate(clip.order)}
    start = _start(piece)
    with open_video(clip.path) as source:
        container, stream = source.container, source.track
        stream.thread_type = "AUTO"
        context = stream.codec_context
        stream.thread_count = 1 if is_large(context) else _THREADS
        if start:
            container.seek(clip.pts[start], stream=stream)
        position = start - 1
        count = 0
        reached = start == 0
        for packet in container.demux(stream):
            if packet.size:
                if not reached and packet.pts != clip.pts[start]:
                    continue
                reached = True
                position += 1
                # Frames that nothing refers to need not be decoded if they are not wanted.
                context.skip_frame = "NONREF" if position < piece.kept and clip.codec == "h264" else "DEFAULT"
            try:
                decoded = packet.decode()
            except av.FFmpegError:  # damaged: the frames around it may still be good
                continue
            for frame in decoded:
                source.decoded()
                number = count if clip.untimed else numbers.get(-1 if frame.pts is None else frame.pts)
                count += 1
                if number is not None:
                    yield number, frame


def _start(piece: Encoded) -> int:
    """The last packet from which all picks can be decoded."""
    clip = piece.clip
    if clip.untimed or not clip.starts or not piece.kept:
        return 0
    return clip.starts[max(0, bisect_right(clip.starts, piece.kept) - 1)]
