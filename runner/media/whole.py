"""Telling whether a file is all there, from the sizes its own headers give. Reads headers only, never the
samples.

A clip that was cut while it was fetched often plays, and then ends too early without an error: decoders
take the missing part for the end. What can be seen here is a part that reaches past the end of the file, or
one that must follow and does not. A fragmented MP4 or a live WebM that was cut exactly between two parts
looks whole to everyone.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn

from runner.errors import Incomplete, NotAVideo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["check_whole"]

_MAX_PARTS: Final = 1_000_000  # a hostile file could hold one part every eight bytes

_ISO_START: Final = frozenset(
    (b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"sidx", b"free", b"skip", b"wide", b"pnot", b"uuid")
)
_EBML: Final = 0x1A45DFA3
_SEGMENT: Final = 0x18538067
_SYNC: Final = 0x47  # the first byte of each transport packet
_LAST_PACKETS: Final = 40_000  # about 8 MB

_CLUSTER: Final = 0x1F43B675
_BLOCK: Final = 0xA3
_LAST_CLUSTERS: Final = 4  # a group of images may reach over more than one
# What a file, a segment and a cluster may hold (RFC 9559, 5.1).
_MATROSKA: Final = frozenset((
    _EBML, _SEGMENT, _CLUSTER, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367,
    0xE7, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF, 0x5854, 0xEC, 0xBF,
))  # fmt: skip


def check_whole(path: Path) -> tuple[str, ...]:
    """Raise `Incomplete`, saying how many bytes are missing, if the file ends before its headers say it does.

    A part of an MP4 that holds no pictures or sound may be cut off at its end: the answer says so in words. One whose
    samples take less than their box announces is left to `runner.media.source` to judge by its index. Knows MP4/MOV
    (also fragmented), Matroska/WebM and MPEG-TS; says nothing about anything else. Raises
    `NotAVideo` for an empty file.
    """
    with path.open("rb", buffering=0) as file:
        total = os.fstat(file.fileno()).st_size
        head = file.read(408)
        if not head:
            raise NotAVideo("this is not a video", where=str(path), why="the file is empty")
        if head[4:8] in _ISO_START:
            return _iso(file, total, path)
        if head[:4] == _EBML.to_bytes(4, "big"):
            _matroska(file, total, path)
        else:
            _transport_stream(file, head, total, path)
        return ()


def _within(path: Path, total: int, end: int, what: str) -> None:
    if end > total:
        raise _incomplete(
            path, f"{what} announces {end:,} bytes and the file has {total:,}: {end - total:,} are missing"
        )


def _incomplete(path: Path, why: str) -> Incomplete:
    return Incomplete("this clip is not complete", where=str(path), why=why, hint="fetch it again")


def _not_here(path: Path, offset: int, total: int, what: str) -> Incomplete:
    return _incomplete(path, f"at byte {offset:,} of {total:,} stands something that is no part of {what}")


def _iso(file: BinaryIO, total: int, path: Path) -> tuple[str, ...]:
    offset = 0
    seen: set[bytes] = set()
    last = b""
    for _ in range(_MAX_PARTS):
        if offset >= total:
            break
        header = _at(file, offset, 16)
        kind = header[4:8]
        size = int.from_bytes(header[:4], "big")
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        elif size == 0:
            size = total - offset
        named = len(kind) == 4 and all(0x20 <= letter < 0x7F or letter == 0xA9 for letter in kind)
        if size < 8 or not named:
            if b"moof" in seen or not {b"moov", b"mdat"} <= seen:
                raise _not_here(path, offset, total, "MP4")
            break  # rubbish after the last box, which players ignore
        name = f"its box '{kind.decode('latin-1')}'"
        if offset + size > total and _may_end_early(kind, seen):
            return (f"{name} announces {offset + size - total:,} bytes more than there are",)
        _within(path, total, offset + size, name)
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
    return ()


def _may_end_early(kind: bytes, seen: set[bytes]) -> bool:
    """Whether a box that is cut off leaves the clip whole."""
    if b"moov" not in seen or kind in (b"moof", b"sidx", b"mfra"):
        return False
    # Of fragments no index tells where the last sample ends.
    return b"moof" not in seen if kind == b"mdat" else b"mdat" in seen


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
    """Walk the parts of the segment, and those of its last clusters: where they are not whole, libavformat
    silently goes on reading elsewhere."""
    clusters: deque[int] = deque(maxlen=_LAST_CLUSTERS)
    for kind, begin, end in _elements(file, 0, total, path, into=(_SEGMENT,)):
        if kind == _CLUSTER:
            clusters.append(begin)
        _within(path, total, end, "its segment" if kind == _SEGMENT else f"its part {kind:X}")
    if clusters:
        for kind, _, end in _elements(file, clusters[0], total, path, into=(_CLUSTER,)):
            _within(path, total, end, f"its part {kind:X}")


def _elements(
    file: BinaryIO, offset: int, total: int, path: Path, into: tuple[int, ...]
) -> Iterator[tuple[int, int, int]]:
    """Yield kind, begin and end of one EBML element after the other, descending into some, and into those
    of unknown size, as a live recording writes them."""
    for _ in range(_MAX_PARTS):
        if offset >= total:
            return
        header = _at(file, offset, 12)
        id_length = _vint_length(header)
        size_length = _vint_length(header[id_length:])
        if not 0 < id_length <= 4 or not size_length:
            raise _not_here(path, offset, total, "Matroska")
        head = id_length + size_length
        kind = int.from_bytes(header[:id_length], "big")
        if kind not in _MATROSKA:
            raise _not_here(path, offset, total, "Matroska")
        if kind == _BLOCK and not header[id_length + size_length : id_length + size_length + 1].strip(b"\0"):
            raise _not_here(path, offset, total, "Matroska")  # a block of no track
        size = int.from_bytes(header[id_length:head], "big") & ((1 << 7 * size_length) - 1)
        unknown = size == (1 << 7 * size_length) - 1
        yield kind, offset, offset + head + (0 if unknown else size)
        offset += head if unknown or kind in into else head + size
    _too_many(path)


def _vint_length(data: bytes) -> int:
    """Return the number of bytes of the EBML number that `data` begins with, 0 if there is none (RFC 8794,
    4)."""
    return 9 - data[0].bit_length() if data and data[0] else 0


def _transport_stream(file: BinaryIO, head: bytes, total: int, path: Path) -> None:
    """Check that the file ends with a whole packet, and that its last packets follow one another."""
    for packet, start in ((188, 0), (192, 4)):
        if set(head[start::packet]) != {_SYNC} or len(head) <= packet:
            continue
        rest = total % packet
        if rest:
            _within(path, total, total - rest + packet, "its last transport packet")
        first = max(0, total - _LAST_PACKETS * packet)
        marks = _at(file, first, total - first)[start::packet]
        if marks.count(_SYNC) != len(marks):
            raise _incomplete(
                path, f"after byte {first:,} of {total:,} it does not consist of transport packets"
            )


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _too_many(path: Path) -> NoReturn:
    raise NotAVideo(
        "this is not a usable video", where=str(path), why=f"it is made of more than {_MAX_PARTS:,} parts"
    )
