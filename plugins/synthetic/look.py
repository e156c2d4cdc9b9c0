"""What a shot shows, decided from its words and numbers: mood, land and a source of chance."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from .palette import MOODS, Palette, palette

if TYPE_CHECKING:
    from runner.api import ShotRequest

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
