"""The keys of `film:`, as they may be typed. Field names are the keys; `None` means "not given"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from runner.config.schema import Positive, Text  # noqa: TC001 - pydantic reads the annotations

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False, strict=True)]
Decibels = Annotated[float, Field(ge=-60, le=30, allow_inf_nan=False, strict=True)]
Reduction = Annotated[float, Field(ge=0, le=60, allow_inf_nan=False, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundKeys:
    """What `film.music:` and `film.narration:` have in common. `gain_db` makes it louder or quieter."""

    file: Text
    gain_db: Decibels = 0.0
    start_s: Seconds = 0.0
    """When it begins."""
    fade_in_s: Seconds = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicKeys(SoundKeys):
    """`film.music:`."""

    fade_out_s: Seconds = 2.0
    loop: bool = True
    """It is repeated until the film ends."""
    duck_db: Reduction = 9.0
    """How much quieter it is while narration or a clip is heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrationKeys(SoundKeys):
    """`film.narration:`."""

    fade_out_s: Seconds = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCardKeys:
    """`film.end_card:`. The film dissolves into the card for the first `fade_s` of its `duration_s`."""

    image: Text
    duration_s: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False, strict=True)] = 3.0
    fade_s: Seconds = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """`film:`. What it says of files is read by `runner.config.film`, which finds them."""

    join: bool = True
    crossfade_ms: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False, strict=True)] = 20.0
    """How long the sound of both clips is heard at a chained seam."""
    fade: Annotated[int, Field(ge=0, le=240, strict=True)] = 0
    """Frames over which one shot dissolves into the next."""
    fade_at: Literal["cuts", "all"] = "cuts"
    """Where: at seams that are not chained, or at all."""
    level: Annotated[float, Field(ge=-40, le=-8, allow_inf_nan=False, strict=True)] | None = None
    """The loudness that each clip is brought to, in LUFS."""
    audio: Literal["clips", "music", "mix", "none"] | None = None
    """`None` is `mix` where there is music or narration, else `clips`."""
    music: MusicKeys | None = None
    narration: NarrationKeys | None = None
    end_card: EndCardKeys | None = None
    order: tuple[Text, ...] = ()
    """The sequences of the run's own film."""
    between: Literal["cut", "fade"] = "cut"
    """How one sequence goes over into the next."""
    max_duration_s: Positive | None = None
    """The plan warns of longer films."""
