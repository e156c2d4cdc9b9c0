"""Where the packets of a clip may be parted, and which of its frames a film shows when."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from .pieces import Copied, Encoded, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .clip import Clip
    from .pieces import Look

_SHORTEST: Final = 2
"""Frames of a piece that is encoded again. It begins with an IDR image, and so does what follows: an IDR image right
before another would have the same idr_pic_id, which the standard forbids."""


def cut(clip: Clip, start: int, end: int) -> tuple[Copied | Encoded, ...]:
    """The pieces of a clip that is copied, without the frames before `start` and from `end` on.

    The packets that are kept are the longest run that shows an unbroken run of frames and begins with one that stands
    alone: what is decoded earlier never needs what is decoded later. The frames around it are encoded again.
    """
    runs = _runs(clip)
    first = next((at for at in clip.starts if at >= start and at in runs and _far(at - start)), clip.frames)
    if first >= end:
        return (Encoded(clip=clip, picks=range(start, end), kept=_before(runs, start)),)
    head = Encoded(clip=clip, picks=range(start, first), kept=_before(runs, start))
    own = (head,) if head.frames else ()
    if end in runs:
        return (*own, Copied(clip=clip, first=first, packets=end - first))
    kept = max(
        (at for at in runs if first < at <= end - _SHORTEST and at - 1 not in clip.starts), default=first
    )
    if kept == first and own:  # nothing is copied: one piece instead of two
        return (Encoded(clip=clip, picks=range(start, end), kept=head.kept),)
    tail = Encoded(clip=clip, picks=range(kept, end), kept=kept)
    return (*own, Copied(clip=clip, first=first, packets=kept - first), tail) if kept > first else (tail,)


def _far(frames: int) -> bool:
    return frames == 0 or frames >= _SHORTEST


def _runs(clip: Clip) -> set[int]:
    """The numbers of packets, from the first on, that show just as many frames, the first ones."""
    rank = {packet: number for number, packet in enumerate(clip.order)}
    highest = accumulate((rank[packet] for packet in range(clip.frames)), max)
    return {0, *(packet + 1 for packet, top in enumerate(highest) if top == packet)}


def _before(runs: set[int], start: int) -> int:
    return max(run for run in runs if run <= start)


def picks(span: Span, look: Look) -> Sequence[int]:
    """For each frame of the film the clip's frame that is shown in the middle of it."""
    clip = span.clip
    if clip.steady and clip.fps == look.fps:
        return range(span.start, span.end)
    shown_s = [
        index / clip.fps if clip.steady else (clip.at(index) - clip.at(0)) * clip.time_base
        for index in range(clip.frames)
    ]
    first_s = shown_s[span.start]
    end_s = (shown_s[span.end] if span.end < clip.frames else clip.duration_s) - first_s
    found, current = [], span.start
    for number in range(max(1, int(end_s * look.fps + Fraction(1, 2)))):
        middle_s = (number + Fraction(1, 2)) / look.fps + first_s
        while current + 1 < span.end and shown_s[current + 1] <= middle_s:
            current += 1
        found.append(current)
    return found
