"""Still images: encoding frames, reading what people and hosts hand in, and decoding for measurement.

image = encode(frame.rgb, "png")         # fast, byte-deterministic
image = read(path.read_bytes(), name=str(path))
rgb = decode(image)                      # uint8 (height, width, 3)
image = convert(image, ("jpeg",))      # for a provider that takes nothing else
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from runner.api import EncodedImage
from runner.errors import MediaError
from runner.media.magic import FORMATS, describe, picture_format

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

try:
    from isal.isal_zlib import compress as _compress
except ImportError:  # no wheel for this machine: the same image, about three times slower
    from zlib import compress as _compress

__all__ = ["FORMATS", "MAX_PIXELS", "convert", "decode", "encode", "read"]

MAX_PIXELS: Final = 80_000_000
"""Larger images are refused: no model takes them, and a small file can claim any size."""

_PLAIN: Final = ("RGB", "L", "P", "1")
_ORIENTATION: Final = 0x0112  # the EXIF tag

# The classes themselves instead of Image.open: that one warns about large images through `warnings`, which
# cannot be silenced for one thread; here MAX_PIXELS decides.
_READERS: Final[dict[str, Callable[[io.BytesIO], Image.Image]]] = {
    "png": PngImageFile,
    "jpeg": JpegImageFile,
    "webp": WebPImageFile,
}


def encode(rgb: NDArray[np.uint8], format: str = "png") -> EncodedImage:
    """Encode a frame of shape (height, width, 3), dtype uint8, as "png", "jpeg" or "webp".

    PNG and WebP are lossless, JPEG is quality 95 without chroma subsampling. The same pixels give the same
    bytes on one installation. No colour chunk is written: a frame holds its video's own R'G'B' values, which
    every reader of an untagged image takes as they are; an sRGB chunk would claim a transfer curve that the
    video does not have, and invite colour-managed readers to convert.

    Raises `MediaError` for another format or a size it cannot hold, `ValueError` for another shape or dtype.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ValueError(
            f"a frame is uint8 of shape (height, width, 3), not {rgb.dtype} of shape {rgb.shape}"
        )
    if format == "png":
        data = _png(rgb)
    elif format in FORMATS:
        data = _pillow(rgb, format)
    else:
        raise MediaError(
            f"pictures cannot be written as {format!r}", why=f"known formats: {', '.join(FORMATS)}"
        )
    return _picture(data, format, width=rgb.shape[1], height=rgb.shape[0])


def read(data: bytes, *, name: str = "") -> EncodedImage:
    """Check that `data` is a whole PNG, JPEG or WebP still, and return it unchanged.

    An image that needs its EXIF orientation to stand upright is encoded again, upright, in its own format: video
    models ignore that tag. So is one with transparency, 16-bit samples or CMYK, as `decode` shows it: what a model
    would make of those is anybody's guess. `name` is the file or URL to blame.

    Raises `MediaError` that says what the bytes are instead.
    """
    format = picture_format(data)
    if format is None:
        raise MediaError(
            "this is not an image that can be used",
            where=name,
            why=f"it is {describe(data)}; a PNG, JPEG or WebP is needed",
        )
    image = _load(data, format, name)
    turned = image.getexif().get(_ORIENTATION, 1) in range(2, 9)
    if turned or image.has_transparency_data or image.mode not in _PLAIN:
        return encode(_rgb(image), format)
    return _picture(data, format, width=image.width, height=image.height)


def decode(picture: EncodedImage) -> NDArray[np.uint8]:
    """Decode to RGB of shape (height, width, 3), dtype uint8, upright.

    Transparency is flattened over black, as video does. 16-bit samples lose their low byte. Embedded colour
    profiles are not applied: the values are those of the file. Raises `MediaError`.
    """
    return _rgb(_load(picture.data, picture.format, ""))


def convert(picture: EncodedImage, formats: tuple[str, ...]) -> EncodedImage:
    """Return `picture` itself if its format is among `formats`, else encoded in the first of them."""
    if picture.format in formats:
        return picture
    if not formats:
        raise MediaError("an image cannot be converted", why="no format to convert to was named")
    return encode(decode(picture), formats[0])


def _picture(data: bytes, format: str, *, width: int, height: int) -> EncodedImage:
    digest = hashlib.sha256(data).hexdigest()
    return EncodedImage(data=data, format=format, width=width, height=height, sha256=digest)


def _png(rgb: NDArray[np.uint8]) -> bytes:
    height, width, _ = rgb.shape
    lines = np.empty((height, 1 + width * 3), np.uint8)
    flat = np.ascontiguousarray(rgb).reshape(height, width * 3)
    lines[:, 0] = 2  # the Up filter on each line; the line above the first counts as zeros
    lines[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=lines[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = _compress(lines.tobytes(), 1)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _pillow(rgb: NDArray[np.uint8], format: str) -> bytes:
    image = Image.fromarray(rgb)
    out = io.BytesIO()
    try:
        if format == "jpeg":
            image.save(out, "JPEG", quality=95, subsampling=0)
        else:
            image.save(out, "WEBP", lossless=True, quality=0, method=0)
    except (OSError, ValueError) as error:
        raise MediaError(
            f"a {image.width}x{image.height} image cannot be a {format}", why=str(error)
        ) from error
    return out.getvalue()


def _load(data: bytes, format: str, name: str) -> Image.Image:
    try:
        image = _READERS[format](io.BytesIO(data))
    except Exception as error:  # the parsers raise whatever they trip over
        raise _broken(format, name, error) from error
    if image.width * image.height > MAX_PIXELS:
        raise MediaError(
            f"this {format} image is too large",
            where=name,
            why=f"{image.width}x{image.height} is more than {MAX_PIXELS // 1_000_000} megapixels",
        )
    if getattr(image, "is_animated", False):
        raise MediaError(f"this {format} image is an animation", where=name, why="a still image is needed")
    try:
        if format == "png":
            _READERS[format](io.BytesIO(data)).verify()  # the checksums, which loading does not look at
        image.load()
    except Exception as error:
        raise _broken(format, name, error) from error
    return image


def _broken(format: str, name: str, error: Exception) -> MediaError:
    return MediaError(f"this {format} image is truncated or damaged", where=name, why=str(error))


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        # Pillow's own conversion of 16-bit grey cuts everything above 255 to white.
        grey = (np.asarray(image).astype(np.int64) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return np.array(image.convert("RGB"), dtype=np.uint8)
