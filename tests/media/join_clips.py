"""Makes the clips that joining is tested with, and reads films back."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from PIL import Image

SAMPLES_PER_S = 48_000


def texture(seed, width, height):
    """An image, different for each seed, large enough to move about in: light in detail, colour in wide washes."""
    random = np.random.default_rng(seed)

    def noise(fineness, low, high):
        values = random.integers(low, high, (height // fineness, width // fineness, 3), dtype=np.uint8)
        return np.asarray(
            Image.fromarray(values).resize((2 * width, 2 * height), Image.Resampling.BICUBIC), float
        )

    light = noise(4, 0, 255)[..., :1]
    return np.clip(0.6 * light + 0.5 * noise(16, 30, 225), 0, 255).astype(np.uint8)


def picture(seed, number, width=160, height=96):
    """Frame number `number` of the moving image that belongs to a seed."""
    whole = texture(seed, width, height)
    y, x = number % height, 2 * number % width
    return np.ascontiguousarray(whole[y : y + height, x : x + width])


def make_clip(
    path,
    frames=12,
    *,
    seed=0,
    fps=24,
    size=(160, 96),
    codec="libx264",
    pix_fmt="yuv420p",
    sound=None,
    sound_rate=SAMPLES_PER_S,
    layout="stereo",
    times=None,
    time_base=None,
    rotation=0,
    sar=None,
    colour=None,
    **options,
):
    """Write a clip whose frames are `picture(seed, number)`.

    `sound` is an array of shape (samples,) in the sound's own rate. `times` are the frames' times in ticks of
    `time_base`, for a variable rate. `colour` sets (primaries, transfer, matrix, range).
    """
    fps = Fraction(fps)
    base = Fraction(time_base) if time_base else 1 / fps
    if codec == "libx264":
        options = {"preset": "veryfast", **options}
    with av.open(str(path), "w") as film:
        track = film.add_stream(
            codec, rate=fps, options={key.replace("_", "-"): str(value) for key, value in options.items()}
        )
        track.width, track.height = size
        track.pix_fmt = pix_fmt
        track.codec_context.time_base = base
        if sar:
            track.codec_context.sample_aspect_ratio = Fraction(sar)
        if colour:
            context = track.codec_context
            context.color_primaries, context.color_trc, context.colorspace, context.color_range = colour
        if rotation:
            track.set_display_rotation(rotation)
        voice = film.add_stream("aac", rate=sound_rate, layout=layout) if sound is not None else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(seed, number, *size), "rgb24")
            if colour:
                frame = frame.reformat(format=pix_fmt, dst_colorspace=colour[2], dst_color_range=colour[3])
            frame.pts, frame.time_base = times[number] if times else number, base
            film.mux(track.encode(frame))
        film.mux(track.encode(None))
        if voice is not None:
            _speak(film, voice, np.asarray(sound, np.float32), sound_rate, layout)
    return path


def _speak(film, voice, sound, rate, layout):
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    for start in range(0, len(sound), 1024):
        block = np.ascontiguousarray(np.stack([sound[start : start + 1024]] * channels))
        frame = av.AudioFrame.from_ndarray(block, "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        film.mux(voice.encode(frame))
    film.mux(voice.encode(None))


def tone(seconds, hertz=440, rate=SAMPLES_PER_S):
    return 0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def click(seconds, at, rate=SAMPLES_PER_S):
    """Silence with one short burst."""
    sound = np.zeros(round(seconds * rate), np.float32)
    start = round(at * rate)
    sound[start : start + 48] = 0.8 * np.hanning(48)
    return sound


def frames(path):
    """All frames as they are stored, in the order of display."""
    with av.open(str(path)) as film:
        return [frame.to_ndarray() for frame in film.decode(video=0)]


def rgb(path):
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


def times(path):
    """When each frame is shown, in seconds."""
    with av.open(str(path)) as film:
        return [frame.pts * frame.time_base for frame in film.decode(video=0)]


def heard(path):
    """The film's sound from its presented start on: shape (samples,), left channel."""
    with av.open(str(path)) as film:
        track = film.streams.audio[0]
        assert track.start_time == 0
        blocks = [frame.to_ndarray()[0] for frame in film.decode(track)]
        presented = round(track.duration * track.time_base * SAMPLES_PER_S)
    return np.concatenate(blocks)[:presented]


def psnr(a, b):
    error = np.square(np.subtract(a, b, dtype=np.float64)).mean()
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)
