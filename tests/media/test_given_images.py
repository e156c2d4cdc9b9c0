"""Images that people have: photographs with profiles, HEIC, transparency, and files with harmless damage."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from runner.errors import MediaError
from runner.media import icc, picture, repair
from runner.media.magic import readable_format


def soft(height=48, width=64):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack((x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)), -1).astype(
        np.uint8
    )


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def profile(red=(0.680, 0.320), green=(0.265, 0.690), blue=(0.150, 0.060), gamma=2.2, name="Display P3"):
    """An ICC v2 matrix profile (ICC.1:2001-04) of these primaries, white point D65, adapted to D50 by Bradford."""
    primaries = np.array([[x / y, 1, (1 - x - y) / y] for x, y in (red, green, blue)]).T
    white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
    to_xyz = primaries * np.linalg.solve(primaries, white)
    cone = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    d50 = np.array([0.9642, 1.0, 0.8249])
    adapted = np.linalg.inv(cone) @ np.diag((cone @ d50) / (cone @ white)) @ cone @ to_xyz

    def xyz(values):
        return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(float(one) * 65536)) for one in values)

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    text = name.encode() + b"\0"
    described = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78)
    described += bytes(-len(described) % 4)
    rights = b"text" + bytes(4) + b"none\0" + bytes(3)
    tags = {b"desc": described, b"cprt": rights, b"wtpt": xyz(d50)}
    tags |= {one: xyz(column) for one, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), adapted.T, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for tag, data in tags.items():
        table += tag + struct.pack(">II", offset + len(body), len(data))
        body += data
    size = offset + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += b"".join(struct.pack(">i", round(one * 65536)) for one in d50) + bytes(48)
    return head[:128] + struct.pack(">I", len(tags)) + table + body


P3 = profile()
ADOBE = profile((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), name="Adobe RGB (1998)")
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def by_littlecms(rgb, of):
    """What the profile library itself makes of the values."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(of))
    converted = ImageCms.profileToProfile(Image.fromarray(rgb), source, ImageCms.createProfile("sRGB"), 1)
    return np.asarray(converted).astype(int)


