"""Colours are checked against arithmetic in float64, not against another decoder."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from media.painting import bits_of, frame_of, to_rgb

from runner.errors import ExtractionRefused
from runner.media import colour

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TAGS = {"bt709": 1, "bt601": 6, "bt2020": 9}
ROUNDING = 0.25  # levels: what rounding to whole ones costs on average


def _wave(height: int, width: int, amplitude: float, phase: float) -> NDArray[np.float64]:
    """A smooth image, so that any way to interpolate chroma gives nearly the same. Around 128."""
    y, x = np.mgrid[0:height, 0:width]
    return 128 + amplitude * np.sin(x / width * 9 + phase) * np.cos(y / height * 7 + phase)


def _planes(width: int, height: int, pix_fmt: str) -> list[NDArray[np.float64]]:
    chroma_width = (width + 1) // 2 if "444" not in pix_fmt else width
    chroma_height = (height + 1) // 2 if "420" in pix_fmt else height
    scale = 1 << (bits_of(pix_fmt) - 8)
    planes = [
        _wave(height, width, 70, 0.0),
        *(_wave(chroma_height, chroma_width, 40, phase) for phase in (1.0, 2.5)),
    ]
    if pix_fmt.startswith("yuva"):
        planes.append(_wave(height, width, 100, 4.0))
    return [np.rint(plane * scale) for plane in planes]


def _spread(plane: NDArray[np.float64], width: int, height: int, left: bool) -> NDArray[np.float64]:
    """Interpolate a chroma plane to full size, linearly. Its samples are centred among their pixels, or to
    the left."""

    def along(values: NDArray[np.float64], size: int, cosited: bool) -> NDArray[np.float64]:
        if values.shape[0] == size:
            return values
        at = np.arange(size) / 2 - (0 if cosited else 0.25)
        at = np.clip(at, 0, values.shape[0] - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, values.shape[0] - 1)
        part = (at - low)[:, None]
        return values[low] * (1 - part) + values[high] * part

    return along(along(plane, height, False).T, width, left).T


def _reference(
    planes: list[NDArray[np.float64]],
    width: int,
    height: int,
    matrix: str,
    full: bool,
    bits: int,
    left: bool = False,
) -> NDArray[np.float64]:
    spread = [planes[0], *(_spread(plane, width, height, left) for plane in planes[1:3])]
    return to_rgb(spread, matrix, full, bits)


def _tagged(frame: av.VideoFrame, tag: int, full: bool) -> av.VideoFrame:
    frame.colorspace, frame.color_range = tag, 2 if full else 1
    return frame


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", TAGS)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuva420p"])
def test_rgb_is_right_to_the_rounding(pix_fmt: str, matrix: str, full: bool) -> None:
    width, height = 320, 180
    planes = _planes(width, height, pix_fmt)
    frame = _tagged(frame_of(planes, pix_fmt, width, height), TAGS[matrix], full)
    difference = np.abs(
        colour.to_rgb(frame) - _reference(planes, width, height, matrix, full, bits_of(pix_fmt))
    )
    assert difference.mean() < ROUNDING + 0.2
    assert difference.max() < 2.5


@pytest.mark.parametrize(("width", "height"), [(177, 99), (178, 99), (177, 100), (1, 1), (3, 5)])
def test_odd_sizes_are_as_right_as_even_ones(width: int, height: int) -> None:
    planes = _planes(width, height, "yuv420p")
    frame = _tagged(frame_of(planes, "yuv420p", width, height), 1, False)
    rgb = colour.to_rgb(frame)
    assert rgb.shape == (height, width, 3)
    if width > 100:
        assert np.abs(rgb - _reference(planes, width, height, "bt709", False, 8)).mean() < ROUNDING + 0.1


def test_another_matrix_or_range_would_be_noticed() -> None:
    planes = _planes(320, 180, "yuv420p")
    rgb = colour.to_rgb(_tagged(frame_of(planes, "yuv420p", 320, 180), 1, False))
    assert np.abs(rgb - _reference(planes, 320, 180, "bt601", False, 8)).mean() > 3
    assert np.abs(rgb - _reference(planes, 320, 180, "bt709", True, 8)).mean() > 3


@pytest.mark.parametrize(
    ("width", "height", "matrix"),
    [
        (1280, 720, "bt709"),
        (1280, 534, "bt709"),
        (720, 1280, "bt709"),
        (1024, 576, "bt601"),
        (640, 480, "bt601"),
    ],
)
def test_video_that_names_no_matrix_is_told_by_its_size(width: int, height: int, matrix: str) -> None:
    planes = _planes(width, height, "yuv420p")
    frame = _tagged(frame_of(planes, "yuv420p", width, height), 2, False)
    assert colour.matrix_of(frame) == (matrix, False)
    assert (
        np.abs(colour.to_rgb(frame) - _reference(planes, width, height, matrix, False, 8)).mean()
        < ROUNDING + 0.1
    )


def test_chroma_of_h264_lies_to_the_left(tmp_path: Path) -> None:
    """The standard's default position (ITU-T H.264, E.2.1): half a pixel from libswscale's."""
    width, height = 320, 180
    planes = _planes(width, height, "yuv420p")
    planes[1] = np.rint(128 + 90 * np.sin(np.arange(160) / 2))[None].repeat(90, 0)
    frame = _tagged(frame_of(planes, "yuv420p", width, height), 1, False)
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        track = container.add_stream("libx264", rate=25, options={"qp": "0"})
        track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        track.codec_context.colorspace, track.codec_context.color_range = 1, 1
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux([*track.encode(frame), *track.encode(None)])
    with av.open(str(path)) as container:
        rgb = colour.to_rgb(next(container.decode(video=0)))
    at_left = np.abs(rgb - _reference(planes, width, height, "bt709", False, 8, left=True)).mean()
    centred = np.abs(rgb - _reference(planes, width, height, "bt709", False, 8)).mean()
    assert at_left < 1.0 < 3.0 < centred


def test_rgb_video_stays_as_it_is() -> None:
    rgb = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb).reformat(format="gbrp")
    assert np.array_equal(colour.to_rgb(frame), rgb)


def test_the_old_way_to_say_full_range_is_understood() -> None:
    assert colour.full_range_of(av.VideoFrame(64, 48, "yuvj420p"))
    assert not colour.full_range_of(av.VideoFrame(64, 48, "yuv420p"))


def test_a_matrix_that_cannot_be_applied_is_refused() -> None:
    frame = _tagged(av.VideoFrame(64, 48, "yuv444p"), 8, False)
    with pytest.raises(ExtractionRefused) as refusal:
        colour.to_rgb(frame)
    assert "H.273" in refusal.value.why
