"""Telling whether a file is all there, from the sizes its own headers give. Reads headers only, never the
samples.

A clip that was cut while it was fetched often plays, and then ends too early without an error: decoders
take the missing part for the end. What can be seen here is a part that reaches past the end of the file, or
one that must follow and does not. A fragmented MP4 or a live WebM that was cut exactly between two parts
looks whole to everyone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn

from runner.errors import Incomplete, NotAVideo

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_whole"]

_MAX_PARTS: Final = 1_000_000  # a hostile file could hold one part every eight bytes

_ISO_START: Final = frozenset(
    (b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"sidx", b"free", b"skip", b"wide", b"pnot", b"uuid")
)
_EBML: Final = 0x1A45DFA3
_SEGMENT: Final = 0x18538067


def check_whole(path: Path) -> None:
    """Raise `Incomplete`, saying how many bytes are missing, if the file ends before its headers say it does.

    Knows MP4/MOV (also fragmented), Matroska/WebM, AVI and MPEG-TS; says nothing about anything else. Raises
    `NotAVideo` for an empty file.
    """
    with path.open("rb", buffering=0) as file:
        total = os.fstat(file.fileno()).st_size
        head = file.read(408)
        if not head:
            raise NotAVideo("this is not a video", where=str(path), why="the file is empty")
        if head[4:8] in _ISO_START:
            _iso(file, total, path)
        elif head[:4] == _EBML.to_bytes(4, "big"):
            _matroska(file, total, path)
        elif head[:4] == b"RIFF":
            _within(path, total, 8 + int.from_bytes(head[4:8], "little"), "its RIFF header")
        else:
            _transport_stream(head, total, path)


def _within(path: Path, total: int, end: int, what: str) -> None:
    if end > total:
        raise _incomplete(
            path, f"{what} announces {end:,} bytes and the file has {total:,}: {end - total:,} are missing"
        )


def _incomplete(path: Path, why: str) -> Incomplete:
    return Incomplete("this clip is not complete", where=str(path), why=why, hint="fetch it again")


def _iso(file: BinaryIO, total: int, path: Path) -> None:
    offset = 0
    seen: set[bytes] = set()
    last = b""
    for _ in range(_MAX_PARTS):
        if offset >= total:
            break
        header = _at(file, offset, 16)
        if not any(header):
            break  # padding after the last box
        if len(header) < 8:
            _within(path, total, offset + 8, "the head of its last box")
        kind = header[4:8]
        size = int.from_bytes(header[:4], "big")
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        elif size == 0:
            size = total - offset
        if size < 8 or not all(0x20 <= letter < 0x7F or letter == 0xA9 for letter in kind):
            break  # rubbish after the last box, which players ignore
        _within(path, total, offset + size, f"its box '{kind.decode('latin-1')}'")
        if kind == b"sidx":
            _segments(_at(file, offset, min(size, 1 << 20)), offset + size, total, path)
        seen.add(kind)
        last = kind
        offset += size
    else:
        _too_many(path)
    if b"moov" not in seen:
        raise _incomplete(path, "its index (the box 'moov') is missing, which is usually written last")
    if last == b"moof":
        raise _incomplete(path, "its last fragment has an index and no samples")


def _segments(box: bytes, anchor: int, total: int, path: Path) -> None:
    """Check the end of the last segment that a segment index (ISO 14496-12, 8.16.3) refers to."""
    wide = box[8] == 1 if len(box) > 8 else False
    fixed = 40 if wide else 32
    if len(box) < fixed:
        return
    first = int.from_bytes(box[28:36] if wide else box[24:28], "big")
    count = int.from_bytes(box[fixed - 2 : fixed], "big")
    sizes = (
        int.from_bytes(box[at : at + 4], "big") & 0x7FFFFFFF for at in range(fixed, fixed + 12 * count, 12)
    )
    _within(path, total, anchor + first + sum(sizes), "its segment index")


def _matroska(file: BinaryIO, total: int, path: Path) -> None:
    offset = 0
    for _ in range(_MAX_PARTS):
        if offset >= total:
            return
        header = _at(file, offset, 12)
        id_length = _vint_length(header)
        size_length = _vint_length(header[id_length:])
        if not id_length or not size_length or id_length > 4:
            return  # rubbish after the last element
        if len(header) < id_length + size_length:
            _within(path, total, offset + id_length + size_length, "the head of its last element")
        size = int.from_bytes(header[id_length : id_length + size_length], "big") & (
            (1 << 7 * size_length) - 1
        )
        offset += id_length + size_length
        if size == (1 << 7 * size_length) - 1:
            continue  # of unknown size, as a live recording writes it: its children tell
        kind = int.from_bytes(header[:id_length], "big")
        _within(path, total, offset + size, "its segment" if kind == _SEGMENT else f"its element {kind:X}")
        offset += size
    _too_many(path)


def _vint_length(data: bytes) -> int:
    """Return the number of bytes of the EBML number that `data` begins with, 0 if there is none (RFC 8794,
    4)."""
    return 9 - data[0].bit_length() if data and data[0] else 0


def _transport_stream(head: bytes, total: int, path: Path) -> None:
    for packet, start in ((188, 0), (192, 4)):
        marks = head[start::packet]
        if len(marks) > 1 and set(marks) == {0x47}:
            rest = total % packet
            if rest:
                _within(path, total, total - rest + packet, "its last transport packet")


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _too_many(path: Path) -> NoReturn:
    raise NotAVideo(
        "this is not a usable video", where=str(path), why=f"it is made of more than {_MAX_PARTS:,} parts"
    )
