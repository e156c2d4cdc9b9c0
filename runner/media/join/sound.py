"""The sound of a film's clips: each cut or padded to exactly the time that its images take."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from runner.media.source import open_video, sound_track

from .resampled import RATE, resampled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from runner.memo import Memo

    from .clip import Clip
    from .pieces import Share
    from .resampled import Samples

_RAMP: Final = RATE * 4 // 1000  # 4 ms: too short to hear as a fade, long enough not to click
_BLOCK: Final = RATE // 2
_REMEMBERED: Final = 30 * RATE
"""Samples, 12 MB of them: who joins films of longer clips waits for the pictures."""
_QUIET: Final = 0.89
"""Louder samples are compressed, so that no sum of sounds is louder than 1."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The sound of one share, in samples: `own` of them, and `before` and `after` those of its neighbours' time.

    `rise` and `fall` are how long it fades in and out. They are as long as the time that it has in common with its
    neighbour, with whose sound it is mixed then; where it has none, it only does not click.
    """

    clip: Clip
    starts_s: Fraction
    own: int
    before: int = 0
    after: int = 0
    rise: int = 0
    fall: int = 0
    shares_start: bool = False
    shares_end: bool = False

    @property
    def total(self) -> int:
        return self.before + self.own + self.after


def positions(shares: Sequence[Share], fps: Fraction) -> list[int]:
    """Where each clip's sound begins and the last one ends, in samples.

    Rounded from the film's start each time: the error is half a sample at every seam and never adds up. In a dissolve
    the time belongs to the clip before.
    """
    frames, marks = 0, [0]
    for share in shares:
        frames += share.frames - share.fade
        marks.append(round(frames / fps * RATE))
    return marks


def sound(
    shares: Sequence[Share],
    fps: Fraction,
    gains: Sequence[float] = (),
    memo: Memo[Samples] | None = None,
) -> Iterator[Samples]:
    """The film's sound in blocks of shape (2, samples), -1 to 1, at 48 kHz, without clicks at its seams.

    `gains` are factors, one for each share; for `memo` see `exactly`.
    """
    common: Samples = np.zeros((2, 0), np.float32)
    stretches = _stretches(shares, fps)
    for number, stretch in enumerate(stretches):
        mine = stretch.total - (stretch.fall if stretch.shares_end else 0)
        place, rest = 0, []
        for block in exactly(stretch.clip, stretch.starts_s, stretch.total, memo):
            size = block.shape[1]
            if gains:
                block *= np.float32(gains[number])
            _fade(block, place, stretch)
            if place < common.shape[1]:
                count = min(size, common.shape[1] - place)
                block[:, :count] += common[:, place : place + count]
                block = limited(block)
            now = max(0, min(size, mine - place))
            if now:
                yield block[:, :now]
            rest.append(block[:, now:])
            place += size
        common = np.concatenate(rest, axis=1) if rest else common[:, :0]


def limited(block: Samples) -> Samples:
    """The same, with what is too loud for a file bent below it."""
    level = np.abs(block)
    if not level.size or level.max() <= _QUIET:
        return block
    room = np.float32(1 - _QUIET)
    bent = np.sign(block) * (_QUIET + room * np.tanh((level - np.float32(_QUIET)) / room))
    return np.where(level > _QUIET, bent, block).astype(np.float32)


def _stretches(shares: Sequence[Share], fps: Fraction) -> list[_Stretch]:
    marks = positions(shares, fps)
    own = [later - earlier for earlier, later in pairwise(marks)]
    between = (
        _window(shares[number - 1], shares[number], fps, own[number - 1], own[number])
        for number in range(1, len(shares))
    )
    windows = [(0, 0), *between, (0, 0)]
    found = []
    for number, share in enumerate(shares):
        (before, into), (out, after) = windows[number], windows[number + 1]
        ramp = min(_RAMP, own[number] // 2)
        found.append(
            _Stretch(
                clip=share.clip,
                starts_s=share.span.start_s + share.fade / fps - Fraction(before, RATE),
                own=own[number],
                before=before,
                after=after,
                rise=before + into or (ramp if number else 0),
                fall=out + after or (ramp if number + 1 < len(shares) else 0),
                shares_start=before + into > 0,
                shares_end=out + after > 0,
            )
        )
    return found


def _window(before: Share, after: Share, fps: Fraction, own: int, next_own: int) -> tuple[int, int]:
    """For how many samples before and after a seam both clips are heard."""
    if after.fade:
        return round(after.fade / fps * RATE), 0
    wanted = min(round(after.span.crossfade_s * RATE), own // 2, next_own // 2)
    if wanted < _RAMP or before.clip.sound_s is None or after.clip.sound_s is None:
        return 0, 0
    ends_s = before.span.start_s + before.frames / fps
    later = max(0, int((before.clip.sound_s[1] - ends_s) * RATE))
    begins_s = max(after.clip.start_s, after.clip.sound_s[0])
    earlier = max(0, int((after.span.start_s - begins_s) * RATE))
    wanted = min(wanted, later + earlier)
    if wanted < _RAMP:
        return 0, 0
    out = min(later, max(wanted // 2, wanted - earlier))
    return wanted - out, out


def _fade(block: Samples, place: int, stretch: _Stretch) -> None:
    """Fade, in place, the part of a stretch's ends that lies in this block."""
    size, length = block.shape[1], stretch.total
    if place < stretch.rise:
        count = min(size, stretch.rise - place)
        shares = (np.arange(place, place + count) + 0.5) / stretch.rise
        block[:, :count] *= _power(shares) if stretch.shares_start else _curve(shares)
    if stretch.fall and place + size > length - stretch.fall:
        first = max(0, length - stretch.fall - place)
        shares = (length - place - np.arange(first, size) - 0.5) / stretch.fall
        block[:, first:] *= _power(shares) if stretch.shares_end else _curve(shares)


