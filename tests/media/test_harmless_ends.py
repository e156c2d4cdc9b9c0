"""A file whose end is cut off where it holds neither pictures nor sound is shown by all players, and is accepted."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from media.painting import read_number

from runner.errors import Incomplete
from runner.media import probe_clip
from runner.media.join import Part, join
from tests.media.test_packets_and_times import EXTRACTORS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from media.corpus import Corpus


def box(kind: bytes, announced: int, body: bytes) -> bytes:
    return struct.pack(">I4s", announced, kind) + body


def longer_mdat(data: bytes, by: int) -> bytes:
    """The same file, its samples last, in a box that announces more than there is."""
    at = data.index(b"mdat") - 4
    (size,) = struct.unpack_from(">I", data, at)
    assert at + size == len(data), "the samples are the last box"
    return data[:at] + struct.pack(">I", size + by) + data[at + 4 :]


ISO: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "free": ("b_frames", lambda data: data + box(b"free", 4096, bytes(100))),
    "skip": ("b_frames", lambda data: data + box(b"skip", 64, bytes(20))),
    "udta": ("b_frames", lambda data: data + box(b"udta", 64, bytes(20))),
    "uuid": ("b_frames_fast_start", lambda data: data + box(b"uuid", 500, bytes(40))),
    "mdat": ("b_frames_fast_start", lambda data: longer_mdat(data, 1000)),
    "mdat and free": ("b_frames_fast_start", lambda data: data + box(b"free", 4096, b"")),
    "fragments": ("fragmented", lambda data: data[: data.rindex(b"mfra") - 4] + box(b"free", 900, bytes(8))),
}


@pytest.mark.parametrize("name", ISO)
@pytest.mark.parametrize("extractor", EXTRACTORS)
def test_an_mp4_with_a_harmless_end_is_read(
    name: str, extractor: str, corpus: Corpus, tmp_path: Path
) -> None:
    base, change = ISO[name]
    clip = corpus.clip(base)
    damaged = tmp_path / "clip.mp4"
    damaged.write_bytes(change(clip.path.read_bytes()))

    assert read_number(EXTRACTORS[extractor](damaged).rgb) == clip.last
    assert any("more than there are" in note for note in probe_clip(damaged).notes)
    film = join([Part(path=damaged, end=-1), Part(path=damaged)], tmp_path / "film.mp4")
    assert film.frames == 2 * (clip.shown or 0) - 1


@pytest.mark.parametrize("missing", [1, 200, 3000])
def test_samples_that_are_missing_are_missed_whatever_their_box_announces(
    missing: int, corpus: Corpus, tmp_path: Path
) -> None:
    damaged = tmp_path / "clip.mp4"
    damaged.write_bytes(corpus.clip("b_frames_fast_start").path.read_bytes()[:-missing])

    with pytest.raises(Incomplete):
        probe_clip(damaged)
