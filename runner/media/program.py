"""The ffmpeg program: where it is, and what it must be told to read a clip of unknown origin as we do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av

from runner.errors import ExtractionRefused, PluginError
from runner.media.hdr import is_hdr, tone_mapping
from runner.media.source import DEMUXERS

if TYPE_CHECKING:
    from runner.media.probe import Probe

__all__ = ["READING", "check_size", "colour_filter", "find_ffmpeg"]

READING: Final[dict[str, str]] = {
    "-protocol_whitelist": "file,pipe",
    "-format_whitelist": DEMUXERS,
    "-err_detect": "explode",  # else it conceals what it cannot decode
}
"""Options to put before `-i`. See `runner.media.source` for why containers are listed."""

_LARGEST_FRAME: Final = 50 << 20
"""Bytes. The program holds some tens of frames: 8K in 8 bits is what fits into a gigabyte."""
_FLAGS: Final = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"


def find_ffmpeg(binary: str = "") -> Path:
    """Return the ffmpeg program: `binary` if given, else the one of imageio-ffmpeg, else one on PATH.

    Raises `PluginError`.
    """
    if binary:
        found = shutil.which(binary)
        if found is None:
            raise PluginError(
                "the ffmpeg program cannot be run", where=binary, why="there is no such executable file"
            )
        return Path(found).absolute()
    import imageio_ffmpeg

    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe()).absolute()
    except RuntimeError as error:
        on_path = shutil.which("ffmpeg")
        if on_path is None:
            raise PluginError(
                "there is no ffmpeg program",
                why="imageio-ffmpeg has none for this machine and none is on PATH",
                hint="use extractor=pyav, or set extractor.binary to the path of ffmpeg",
            ) from error
        return Path(on_path).absolute()


def check_size(clip: Probe) -> None:
    """Raise `ExtractionRefused` for a clip whose frames a program would take gigabytes for."""
    bits = av.VideoFormat(clip.pix_fmt).padded_bits_per_pixel
    size = clip.coded[0] * clip.coded[1] * bits // 8
    if size > _LARGEST_FRAME:
        raise ExtractionRefused(
            "this clip is too large for this extractor",
            why=f"a frame of {clip.coded[0]}x{clip.coded[1]} in {clip.pix_fmt} has {size >> 20} MiB",
            hint="use extractor=pyav, or request a lower resolution",
        )


def colour_filter(clip: Probe) -> str:
    """Return the filters that convert the upright image to full-range RGB as `runner.media.colour` does."""
    size = "" if clip.sar == 1 else f"w={clip.width}:h={clip.height}:"
    if clip.matrix == "rgb":
        return f"scale={size}flags={_FLAGS},format=rgb24"
    source_range = "pc" if clip.full_range else "tv"
    options = f"in_color_matrix={clip.matrix}:in_range={source_range}:out_range=pc:flags={_FLAGS}"
    # The filter takes chroma for centred down the image, whatever the frame says.
    across, down = _turned(clip.chroma, clip.rotation)
    placed = "" if across is None else f":in_h_chr_pos={across}"
    placed += "" if down is None else f":in_v_chr_pos={down}"
    options += placed
    if is_hdr(clip.transfer):
        # In two steps, as in `runner.media.hdr`.
        limits = f"in_color_matrix=bt2020:in_range={source_range}:out_color_matrix=bt709:out_range=tv:flags={_FLAGS}"
        limits += placed
        sdr = f"in_color_matrix=bt709:in_range=tv:out_range=pc:flags={_FLAGS}"
        return f"scale={limits}:{tone_mapping(clip.transfer)},format=yuv444p,scale={size}{sdr},format=rgb24"
    return f"scale={size}{options},format=rgb24"


def _turned(position: tuple[int | None, int | None], clockwise: int) -> tuple[int | None, int | None]:
    """A chroma position after the image was turned by so many degrees."""
    for _ in range(clockwise // 90):
        across, down = position
        position = (None if down is None else 256 - down, across)
    return position