def _curve(share: NDArray[np.float64]) -> Samples:
    return (0.5 - 0.5 * np.cos(np.pi * share)).astype(np.float32)


def _power(share: NDArray[np.float64]) -> Samples:
    """The squares of this and of what fades the other way add up to 1: two different sounds stay as loud."""
    return np.sin(np.pi / 2 * share).astype(np.float32)


def exactly(
    clip: Clip, starts_s: Fraction, length: int, memo: Memo[Samples] | None = None
) -> Iterator[Samples]:
    """`length` samples of a clip's sound from a time of its clock on; silence where it has none.

    `memo` keeps what is short enough, for the next film with the same clip.
    """
    if clip.sound_s is None:
        yield from silence(length)
    elif memo is None or length > _REMEMBERED:
        yield from _read(clip, starts_s, length)
    else:
        of = clip.path.stat()
        key = of.st_dev, of.st_ino, of.st_size, of.st_mtime_ns, starts_s, length
        whole = memo.get(key, lambda: np.concatenate([*_read(clip, starts_s, length)], axis=1))
        for start in range(0, length, _BLOCK):
            yield np.array(whole[:, start : start + _BLOCK])


def _read(clip: Clip, starts_s: Fraction, length: int) -> Iterator[Samples]:
    place = 0
    with open_video(clip.path, analyse=False) as source:
        stream = sound_track(source.container)
        if stream is not None and stream.codec_context is not None:
            for start, block in resampled(source.container, stream, starts_s):
                if start > place:
                    yield from silence(min(start, length) - place)
                    place = min(start, length)
                kept = block[:, max(0, place - start) : max(0, length - start)]
                if place < length and kept.shape[1]:
                    yield kept
                    place += kept.shape[1]
                if place >= length:
                    return
    yield from silence(length - place)


def silence(length: int) -> Iterator[Samples]:
    while length > 0:
        yield np.zeros((2, min(length, _BLOCK)), np.float32)
        length -= _BLOCK
