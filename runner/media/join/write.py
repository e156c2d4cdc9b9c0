"""Writes a planned film as an mp4: packets of the clips and of the encoder on one clock, and the sound."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, cast

import av
import numpy as np

from runner.errors import JoinError
from runner.media.h264 import AvcC
from runner.media.source import open_video

from .encoder import (
    Sample,
    Settings,
    configure,
    encode,
    open_beside,
    parameter_sets,
    settings_beside,
    with_lengths,
)
from .mixing import film_sound
from .pictures import shown
from .pieces import Copied
from .resampled import LAYOUT, RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from runner.memo import Memo

    from .clip import Clip
    from .pieces import Dissolved, Encoded, Plan
    from .resampled import Samples

_AAC: Final = {"aac_coder": "fast", "flags": "+qscale", "global_quality": "236"}
"""A quality in place of a bit rate: sound that fills no 192 kbit/s is not encoded again and again in search of them.

About 250 kbit/s for music, 30 to 100 for speech and silence, in a half to a ninth of the time that the default coder
takes for 192 kbit/s, with no less signal to noise (tests/benchmarks/README.md)."""
_WHOLE_FILM_THREADS: Final = 4
_MP4: Final = {
    "movflags": "+faststart",
    "fflags": "+bitexact",
    # Edit lists end on this clock: every usual frame rate and 48 kHz divide it.
    "movie_timescale": "240000",
}


def write(plan: Plan, path: Path, tick: Callable[[int], None], sounds: Memo[Samples] | None = None) -> None:
    """Write the film to `path`. `tick` is called with the number of frames written so far, and may raise.

    For `sounds` see `runner.media.join.sound.exactly`.
    """
    with av.open(str(path), "w", format="mp4", container_options=_MP4) as film:
        writer = _Copying(film, plan, plan.base) if plan.base else _Encoding(film, plan)
        voice = _Voice(film, plan, sounds) if plan.has_audio else None
        step = 1 / plan.look.fps
        for count, (number, packet) in enumerate(writer.packets()):
            if voice:
                voice.speak_until(count * step)
            packet.stream = writer.stream
            packet.time_base = step
            packet.pts, packet.dts, packet.duration = number, count - writer.delay, 1
            film.mux(packet)
            tick(count + 1)
        if voice:
            voice.finish()


class _Encoding:
    """Pictures that all go through one encoder."""

    def __init__(self, film: OutputContainer, plan: Plan) -> None:
        self._film = film
        self._plan = plan
        self._settings = Settings(look=plan.look, threads=_WHOLE_FILM_THREADS)
        self.stream = film.add_stream("libx264", rate=plan.look.fps)
        self.delay = self._settings.reorder
        configure(self.stream.codec_context, self._settings)

    def packets(self) -> Iterator[tuple[int, av.Packet[VideoStream]]]:
        """Packets in decode order, each with the number of the film's frame that it shows."""
        self._film.start_encoding()  # once the film has all its streams
        for sample in encode(self.stream.codec_context, self._frames()):
            yield sample.number, _packet(sample)

    def _frames(self) -> Iterator[av.VideoFrame]:
        for piece in self._plan.pieces:
            if not isinstance(piece, Copied):
                yield from shown(piece, self._settings)


class _Copying:
    """Packets of clips as they are; between them newly encoded ones under parameter sets of their own."""

    def __init__(self, film: OutputContainer, plan: Plan, base: Clip) -> None:
        self._plan = plan
        self._base = base
        with open_video(base.path) as source:
            self.stream = film.add_stream_from_template(source.track, opaque=True)
        self.stream.time_base = 1 / plan.look.fps
        self.delay = max((_delay(piece) for piece in plan.pieces if isinstance(piece, Copied)), default=0)
        if base.codec == "hevc":
            self.stream.codec_context.codec_tag = "hvc1"  # the layout of the packets, and the one Apple plays
        if plan.encoded_frames:
            self._prepare(base)

    def _prepare(self, base: Clip) -> None:
        self._settings = settings_beside(base, self._plan.look)
        self._sets = parameter_sets(open_beside(self._settings))
        self.stream.codec_context.extradata = AvcC.read(base.extradata).with_sets(self._sets).write()
        self.delay = max(self.delay, self._settings.reorder)

    def packets(self) -> Iterator[tuple[int, av.Packet[VideoStream]]]:
        """Packets in decode order, each with the number of the film's frame that it shows."""
        first = 0
        for piece in self._plan.pieces:
            source = _copied(piece) if isinstance(piece, Copied) else self._encoded(piece)
            for number, packet in source:
                yield first + number, packet
            first += piece.frames

    def _encoded(self, piece: Encoded | Dissolved) -> Iterator[tuple[int, av.Packet[VideoStream]]]:
        context = open_beside(self._settings)
        if parameter_sets(context) != self._sets:
            raise JoinError("An encoder changed its parameters", where=str(self._base.path))
        for sample in with_lengths(encode(context, shown(piece, self._settings))):
            yield sample.number, _packet(sample)


def _packet(sample: Sample) -> av.Packet[VideoStream]:
    packet = cast("av.Packet[VideoStream]", av.Packet(sample.data))
    packet.is_keyframe = sample.key
    return packet


def _delay(piece: Copied) -> int:
    """How many frames a packet may come later in decode order than in the order of display."""
    number = {packet: shown for shown, packet in enumerate(piece.clip.order)}
    return max(packet - number[packet] for packet in range(piece.first, piece.first + piece.packets))


def _copied(piece: Copied) -> Iterator[tuple[int, av.Packet[VideoStream]]]:
    number = {packet: shown for shown, packet in enumerate(piece.clip.order)}
    with open_video(piece.clip.path, analyse=False) as source:
        position = 0
        for packet in source.container.demux(source.track):
            if position == piece.first + piece.packets:
                return
            if packet.size:
                if position >= piece.first:
                    yield number[position] - piece.first, packet
                position += 1


class _Voice:
    """Encodes the film's sound little by little, in step with its pictures."""

    def __init__(self, film: OutputContainer, plan: Plan, sounds: Memo[Samples] | None) -> None:
        self._film = film
        self._stream: AudioStream = film.add_stream("aac", rate=RATE, options=dict(_AAC))
        self._stream.codec_context.layout = LAYOUT
        self._blocks = film_sound(plan, sounds)
        self._spoken = 0

    def speak_until(self, time_s: Fraction) -> None:
        """Write the sound up to a time, and at most one block more."""
        while self._spoken < time_s * RATE and (block := next(self._blocks, None)) is not None:
            self._speak(block)

    def finish(self) -> None:
        """Write the rest of the sound."""
        for block in self._blocks:
            self._speak(block)
        self._film.mux(self._stream.encode(None))

    def _speak(self, block: Samples) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=LAYOUT)
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), self._spoken
        self._spoken += block.shape[1]
        self._film.mux(self._stream.encode(frame))
