"""What each extractor makes of each clip of the corpus. Nothing but the true last frame counts as right."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from media.corpus import ALL, BROKEN, Corpus
from media.painting import error, read_number

from runner.api import Context, ExtractorSpec, HandOver, HandOverRule
from runner.errors import ExtractionRefused, MediaError, PluginError
from runner.net.download import Downloads
from runner.plugins import ffmpeg, pyav, scikit_video

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from media.corpus import Clip
    from numpy.typing import NDArray

    from runner.api import Extractor

EXTRACTORS = ("pyav", "ffmpeg", "ffmpeg_reverse", "scikit_video")

TABLE = """
clip                            pyav     ffmpeg   reverse  scikit_video
b_frames                        right    right    right    right
no_b_frames                     right    right    right    right
one_gop                         right    right    right    right
short_gop                       right    right    right    right
only_key_frames                 right    right    right    right
open_gop                        right    right    right    right
variable_rate                   right    right    right    right
last_frame_is_long              right    right    right    right
one_frame                       right    right    right    right
two_frames                      right    right    right    right
last_gop_is_one_frame           right    right    right    right
sound                           right    right    right    right
sound_outlasts_picture          right    right    right    right
picture_outlasts_sound          right    right    right    right
turned_90                       right    right    right    right
turned_180                      right    right    right    right
turned_270                      right    right    right    right
mirrored                        right    right    right    right
odd_size                        right    right    right    right
ten_bit                         right    right    right    right
ten_bit_bt2020                  right    right    right    right
twelve_bit                      right    right    right    right
twelve_bit_alpha                right    right    right    refused
yuv444                          right    right    right    right
hevc                            right    right    right    right
hevc_open_gop                   right    right    right    right
vp9                             right    right    right    right
webm_alpha                      right    right    right    right
av1                             right    right    right    right
mkv                             right    right    right    right
mkv_streamed                    right    right    right    right
mkv_without_cues                right    right    right    right
transport_stream                right    right    right    right
transport_stream_open_gop       right    right    right    right
mpeg2                           right    right    right    right
fragmented                      right    right    right    right
fragmented_sound                right    right    right    right
indexed_fragments               right    right    right    right
interlaced                      right    right    right    right
untagged                        right    right    right    right
untagged_hd                     right    right    right    right
hd_tagged_bt601                 right    right    right    right
full_range                      right    right    right    right
full_range_bt601                right    right    right    right
trimmed                         right    right    right    right
trimmed_within_frames           right    right    right    right
trimmed_one_gop                 right    right    right    right
open_ended                      right    right    right    right
rubbish_after_the_end           right    right    right    right
with_cover                      right    right    right    right
-i.mp4                          right    right    right    right
spaced out 100%d %03d.mp4       right    right    right    right
🎬 été.mp4                      right    right    right    right
concat:a|b.mp4                  right    right    right    right
no_suffix                       right    right    right    right
'quoted' [0:v];.mp4             right    right    right    right
truncated_index_first           refused  refused  refused  refused
truncated_index_last            refused  refused  refused  refused
truncated_by_one_byte           refused  refused  refused  refused
truncated_open_ended            refused  refused  refused  refused
truncated_fragment              refused  refused  refused  refused
truncated_after_fragment_index  refused  refused  refused  refused
truncated_mkv                   refused  refused  refused  refused
truncated_mkv_streamed          refused  refused  refused  refused
truncated_transport_stream      refused  refused  refused  refused
index_missing                   refused  refused  refused  refused
hollow_end                      refused  refused  refused  refused
damaged_pictures                refused  refused  refused  refused
damaged_pictures_mkv            refused  refused  refused  refused
hollow_end_hevc                 refused  refused  refused  refused
hollow_end_av1                  refused  refused  refused  refused
hollow_end_vp9                  refused  refused  refused  refused
hollow_end_fragmented           refused  refused  refused  refused
hollow_end_transport_stream     refused  refused  refused  refused
avi                             refused  refused  refused  refused
leaning                         refused  refused  refused  refused
sound_only                      refused  refused  refused  refused
cover_only                      refused  refused  refused  refused
empty                           refused  refused  refused  refused
error_page                      refused  refused  refused  refused
error_json                      refused  refused  refused  refused
playlist                        refused  refused  refused  refused
"""

ROWS = {
    columns[0].strip(): tuple(columns[1:])
    for columns in (line.rsplit(maxsplit=len(EXTRACTORS)) for line in TABLE.strip().splitlines()[1:])
}

ACCURATE = 0.7  # levels on average; a wrong matrix or range is off by more than 3


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.of_session(tmp_path_factory)


@pytest.fixture(scope="session")
def extractors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Extractor]:
    http = httpx.AsyncClient()
    context = Context(
        work_dir=tmp_path_factory.mktemp("work"),
        http=http,
        download=Downloads(http, http),
        log=logging.getLogger("test"),
    )
    return {
        "pyav": _built(pyav, context),
        "ffmpeg": _built(ffmpeg, context),
        "ffmpeg_reverse": _built(ffmpeg, context, method="reverse"),
        "scikit_video": _built(scikit_video, context),
    }


def _built(module: Any, context: Context, **options: Any) -> Extractor:
    spec = module.runner_register()
    assert isinstance(spec, ExtractorSpec)
    assert spec.summary
    return spec.factory(spec.options(**options), context)


def _upright(rgb: NDArray[np.uint8], clip: Clip) -> NDArray[np.uint8]:
    """Undo what the clip asks for, to read it as it was painted."""
    if clip.recipe.mirror:
        rgb = rgb[:, ::-1]
    return np.rot90(rgb, clip.recipe.turn // 90)


@pytest.mark.parametrize("extractor", EXTRACTORS)
@pytest.mark.parametrize("name", ROWS)
def test_an_extractor_gives_the_true_last_frame_or_refuses(
    name: str, extractor: str, corpus: Corpus, extractors: dict[str, Extractor]
) -> None:
    clip = corpus.clip(name)
    expected = ROWS[name][EXTRACTORS.index(extractor)]
    if expected == "refused":
        with pytest.raises(MediaError) as refusal:
            extractors[extractor].extract(clip.path, HandOver.LAST)
        assert refusal.value.why
        assert clip.path.name in refusal.value.where
        return
    frame = extractors[extractor].extract(clip.path, HandOver.LAST)
    upright = _upright(frame.rgb, clip)
    assert frame.rgb.dtype == np.uint8
    assert upright.shape == (clip.recipe.height, clip.recipe.width, 3)
    assert read_number(upright) == clip.last
    assert error(upright, clip.last) < ACCURATE
    assert frame.method


def test_the_table_names_every_clip_of_the_corpus() -> None:
    assert set(ROWS) == set(ALL)


def test_pyav_is_right_wherever_there_is_a_right_answer(corpus: Corpus) -> None:
    assert {name for name in ALL if ROWS[name][0] == "right"} == {
        name for name in ALL if corpus.clip(name).last is not None
    }


@pytest.mark.parametrize(
    "name", ["b_frames", "variable_rate", "trimmed", "transport_stream", "fragmented_sound"]
)
def test_the_extractors_agree_on_the_time_of_the_last_frame(
    name: str, corpus: Corpus, extractors: dict[str, Extractor]
) -> None:
    path = corpus.clip(name).path
    times = [extractor.extract(path, HandOver.LAST).time_s for extractor in extractors.values()]
    assert max(times) - min(times) < 0.001


@pytest.mark.parametrize(
    "name", ["b_frames", "full_range_bt601", "untagged_hd", "turned_90", "hevc_open_gop"]
)
def test_the_extractors_agree_on_the_pixels(
    name: str, corpus: Corpus, extractors: dict[str, Extractor]
) -> None:
    path = corpus.clip(name).path
    first, *others = (
        extractor.extract(path, HandOver.LAST).rgb.astype(int) for extractor in extractors.values()
    )
    for other in others:
        assert np.abs(first - other).mean() < 0.05


@pytest.mark.parametrize("offset", [1, 4])
@pytest.mark.parametrize(
    "name",
    [
        "b_frames",
        "open_gop",
        "variable_rate",
        "hevc_open_gop",
        "vp9",
        "turned_90",
        "trimmed",
        "transport_stream",
    ],
)
def test_a_frame_before_the_last_is_exact(
    name: str, offset: int, corpus: Corpus, extractors: dict[str, Extractor]
) -> None:
    clip = corpus.clip(name)
    times = set()
    for extractor in extractors.values():
        frame = extractor.extract(clip.path, HandOver(HandOverRule.OFFSET, offset))
        assert read_number(_upright(frame.rgb, clip)) == clip.last - offset
        times.add(round(frame.time_s, 3))
    assert len(times) == 1


def test_a_clip_that_is_too_short_is_refused(corpus: Corpus, extractors: dict[str, Extractor]) -> None:
    for extractor in extractors.values():
        with pytest.raises(ExtractionRefused, match="too short"):
            extractor.extract(corpus.clip("two_frames").path, HandOver(HandOverRule.OFFSET, 2))


@pytest.mark.parametrize("name", ["-i.mp4", "concat:a|b.mp4", "spaced out 100%d %03d.mp4"])
def test_names_are_not_taken_for_options_where_the_folder_is_the_current_one(
    name: str, corpus: Corpus, extractors: dict[str, Extractor], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = corpus.clip(name)
    monkeypatch.chdir(clip.path.parent)
    for extractor in extractors.values():
        frame = extractor.extract(clip.path.relative_to(clip.path.parent), HandOver.LAST)
        assert read_number(frame.rgb) == clip.last


def test_reverse_refuses_what_would_not_fit_into_memory(
    corpus: Corpus, extractors: dict[str, Extractor]
) -> None:
    small = ffmpeg.FFmpegOptions(method="reverse", reverse_max_mib=1)
    extractor = ffmpeg.runner_register().factory(small, None)
    with pytest.raises(ExtractionRefused, match="last frame") as refusal:
        extractor.extract(corpus.clip("untagged_hd").path, HandOver.LAST)
    assert "17 MiB" in refusal.value.why
    assert "method=seek" in refusal.value.hint


def test_a_program_that_takes_too_long_is_stopped(corpus: Corpus, tmp_path: Path) -> None:
    slow = _script(tmp_path, "exec sleep 60")
    extractor = ffmpeg.runner_register().factory(ffmpeg.FFmpegOptions(binary=str(slow), timeout_s=0.05), None)
    with pytest.raises(ExtractionRefused) as refusal:
        extractor.extract(corpus.clip("b_frames").path, HandOver.LAST)
    assert "longer than 0.05 s" in refusal.value.why


@pytest.mark.parametrize("method", ["seek", "reverse"])
def test_what_a_failing_program_says_is_passed_on(method: str, corpus: Corpus, tmp_path: Path) -> None:
    broken = _script(tmp_path, "echo no such luck >&2; exit 7")
    options = ffmpeg.FFmpegOptions(binary=str(broken), method=method)  # type: ignore[arg-type]
    with pytest.raises(ExtractionRefused) as refusal:
        ffmpeg.runner_register().factory(options, None).extract(corpus.clip("b_frames").path, HandOver.LAST)
    assert "code 7" in refusal.value.why
    assert "no such luck" in refusal.value.why


@pytest.mark.parametrize("module", [ffmpeg, scikit_video])
def test_a_program_that_is_not_there_is_named_before_anything_starts(module: Any) -> None:
    spec = module.runner_register()
    with pytest.raises(PluginError) as problem:
        spec.factory(spec.options(binary="/nowhere/ffmpeg"), None)
    assert problem.value.where == "/nowhere/ffmpeg"


def test_scikit_video_refuses_when_it_did_not_see_every_frame(corpus: Corpus, tmp_path: Path) -> None:
    """An ffmpeg that ends early, as an old one does on a clip it cannot read to the end."""
    early = _script(tmp_path, f'"{_real_program()}" "$@" 2>/dev/null | head -c $((128 * 96 * 3 * 20))')
    cut = scikit_video.runner_register().factory(scikit_video.ScikitVideoOptions(binary=str(early)), None)
    with pytest.raises(ExtractionRefused) as refusal:
        cut.extract(corpus.clip("b_frames").path, HandOver.LAST)
    assert "shows 24 frames and scikit-video read 20" in refusal.value.why


def test_the_plugins_import_nothing_heavy_and_leave_numpy_alone() -> None:
    script = """
import sys
from runner.plugins import ffmpeg, pyav, scikit_video
for module in (ffmpeg, pyav, scikit_video):
    module.runner_register()
assert not {"av", "numpy", "skvideo", "imageio_ffmpeg"} & set(sys.modules), sorted(sys.modules)
scikit_video.runner_register().factory(scikit_video.ScikitVideoOptions(), None)
import numpy
assert not hasattr(numpy, "int") and not hasattr(numpy, "float")
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)


def test_files_without_an_answer_are_told_apart(corpus: Corpus, extractors: dict[str, Extractor]) -> None:
    expected = {
        "empty": "empty",
        "error_page": "<!DOCTYPE html>",
        "error_json": "JSON",
        "playlist": "plain text",
        "sound_only": "no picture",
        "cover_only": "cover",
        "index_missing": "index",
        "avi": "AVI",
    }
    for name, word in expected.items():
        with pytest.raises(MediaError) as refusal:
            extractors["pyav"].extract(corpus.clip(name).path, HandOver.LAST)
        assert word in refusal.value.why
    assert set(expected) - {"sound_only", "cover_only"} <= set(BROKEN)


def _script(folder: Path, body: str) -> Path:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def _real_program() -> str:
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_exe()
