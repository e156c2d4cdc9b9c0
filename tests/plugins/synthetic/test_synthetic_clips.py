"""What is in the clips: format, length, sound, colours, first frames, and misbehaviours as measured."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from PIL import Image

CHILD = """
import asyncio, hashlib, logging, pathlib, sys, tempfile
import httpx
from runner.api import Context, ShotRequest, State
from runner.net.download import Downloads
from runner.plugins.synthetic import SyntheticOptions
from runner.plugins.synthetic.generator import Synthetic

async def main():
    request = ShotRequest(
        project="p", sequence="hero", shot="opening", prompt="a quiet sea at dawn", model=None,
        duration_s=0.5, aspect_ratio="16:9", resolution="144p", fps=24.0, seed=1, take=1,
    )
    folder = pathlib.Path(tempfile.mkdtemp(dir=sys.argv[1]))
    async with httpx.AsyncClient() as http:
        context = Context(work_dir=folder, http=http, download=Downloads(http, http), log=logging.getLogger("x"))
        async with Synthetic(SyntheticOptions(), context) as generator:
            ref = await generator.submit(request, "another token")
            async with asyncio.timeout(60):
                while (await generator.poll(ref)).state is not State.SUCCEEDED:
                    await asyncio.sleep(0.01)
            print(hashlib.sha256(next(folder.iterdir()).read_bytes()).hexdigest())

