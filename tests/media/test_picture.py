"""Still images: what is written is what is read, and what is no image is refused by name."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from runner.errors import MediaError
from runner.media import magic, picture


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def soft(height=48, width=64):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack((x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)), -1).astype(
        np.uint8
    )


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


@pytest.mark.parametrize("format", ["png", "webp"])
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
def test_lossless_formats_give_back_every_pixel(format, height, width, seed):
    rgb = noise(height, width, seed)
    assert np.array_equal(picture.decode(picture.encode(rgb, format)), rgb)


def test_a_png_is_read_alike_by_another_decoder():
    rgb = noise(37, 53)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(picture.encode(rgb).data))), rgb)


def test_jpeg_keeps_full_colour_resolution():
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[:, ::2, 0] = 255  # red and black columns: halved colour resolution would blur them into one
    decoded = picture.decode(picture.encode(rgb, "jpeg")).astype(int)
    assert np.abs(decoded - rgb).max() < 40


@pytest.mark.parametrize("format", picture.FORMATS)
def test_a_picture_knows_its_format_size_and_digest(format):
    made = picture.encode(soft(), format)
    assert (made.format, made.width, made.height) == (format, 64, 48)
    assert made.sha256 == hashlib.sha256(made.data).hexdigest()
    assert picture.read(made.data) == made


@pytest.mark.parametrize("format", picture.FORMATS)
def test_the_same_pixels_give_the_same_bytes_in_another_process(format):
    code = (
        "import numpy as np; from runner.media import picture;"
        "rgb = np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8);"
        f"print(picture.encode(rgb, {format!r}).sha256)"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert picture.encode(noise(40, 60, 3), format).sha256 == other


def test_a_frame_that_is_a_view_of_another_is_encoded_as_it_looks():
    rgb = noise(20, 30)
    assert np.array_equal(picture.decode(picture.encode(rgb[::-1, ::2])), rgb[::-1, ::2])


def test_a_png_makes_no_claim_about_colour():
    data = picture.encode(soft()).data
    assert not any(chunk in data for chunk in (b"sRGB", b"gAMA", b"cHRM", b"iCCP"))


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_frame_is_not_encoded(wrong):
    with pytest.raises(ValueError, match="a frame is uint8"):
        picture.encode(wrong)


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(MediaError, match="png, jpeg, webp"):
        picture.encode(soft(), "bmp")


def test_a_size_that_a_format_cannot_hold_is_refused():
    with pytest.raises(MediaError, match="16400x1 image cannot be a webp"):
        picture.encode(np.zeros((1, 16400, 3), np.uint8), "webp")


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n<!DOCTYPE HTML><html></html>", "an HTML page"),
        (b"<html><head>", "an HTML page"),
        (b'<?xml version="1.0"?><svg xmlns="x"/>', "an SVG drawing"),
        (b'{"code": 404}', "a JSON document"),
        (b"Not found\n", "plain text"),
        (b"GIF89a\x01\x00", "a GIF"),
        (b"BM\x00\x00", "a BMP picture"),
        (b"II*\x00\x08", "a TIFF picture"),
        (b"\x00\x00\x00\x20ftypisom\x00", "a video (MP4 or MOV)"),
        (b"\x1a\x45\xdf\xa3\x01", "a Matroska or WebM video"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "an AVI video"),
        (b"%PDF-1.7", "a PDF document"),
        (bytes(range(128, 256)), "of no known kind"),
    ],
)
def test_what_is_not_a_picture_is_refused_as_what_it_is(data, named):
    with pytest.raises(MediaError) as caught:
        picture.read(data, name="first.png")
    assert f"it is {named};" in caught.value.why
    assert caught.value.where == "first.png"


@given(st.binary(max_size=200))
def test_any_bytes_can_be_described(data):
    assert magic.describe(data)


@pytest.mark.parametrize("format", picture.FORMATS)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_truncated_picture_is_refused(format, share):
    data = picture.encode(noise(64, 64), format).data
    with pytest.raises(MediaError, match=f"this {format} image is truncated or damaged"):
        picture.read(data[: int(len(data) * share)])


def test_a_png_is_refused_whichever_of_its_bits_is_flipped():
    data = picture.encode(noise(32, 32) // 200 * 200).data
    for place in range(8, len(data) - 12):
        damaged = bytearray(data)
        damaged[place] ^= 4
        with pytest.raises(MediaError):
            picture.read(bytes(damaged))


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_an_animation_is_refused(format):
    frames = [Image.fromarray(noise(8, 8, seed)) for seed in (0, 1)]
    data = saved(frames[0], format, save_all=True, append_images=frames[1:])
    with pytest.raises(MediaError, match="is an animation"):
        picture.read(data)


def test_a_picture_that_claims_a_monstrous_size_is_refused_before_it_is_unpacked():
    image = Image.new("1", (30_000, 30_000))
    with pytest.raises(MediaError, match="too large") as caught:
        picture.read(saved(image, "PNG"), name="bomb.png")
    assert "30000x30000" in caught.value.why


@pytest.mark.parametrize("format", picture.FORMATS)
@pytest.mark.parametrize("orientation", [3, 6])
def test_a_picture_turned_by_its_exif_tag_is_read_upright(format, orientation):
    rgb = soft()
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if format == "jpeg" else {"lossless": True} if format == "webp" else {}
    read = picture.read(saved(Image.fromarray(rgb), format.upper(), exif=exif.tobytes(), **options))
    expected = np.rot90(rgb, {3: 2, 6: -1}[orientation])
    assert (read.height, read.width) == expected.shape[:2]
    assert read.format == format
    assert np.abs(picture.decode(read).astype(int) - expected).max() < 12
    assert picture.read(read.data) == read


def test_an_upright_picture_is_kept_as_it_is():
    exif = Image.Exif()
    exif[0x0112] = 1
    data = saved(Image.fromarray(soft()), "JPEG", exif=exif.tobytes())
    assert picture.read(data).data == data


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_shown_over_white(mode):
    image = Image.new("RGBA", (4, 2), (200, 200, 200, 255))
    image.paste((200, 200, 200, 0), (0, 0, 2, 2))
    rgb = picture.decode(picture.read(saved(image.convert(mode), "PNG")))
    assert rgb[:, :2].min() == 255
    assert rgb[:, 2:].max() == 200


def test_sixteen_bit_grey_keeps_its_levels():
    grey = Image.fromarray(np.array([[0, 0x4000, 0x8000, 0xFFFF]], np.uint16))
    assert picture.decode(picture.read(saved(grey, "PNG")))[0, :, 0].tolist() == [0, 0x40, 0x80, 0xFF]


@pytest.mark.parametrize("mode", ["L", "1", "CMYK"])
def test_other_colour_models_become_rgb(mode):
    image = Image.new("RGB", (16, 16), (255, 255, 255)).convert(mode)
    data = saved(image, "JPEG" if mode == "CMYK" else "PNG")
    assert picture.decode(picture.read(data)).min() >= 254


def test_a_picture_in_a_format_that_is_taken_is_left_alone():
    made = picture.encode(soft(), "webp")
    assert picture.convert(made, ("png", "webp")) is made


def test_a_picture_is_converted_to_the_first_format_that_is_taken():
    made = picture.convert(picture.encode(soft(), "webp"), ("png", "jpeg"))
    assert made.format == "png"
    assert np.array_equal(picture.decode(made), soft())


def test_converting_to_nothing_is_refused():
    with pytest.raises(MediaError, match="no format"):
        picture.convert(picture.encode(soft()), ())


ODD = {
    "transparent": saved(Image.new("RGBA", (6, 4), (200, 100, 50, 128)), "PNG"),
    "transparent palette": saved(Image.new("P", (6, 4)), "PNG", transparency=0),
    "grey and alpha": saved(Image.new("LA", (6, 4), (90, 128)), "PNG"),
    "16 bit": saved(Image.new("I;16", (6, 4), 40_000), "PNG"),
    "cmyk": saved(Image.new("CMYK", (6, 4), (10, 20, 30, 40)), "JPEG"),
    "transparent webp": saved(Image.new("RGBA", (6, 4), (200, 100, 50, 128)), "WEBP", lossless=True),
}
PLAIN = {
    "rgb": saved(Image.new("RGB", (6, 4), (200, 100, 50)), "PNG"),
    "grey": saved(Image.new("L", (6, 4), 90), "JPEG"),
    "palette": saved(Image.new("P", (6, 4)), "PNG"),
    "webp": saved(Image.new("RGB", (6, 4), (200, 100, 50)), "WEBP", lossless=True),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_picture_that_models_would_read_in_their_own_ways_is_read_as_it_is_compared(kind):
    found = picture.read(ODD[kind])

    image = Image.open(io.BytesIO(found.data))
    assert image.mode == "RGB"
    assert found.format == magic.picture_format(ODD[kind])
    if found.format != "jpeg":
        assert np.array_equal(picture.decode(found), picture.decode(picture.read(found.data)))
    assert picture.read(found.data) == found


@pytest.mark.parametrize("kind", PLAIN)
def test_a_plain_picture_is_left_as_it_is(kind):
    assert picture.read(PLAIN[kind]).data == PLAIN[kind]
