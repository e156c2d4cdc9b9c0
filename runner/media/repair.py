"""Still images that every viewer shows although a part of the file that holds no pixels is damaged or missing."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_USED: Final = frozenset((b"tRNS", b"eXIf", b"acTL"))
"""Ancillary chunks that say something about the pixels, beside the profile."""
_LARGEST_TEXT: Final = 1 << 20
"""Readers refuse larger texts, and the image with them."""
_LARGEST_PROFILE: Final = 1 << 24
_END: Final = b"\xff\xd9"
_PADDING: Final = (b"\x00" * 64, b"\x5a\xa5" * 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """`data` holds the pixels and what is needed to show them; `notes` say what is left out or put in."""

    data: bytes
    profile: bytes | None = None
    notes: tuple[str, ...] = ()


def png(data: bytes) -> Repaired:
    """A PNG without its texts, and without ancillary chunks that are damaged. The profile is returned beside it.

    Raises `ValueError` where a critical chunk is damaged.
    """
    kept, notes = [_SIGNATURE], []
    profile: bytes | None = None
    ended = False
    for kind, body, whole in _chunks(data):
        if kind[:1].isupper():
            if not whole:
                raise ValueError(f"the checksum of its chunk {kind.decode('latin-1')} is wrong")
            kept.append(_chunk(kind, body))
            ended = kind == b"IEND"
        elif not whole:
            notes.append(f"a damaged chunk {_shown(kind)} is left out")
        elif kind == b"iCCP":
            profile = _profile(body)
            if profile is None:
                notes.append("a damaged colour profile is left out")
        elif kind in _USED:
            kept.append(_chunk(kind, body))
        elif kind in (b"tEXt", b"zTXt", b"iTXt") and len(body) > _LARGEST_TEXT:
            notes.append(f"a text of {len(body):,} bytes is left out")
        elif kind in (b"zTXt", b"iTXt") and _inflates(body):
            notes.append("a very long text is left out")
    if not ended:
        notes.append("its end marker was missing")
        kept.append(_chunk(b"IEND", b""))
    return Repaired(data=b"".join(kept), profile=profile, notes=tuple(dict.fromkeys(notes)))


def jpeg(data: bytes) -> Repaired | None:
    """A JPEG whose end marker is missing, with one; `None` where pixels are missing as well."""
    data = data.removesuffix(b"\xff")
    images = []
    for padding in _PADDING:
        try:
            images.append(np.asarray(JpegImageFile(io.BytesIO(data + padding + _END))))
        except Exception:  # the parser raises whatever it trips over
            return None
    # Where the last scan is not complete, what follows is taken for a part of it.
    if not np.array_equal(images[0], images[1]):
        return None
    return Repaired(data=data + _END, notes=("its end marker was missing",))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Kind, body, and whether the checksum is right, up to the end marker. One that is cut off is not among them."""
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length
        if at > len(data):
            return
        yield kind, body, zlib.crc32(kind + body) == int.from_bytes(data[at - 4 : at], "big")
        if kind == b"IEND":
            return


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _profile(body: bytes) -> bytes | None:
    inflate = zlib.decompressobj()
    try:
        found = inflate.decompress(body.partition(b"\0")[2][1:], _LARGEST_PROFILE)
    except zlib.error:
        return None
    return found if inflate.eof else None


def _inflates(body: bytes) -> bool:
    """Whether a compressed text is longer than readers take."""
    at = body.find(b"\x78")
    try:
        return at >= 0 and len(zlib.decompressobj().decompress(body[at:], _LARGEST_TEXT + 1)) > _LARGEST_TEXT
    except zlib.error:
        return True


def _shown(kind: bytes) -> str:
    return "".join(letter for letter in kind.decode("latin-1") if letter.isprintable())
