"""Stills and proxies: what pages show of clips."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image

from runner.errors import MediaError
from runner.media.probe import probe
from runner.media.proxy import is_playable, write_proxy
from runner.media.stills import stills
from runner.testing.conformance.pictures import Recipe, clip, difference

if TYPE_CHECKING:
    from pathlib import Path

LONG = Recipe(times=tuple(float(number) for number in range(120)), b_frames=2)


def test_stills_are_the_frames_with_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    clip(path, LONG)
    wanted = {0: 0, 1: 1, 60: 60, 117: 117, -2: 118, -1: 119}

    found = {number: data for number, _, data in stills(path, [(number, 640) for number in (*wanted, 500)])}

    assert found.keys() == wanted.keys()
    for number, place in wanted.items():
        rgb = np.asarray(Image.open(io.BytesIO(found[number])))
        assert difference(rgb, place) < 12, number
        assert difference(rgb, (place + 1) % 120) > 50


def test_a_still_is_no_wider_than_asked(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    clip(path, Recipe())

    sizes = [Image.open(io.BytesIO(data)).size for _, _, data in stills(path, [(0, 64), (0, 640)])]

    assert sizes == [(64, 48), (128, 96)]


@pytest.mark.parametrize(
    ("codec", "samples", "name"),
    [
        ("prores_ks", "yuv422p10le", "clip.mov"),
        ("ffv1", "yuv444p", "clip.mkv"),
        ("libx264", "yuv422p", "clip.mp4"),
        ("libx264", "yuv420p", "clip.mkv"),
    ],
)
def test_what_browsers_do_not_play_gets_a_proxy_with_all_its_frames(
    tmp_path: Path, codec: str, samples: str, name: str
) -> None:
    path, proxy = tmp_path / name, tmp_path / "proxy.mp4"
    with av.open(str(path), "w") as out:
        track = out.add_stream(codec, rate=Fraction(24))
        track.width, track.height, track.pix_fmt = 128, 96, samples
        for number in range(30):
            image = np.full((96, 128, 3), 8 * number, np.uint8)
            out.mux(track.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        out.mux(track.encode(None))

    assert not is_playable(path)
    write_proxy(path, proxy)

    found = probe(proxy)
    assert is_playable(proxy)
    assert (found.codec, found.pix_fmt, found.frames) == ("h264", "yuv420p", 30)
    (_, _, data) = next(stills(proxy, [(20, 640)]))
    assert abs(float(np.asarray(Image.open(io.BytesIO(data))).mean()) - 160) < 4


def test_a_clip_with_sound_that_browsers_play_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    clip(path, Recipe(sound_s=1.0))

    assert is_playable(path)
    write_proxy(path, tmp_path / "proxy.mp4")
    assert probe(tmp_path / "proxy.mp4").audio is not None


def test_what_is_no_clip_has_no_stills(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"<html>not found</html>")

    with pytest.raises(MediaError):
        list(stills(path, [(0, 320)]))
