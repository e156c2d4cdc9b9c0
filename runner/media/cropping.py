"""The part of the image that a container says is to be shown: `clap` of MP4 and MOV, PixelCrop of Matroska.

PyAV does not pass it on, so it is read from the headers. Everything else in a file is libavformat's to read.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SAMPLE_ENTRY: Final = 86  # bytes of a VisualSampleEntry before its boxes (ISO 14496-12, 12.1.3)
_SEGMENT: Final = 0x18538067
_TRACKS: Final = 0x1654AE6B
_TRACK_ENTRY: Final = 0xAE
_VIDEO: Final = 0xE0
_SIDES: Final = {0x54CC: 0, 0x54BB: 1, 0x54DD: 2, 0x54AA: 3}
"""PixelCropLeft, -Top, -Right and -Bottom (RFC 9559, 5.1.4.1.28)."""
_MOST_PARTS: Final = 100_000


class Crop(NamedTuple):
    """Pixels of the stored image to leave out at each side."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def inside(self, width: int, height: int) -> bool:
        """Whether something is left of an image of this size, and something taken away."""
        return (
            any(self)
            and min(self) >= 0
            and self.left + self.right < width
            and self.top + self.bottom < height
        )


NOTHING: Final = Crop()


def cropped_size(width: int, height: int, crop: Crop) -> tuple[int, int]:
    """The size of an image once it is cropped."""
    if not crop.inside(width, height):
        return width, height
    return width - crop.left - crop.right, height - crop.top - crop.bottom


def crop_of(path: Path, *, track: int, index: int) -> Crop:
    """The cropping of the track with this id (MP4), or at this place among all tracks from 0 (Matroska). Broken headers
    crop nothing."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
            file.seek(0)
            if head[:4] == b"\x1a\x45\xdf\xa3":
                return _matroska(file, index)
            if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"):
                return _iso(file, track)
    except (OSError, ValueError, IndexError, ZeroDivisionError):
        pass
    return NOTHING


def _iso(file: BinaryIO, track: int) -> Crop:
    end = file.seek(0, 2)
    for kind, begin, stop in _boxes(file, 0, end):
        if kind != b"moov":
            continue
        for inner, first, last in _boxes(file, begin, stop):
            if inner == b"trak" and _track_id(file, first, last) == track:
                return _clean_aperture(file, first, last)
    return NOTHING


def _boxes(file: BinaryIO, offset: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin of the content and end of each box."""
    for _ in range(_MOST_PARTS):
        if offset + 8 > end:
            return
        file.seek(offset)
        header = file.read(16)
        size, head = int.from_bytes(header[:4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(header[8:16], "big"), 16
        elif size == 0:
            size = end - offset
        if size < head:
            return
        yield header[4:8], offset + head, min(offset + size, end)
        offset += size


def _track_id(file: BinaryIO, begin: int, end: int) -> int:
    for kind, first, _ in _boxes(file, begin, end):
        if kind == b"tkhd":
            file.seek(first)
            body = file.read(24)
            at = 20 if body[0] == 1 else 12
            return int.from_bytes(body[at : at + 4], "big")
    return -1


def _clean_aperture(file: BinaryIO, begin: int, end: int) -> Crop:
    """ISO 14496-12, 12.1.4: the size of what is shown, and how far its centre is from the image's."""
    for name in (b"mdia", b"minf", b"stbl", b"stsd"):
        found = next(((first, last) for kind, first, last in _boxes(file, begin, end) if kind == name), None)
        if found is None:
            return NOTHING
        begin, end = found
    for _, first, last in _boxes(file, begin + 8, end):  # after the version and the count
        file.seek(first)
        entry = file.read(_SAMPLE_ENTRY - 8)
        width, height = int.from_bytes(entry[24:26], "big"), int.from_bytes(entry[26:28], "big")
        for kind, at, _ in _boxes(file, first + _SAMPLE_ENTRY - 8, last):
            if kind == b"clap":
                file.seek(at)
                return _crop(file.read(32), width, height)
    return NOTHING


def _crop(body: bytes, width: int, height: int) -> Crop:
    values = [int.from_bytes(body[at : at + 4], "big", signed=True) for at in range(0, 32, 4)]
    shown_width, shown_height, across, down = (Fraction(*values[at : at + 2]) for at in (0, 2, 4, 6))
    left, top = (width - shown_width) / 2 + across, (height - shown_height) / 2 + down
    return Crop(int(left), int(top), int(width - shown_width - left), int(height - shown_height - top))


def _matroska(file: BinaryIO, index: int) -> Crop:
    end = file.seek(0, 2)
    for kind, begin, stop in _elements(file, 0, end):
        if kind != _SEGMENT:
            continue
        for inner, first, last in _elements(file, begin, stop):
            if inner == _TRACKS:
                entries = [place for name, *place in _elements(file, first, last) if name == _TRACK_ENTRY]
                return _of_entry(file, *entries[index])
    return NOTHING


def _of_entry(file: BinaryIO, begin: int, end: int) -> Crop:
    sides = [0, 0, 0, 0]
    for kind, first, last in _elements(file, begin, end):
        for inner, at, stop in _elements(file, first, last) if kind == _VIDEO else ():
            if inner in _SIDES:
                sides[_SIDES[inner]] = _number(file, at, stop)
    return Crop(*sides)


def _elements(file: BinaryIO, offset: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Id, begin of the content and end of each EBML element; one of unknown size ends with what holds it."""
    for _ in range(_MOST_PARTS):
        if offset >= end:
            return
        file.seek(offset)
        header = file.read(12)
        id_length = 9 - header[0].bit_length() if header[0] else 0
        rest = header[id_length:]
        size_length = 9 - rest[0].bit_length() if rest[0] else 0
        if not id_length or not size_length:
            return
        size = int.from_bytes(rest[:size_length], "big") & ((1 << 7 * size_length) - 1)
        begin = offset + id_length + size_length
        unknown = size == (1 << 7 * size_length) - 1
        stop = end if unknown else min(begin + size, end)
        yield int.from_bytes(header[:id_length], "big"), begin, stop
        offset = stop


def _number(file: BinaryIO, begin: int, end: int) -> int:
    file.seek(begin)
    return int.from_bytes(file.read(min(end - begin, 8)), "big")
