"""The options of `synthetic`: most make it misbehave on purpose, so that all the rest can be tested."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Final, Literal, get_args

from runner.api import TRANSPORT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.api import JSON

Fail = Literal["none", "submit", "running", "after"]
Deliver = Literal["whole", "truncated", "html", "empty", "wrong_size"]

_NUMBERS: Final[dict[str, tuple[float, float]]] = {
    "reframe": (0.1, 10),
    "repeat_first": (0, 100_000),
    "drift_brightness": (-255, 255),
    "drift_hue": (-180, 180),
    "latency_s": (0, 86_400),
    "queue_s": (0, 86_400),
    "b_frames": (0, 8),
}
_WORDS: Final[dict[str, tuple[str, ...]]] = {"fail": get_args(Fail), "deliver": get_args(Deliver)}


@dataclass(frozen=True, slots=True)
class SyntheticOptions:
    """Each one may also be set for one shot, in its `params`. The defaults make it behave.

    ignore_image      draw from the prompt alone although a first frame was given
    reframe           zoom the given first frame: 1.2 crops into it, 0.8 shrinks it inside a black border
    repeat_first      show the first frame this many times more; the clip stays as long as asked
    drift_brightness  change over the clip, in 8-bit levels
    drift_hue         change over the clip, in degrees
    fade_to_black     end in black
    audio             give the clip a soundtrack
    b_frames          how many B-frames the encoder may put between two others
    inline            take first frames in the request, so that no image host is needed
    latency_s         how long a task takes at least, in seconds, its progress rising meanwhile
    queue_s           how long a task is queued before that
    fail              refuse at "submit", give up while "running", or refuse every fetch "after" success
    deliver           the "whole" clip; a "truncated", "html" or "empty" file; or "wrong_size": the clip under
                      another Content-Length

    Raises `ValueError` that names the option and what it may be.
    """

    ignore_image: bool = False
    reframe: float = 1.0
    repeat_first: int = 0
    drift_brightness: float = 0.0
    drift_hue: float = 0.0
    fade_to_black: bool = False
    audio: bool = True
    b_frames: int = 0
    inline: bool = field(default=False, metadata=TRANSPORT)
    latency_s: float = field(default=0.0, metadata=TRANSPORT)
    queue_s: float = field(default=0.0, metadata=TRANSPORT)
    fail: Fail = field(default="none", metadata=TRANSPORT)
    deliver: Deliver = field(default="whole", metadata=TRANSPORT)

    def __post_init__(self) -> None:
        for option in fields(self):
            _check(option.name, getattr(self, option.name), option.default)

    def with_params(self, params: Mapping[str, JSON]) -> SyntheticOptions:
        """The options for one shot: `params` win. Raises `ValueError` for what is not an option."""
        known = [option.name for option in fields(self)]
        for name in params:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1, 0.0)[0]
                raise ValueError(f"{name!r} is not an option of synthetic; the nearest one is {near!r}")
        return replace(self, **params)  # type: ignore[arg-type]  # __post_init__ checks each type


def _check(name: str, value: object, default: object) -> None:
    if name in _WORDS:
        if value not in _WORDS[name]:
            raise ValueError(f"{name} is {value!r}; it may be {', '.join(_WORDS[name])}")
    elif isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {value!r}; it may be true or false")
    else:
        low, high = _NUMBERS[name]
        kind = "a whole number" if isinstance(default, int) else "a number"
        fits = isinstance(value, int) or (isinstance(value, float) and isinstance(default, float))
        if isinstance(value, bool) or not fits or not low <= value <= high:  # type: ignore[operator]  # it fits
            raise ValueError(f"{name} is {value!r}; it may be {kind} from {low:g} to {high:g}")
