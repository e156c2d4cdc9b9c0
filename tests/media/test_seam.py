"""What a seam is called, on images whose relation is known."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from runner.media.seam import ColourChange, Verdict, blank, colour_change, measure, should_drop

WIDTH, HEIGHT = 640, 360


def scene(seed, width=WIDTH, height=HEIGHT):
    """An image with structure at every size, as photographs have."""
    random = np.random.default_rng(seed)
    layers = np.zeros((height, width, 3))
    for octave in range(1, 6):
        size = (2**octave * 9 // 16 + 2, 2**octave + 2, 3)
        layer = Image.fromarray(random.integers(0, 256, size, dtype=np.uint8))
        layers += np.asarray(layer.resize((width, height), Image.Resampling.BICUBIC), float) / 2**octave
    low, high = layers.min(), layers.max()
    image = Image.fromarray(((layers - low) / (high - low) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(8):
        x, y, size = random.integers(0, width), random.integers(0, height), random.integers(10, 80)
        draw.ellipse(
            [x, y, x + size, y + size], fill=tuple(int(level) for level in random.integers(0, 256, 3))
        )
    return np.asarray(image)


def through_codec(pictures, crf=23):
    """The images after H.264."""
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as film:
        track = film.add_stream("libx264", rate=24, options={"crf": str(crf), "preset": "veryfast"})
        track.height, track.width = pictures[0].shape[:2]
        track.pix_fmt = "yuv420p"
        for number, rgb in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            film.mux(track.encode(frame))
        film.mux(track.encode(None))
    memory.seek(0)
    with av.open(memory) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


def zoomed(rgb, zoom, right=0.0):
    """Enlarged about the middle (above 1), or reduced on a blurred backdrop; moved by part of the width."""
    height, width = rgb.shape[:2]
    image = Image.fromarray(np.roll(rgb, round(right * width), axis=1))
    if zoom >= 1:
        x, y = (width - width / zoom) / 2, (height - height / zoom) / 2
        box = (x, y, x + width / zoom, y + height / zoom)
        return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS, box=box))
    inner = (round(width * zoom), round(height * zoom))
    backdrop = image.filter(ImageFilter.GaussianBlur(20))
    backdrop.paste(
        image.resize(inner, Image.Resampling.LANCZOS), ((width - inner[0]) // 2, (height - inner[1]) // 2)
    )
    return np.asarray(backdrop)


def resized(rgb, width, height):
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS))


def noisy(rgb, deviation, seed=0):
    return np.clip(rgb + np.random.default_rng(seed).normal(0, deviation, rgb.shape), 0, 255).astype(np.uint8)


def turned_in_hue(rgb, degrees):
    hue, saturation, value = Image.fromarray(rgb).convert("HSV").split()
    turned = Image.fromarray(np.asarray(hue) + np.uint8(round(degrees / 360 * 256)))
    return np.asarray(Image.merge("HSV", [turned, saturation, value]).convert("RGB"))


@pytest.fixture(params=[1, 2, 3])
def picture(request):
    return scene(request.param)


def test_the_very_same_picture_is_locked(picture):
    adherence = measure(picture, [picture])

    assert (adherence.verdict, adherence.psnr_db, adherence.zoom) == (Verdict.LOCKED, 99.0, 1.0)
    assert should_drop(adherence)


def test_a_picture_after_a_good_codec_is_locked(picture):
    adherence = measure(picture, through_codec([picture], crf=16))

    assert adherence.verdict is Verdict.LOCKED
    assert 33 < adherence.psnr_db < 50


@pytest.mark.parametrize("crf", [36, 44])
def test_a_picture_after_a_poor_codec_is_reencoded(picture, crf):
    adherence = measure(picture, through_codec([picture], crf))

    assert adherence.verdict is Verdict.REENCODED
    assert should_drop(adherence)


@pytest.mark.parametrize(
    "changed",
    [
        lambda rgb: noisy(rgb, 8),
        lambda rgb: noisy(rgb, 20),
        lambda rgb: np.clip(rgb.astype(int) + 15, 0, 255).astype(np.uint8),
        lambda rgb: np.clip(rgb * 0.85 + 10, 0, 255).astype(np.uint8),
        lambda rgb: turned_in_hue(rgb, 8),
        lambda rgb: np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(3))),
    ],
    ids=["grain", "noise", "brighter", "flatter", "hue", "blur"],
)
def test_a_mild_change_of_light_or_detail_is_reencoded(picture, changed):
    assert measure(picture, [changed(picture)]).verdict is Verdict.REENCODED


@pytest.mark.parametrize("zoom", [0.75, 0.9, 0.95, 1.05, 1.1, 1.25, 1.38])
def test_another_scale_is_reframed_and_told(picture, zoom):
    adherence = measure(picture, through_codec([zoomed(picture, zoom)], crf=26))

    assert adherence.verdict is Verdict.REFRAMED
    assert adherence.zoom == pytest.approx(zoom, abs=0.02)
    assert not should_drop(adherence)


@pytest.mark.parametrize("right", [-0.08, 0.02, 0.08])
def test_another_place_is_reframed(picture, right):
    adherence = measure(picture, through_codec([zoomed(picture, 1.0, right)], crf=26))

    assert adherence.verdict is Verdict.REFRAMED
    assert adherence.zoom == pytest.approx(1, abs=0.02)


def test_another_scale_is_found_under_other_light(picture):
    brighter = np.clip(zoomed(picture, 1.2) * 0.9 + 25, 0, 255).astype(np.uint8)

    assert measure(picture, [brighter]).verdict is Verdict.REFRAMED


def test_a_crop_to_another_shape_is_reframed():
    wide = scene(4, 1280, 720)

    assert measure(wide, [wide[:, 280:1000]]).verdict is Verdict.REFRAMED


@pytest.mark.parametrize("size", [(320, 180), (854, 480), (1280, 720), (640, 352)])
def test_a_mere_change_of_size_is_not_reframed(picture, size):
    adherence = measure(picture, [resized(picture, *size)])

    assert adherence.verdict is Verdict.LOCKED
    assert adherence.zoom == 1.0


@pytest.mark.parametrize("other", range(40, 46))
def test_another_picture_is_ignored(picture, other):
    adherence = measure(picture, [scene(other)])

    assert adherence.verdict is Verdict.IGNORED
    assert not should_drop(adherence)


def test_a_mirrored_picture_is_ignored(picture):
    assert measure(picture, [picture[:, ::-1]]).verdict is Verdict.IGNORED


@pytest.mark.parametrize("late", [1, 2, 4])
def test_a_clip_that_eases_in_is_judged_by_the_frame_that_shows_the_picture(picture, late):
    shown = [picture // 12] * late + [picture, picture]

    adherence = measure(picture, shown)

    assert (adherence.verdict, adherence.eases_in) == (Verdict.LOCKED, late)
    assert adherence.psnr_db == 99.0
    assert not should_drop(adherence), "its first frame is not the one before it"


def test_the_best_of_the_first_five_counts(picture):
    shown = [scene(40), zoomed(picture, 1.1), noisy(picture, 20), picture]

    adherence = measure(picture, shown)

    assert (adherence.verdict, adherence.eases_in) == (Verdict.LOCKED, 3)
    assert measure(picture, shown[:3]).verdict is Verdict.REFRAMED, (
        "a poor copy is no better than a reframed one"
    )


def test_a_picture_that_comes_after_the_first_five_is_ignored(picture):
    adherence = measure(picture, [scene(40)] * 5 + [picture] * 3)

    assert (adherence.verdict, adherence.eases_in) == (Verdict.IGNORED, 0)


def test_a_first_frame_that_shows_the_picture_settles_it(picture):
    adherence = measure(picture, [noisy(picture, 20), picture])

    assert (adherence.verdict, adherence.eases_in) == (Verdict.REENCODED, 0)
    assert should_drop(adherence)


@pytest.mark.parametrize("levels", [-9, 9])
def test_how_much_brighter_a_clip_begins_is_told(picture, levels):
    inside = (picture // 2 + 40).astype(np.uint8)

    assert measure(inside, [(inside + float(levels)).astype(np.uint8)]).luma == pytest.approx(levels, abs=0.1)
    assert measure(inside, [scene(40) // 4]).luma == 0, "another picture has a brightness of its own"


@pytest.mark.parametrize("right", [-0.03, 0.02])
def test_how_far_a_picture_is_moved_is_told(picture, right):
    adherence = measure(picture, [zoomed(picture, 1.0, right)])

    assert adherence.verdict is Verdict.REFRAMED
    assert adherence.shift == pytest.approx(abs(right), abs=0.004)


def test_flat_pictures_are_told_apart_by_their_colour(picture):
    grey = np.full_like(picture, 40)

    assert measure(grey, [grey + 2]).verdict is Verdict.LOCKED
    assert measure(grey, [grey + 8]).verdict is Verdict.REENCODED
    assert measure(grey, [grey + 90]).verdict is Verdict.IGNORED
    assert measure(picture, [grey]).verdict is Verdict.IGNORED
    assert measure(grey, [picture]).verdict is Verdict.IGNORED


def test_dark_pictures_of_different_things_are_not_the_same():
    """Between two night scenes the error is small, whatever they show."""
    a, b = scene(1) // 10, scene(2) // 10

    assert measure(a, [b]).psnr_db > 26
    assert measure(a, [b]).verdict is Verdict.IGNORED
    assert measure(a, [noisy(a, 1)]).verdict is Verdict.LOCKED


def test_without_frames_nothing_is_measured(picture):
    with pytest.raises(ValueError, match="without frames"):
        measure(picture, [])


# --- a clip that stands still before it moves


WHOLE = scene(5, 1400, 400)


def moving(place, count=12):
    """Frames of a view that moves over a large image; `place` gives its x for each frame number."""
    image = Image.fromarray(WHOLE)
    boxes = [(place(number), 20, place(number) + WIDTH, 20 + HEIGHT) for number in range(count)]
    return [np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=box)) for box in boxes]


def ball(place, count=12):
    """Frames in which only a small ball moves."""
    shown = []
    for number in range(count):
        image = Image.fromarray(scene(1))
        ImageDraw.Draw(image).ellipse(
            [100 + place(number), 100, 120 + place(number), 120], fill=(255, 255, 255)
        )
        shown.append(np.asarray(image))
    return shown


@pytest.mark.parametrize("crf", [16, 23, 30])
@pytest.mark.parametrize("repeats", [0, 1, 3, 8, 10])
def test_repeats_of_the_first_frame_are_counted(repeats, crf):
    shown = through_codec(moving(lambda number: 3 * max(0, number - repeats)), crf)

    assert measure(shown[0], shown).repeats == repeats


@pytest.mark.parametrize("crf", [16, 23, 30])
@pytest.mark.parametrize("make", [moving, ball])
def test_repeats_before_a_small_motion_are_counted(make, crf):
    shown = through_codec(make(lambda number: max(0, number - 2) * (1 if make is moving else 2)), crf)

    assert measure(shown[0], shown).repeats == 2


@pytest.mark.parametrize("crf", [16, 23, 30])
@pytest.mark.parametrize(
    "place",
    [
        lambda number: 0,
        lambda number: 0.1 * number,
        lambda number: 0.5 * number,
        lambda number: 0.1 * number**2,
        lambda number: 0.01 * number**3,
        lambda number: 6 * (number // 2),
        lambda number: 6 * (number // 3),
        lambda number: 2 * min(number, 4),
    ],
    ids=["static", "slow", "less-slow", "easing", "easing-more", "on-twos", "on-threes", "stopping"],
)
def test_slow_motion_and_still_scenes_repeat_nothing(place, crf):
    shown = through_codec(moving(place), crf)

    assert measure(shown[0], shown).repeats == 0


def test_a_single_frame_repeats_nothing(picture):
    assert measure(picture, [picture]).repeats == 0
    assert measure(picture, [picture, picture]).repeats == 0


# --- colour


@pytest.mark.parametrize("level", [0, 16, 128, 255])
def test_a_single_colour_is_blank_even_with_noise(level):
    plain = np.full((HEIGHT, WIDTH, 3), level, np.uint8)

    assert blank(plain)
    assert blank(noisy(plain, 3))
    assert blank(through_codec([plain])[0])


def test_dark_scenes_and_titles_are_not_blank():
    dark = scene(1) // 12
    title = Image.new("RGB", (WIDTH, HEIGHT))
    ImageDraw.Draw(title).rectangle([260, 160, 380, 200], fill=(255, 255, 255))

    assert not blank(scene(1))
    assert not blank(dark)
    assert not blank(np.asarray(title))


def test_brightness_is_told_in_levels(picture):
    inside = (picture // 2 + 40).astype(np.uint8)

    assert colour_change(inside, inside + 9) == ColourChange(9.0, 0.0, 0.0)
    assert colour_change(inside + 9, inside) == ColourChange(-9.0, 0.0, 0.0)


def test_a_tint_is_told_as_chroma_and_hue():
    red = np.full((90, 160, 3), (180, 60, 60), np.uint8)
    orange = np.full((90, 160, 3), (180, 100, 60), np.uint8)
    grey = np.full((90, 160, 3), 90, np.uint8)

    assert colour_change(red, red) == ColourChange(0.0, 0.0, 0.0)
    assert 10 < colour_change(red, orange).chroma < 40
    assert 10 < abs(colour_change(red, orange).hue_deg) < 60
    assert colour_change(red, orange).hue_deg == -colour_change(orange, red).hue_deg
    assert colour_change(grey, red).hue_deg == 0


def test_numbers_have_two_decimals(picture):
    adherence = measure(picture, through_codec([zoomed(picture, 1.11)]))
    change = colour_change(picture, noisy(picture, 9))

    for value in (adherence.psnr_db, adherence.zoom, *change):
        assert value == round(value, 2)
