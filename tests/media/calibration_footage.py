"""Footage to spoil: what the bundled generator makes, and clips that look natural in one way each. A seed makes one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageDraw

from runner.api import ShotRequest
from runner.media.source import open_video
from runner.media.survey import Pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Frames = list[Any]

WIDTH, HEIGHT, RATE, SOUND_RATE = 320, 180, 24, 48_000
BEFORE, AFTER = 20, 36
"""Frames of the clip before the seam, and of the one after it."""
TAKE = BEFORE + AFTER + 6


def scene(seed: int, width: int, height: int) -> Any:
    """Structure at every size, as photographs have, and some things with edges."""
    random = np.random.default_rng(seed)
    layers = np.zeros((height, width, 3))
    for octave in range(1, 8):
        cells = random.integers(0, 256, (2**octave * 9 // 16 + 2, 2**octave + 2, 3), dtype=np.uint8)
        layer = Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)
        layers += np.asarray(layer, float) / 2 ** (0.3 * octave)
    layers = (layers - layers.min()) / (layers.max() - layers.min()) * 180 + 30
    image = Image.fromarray(layers.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y, size = random.integers(0, width), random.integers(0, height), random.integers(8, 50)
        colour = tuple(int(level) for level in random.integers(40, 215, 3))
        draw.ellipse([x, y, x + size, y + size], fill=colour)
    return image


def _speed(seed: int) -> float:
    """Pixels that the camera moves from frame to frame."""
    return float(np.random.default_rng(seed).uniform(2.3, 3.3))


def camera(seed: int, places: Any) -> Frames:
    """A camera that stands at these places, in pixels, over a scene."""
    whole = scene(seed, 700, 400)
    size, move, kind = (WIDTH, HEIGHT), Image.Transform.AFFINE, Image.Resampling.BICUBIC
    return [
        np.asarray(whole.transform(size, move, (1, 0, 60 + x, 0, 1, 100 + y), kind), float) for x, y in places
    ]


def pan(seed: int) -> Frames:
    """A steady camera movement."""
    speed = _speed(seed)
    return camera(seed, [(speed * at, 0.0) for at in range(TAKE)])


def hand_held(seed: int) -> Frames:
    """A walk with a camera in the hand, a little grain."""
    random = np.random.default_rng(seed)
    walk = np.cumsum(random.normal((_speed(seed), 0.0), (0.4, 0.3), (TAKE, 2)), axis=0)
    return grainy(camera(seed, walk), 2.0, seed)


def noisy(seed: int) -> Frames:
    """A sensitive sensor in the dark: much noise."""
    speed = _speed(seed)
    dark = [frame * 0.7 for frame in camera(seed, [(speed * at, 0.5 * at) for at in range(TAKE)])]
    return grainy(dark, 5.0, seed)


def cuts(seed: int) -> Frames:
    """Cuts inside of both clips."""
    speed = _speed(seed)
    places = [(speed * at, 0.0) for at in range(TAKE)]
    first, second, third = (camera(1000 * part + seed, places) for part in (1, 2, 3))
    return [*first[:9], *second[9:40], *third[40:]]


def rain(seed: int) -> Frames:
    """Rain in front of a slow camera movement."""
    random, speed = np.random.default_rng(seed), _speed(seed)
    frames = camera(seed, [(speed * at, 0.0) for at in range(TAKE)])
    drops = random.uniform((0, 0, 0.7), (WIDTH, HEIGHT, 1.3), (90, 3))
    fallen = []
    for at, frame in enumerate(frames):
        image = Image.fromarray(frame.clip(0, 255).astype(np.uint8))
        draw = ImageDraw.Draw(image, "RGBA")
        for x, y, speed in drops:
            top = (y + at * 19 * speed) % (HEIGHT + 20) - 20
            draw.line([x, top, x + 1, top + 9], fill=(225, 230, 240, 110))
        fallen.append(np.asarray(image, float))
    return fallen


def flicker(seed: int) -> Frames:
    """Light that changes by up to 4 % from frame to frame."""
    random, speed = np.random.default_rng(seed), _speed(seed)
    frames = camera(seed, [(speed * at, 0.6 * at) for at in range(TAKE)])
    return [frame * random.uniform(0.97, 1.01) for frame in frames]


def synthetic(seed: int) -> Frames:
    """A clip of the bundled generator."""
    from plugins.synthetic.geometry import geometry
    from plugins.synthetic.options import SyntheticOptions
    from plugins.synthetic.shot import Render

    request = ShotRequest(
        project="calibration",
        sequence="hero",
        shot="pour",
        prompt="Coffee is poured, evening light",
        duration_s=TAKE / RATE + 0.5,
        resolution="180p",
        fps=float(RATE),
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        Render(request, SyntheticOptions(audio=False), geometry(request), None).run(path)
        return [frame.astype(float) for frame in decoded(path)][:TAKE]


FOOTAGE: Final[Mapping[str, Callable[[int], Frames]]] = {
    "synthetic": synthetic,
    "pan": pan,
    "hand_held": hand_held,
    "noise": noisy,
    "cuts": cuts,
    "rain": rain,
    "flicker": flicker,
}


def tones(seed: int) -> Any:
    at = np.arange(4 * SOUND_RATE) / SOUND_RATE
    tune = np.random.default_rng(seed).uniform(0.8, 1.25)
    return sum(0.12 * np.sin(2 * np.pi * pitch * tune * at) for pitch in (220, 277.2, 329.6, 880))


def hiss(seed: int) -> Any:
    """Wind: noise, with less of it the higher it is."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(0, 1, 4 * SOUND_RATE))
    low = np.fft.irfft(spectrum / (1 + np.arange(len(spectrum)) / 4 / 800))
    return 0.1 * low / low.std()


def voice(seed: int) -> Any:
    """Syllables: a buzz that comes and goes four times a second."""
    at = np.arange(4 * SOUND_RATE) / SOUND_RATE
    pitch, begin = np.random.default_rng(seed).uniform((95, 0), (190, 2 * np.pi))
    buzz = sum(np.sin(2 * np.pi * pitch * number * at) / number for number in range(1, 20))
    return 0.15 * buzz * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * at + begin))


SOUND: Final = {"synthetic": tones, "hand_held": voice, "cuts": voice}
"""Of the footage; hiss otherwise."""


def grainy(frames: Frames, levels: float, seed: int) -> Frames:
    random = np.random.default_rng(seed)
    return [frame + random.normal(0, levels, frame.shape[:2])[..., None] for frame in frames]


def decoded(path: Path) -> Frames:
    with open_video(path) as source:
        return list(Pictures(list(source.container.decode(source.track)), source.sar, source.crop))
