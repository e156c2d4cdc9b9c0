"""Telling what bytes are from how they begin, to say it."""

from __future__ import annotations

from typing import Final

__all__ = ["FORMATS", "describe", "picture_format", "readable_format"]

FORMATS: Final = ("png", "jpeg", "webp")
"""The still formats that are read and written."""

_STARTS: Final = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM video"),
    (b"\x00\x00\x01\xba", "an MPEG video"),
    (b"\x00\x00\x01\xb3", "an MPEG video"),
    (b"OggS", "an Ogg file"),
    (b"ID3", "an MP3 sound"),
    (b"fLaC", "a FLAC sound"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
)
_AVIF: Final = frozenset((b"avif", b"avis"))
_HEIC: Final = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))


def picture_format(data: bytes) -> str | None:
    """Return "png", "jpeg" or "webp" if `data` begins like one."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return None


def readable_format(data: bytes) -> str | None:
    """Return the format of a still that can be read: one of `FORMATS`, "heic" or "avif"."""
    format = picture_format(data)
    if format is None and data[4:8] == b"ftyp":
        size = min(int.from_bytes(data[:4], "big"), 256)
        brands = {data[at : at + 4] for at in (8, *range(16, size, 4))}
        format = "avif" if brands & _AVIF else "heic" if brands & _HEIC else None
    return format


def describe(data: bytes) -> str:
    """Say in a few words what `data` seems to be, with an article: "an HTML page", "a video (MP4 or MOV)"."""
    if not data:
        return "empty"
    format = picture_format(data)
    if format is not None:
        return f"a {'WebP' if format == 'webp' else format.upper()} picture"
    for start, name in _STARTS:
        if data.startswith(start):
            return name
    if data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"styp"):
        found = readable_format(data)
        return {"avif": "an AVIF picture", "heic": "a HEIC picture"}.get(found or "", "a video (MP4 or MOV)")
    if data[:4] == b"RIFF":
        return "an AVI video" if data[8:11] == b"AVI" else "a RIFF file"
    return _text(data)


def _text(data: bytes) -> str:
    head = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in head:
        return "an HTML page"
    if head.startswith(b"<svg") or b"<svg" in head:
        return "an SVG drawing"
    if head.startswith(b"<?xml"):
        return "an XML document"
    if head.startswith((b"{", b"[")):
        return "a JSON document"
    try:
        text = data[:256].decode("utf-8", errors="strict" if len(data) <= 256 else "ignore")
    except UnicodeDecodeError:
        return "of no known kind"
    return "plain text" if text.isprintable() or text.replace("\n", " ").isprintable() else "of no known kind"