@pytest.mark.parametrize("of", [P3, ADOBE], ids=["Display P3", "Adobe RGB"])
@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG"])
def test_another_colour_profile_becomes_srgb(of, format):
    rgb = soft() // 2 + 60
    options = {"PNG": {}, "WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}[format]
    adopted = picture.adopt(saved(Image.fromarray(rgb), format, icc_profile=of, **options))

    found = picture.decode(adopted.image).astype(int)
    assert np.abs(found - by_littlecms(rgb, of)).mean() < 1.5
    assert np.abs(found - rgb).mean() > 3
    assert any("to sRGB" in note for note in adopted.notes)
    assert not Image.open(io.BytesIO(adopted.image.data)).info.get("icc_profile")


def test_an_image_in_srgb_is_handed_on_as_it_is():
    data = saved(Image.fromarray(soft()), "PNG", icc_profile=SRGB)
    adopted = picture.adopt(data)

    assert adopted.notes == ()
    assert adopted.image.data == data


@pytest.mark.parametrize("of", [b"no profile", P3[:200], P3.replace(b"acsp", b"none")])
def test_a_broken_profile_is_ignored(of):
    adopted = picture.adopt(saved(Image.fromarray(soft()), "JPEG", quality=100, icc_profile=of))

    assert adopted.notes == ()


def test_a_profile_holds_whatever_else_is_done_to_the_image():
    rgba = np.dstack([soft() // 2 + 60, np.full((48, 64), 255, np.uint8)])
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(Image.fromarray(rgba), "PNG", icc_profile=P3, exif=exif)

    found = picture.decode(picture.adopt(data).image).astype(int)

    assert found.shape == (64, 48, 3)
    assert np.abs(found - np.rot90(by_littlecms(rgba[:, :, :3].copy(), P3), -1)).mean() < 1.5


def test_a_grey_image_with_a_profile_for_rgb_is_read():
    assert picture.adopt(saved(Image.new("L", (8, 8), 90), "PNG", icc_profile=P3)).image.width == 8


def test_transparency_is_shown_over_the_background():
    image = Image.new("RGBA", (4, 2), (200, 0, 0, 255))
    image.paste((200, 0, 0, 0), (0, 0, 2, 2))
    data = saved(image, "PNG")

    white, green = picture.adopt(data), picture.adopt(data, background=(0, 255, 0))

    assert picture.decode(white.image)[0].tolist() == [[255] * 3] * 2 + [[200, 0, 0]] * 2
    assert picture.decode(green.image)[0].tolist() == [[0, 255, 0]] * 2 + [[200, 0, 0]] * 2
    assert any("background" in note for note in white.notes)


def test_an_opaque_alpha_channel_is_not_worth_a_note():
    assert picture.adopt(saved(Image.new("RGBA", (4, 2), (200, 0, 0, 255)), "PNG")).notes == ()


def png16(rgb16):
    """A PNG with 16 bits per sample (RFC 2083), which Pillow does not write."""
    height, width, _ = rgb16.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rgb16)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in (*chunks, (b"IEND", b"")))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_sixteen_bits_per_sample_become_eight():
    adopted = picture.adopt(png16(soft().astype(np.uint16) * 257))

    assert adopted.image.data[24] == 8
    assert np.array_equal(picture.decode(adopted.image), soft())
    assert any("16 bits" in note for note in adopted.notes)


@pytest.mark.parametrize("format", ["heic", "avif"])
@pytest.mark.parametrize("turned", [1, 6])
def test_photographs_of_phones_are_read_and_handed_on_as_jpeg(format, turned):
    image = Image.fromarray(soft())
    exif = Image.Exif()
    exif[0x0112] = turned
    out = io.BytesIO()
    if format == "heic":
        heif = pillow_heif.from_pillow(image)
        heif.info["exif"] = exif.tobytes()
        heif.save(out, quality=95, chroma=444)
    else:
        image.save(out, "AVIF", quality=95, subsampling="4:4:4", exif=exif)

    assert readable_format(out.getvalue()) == format
    adopted = picture.adopt(out.getvalue())

    assert adopted.image.format == "jpeg"
    upright = soft() if turned == 1 else np.rot90(soft(), -1)
    found = picture.decode(adopted.image).astype(int)
    assert found.shape == upright.shape
    assert np.abs(found - upright).mean() < 4
    assert any("handed on as JPEG" in note for note in adopted.notes)


@pytest.mark.parametrize("head", [b"\x00\x00\x00\x1cftypavif\x00", b"\x00\x00\x00\x18ftypheic\x00"])
def test_a_photograph_that_is_cut_off_is_refused(head):
    with pytest.raises(MediaError, match="truncated or damaged"):
        picture.adopt(head)


def test_a_film_is_no_photograph():
    with pytest.raises(MediaError, match="not an image"):
        picture.adopt(b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomavc1" + bytes(64))


def with_chunk(data, kind, body, *, crc=None):
    """A PNG with a chunk more after its header."""
    made = chunk(kind, body)
    return data[:33] + (made if crc is None else made[:-4] + crc) + data[33:]


PNG = saved(Image.fromarray(soft()), "PNG")


@pytest.mark.parametrize(
    "data",
    [
        with_chunk(PNG, b"tEXt", b"Comment\0hello", crc=b"bad!"),
        with_chunk(PNG, b"tEXt", b"Comment\0" + b"x" * 3_000_000),
        with_chunk(PNG, b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 80_000_000)),
        with_chunk(PNG, b"iCCP", b"name\0\0not compressed"),
        with_chunk(PNG, b"abCd", b"anything", crc=b"bad!"),
        PNG[:-12],
        PNG[:-5],
    ],
    ids=["text crc", "long text", "text bomb", "profile", "unknown", "no end", "half an end"],
)
def test_a_png_with_harmless_damage_is_accepted_with_a_note(data):
    adopted = picture.adopt(data)

    assert adopted.notes
    assert np.array_equal(picture.decode(adopted.image), soft())
    assert Image.open(io.BytesIO(adopted.image.data)).size == (64, 48)


def test_a_png_with_a_large_profile_is_read():
    large = profile(name="Display P3")
    padded = large + bytes(3_000_000)
    padded = struct.pack(">I", len(padded)) + padded[4:]
    data = with_chunk(PNG, b"iCCP", b"P3\0\0" + zlib.compress(padded))

    assert (
        np.abs(picture.decode(picture.adopt(data).image).astype(int) - by_littlecms(soft(), P3)).mean() < 1.5
    )


def test_texts_of_a_png_are_kept_where_they_do_no_harm():
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "made by hand")
    data = saved(Image.fromarray(soft()), "PNG", pnginfo=info)

    assert picture.adopt(data).image.data == data


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_marker_is_accepted_and_one_that_lacks_pixels_is_not(progressive):
    rgb = np.random.default_rng(1).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    data = saved(Image.fromarray(rgb), "JPEG", quality=90, progressive=progressive)

    adopted = picture.adopt(data[:-2])
    assert np.array_equal(picture.decode(adopted.image), np.asarray(Image.open(io.BytesIO(data))))
    assert picture.adopt(data[:-1]).image.data == data
    for missing in (12, 60, len(data) // 2):
        with pytest.raises(MediaError, match="truncated"):
            picture.adopt(data[:-missing])


def test_a_repaired_jpeg_states_what_was_missing():
    data = saved(Image.fromarray(soft()), "JPEG")
    found = repair.jpeg(data[:-2])

    assert found is not None
    assert found.notes == ("its end marker was missing",)
    assert found.data == data


def test_profiles_are_named_for_people():
    image = Image.fromarray(soft())
    image.info["icc_profile"] = P3

    assert icc.other_colours(image) == "Display P3"
