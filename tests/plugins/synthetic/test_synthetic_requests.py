"""What synthetic takes and what it refuses, and in which words."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from fractions import Fraction

import pytest
from runner.plugins.synthetic import SyntheticOptions
from runner.plugins.synthetic.geometry import geometry, rate

from runner.api import GeneratorSpec, InputMode, Reach
from runner.errors import SubmitRefused
from runner.plugins import synthetic


def refused(studio, request, **options):
    async def play(generator):
        await generator.submit(request, "token")

    with pytest.raises(SubmitRefused) as caught:
        studio.run(play, **options)
    return caught.value


def test_it_registers_as_a_generator_of_text_and_image_on_this_machine():
    spec = synthetic.runner_register()
    assert isinstance(spec, GeneratorSpec)
    assert spec.name == "synthetic"
    assert spec.summary
    caps = spec.capabilities(spec.options(), None, InputMode.IMAGE)
    assert caps.text
    assert caps.image is not None
    assert caps.image.reach is Reach.LOOPBACK
    assert not caps.image.inline


def test_it_takes_first_frames_inline_where_it_is_told_to():
    spec = synthetic.runner_register()
    caps = spec.capabilities(spec.options(inline=True), None, InputMode.IMAGE)
    assert caps.image is not None
    assert caps.image.inline


def test_registering_imports_nothing_heavy():
    code = (
        "import sys, runner.plugins.synthetic as s; s.runner_register();"
        "print([m for m in ('numpy', 'av', 'PIL', 'httpx', 'anyascii') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize(
    ("aspect", "resolution", "size"),
    [
        ("16:9", "720p", (1280, 720)),
        ("9:16", "720p", (720, 1280)),
        ("1:1", "540p", (540, 540)),
        ("4:3", "480p", (640, 480)),
        ("21:9", "360p", (840, 360)),
        ("16:9", "480p", (854, 480)),
        ("2.39:1", "1080p", (2582, 1080)),
        (" 3 : 2 ", "64p", (96, 64)),
    ],
)
def test_aspect_ratio_and_resolution_give_an_even_size(studio, aspect, resolution, size):
    shape = geometry(studio.request(aspect_ratio=aspect, resolution=resolution))
    assert (shape.width, shape.height) == size


@pytest.mark.parametrize(
    ("fps", "exact"),
    [
        (24, Fraction(24)),
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (12.5, Fraction(25, 2)),
        (25, Fraction(25)),
    ],
)
def test_rates_are_the_exact_ones_that_a_person_means(fps, exact):
    assert rate(fps) == exact


@pytest.mark.parametrize(
    ("duration", "fps", "frames"), [(4, 24, 96), (0.1, 1, 1), (0.5, 25, 13), (5, 29.97, 150)]
)
def test_a_clip_has_the_nearest_whole_number_of_frames_and_never_none(studio, duration, fps, frames):
    assert geometry(studio.request(duration_s=duration, fps=fps)).frames == frames


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"aspect_ratio": "wide"}, "aspect_ratio of 'wide': it is written W:H"),
        ({"aspect_ratio": "0:9"}, "aspect_ratio of '0:9'"),
        ({"aspect_ratio": "16x9"}, "aspect_ratio of '16x9'"),
        ({"aspect_ratio": "100:1"}, "at most 4096 pixels on the long side"),
        ({"resolution": "HD"}, "resolution of 'HD': it is an even short side"),
        ({"resolution": "719p"}, "resolution of '719p'"),
        ({"resolution": "32p"}, "resolution of '32p'"),
        ({"resolution": "4320p"}, "resolution of '4320p'"),
        ({"duration_s": 0.05}, "duration_s of 0.05: it is 0.1 to 600 s"),
        ({"duration_s": 601}, "duration_s of 601"),
        ({"duration_s": float("nan")}, "duration_s of nan"),
        ({"fps": 0}, "fps of 0: it is 1 to 120"),
        ({"fps": 240}, "fps of 240"),
        ({"params": {"refame": 2}}, "'refame' is not an option of synthetic; the nearest one is 'reframe'"),
        ({"params": {"reframe": "big"}}, "reframe is 'big'; it may be a number from 0.1 to 10"),
        ({"params": {"repeat_first": 1.5}}, "repeat_first is 1.5; it may be a whole number"),
        ({"params": {"audio": 1}}, "audio is 1; it may be true or false"),
        ({"params": {"b_frames": True}}, "b_frames is True; it may be a whole number from 0 to 8"),
        ({"params": {"fail": "often"}}, "fail is 'often'; it may be none, submit, running, after"),
        ({"params": {"deliver": ["html"]}}, "deliver is ['html']; it may be whole, truncated"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_can(studio, changes, words):
    error = refused(studio, studio.request(**changes))
    assert words in error.why
    assert error.where == "hero/opening"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reframe", 0),
        ("repeat_first", -1),
        ("drift_brightness", 300),
        ("drift_hue", float("nan")),
        ("latency_s", -1),
        ("b_frames", 9),
        ("fail", "sometimes"),
        ("deliver", ""),
        ("ignore_image", "yes"),
    ],
)
def test_options_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=f"^{name} is .* it may be "):
        SyntheticOptions(**{name: value})


def test_every_option_can_be_set_for_one_shot():
    options = SyntheticOptions(latency_s=3)
    for field in dataclasses.fields(options):
        value = getattr(SyntheticOptions(), field.name)
        assert getattr(options.with_params({field.name: value}), field.name) == value
    assert options.with_params({"reframe": 1.2}).latency_s == 3


def test_every_option_is_described():
    for field in dataclasses.fields(SyntheticOptions):
        assert f"\n    {field.name} " in (SyntheticOptions.__doc__ or "")
