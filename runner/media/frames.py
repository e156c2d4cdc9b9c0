"""Reading the first and the true last frame of a clip.

Reading the last one costs what the last group of pictures costs, however long the clip is. The last picture
is known from its timestamp before anything is decoded, and nothing else is ever returned: where the cheap
way does not lead to exactly that picture, longer ways are tried, and in the end the clip is refused.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Final

import av

from runner.api import Frame
from runner.errors import ExtractionRefused
from runner.media.colour import to_rgb
from runner.media.source import open_video
from runner.media.tail import STARTS, Start, find_tail, packets_from, time_base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.video.stream import VideoStream

    from runner.media.source import Source
    from runner.media.tail import Tail

__all__ = ["first_frame", "first_frames", "last_frame"]

_MAX_THREADS: Final = 8  # each decoding thread holds frames of its own
_SKIPS: Final = frozenset(("h264", "hevc"))  # AV1 goes wrong, the others do not mark such frames


def last_frame(path: Path) -> Frame:
    """Return the last frame that a player shows.

    Raises `NotAVideo`, `Incomplete`, or `ExtractionRefused` for a clip whose last frame cannot be told for
    certain.
    """
    problems: list[str] = []
    for analyse, starts in ((False, STARTS[:1]), (True, STARTS)):
        # Opening without analysis saves more than decoding a short tail takes. Now and then the decoder
        # then lacks something it must be told, and the second round finds what the first one did not.
        with open_video(path, analyse=analyse) as source:
            for start in starts:
                try:
                    frame = _last_from(source, start)
                except (av.FFmpegError, ExtractionRefused) as error:
                    problems.append(
                        f"{start}: {getattr(error, 'strerror', '') or getattr(error, 'why', error)}"
                    )
                    continue
                if frame is not None:
                    return _finished(source, frame, f"pyav {start}")
                problems.append(f"{start}: not found")
    raise ExtractionRefused(
        "the last frame of this clip cannot be told for certain",
        where=str(path),
        why="; ".join(dict.fromkeys(problems)),
        hint="fetch the clip again, or encode it anew",
    )


def first_frame(path: Path) -> Frame:
    """Return the first frame that a player shows. Raises as `last_frame` does."""
    return first_frames(path, 1)[0]


def first_frames(path: Path, count: int) -> list[Frame]:
    """Return the first `count` frames in order of presentation, or all there are. Raises as `last_frame`
    does."""
    frames: list[Frame] = []
    with open_video(path) as source, _threads(source.track):
        try:
            for frame in source.container.decode(source.track):
                _check(frame)
                frames.append(_finished(source, frame, "pyav head"))
                if len(frames) >= count:
                    break
        except av.FFmpegError as error:
            raise ExtractionRefused(
                "the beginning of this clip cannot be decoded",
                where=str(path),
                why=error.strerror or str(error),
            ) from error
    if not frames:
        raise ExtractionRefused("this clip has no frame", where=str(path), why="its track decodes to nothing")
    return frames


def _last_from(source: Source, start: Start) -> av.VideoFrame | None:
    tail = find_tail(source, start)
    with _threads(source.track):
        if tail is None:
            return _last_decoded(source) if start.whole else None
        if source.track.codec_context.name in _SKIPS and not start.whole:
            with contextlib.suppress(av.FFmpegError):
                frame = _decode(source, start, tail, skip=True)
                if frame is not None:
                    return frame
        return _decode(source, start, tail, skip=False)


def _decode(source: Source, start: Start, tail: Tail, *, skip: bool) -> av.VideoFrame | None:
    """Decode up to the packets of the last picture and return the frame with exactly its timestamp."""
    context = source.track.codec_context
    context.flush_buffers()
    left = tail.targets
    for packet in packets_from(source, start):
        if packet.is_corrupt:
            raise ExtractionRefused("the end of this clip is damaged", why="a packet is marked as damaged")
        target = packet.pts == tail.pts and not packet.is_discard
        context.skip_frame = "NONREF" if skip and not target else "DEFAULT"
        frame = _match(context.decode(packet), tail)
        left -= target
        if frame is not None:
            return frame
        if left == 0:
            break
    return _match(context.decode(None), tail)


def _match(frames: list[av.VideoFrame], tail: Tail) -> av.VideoFrame | None:
    for frame in frames:
        if frame.pts == tail.pts:
            _check(frame)
            return frame
    return None


def _last_decoded(source: Source) -> av.VideoFrame | None:
    """Decode everything, for tracks whose packets do not all have timestamps (AVI): decoders put frames in
    order."""
    context = source.track.codec_context
    context.flush_buffers()
    context.skip_frame = "DEFAULT"
    last = None
    for packet in packets_from(source, STARTS[-1]):
        for last in context.decode(packet):
            _check(last)
    for last in context.decode(None):
        _check(last)
    return last


def _check(frame: av.VideoFrame) -> None:
    if frame.is_corrupt:
        raise ExtractionRefused("this clip is damaged", why="a frame decodes with errors")


def _finished(source: Source, frame: av.VideoFrame, method: str) -> Frame:
    time_s = float((frame.pts or 0) * time_base(source.track)) - source.start_s
    try:
        return Frame(rgb=to_rgb(frame), time_s=time_s, method=method)
    except ExtractionRefused as error:
        error.where = str(source.path)
        raise


_decoding = 0
_decoding_lock = threading.Lock()


@contextlib.contextmanager
def _threads(track: VideoStream) -> Iterator[None]:
    """Give the decoder the cores that other extractions leave: threads pay for one clip, not for one a
    core."""
    global _decoding  # noqa: PLW0603 - the cores are one for the whole process
    with _decoding_lock:
        _decoding += 1
        share = max(1, (os.cpu_count() or 1) // _decoding)
    try:
        context = track.codec_context
        if not context.is_open:
            context.thread_count = min(share, _MAX_THREADS)
            context.thread_type = "FRAME"
            # Without it libavcodec invents what it cannot decode and says so only in its log.
            context.options = {"err_detect": "explode"}
        yield
    finally:
        with _decoding_lock:
            _decoding -= 1
