"""What is known of a clip: written to the journal with the intent, completed when the clip is stored."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner.api import InputMode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.api import JSON

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_EXTENSIONS: Final = ("png", "jpg", "webp")
_MOST_FRAMES: Final = 1_000
_MOST_CANDIDATES: Final = 1_000
VERSION: Final = 1
"""Of the JSON form. Raise it when a field changes its meaning; `from_json` reads all older versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFrame:
    """The hand-over frame that a clip starts from, as it is in the object store."""

    sha256: str
    bytes: int
    extension: str
    """ "png", "jpg" or "webp"."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    time_s: float
    """Its presentation time in the clip before, in seconds."""
    method: str
    """How the extractor found it."""
    offset: int = 0
    """How many frames of the clip before come after it."""
    frame: int | None = None
    """Its number in the clip before, from 0; `None` where the rule is the last frame."""
    rule: str = "last"
    """The rule that chose it: `continuity.hand_over`."""
    transform: ColourTransform | None = None
    """What was done to its colours."""
    candidates: tuple[tuple[int, float], ...] = ()
    """The frames that the rule compared, each with how many frames come after it, and its score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourDrift:
    """The change of colour over a clip: means over its last third against its first."""

    luma: float
    chroma: float
    hue_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFile:
    """The properties of a clip's file."""

    bytes: int
    codec: str
    width: int
    """Pixels, as displayed."""
    height: int
    """Pixels, as displayed."""
    fps: str
    """Frames per second, as a fraction such as "24" or "30000/1001"."""
    frames: int
    duration_s: float
    """Seconds."""
    audio: str | None
    """The codec of its sound; `None` is silent."""
    drift: ColourDrift
    black: float | None = None
    """The share of black frames; `None` where it was not measured, as in records of older versions."""
    frozen: float | None = None
    """The longest time that one frame stands, as a share of the clip; `None` as above."""
    ends_blank: bool | None = None
    """Its last frame is a single colour; `None` as above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeamAdherence:
    """How well a clip's first frames match the frame that it was given."""

    verdict: str
    """`locked`, `reencoded`, `reframed` or `ignored`."""
    psnr_db: float
    """Peak signal-to-noise ratio over RGB, at most 99."""
    repeats: int
    """How many more times the first frame is shown before it changes."""
    zoom: float
    """The scale at which the given frame is found: 1 is unchanged."""
    doubled: bool
    """The clip begins with the very frame that the one before it ends with."""
    eases_in: int = 0
    """How many frames come before the one that the verdict is about: the best of the first five."""
    shift: float = 0.0
    """How far the given frame is moved, as a part of the frame's width."""
    luma: float = 0.0
    """How much brighter the clip begins than the given frame, in 8-bit levels of mean luma."""

    @property
    def ignored(self) -> bool:
        """Whether the clip starts from something else."""
        return self.verdict == "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipLook:
    """What a clip looks like as a whole: means over frames of it. Colours are in CIELAB (L*, a*, b*)."""

    lab: tuple[float, float, float]
    """The mean colour."""
    deviation: tuple[float, float, float]
    """The standard deviation within a frame."""
    saturation: float
    """The mean chroma."""
    sharpness: float
    """The mean square of the Laplacian of luma, in square 8-bit levels."""
    noise: float
    """The standard deviation of noise in luma, in 8-bit levels."""
    change: tuple[float, float, float]
    """The mean colour over the last 15 % of the clip less that over its first 15 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourTransform:
    """What was done to the colours of an image: in CIELAB, each channel becomes `gain * value + offset`."""

    version: int
    """Of `runner.media.colour_match`."""
    gain: tuple[float, float, float]
    offset: tuple[float, float, float]

    def to_json(self) -> JSON:
        """As JSON has it."""
        return {"version": self.version, "gain": list(self.gain), "offset": list(self.offset)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRecord:
    """One clip, from its request to its file."""

    input_mode: InputMode = InputMode.TEXT
    """`IMAGE` where the request carried a first frame."""
    fallback: str = ""
    """Why a shot that should start from a frame was requested without one; empty where it was not."""
    first_frame: StoredFrame | None = None
    """Of a chained shot. A given image is not stored: its digest is part of the identity."""
    clip: ClipFile | None = None
    """`None` until the clip is stored."""
    adherence: SeamAdherence | None = None
    """`None` where there was no first frame, or it could not be measured."""
    look: ClipLook | None = None
    """`None` until the clip is stored, and of clips that older versions stored."""
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """The record as JSON values, with its version."""
        return {"version": VERSION, **dataclasses.asdict(self), "warnings": list(self.warnings)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> ClipRecord:
        """Read a record of this version or an older one. Raises `ValueError` for what is none."""
        try:
            return _from_version_1(found if "version" in found else _upgraded(found))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a clip record: {error}") from error


def _from_version_1(found: Mapping[str, Any]) -> ClipRecord:
    if found["version"] != VERSION:
        raise ValueError(f"a clip record of version {found['version']}, this program reads up to {VERSION}")
    clip, frame = found["clip"], found["first_frame"]
    if frame and not (_DIGEST.fullmatch(frame["sha256"]) and frame["extension"] in _EXTENSIONS):
        raise ValueError("its first frame has no digest, or is no image")
    return ClipRecord(
        input_mode=InputMode(found["input_mode"]),
        fallback=found["fallback"],
        first_frame=_stored_frame(frame) if frame else None,
        clip=ClipFile(**{**clip, "drift": ColourDrift(**clip["drift"])}) if clip else None,
        adherence=SeamAdherence(**found["adherence"]) if found["adherence"] else None,
        look=_look(found["look"]) if found.get("look") else None,
        warnings=tuple(found["warnings"]),
    )


def _look(found: Mapping[str, Any]) -> ClipLook:
    return ClipLook(
        lab=_triple(found["lab"]),
        deviation=_triple(found["deviation"]),
        saturation=_number(found["saturation"]),
        sharpness=_number(found["sharpness"]),
        noise=_number(found["noise"]),
        change=_triple(found["change"]),
    )


def _transform(found: Mapping[str, Any]) -> ColourTransform:
    return ColourTransform(
        version=int(found["version"]), gain=_triple(found["gain"]), offset=_triple(found["offset"])
    )


def _triple(found: Any) -> tuple[float, float, float]:
    one, two, three = map(_number, found)
    return one, two, three


def _number(found: Any) -> float:
    if not isinstance(found, (int, float)) or not math.isfinite(found):
        raise ValueError(f"{found!r:.40} is no number")
    return float(found)


def _stored_frame(found: Mapping[str, Any]) -> StoredFrame:
    candidates = tuple((int(offset), float(score)) for offset, score in found.get("candidates", ()))
    transform = _transform(found["transform"]) if found.get("transform") else None
    frame = StoredFrame(**{**found, "candidates": candidates, "transform": transform})
    if not 0 <= frame.offset < _MOST_FRAMES or len(candidates) > _MOST_CANDIDATES:
        raise ValueError("its first frame is at no place in a clip")
    return frame


def _upgraded(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The untyped form that journals of version 1 hold, as version 1 of the record."""
    frame, clip = facts.get("first_frame"), facts.get("clip")
    return {
        "version": VERSION,
        "input_mode": facts.get("how", "text"),
        "fallback": facts.get("fell_back") or "",
        "first_frame": frame
        and {
            "sha256": frame["sha256"],
            "bytes": frame["bytes"],
            "extension": frame["ending"],
            **frame["facts"],
        },
        "clip": clip and {"bytes": clip["bytes"], **clip["facts"]},
        "adherence": facts.get("adherence"),
        "warnings": facts.get("warnings") or (),
    }
