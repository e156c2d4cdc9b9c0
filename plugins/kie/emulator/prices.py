"""What a task costs, in credits of US$0.005: the rows that the sources agree on, and one default for the rest.

A combination without a row costs `DEFAULT_PER_S` for each second: made up, and told as such in the books
(`"price_known": false`). So does what has reference videos: their seconds are billed too, and nobody knows them when
the credits are held. MiniMax's extra pictures are not billed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PER_S: Final = Decimal(20)
USD: Final = Decimal("0.005")

_AUDIO: Final = ("sound", "audio", "generate_audio", "generate_audio_switch")
_RESOLUTION: Final = ("resolution", "mode", "quality")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`credits` for each second or clip, where all that is said here holds. A resolution is in lower case.

    `without` is a field that may not be there.
    """

    credits: Decimal
    per: str = "second"
    resolution: str = ""
    duration_s: int = 0
    audio: bool | None = None
    field: str = ""
    value: str = ""
    without: str = ""

    def fits(self, given: Mapping[str, Any], duration_s: Decimal) -> bool:
        resolution = next((str(given[name]).lower() for name in _RESOLUTION if given.get(name)), "")
        return (
            self.resolution in ("", resolution)
            and self.duration_s in (0, duration_s)
            and (self.audio is None or self.audio == any(given.get(name) for name in _AUDIO))
            and (not self.field or str(given.get(self.field, "")) == self.value)
            and not (self.without and given.get(self.without))
        )


class Price(NamedTuple):
    """`known` tells a price of the table from the default."""

    credits: Decimal
    known: bool


def price(model: str, given: Mapping[str, Any], duration_s: Decimal) -> Price:
    """What a task of this model costs; `given` has the defaults filled in."""
    for row in PRICES.get(model, ()):
        if row.fits(given, duration_s):
            return Price(row.credits * (duration_s if row.per == "second" else 1), True)
    return Price(DEFAULT_PER_S * duration_s, False)


def _per_s(audio: bool | None = None, without: str = "", /, **credits: object) -> tuple[Row, ...]:
    """Credits a second by resolution ("p480" is 480p), `each` whatever the resolution."""
    return tuple(
        Row(credits=Decimal(str(value)), resolution=_resolution(name), audio=audio, without=without)
        for name, value in credits.items()
    )


def _per_clip(resolution: str = "", audio: bool | None = None, /, **credits: object) -> tuple[Row, ...]:
    """Credits a clip by duration ("s5" is 5 s), `each` whatever the duration."""
    return tuple(
        Row(
            credits=Decimal(str(value)),
            per="clip",
            resolution=resolution,
            duration_s=int(name.removeprefix("s")) if name != "each" else 0,
            audio=audio,
        )
        for name, value in credits.items()
    )


def _resolution(name: str) -> str:
    return "" if name == "each" else f"{name[1:]}{name[0]}"


def _chosen(field: str, value: str, resolution: str, credits: object, duration_s: int = 0) -> Row:
    return Row(
        credits=Decimal(str(credits)),
        per="clip",
        resolution=resolution,
        duration_s=duration_s,
        field=field,
        value=value,
    )


_SORA: Final = (
    _chosen("n_frames", "10", "", 30),
    _chosen("n_frames", "15", "", 35),
)
_SORA_PRO: Final = (
    _chosen("size", "standard", "", 150, 10),
    _chosen("size", "standard", "", 270, 15),
    _chosen("size", "high", "", 330, 10),
    _chosen("size", "high", "", 630, 15),
)
_KLING_3: Final = (
    Row(credits=Decimal(18), resolution="pro", audio=False),
    Row(credits=Decimal(27), resolution="pro", audio=True),
)
_OMNI: Final = (
    *_per_s(False, p720=14, p1080=18),
    *_per_s(True, p720=18, p1080=23),
    *_per_s(k4=67),
)
_TURBO: Final = _per_s(p720=18, p1080="22.5")
_MASTER: Final = _per_clip(s5=160, s10=320)
_KLING_2_5: Final = _per_clip(s5=42, s10=84)
_KLING_2_6: Final = (*_per_clip("", False, s5=55, s10=110), *_per_clip("", True, s5=110, s10=220))
_NO_CLIPS: Final = "reference_video_urls"
_SEEDANCE_PRO: Final = _per_s(p480="2.8", p720=6, p1080=14)
_SEEDANCE_LITE: Final = _per_s(p480=2, p720="4.5", p1080=10)
_WAN_2_6: Final = (
    *_per_clip("720p", s5=70, s10=140, s15=210),
    *_per_clip("1080p", s5="104.5", s10="209.5", s15=315),
)
_WAN_2_5: Final = _per_clip("720p", s5=60, s10=120)
_WAN_2_2: Final = _per_s(p720=16)
_WAN_3: Final = _per_s(p480=8, p720=16, p1080=32)
_MINIMAX: Final = _per_s(p768=8, k2=13)
_GROK: Final = _per_s(p480="2.4", p720="4.5", p1080=8)
_HORSE: Final = _per_s(p720=28, p1080=48)
_HORSE_1_1: Final = _per_s(p720="22.5", p1080=29)
_PIXVERSE: Final = _per_s(False, p360=4, p540="5.6", p720="7.2", p1080="14.4")