asyncio.run(main())
"""


def opened(clip):
    return av.open(io.BytesIO(clip))


def luma(frame):
    return float((frame @ np.array((0.2126, 0.7152, 0.0722))).mean())


def chroma_angle(frame):
    red, green, blue = frame.reshape(-1, 3).mean(axis=0)
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return np.degrees(np.arctan2((red - y) / 1.5748, (blue - y) / 1.8556))


def test_a_clip_is_h264_and_aac_in_mp4_tagged_bt709(studio):
    with opened(studio.make(studio.request())) as clip:
        video, audio = clip.streams.video[0], clip.streams.audio[0]
        context = video.codec_context
        assert (context.name, context.pix_fmt, audio.codec_context.name) == ("h264", "yuv420p", "aac")
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (
            1,
            1,
            1,
            1,
        )
        assert (audio.codec_context.sample_rate, audio.codec_context.layout.name) == (48000, "stereo")
        assert (context.width, context.height) == (256, 144)


def test_the_index_stands_in_front(studio):
    clip = studio.make(studio.request())
    assert 0 < clip.index(b"moov") < clip.index(b"mdat")


@pytest.mark.parametrize(
    ("duration", "fps"),
    [(0.1, 24.0), (1.0, 24.0), (0.7, 23.976), (0.5, 29.97), (0.9, 12.5), (0.4, 60.0), (1.0, 1.0)],
)
def test_picture_and_sound_last_exactly_as_long_as_asked(studio, duration, fps):
    with opened(studio.make(studio.request(duration_s=duration, fps=fps))) as clip:
        video, audio = clip.streams.video[0], clip.streams.audio[0]
        exact = video.average_rate
        assert float(exact) == pytest.approx(fps, abs=0.001)
        frames = max(1, round(duration * fps))
        assert video.frames == frames
        assert video.duration * video.time_base == frames / exact
        assert abs(audio.duration * audio.time_base - frames / exact) <= Fraction(1, 48000)
        times = [frame.pts * frame.time_base for frame in clip.decode(video=0)]
        assert times == [number / exact for number in range(frames)]


def test_a_clip_has_no_b_frames_unless_asked(studio):
    def kinds(**options):
        with opened(studio.make(studio.request(duration_s=1), **options)) as clip:
            return {PictureType(frame.pict_type).name for frame in clip.decode(video=0)}

    assert kinds() == {"I", "P"}
    assert kinds(b_frames=3) == {"I", "P", "B"}


def test_a_clip_can_be_silent(studio):
    with opened(studio.make(studio.request(), audio=False)) as clip:
        assert [stream.type for stream in clip.streams] == ["video"]


def test_the_sound_is_soft_and_begins_and_ends_without_a_click(studio):
    with opened(studio.make(studio.request(duration_s=1))) as clip:
        sound = np.concatenate([frame.to_ndarray() for frame in clip.decode(audio=0)], axis=1)[:, :48000]
    assert 0.02 < np.abs(sound).max() < 0.5
    assert np.abs(sound[:, :200]).max() < 0.01
    assert np.abs(sound[:, -200:]).max() < 0.01
    assert np.abs(np.diff(sound, axis=1)).max() < 0.05


def test_another_process_makes_the_same_bytes(studio, tmp_path):
    here = hashlib.sha256(studio.make(studio.request())).hexdigest()
    environment = dict(os.environ, PYTHONHASHSEED="7", TZ="Asia/Tokyo")
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    there = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, cwd=os.getcwd()
    )
    assert there.stdout.strip() == here


def test_clips_drawn_at_the_same_time_do_not_disturb_each_other(studio, host, still):
    requests = [studio.request(), studio.request("a forest"), studio.request(image=host.put(still))] * 2

    async def play(generator):
        refs = [await generator.submit(request, f"token {number}") for number, request in enumerate(requests)]
        clips = []
        for status in await asyncio.gather(*(studio.finished(generator, ref) for ref in refs)):
            sink = studio.sink()
            await generator.fetch(status, sink)
            clips.append(bytes(sink.data))
        return clips

    clips = studio.run(play)
    assert clips[:3] == clips[3:]
    assert len(set(clips)) == 3
    assert clips[0] == studio.make(requests[0])


@pytest.mark.parametrize("land", ["mountains", "dunes", "sea", "forest", "city"])
def test_everything_moves_from_one_frame_to_the_next_and_nothing_jumps(studio, land):
    frames = studio.pictures(studio.make(studio.request(f"{land} at noon", duration_s=1, resolution="180p")))
    steps = [studio.psnr(*pair) for pair in pairwise(frames)]
    assert max(steps) < 45
    assert min(steps) > 24


@pytest.mark.parametrize(
    "change",
    [{"prompt": "a tale of two towers"}, {"seed": 2}, {"seed": None}, {"take": 2}, {"model": "other"}],
)
def test_another_request_looks_clearly_different(studio, change):
    plain = {"prompt": "an opening", "fps": 10, "duration_s": 0.1}
    asked = (studio.request(**plain), studio.request(**(plain | change)))
    first, second = (studio.pictures(studio.make(request))[0] for request in asked)
    assert studio.psnr(first, second) < 35


def test_the_words_of_a_prompt_choose_the_scene(studio):
    def first(prompt):
        return studio.pictures(studio.make(studio.request(prompt, duration_s=0.1)))[0]

    assert luma(first("A city, at NIGHT!")) < 70 < 140 < luma(first("Summer noon over the dunes"))


def test_names_are_shown_in_the_middle_of_a_clip_but_not_in_the_frames_that_are_handed_over(studio):
    def frames(shot):
        return studio.pictures(studio.make(studio.request(duration_s=2, fps=12, shot=shot)))

    one, two = frames("opening"), frames("a quite different name")
    assert studio.psnr(one[12], two[12]) < 40
    assert studio.psnr(one[0], two[0]) > 60
    assert studio.psnr(one[-1], two[-1]) > 45


@pytest.mark.parametrize(
    "name",
    ["東京の夜", "🎬🚀", "שלום עולם", "مرحبا", "x" * 500, " ", "\u0301", "a\x00b\n\tc", "\ud800", "Ünïcødé"],
)
def test_any_name_can_be_drawn(studio, name):
    assert studio.pictures(studio.make(studio.request(shot=name, sequence=name, prompt=name, duration_s=0.2)))


def test_a_name_in_another_script_is_left_out_and_not_spelt_in_other_letters(studio):
    def middle(shot):
        return studio.pictures(studio.make(studio.request(duration_s=2, fps=6, shot=shot)))[6]

    assert np.array_equal(middle("東京"), middle("مرحبا"))
    assert np.array_equal(middle("東京 at night"), middle("Москва at night"))
    assert studio.psnr(middle("東京 at night"), middle("東京")) < 40


@pytest.mark.parametrize(
    "size", [("9:16", "144p"), ("1:1", "64p"), ("21:9", "120p"), ("16:9", "66p"), ("1:5", "80p")]
)
def test_every_shape_can_be_drawn(studio, size):
    aspect, resolution = size
    frames = studio.pictures(
        studio.make(studio.request("forest", aspect_ratio=aspect, resolution=resolution))
    )
    assert min(frames[0].shape[:2]) == int(resolution[:-1])


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_a_clip_starts_exactly_at_the_given_picture_and_moves_on_at_once(studio, host, still, format):
    frames = studio.pictures(studio.make(studio.request(duration_s=1, image=host.put(still, format))))
    assert studio.psnr(frames[0], still) > 40
    assert studio.psnr(frames[0], frames[1]) < 45
    assert studio.psnr(frames[-1], still) < 20


def test_a_long_chain_does_not_wear_out(studio, host):
    frame, worst = None, 99.0
    for number in range(4):
        image = None if frame is None else host.put(frame)
        frames = studio.pictures(studio.make(studio.request(f"mountain {number}", image=image)))
        if frame is not None:
            worst = min(worst, studio.psnr(frames[0], frame))
        frame = frames[-1]
    assert worst > 40


def test_the_shot_ends_in_its_own_scene_whatever_it_started_from(studio, host, still):
    request = studio.request(duration_s=1)
    alone = studio.pictures(studio.make(request))[-1]
    started = studio.pictures(studio.make(studio.request(duration_s=1, image=host.put(still))))[-1]
    assert studio.psnr(alone, started) > 40


def test_a_clip_of_one_frame_is_the_given_picture(studio, host, still):
    frames = studio.pictures(studio.make(studio.request(duration_s=0.1, fps=5, image=host.put(still))))
    assert len(frames) == 1
    assert studio.psnr(frames[0], still) > 40


def test_a_picture_of_another_size_covers_the_frame(studio, host, still):
    large = np.asarray(Image.fromarray(still).resize((512, 288), Image.Resampling.BICUBIC))
    tall = np.pad(large, ((200, 200), (0, 0), (0, 0)))
    first = studio.pictures(studio.make(studio.request(image=host.put(tall))))[0]
    assert studio.psnr(first, still) > 35


def test_a_given_picture_can_be_ignored(studio, host, still):
    ignored = studio.make(studio.request(image=host.put(still)), ignore_image=True)
    assert ignored == studio.make(studio.request())
    assert host.asked == ["/first"]


def test_a_given_picture_can_be_reframed(studio, host, still):
    def first(zoom):
        return studio.pictures(studio.make(studio.request(image=host.put(still)), reframe=zoom))[0]

    cropped = Image.fromarray(still).resize((256, 144), Image.Resampling.LANCZOS, box=(32, 18, 224, 126))
    assert studio.psnr(first(4 / 3), np.asarray(cropped)) > 35
    small = first(0.5)
    assert small[:30].max() < 12
    assert small[36:108, 64:192].mean() > 60


def test_the_first_frame_can_be_repeated(studio, host, still):
    request = studio.request(image=host.put(still))
    once = studio.pictures(studio.make(request))
    again = studio.pictures(studio.make(request, repeat_first=3))
    assert len(again) == len(once)
    assert all(studio.psnr(again[0], frame) > 47 for frame in again[1:4])
    assert studio.psnr(again[3], again[4]) < 45


def test_brightness_drifts_by_the_levels_asked(studio):
    request = studio.request("dunes at dawn", duration_s=1)
    plain = studio.pictures(studio.make(request))
    drifted = studio.pictures(studio.make(request, drift_brightness=20))
    assert luma(drifted[0]) == pytest.approx(luma(plain[0]), abs=0.5)
    assert luma(drifted[12]) == pytest.approx(luma(plain[12]) + 10, abs=2)
    assert luma(drifted[-1]) == pytest.approx(luma(plain[-1]) + 20, abs=2)


def test_hue_drifts_by_the_degrees_asked(studio):
    request = studio.request("dunes at dawn", duration_s=1)
    plain = studio.pictures(studio.make(request))
    drifted = studio.pictures(studio.make(request, drift_hue=30))
    assert chroma_angle(drifted[0]) == pytest.approx(chroma_angle(plain[0]), abs=2)
    assert chroma_angle(drifted[-1]) - chroma_angle(plain[-1]) == pytest.approx(30, abs=5)


def test_a_clip_can_end_in_black(studio):
    frames = studio.pictures(studio.make(studio.request(duration_s=1), fade_to_black=True))
    assert luma(frames[0]) > 40
    assert frames[-1].max() < 6
    levels = [luma(frame) for frame in frames[-8:]]
    assert levels == sorted(levels, reverse=True)


def test_the_frames_before_the_fade_are_untouched(studio):
    plain = studio.pictures(studio.make(studio.request(duration_s=1)))
    faded = studio.pictures(studio.make(studio.request(duration_s=1), fade_to_black=True))
    assert studio.psnr(plain[10], faded[10]) > 60
