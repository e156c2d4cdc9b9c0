"""Puts the sound of a film together: that of its clips, brought to one loudness, over music and narration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from runner.media.loudness import integrated
from runner.media.sound_file import open_sound

from .resampled import RATE, resampled
from .sound import exactly, limited, positions, silence, sound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from runner.memo import Memo

    from .pieces import Plan
    from .soundtrack import Track

    Block = NDArray[np.float32]

_STEP: Final = RATE // 100
"""Samples of 10 ms, in which ducking looks at what else is heard."""
_AT_ONCE: Final = 50
_HEARD: Final = 10 ** (-42 / 20)
"""The root mean square from which a sound counts as heard."""
_HOLD: Final = 40
"""Steps that music stays low after the last sound: pauses between words."""
_DOWN: Final = 15
_UP: Final = 80
"""Steps that it takes to get low, and back."""
_MOST_GAIN: Final = 20.0
_PEAK: Final = 0.89


def film_sound(plan: Plan, memo: Memo[Block] | None = None) -> Iterator[Block]:
    """The sound of a planned film in blocks of shape (2, samples) at 48 kHz, as long as its pictures.

    For `memo` see `runner.media.join.sound.exactly`.
    """
    total = positions(plan.shares, plan.look.fps)[-1]
    clips = sound(plan.shares, plan.look.fps, level_gains(plan), memo) if plan.sound.clips else silence(total)
    tracks = plan.sound.tracks
    if not tracks:
        yield from (limited(block) for block in clips) if plan.sound.level_lufs is not None else clips
        return
    voices = [_Reader(laid(track, total)) for track in tracks]
    duckers = [_Ducker(track.duck_db) for track in tracks]
    over = _Reader(clips)
    for start in range(0, total, _STEP * _AT_ONCE):
        count = min(_STEP * _AT_ONCE, total - start)
        heard = over.take(count)
        blocks = [voice.take(count) for voice in voices]
        mixed = heard.copy()
        for number, (block, ducker) in enumerate(zip(blocks, duckers, strict=True)):
            # Music, the first of two, makes room for the clips and for narration; narration for the clips.
            others = heard + sum(blocks[number + 1 :])
            mixed += block * ducker.factors(others)
        yield limited(mixed)


def level_gains(plan: Plan) -> list[float]:
    """By which factor the sound of each clip is multiplied. Silence stays as it is, and no clip is made to clip."""
    target = plan.sound.level_lufs
    if target is None:
        return []
    return [_gain(plan, number, target) for number in range(len(plan.shares))]


def _gain(plan: Plan, number: int, target: float) -> float:
    share = plan.shares[number]
    length = round(share.frames / plan.look.fps * RATE)
    peak = 0.0

    def blocks() -> Iterator[Block]:
        nonlocal peak
        for block in exactly(share.clip, share.span.start_s, length):
            peak = max(peak, float(np.abs(block).max(initial=0)))
            yield block

    found = integrated(blocks()) if share.clip.sound_s is not None else None
    if found is None:
        return 1.0
    wanted = 10 ** (max(-_MOST_GAIN, min(_MOST_GAIN, target - found)) / 20)
    return float(min(wanted, max(1.0, _PEAK / peak))) if wanted > 1 else float(wanted)


def laid(track: Track, total: int) -> Iterator[Block]:
    """`total` samples of the film with a track where it belongs, faded, at its gain; silence around it."""
    first = min(total, round(track.start_s * RATE))
    yield from silence(first)
    length = total - first
    if track.fade_out_s and not track.loop:
        length = min(length, _count(track))
    place = 0
    for block in _looped(track) if length else ():
        block = np.array(block[:, : length - place]) * np.float32(10 ** (track.gain_db / 20))
        at = np.arange(place, place + block.shape[1]) + 0.5
        if track.fade_in_s and place < track.fade_in_s * RATE:
            block *= np.minimum(1, at / (track.fade_in_s * RATE)).astype(np.float32)
        if track.fade_out_s and place + block.shape[1] > length - track.fade_out_s * RATE:
            block *= np.clip((length - at) / (track.fade_out_s * RATE), 0, 1).astype(np.float32)
        place += block.shape[1]
        yield block
        if place >= length:
            break
    yield from silence(total - first - place)


def _count(track: Track) -> int:
    return sum(block.shape[1] for block in _once(track))


def _looped(track: Track) -> Iterator[Block]:
    while True:
        found = 0
        for block in _once(track):
            found += block.shape[1]
            yield block
        if not track.loop or not found:
            return


def _once(track: Track) -> Iterator[Block]:
    with open_sound(track.path) as (container, stream):
        for _, block in resampled(container, stream):
            yield block


class _Reader:
    """Takes as many samples as are wanted from blocks of any length; silence after the last one."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = blocks
        self._rest: Block = np.zeros((2, 0), np.float32)

    def take(self, count: int) -> Block:
        found = [self._rest]
        size = self._rest.shape[1]
        while size < count and (block := next(self._blocks, None)) is not None:
            found.append(block)
            size += block.shape[1]
        whole = np.concatenate(found, axis=1)
        self._rest = whole[:, count:]
        missing = count - min(count, size)
        return np.pad(whole[:, :count], ((0, 0), (0, missing))) if missing else whole[:, :count]


class _Ducker:
    """How loud a track is while others are heard: lower at once, up again after a pause."""

    def __init__(self, duck_db: float) -> None:
        self._duck_db = duck_db
        self._low = 0.0  # 0 to 1: how far down it is
        self._hold = 0

    def factors(self, others: Block) -> Block:
        """A factor for each sample of `others`, which is what else is heard."""
        size = others.shape[1]
        if not self._duck_db:
            return np.ones(size, np.float32)
        levels = [self._low]
        for start in range(0, size, _STEP):
            block = others[:, start : start + _STEP]
            heard = float(np.sqrt(np.square(block, dtype=np.float64).mean())) > _HEARD
            self._hold = _HOLD if heard else max(0, self._hold - 1)
            change = 1 / _DOWN if self._hold else -1 / _UP
            self._low = min(1.0, max(0.0, self._low + change))
            levels.append(self._low)
        marks = np.minimum(np.arange(len(levels)) * _STEP, size)
        low = np.interp(np.arange(size), marks, levels)
        return np.power(10, -self._duck_db * low / 20).astype(np.float32)