PRICES: Final[Mapping[str, tuple[Row, ...]]] = {
    "sora-2-text-to-video": _SORA,
    "sora-2-image-to-video": _SORA,
    "sora-2-text-to-video-stable": _per_clip(s10=35),
    "sora-2-image-to-video-stable": _per_clip(s10=35),
    "sora-2-pro-text-to-video": _SORA_PRO,
    "sora-2-pro-image-to-video": _SORA_PRO,
    "sora-2-pro-storyboard": _per_clip(s10=150, s15=270, s25=270),
    "sora-watermark-remover": _per_clip(each=10),
    "veo-3-1": (
        _chosen("model", "veo3_fast", "720p", 60),
        _chosen("model", "veo3_fast", "1080p", 65),
        _chosen("model", "veo3_lite", "720p", 60),
        _chosen("model", "veo3_lite", "1080p", 35),
        _chosen("model", "veo3", "1080p", 255),
    ),
    "kling-3.0/video": _KLING_3,
    "kling-3.0-omni/image-to-video": _OMNI,
    "kling/v3-turbo-image-to-video": _TURBO,
    "kling/v3-turbo-text-to-video": _TURBO,
    "kling/v2-1-standard": _per_clip(s5=25, s10=50),
    "kling/v2-1-pro": _per_clip(s5=50, s10=100),
    "kling/v2-1-master-image-to-video": _MASTER,
    "kling/v2-1-master-text-to-video": _MASTER,
    "kling/v2-5-turbo-image-to-video-pro": _KLING_2_5,
    "kling/v2-5-turbo-text-to-video-pro": _KLING_2_5,
    "kling-2.6/image-to-video": _KLING_2_6,
    "kling-2.6/text-to-video": _KLING_2_6,
    "bytedance/seedance-2": _per_s(None, _NO_CLIPS, p480=19, p720=41),
    "bytedance/seedance-2-mini": _per_s(None, _NO_CLIPS, p720="8.2"),
    "bytedance/seedance-2-5": _per_s(None, _NO_CLIPS, p480=28, p720=63),
    "bytedance/v1-pro-image-to-video": _SEEDANCE_PRO,
    "bytedance/v1-pro-text-to-video": _SEEDANCE_PRO,
    "bytedance/v1-lite-image-to-video": _SEEDANCE_LITE,
    "bytedance/v1-lite-text-to-video": _SEEDANCE_LITE,
    "wan/2-6-image-to-video": _WAN_2_6,
    "wan/2-6-text-to-video": _WAN_2_6,
    "wan/2-5-image-to-video": _WAN_2_5,
    "wan/2-5-text-to-video": _WAN_2_5,
    "wan/2-2-a14b-image-to-video-turbo": _WAN_2_2,
    "wan/2-2-a14b-text-to-video-turbo": _WAN_2_2,
    "wan/3-0-video": _WAN_3,
    "hailuo/2-3-image-to-video-standard": _per_clip("768p", s6=30),
    "minimax-h3/image-to-video": _MINIMAX,
    "minimax-h3/text-to-video": _MINIMAX,
    "grok-imagine/image-to-video": _GROK,
    "grok-imagine/text-to-video": _GROK,
    "happyhorse/image-to-video": _HORSE,
    "happyhorse/text-to-video": _HORSE,
    "happyhorse-1-1/image-to-video": _HORSE_1_1,
    "happyhorse-1-1/text-to-video": _HORSE_1_1,
    "pixverse-v6/image-to-video": _PIXVERSE,
    "pixverse-v6/text-to-video": _PIXVERSE,
    "pixverse-v6/transition": _PIXVERSE,
}
