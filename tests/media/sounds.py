"""Writes the sound files that films are made with."""

from __future__ import annotations

import wave
from fractions import Fraction

import av
import numpy as np


def write_wav(path, sound, rate=44_100):
    """A stereo WAV file of samples from -1 to 1, the same in both channels."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = (np.clip(sound, -1, 1) * 32767).astype("<i2")
        file.writeframes(np.stack([samples, samples], axis=1).tobytes())
    return path


def write_as(path, codec, sound, rate=48_000):
    """A stereo sound file of another kind, chosen by its name and its codec."""
    resampler = None
    with av.open(str(path), "w") as file:
        track = file.add_stream(codec, rate=rate, layout="stereo")
        resampler = av.AudioResampler(format=track.codec_context.format, layout="stereo", rate=rate)
        for start in range(0, len(sound), 1152):
            block = np.stack([sound[start : start + 1152]] * 2).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            for converted in resampler.resample(frame):
                file.mux(track.encode(converted))
        file.mux(track.encode(None))
    return path
