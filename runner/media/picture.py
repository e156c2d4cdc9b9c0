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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from runner.api import EncodedImage
from runner.errors import MediaError
from runner.media import icc, repair
from runner.media.magic import FORMATS, describe, readable_format

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

try:
    from isal.isal_zlib import compress as _compress
except ImportError:  # no wheel for this machine: the same image, about three times slower
    from zlib import compress as _compress

__all__ = ["FORMATS", "MAX_PIXELS", "WHITE", "Adopted", "adopt", "convert", "decode", "encode", "read"]

MAX_PIXELS: Final = 50_000_000
"""Larger images are refused: no model takes them, and a small file can claim any size."""

WHITE: Final = (255, 255, 255)
_PLAIN: Final = ("RGB", "L", "P", "1")
_ORIENTATION: Final = 0x0112  # the EXIF tag


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """An image that was handed in, as it is handed on."""

    image: EncodedImage
    notes: tuple[str, ...] = ()
    """What was changed, in words."""


def read(data: bytes, *, name: str = "") -> EncodedImage:
    """The image that `adopt` returns, without its notes. Raises `MediaError`."""
    return adopt(data, name=name).image


def adopt(data: bytes, *, name: str = "", background: tuple[int, int, int] = WHITE) -> Adopted:
    """Check that `data` is a whole PNG, JPEG, WebP, HEIC or AVIF still, and return it unchanged where models take it.

    Encoded again are: HEIC and AVIF, as JPEG; an image that needs its EXIF orientation to stand upright, since video
    models ignore that tag; one with another colour profile than sRGB, with transparency (shown over `background`, an
    RGB colour), with 16-bit samples or in CMYK, since what a model would make of those is anybody's guess. A file
    whose pixels are all there is accepted with a note where another part of it is damaged. `name` is the file or URL
    to blame.

    Raises `MediaError` that says what the bytes are instead.
    """
    format = readable_format(data)
    if format is None:
        raise MediaError(
            "this is not an image that can be used",
            where=name,
            why=f"it is {describe(data)}; a PNG, JPEG, WebP, HEIC or AVIF is needed",
        )
    loaded = _load(data, format, name)
    image, notes = loaded.image, list(loaded.notes)
    if format not in FORMATS:
        notes.append(f"it is {describe(data)}, and is handed on as JPEG")
    deep = image.mode.startswith("I") or (format == "png" and data[24] == 16)
    if deep:
        notes.append("its 16 bits per sample become 8")
    colours = icc.other_colours(image)
    if colours:
        notes.append(f"its colours are converted from {colours} to sRGB")
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        notes.append("what is transparent in it is shown over a background")
    turned = image.getexif().get(_ORIENTATION, 1) in range(2, 9)
    plain = image.mode in _PLAIN and not image.has_transparency_data
    if format not in FORMATS or deep or colours or turned or not plain:
        found = encode(_rgb(image, background), format if format in FORMATS else "jpeg")
    else:
        found = _picture(loaded.data, format, width=image.width, height=image.height)
    return Adopted(image=found, notes=tuple(notes))


def decode(picture: EncodedImage) -> NDArray[np.uint8]:
    """Decode to RGB of shape (height, width, 3), dtype uint8, upright.

    Other colour profiles than sRGB are applied, transparency is shown over white, 16-bit samples lose their low byte.
    Raises `MediaError`.
    """
    return _rgb(_load(picture.data, picture.format, "").image, WHITE)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """`data` is what can be handed on as it is."""

    image: Image.Image
    data: bytes
    notes: tuple[str, ...] = ()


def _load(data: bytes, format: str, name: str) -> _Loaded:
    try:
        repaired = repair.png(data) if format == "png" else repair.Repaired(data=data)
        image = _reader(format)(io.BytesIO(repaired.data))
    except Exception as error:  # the parsers raise whatever they trip over
        raise _broken(format, name, error) from error
    if image.width * image.height > MAX_PIXELS:
        raise MediaError(
            f"this {format} image is too large",
            where=name,
            why=f"{image.width}x{image.height} is more than {MAX_PIXELS // 1_000_000} megapixels",
        )
    # HEIC files hold several images as a matter of course; the first is the one that is shown.
    if format != "heic" and getattr(image, "is_animated", False):
        raise MediaError(f"this {format} image is an animation", where=name, why="a still image is needed")
    try:
        image.load()
    except Exception as error:
        whole = repair.jpeg(data) if format == "jpeg" else None
        if whole is None:
            raise _broken(format, name, error) from error
        image = JpegImageFile(io.BytesIO(whole.data))
        image.load()
        return _Loaded(image=image, data=whole.data, notes=whole.notes)
    if repaired.profile:
        image.info["icc_profile"] = repaired.profile
    return _Loaded(image=image, data=repaired.data if repaired.notes else data, notes=repaired.notes)


def _reader(format: str) -> Callable[[io.BytesIO], Image.Image]:
    """The classes themselves instead of Image.open: that one warns about large images through `warnings`, which
    cannot be silenced for one thread; here MAX_PIXELS decides."""
    match format:
        case "png":
            return PngImageFile
        case "jpeg":
            return JpegImageFile
        case "webp":
            return WebPImageFile
        case "avif":
            from PIL.AvifImagePlugin import AvifImageFile

            return AvifImageFile
    from pillow_heif.as_plugin import HeifImageFile

    return HeifImageFile


def _broken(format: str, name: str, error: Exception) -> MediaError:
    return MediaError(f"this {format} image is truncated or damaged", where=name, why=str(error))


def _rgb(image: Image.Image, background: tuple[int, int, int]) -> NDArray[np.uint8]:
    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        # Pillow's own conversion of 16-bit grey cuts everything above 255 to white.
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).astype(np.uint8))
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode in ("1", "LA") else "RGB")
    image.info["icc_profile"] = profile
    image = icc.to_srgb(image)
    if alpha is not None:
        image = Image.composite(image, Image.new("RGB", image.size, background), alpha)
    return np.array(image, dtype=np.uint8)
