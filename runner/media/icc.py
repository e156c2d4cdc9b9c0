"""Colour profiles of still images: other colour spaces are converted to sRGB, which models and video suppose."""

from __future__ import annotations

import functools
import io
import itertools
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageCms

if TYPE_CHECKING:
    from collections.abc import Callable

_SAME: Final = 2  # levels: profiles of sRGB differ so little among themselves
_STEPS: Final = tuple(range(0, 256, 51))


def to_srgb(image: Image.Image) -> Image.Image:
    """An image of mode L, RGB or CMYK as RGB, its embedded profile applied. A profile that is broken, or belongs to
    another kind of image, is ignored, as viewers do."""
    transform = _transform(image.info.get("icc_profile") or b"", image.mode)
    return transform(image) if transform is not None else image.convert("RGB")


def other_colours(image: Image.Image) -> str:
    """The name of an image's colour space where it is not sRGB, and has to be converted; else empty."""
    profile = image.info.get("icc_profile") or b""
    mode = image.mode if image.mode in ("CMYK", "L") else "RGB"
    return _name(profile) if _transform(profile, mode) is not None else ""


@functools.lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> Callable[[Image.Image], Image.Image] | None:
    """The conversion to sRGB; `None` where there is nothing to convert."""
    if not profile or mode not in ("L", "RGB", "CMYK"):
        return None
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None

    def convert(image: Image.Image) -> Image.Image:
        converted = ImageCms.applyTransform(image, transform)
        assert converted is not None, "it is not converted in place"
        return converted

    if mode == "CMYK":
        return convert
    before = Image.new(mode, (len(_STEPS) ** 3, 1) if mode == "RGB" else (256, 1))
    before.putdata(list(itertools.product(_STEPS, repeat=3)) if mode == "RGB" else list(range(256)))
    pairs = zip(before.convert("RGB").tobytes(), convert(before).tobytes(), strict=True)
    return convert if max(abs(old - new) for old, new in pairs) > _SAME else None


@functools.lru_cache(maxsize=8)
def _name(profile: bytes) -> str:
    try:
        found = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError):
        found = ""
    shown = "".join(letter for letter in found.strip()[:60] if letter.isprintable())
    return shown or "another colour space"
