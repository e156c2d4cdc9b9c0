"""Reading the first and the true last frame of a clip.

Reading the last one costs what the last group of images costs, however long the clip is. The last image
is known from its timestamp before anything is decoded, and nothing else is ever returned: where the cheap
way does not lead to exactly that image, longer ways are tried, and in the end the clip is refused.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
from typing import TYPE_CHECKING, Final

import av

from runner.api import Frame
from runner.errors import ExtractionRefused
from runner.media.colour import to_rgb
from runner.media.memory import MAX_PIXELS, is_large
from runner.media.shown import is_shown
from runner.media.source import SMALL, open_video
from runner.media.tail import (
    STARTS,
    Start,
    find_tail,
    index_from_end,
    packets_from,
    shown_times,
    time_base,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from av.packet import Packet
    from av.video.stream import VideoStream

    from runner.media.source import Source
    from runner.media.tail import Tail

__all__ = ["first_frame", "first_frames", "frame_from_end", "last_frame"]

_MAX_THREADS: Final = 8  # each decoding thread holds frames of its own
_DAMAGED: Final = "it does not decode without errors"
_SKIPS: Final = frozenset(("h264", "hevc"))  # AV1 goes wrong, the others do not mark such frames
STATELESS: Final = frozenset(
    (
        "h264",
        "hevc",
        "vvc",
        "av1",
        "vp8",
        "vp9",
        "mpeg1video",
        "mpeg2video",
        "mpeg4",
        "mjpeg",
        "prores",
        "dnxhd",
        "ffv1",
    )
)
"""Decoders that can begin at any key frame. Others may need what comes with the first packet only, such as a palette:
clips of theirs are read as a whole."""
_ONE_EACH: Final = frozenset(("av1", "vp9"))  # decoders that lose a frame without an error


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
            if source.track.codec_context.codec.canonical_name not in STATELESS:
                return _last_of_all(source)
            for start in starts:
                if _DAMAGED in problems and not start.whole:
                    continue  # only all of it, without an error, proves that the damage is not in the file
                try:
                    frame = _last_from(source, start)
                except (av.FFmpegError, ExtractionRefused) as error:
                    problems += [
                        _DAMAGED,
                        getattr(error, "strerror", "") or getattr(error, "why", str(error)),
                    ]
                    continue
                if frame is not None:
                    return _finished(source, frame, f"pyav {start}")
                problems.append("the image with the last time does not come out of the decoder")
    raise ExtractionRefused(
        "the last frame of this clip cannot be determined for certain",
        where=str(path),
        why="; ".join(dict.fromkeys(problems)),
        hint="fetch the clip again, or re-encode it",
    )


def frame_from_end(path: Path, offset: int) -> Frame:
    """Return the frame that has `offset` others after it, in order of presentation; 0 is the last one.

    Reads the clip up to there. Raises as `last_frame` does, and `ExtractionRefused` for a clip that is too short.
    """
    if offset == 0:
        return last_frame(path)
    with open_video(path) as source:
        times = shown_times(source)
    (frame,) = frames_at(path, [times[index_from_end(path, times, offset)]])
    return frame


def frames_at(path: Path, times: Sequence[int]) -> Iterator[Frame]:
    """Yield the frames with exactly these timestamps, which rise, in ticks of the track's time base.

    Raises as `last_frame` does: a frame that does not come out of the decoder is not replaced by another one.
    """
    wanted = list(times)
    with open_video(path) as source, _threads(source.track):
        try:
            for frame in source.container.decode(source.track):
                source.decoded()
                _check(frame)
                if frame.pts == wanted[0]:
                    yield _finished(source, frame, "pyav whole")
                    del wanted[0]
                    if not wanted:
                        return
        except av.FFmpegError as error:
            raise ExtractionRefused(
                "this clip cannot be decoded", where=str(path), why=error.strerror or str(error)
            ) from error
    raise ExtractionRefused(
        "a frame of this clip cannot be determined for certain",
        where=str(path),
        why="the image with its time does not come out of the decoder",
        hint="fetch the clip again, or re-encode it",
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
                source.decoded()
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
            return None
        if source.track.codec_context.codec.canonical_name in _SKIPS and not start.whole:
            with contextlib.suppress(av.FFmpegError):
                frame = _decode(source, start, tail, skip=True)
                if frame is not None:
                    return frame
        return _decode(source, start, tail, skip=False)


def _last_of_all(source: Source) -> Frame:
    """The last frame of a clip whose decoder needs its very first packet, as it comes after opening: libavformat gives
    a palette once, and not again after a seek."""
    tail = find_tail(source, STARTS[-1])
    found = None
    with open_video(source.path) as fresh, _threads(fresh.track):
        for frame in fresh.container.decode(fresh.track):
            fresh.decoded()
            _check(frame)
            if tail is None or frame.pts == tail.pts:
                found = frame
        if found is not None:
            return _finished(fresh, found, "pyav whole")
    raise ExtractionRefused(
        "the last frame of this clip cannot be determined for certain",
        where=str(source.path),
        why="the image with the last time does not come out of the decoder",
        hint="re-encode the clip",
    )


def _decode(source: Source, start: Start, tail: Tail, *, skip: bool) -> av.VideoFrame | None:
    """Decode up to the packets of the last image and return the frame with exactly its timestamp."""
    context = source.track.codec_context
    codec = context.codec.canonical_name
    context.flush_buffers()
    found = None
    due = 0
    for packet in itertools.chain(_until(tail, packets_from(source, start)), [None]):
        if packet is not None:
            due += is_shown(packet, codec)
            context.skip_frame = "NONREF" if skip and not _is_last(packet, tail) else "DEFAULT"
        for frame in context.decode(packet):  # of `None`: what it holds back to put frames in order
            due -= 1
            source.decoded()
            if frame.pts == tail.pts:
                found = frame
    if found is not None:
        _check(found)
        if due and codec in _ONE_EACH:
            raise ExtractionRefused("this clip is damaged", why=f"{due} frames before the last do not decode")
    return found


def _until(tail: Tail, packets: Iterator[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
    left = tail.targets
    for packet in packets:
        yield packet
        left -= _is_last(packet, tail)
        if not left:
            return


def _is_last(packet: Packet[VideoStream], tail: Tail) -> bool:
    return packet.pts == tail.pts and is_shown(packet, packet.stream.codec_context.codec.canonical_name)


def _check(frame: av.VideoFrame) -> None:
    if frame.is_corrupt:
        raise ExtractionRefused("this clip is damaged", why="a frame decodes with errors")


def _finished(source: Source, frame: av.VideoFrame, method: str) -> Frame:
    time_s = float((frame.pts or 0) * time_base(source.track)) - source.start_s
    return Frame(rgb=to_rgb(frame, source.sar, source.crop), time_s=time_s, method=method)


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))  # fewer than the machine has, in a container
    return os.cpu_count() or 1


_decoding = 0
_decoding_lock = threading.Lock()


@contextlib.contextmanager
def _threads(track: VideoStream) -> Iterator[None]:
    """Give the decoder the cores that other extractions leave: threads pay for one clip, not for one a
    core."""
    global _decoding  # noqa: PLW0603 - the cores are one for the whole process
    with _decoding_lock:
        _decoding += 1
        share = max(1, _cores() // _decoding)
    try:
        context = track.codec_context
        if not context.is_open:
            small = 0 < context.width * context.height <= SMALL  # 0 where only decoding would tell
            context.thread_count = 1 if small or is_large(context) else min(share, _MAX_THREADS)
            context.thread_type = "FRAME"
            # Without it libavcodec invents what it cannot decode and says so only in its log.
            context.options = {"err_detect": "explode", "max_pixels": str(MAX_PIXELS)}
        yield
    finally:
        with _decoding_lock:
            _decoding -= 1
