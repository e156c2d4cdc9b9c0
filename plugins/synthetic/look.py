"""What a shot shows, decided from its words and numbers: mood, land and a source of chance."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from .planes import oklab

if TYPE_CHECKING:
    from runner.api import ShotRequest

    from .planes import Colour


@dataclass(frozen=True, slots=True)
class Palette:
    """OKLab colours: the sky from top to horizon, the disc in it, and the nearest, darkest ground."""

    zenith: Colour
    middle: Colour
    horizon: Colour
    disc: Colour
    near: Colour
    dark: bool


# zenith, middle, horizon, disc, near
MOODS: Final[dict[str, tuple[str, str, str, str, str]]] = {
    "dawn": ("2f4178", "a3709c", "ffc5a1", "fff3dc", "1d1a3b"),
    "gold": ("43306b", "d0597a", "ffb763", "fff3c8", "2a1233"),
    "ember": ("2a1036", "a3224c", "ff8443", "ffe0a8", "19071b"),
    "noon": ("2878bd", "77bfe6", "e6f6f4", "fffffa", "0e4159"),
    "mint": ("1d6d7a", "6cc3b4", "f0f6d4", "fffde6", "0a3840"),
    "night": ("050a22", "142459", "4767b0", "f1f4ff", "030616"),
    "aurora": ("04112a", "0b4a5f", "56d6ad", "e9fff4", "020c1b"),
    "violet": ("1b1048", "683da0", "f19bc9", "fff0f7", "140931"),
    "desert": ("4a87a8", "e6c593", "fce0ae", "fffbe8", "6f2a1b"),
    "storm": ("1b2631", "4c6374", "c6d5d6", "f8fbfb", "0c141b"),
    "rose": ("7286c6", "efb6c8", "ffe8da", "ffffff", "53396e"),
    "amber": ("2b1710", "8b4b22", "f4b56a", "fff3d4", "170a05"),
    "lagoon": ("093769", "1c9db6", "c5f1de", "fffeea", "052538"),
    "neon": ("130a31", "7b209f", "ff5c9c", "ffe6b0", "09041f"),
}
_DARK: Final = ("night", "aurora", "neon", "ember")


def palette(mood: str, chance: np.random.Generator) -> Palette:
    """The colours of a mood, turned by up to 18 degrees and lit a little differently by `chance`."""
    angle = np.radians(chance.uniform(-18, 18))
    light = chance.uniform(0.93, 1.06)
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    bent = []
    for text in MOODS[mood]:
        lab = oklab(text)
        bent.append(np.concatenate(((min(lab[0] * light, 1.0),), turn @ lab[1:])))
    zenith, middle, horizon, disc, near = bent
    disc[0] = max(disc[0], 0.97)  # the light itself never dulls
    return Palette(zenith, middle, horizon, disc, near, dark=mood in _DARK)


LANDS: Final = ("mountains", "dunes", "sea", "forest", "city")

_HINTS: Final[dict[str, str]] = {
    "dawn": "dawn morning sunrise daybreak",
    "gold": "sunset dusk golden evening honey",
    "ember": "fire ember lava burning flame volcano",
    "noon": "noon midday daylight sunny summer bright",
    "mint": "spring fresh mint tea garden meadow",
    "night": "night midnight moon moonlit dark stars starry",
    "aurora": "aurora arctic polar northern magic",
    "violet": "violet purple lavender dream twilight",
    "desert": "desert sand dust arid canyon",
    "storm": "storm rain fog mist grey gray cloudy winter snow",
    "rose": "rose pink blossom soft pastel wedding",
    "amber": "coffee espresso chocolate amber whisky wood roast beans cup",
    "lagoon": "ocean tropical lagoon turquoise island underwater",
    "neon": "neon cyberpunk synthwave club party futuristic",
    "mountains": "mountain mountains peak summit alps cliff valley rock hiker",
    "dunes": "dune dunes desert sand pour cream silk",
    "sea": "sea ocean wave waves beach water boat ship lake river lagoon coast harbour harbor",
    "forest": "forest tree trees woods pine jungle garden bear fox deer",
    "city": "city town street skyline building tower rooftop neon urban office traffic",
}


@dataclass(frozen=True, slots=True)
class Look:
    """`entropy` seeds every choice that is left to chance."""

    palette: Palette
    land: str
    entropy: int

    def chance(self, part: str) -> np.random.Generator:
        """An independent source of chance for one part of the image or sound."""
        return np.random.default_rng([self.entropy, *part.encode()])


def look(request: ShotRequest) -> Look:
    """The look of a shot. The prompt's words choose where they can; prompt, seed and take choose the rest."""
    entropy = _hash(request.prompt, request.seed, request.take)
    chance = np.random.default_rng(entropy)
    words = re.findall(r"\w+", request.prompt.lower())
    mood = _hinted(words, tuple(MOODS)) or str(chance.choice(tuple(MOODS)))
    land = _hinted(words, LANDS) or str(chance.choice(LANDS))
    tint = np.random.default_rng(_hash(entropy, request.model))
    return Look(palette=palette(mood, tint), land=land, entropy=entropy)


def _hinted(words: list[str], names: tuple[str, ...]) -> str | None:
    for word in words:
        for name in names:
            if word in _HINTS[name].split():
                return name
    return None


def _hash(*values: object) -> int:
    text = json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:16])
