"""The form in which a model takes an image: a format, few enough bytes, sides and a shape within its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import MediaError
from runner.media import picture

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from runner.api import EncodedImage, ImageInput


def misfit(width: int, height: int, limits: ImageInput) -> str:
    """Why no image of this size in pixels can be used, with what is allowed; nothing where it can."""
    least, most, shape = limits.min_px, limits.max_px, limits.ratio
    if least is not None and min(width, height) < least:
        return f"{width}x{height} is too small: {least} is the least width and height"
    if most is not None and max(width, height) > most:
        return f"{width}x{height} is too large: {most} is the greatest width and height"
    if shape is not None and not shape.low <= width / height <= shape.high:
        return (
            f"{width}x{height} is too {'wide' if width > height else 'high'}: "
            f"its width should be {shape.low:g} to {shape.high:g} times its height"
        )
    return ""


def takes(format: str, size: int, limits: ImageInput) -> bool:
    """Whether a file of this format and of so many bytes is taken as it is."""
    return format in limits.formats and (limits.size_limit is None or size <= limits.size_limit)


def fitted(found: EncodedImage, limits: ImageInput) -> EncodedImage:
    """The image as it is where the model takes it, else as `encoded`. Raises `MediaError` where nothing helps."""
    if takes(found.format, len(found.data), limits) and not misfit(found.width, found.height, limits):
        return found
    return encoded(picture.decode(found), limits)


def encoded(rgb: NDArray[Any], limits: ImageInput) -> EncodedImage:
    """A frame in the first format that keeps within what the model takes; lossless ones before JPEG.

    Raises `MediaError` where none does.
    """
    height, width = rgb.shape[:2]
    if why := misfit(width, height, limits):
        raise MediaError("the first frame does not fit the model", why=why)
    first, *others = limits.formats
    for format in (first, *sorted(others, key=lambda one: one == "jpeg")):
        made = picture.encode(rgb, format)
        if takes(format, len(made.data), limits):
            return made
    raise MediaError(
        "the first frame does not fit the model",
        why=f"{width}x{height} takes more than {limits.size_limit:,} bytes in every format that it takes",
    )
