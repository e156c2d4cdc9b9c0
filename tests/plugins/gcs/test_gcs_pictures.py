"""Pictures in a bucket, looked at as a stranger would: signed, public, repeated, deleted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from runner.api import Reach
from runner.errors import UploadRefused
from tests.plugins.gcs.bench import EMAIL, RUN, hosting, picture, put_aside, stored
from tests.plugins.gcs.front import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from runner.api import EncodedImage, HostedImage
    from tests.plugins.gcs.front import Front


def put(work: Path, *given: EncodedImage, **options: Any) -> list[HostedImage]:
    """Put images one after the other, in one run."""

    async def run() -> list[HostedImage]:
        async with hosting(work, **options) as uploader:
            return [await uploader.put(one) for one in given]

    return asyncio.run(run())


def fetched(url: str, method: str = "GET") -> httpx.Response:
    return httpx.request(method, url, trust_env=False)


@pytest.mark.parametrize(("format", "ending"), [("png", "png"), ("jpeg", "jpg"), ("webp", "webp")])
def test_a_signed_address_gives_back_the_same_bytes(
    tmp_path: Path, front: Front, bucket: str, key_file: Path, format: str, ending: str
) -> None:
    one = picture(1, format)
    before = datetime.now(UTC)

    (hosted,) = put(tmp_path, one, bucket=bucket, credentials_file=str(key_file), api_url=front.url)

    answer = fetched(hosted.url)
    assert (answer.status_code, answer.content) == (200, one.data)
    assert answer.headers["content-type"] == one.mime
    assert "private" in answer.headers["cache-control"]
    assert hosted.url.startswith(f"{front.url}/{bucket}/runner/{one.sha256}.{ending}?X-Goog-")
    assert hosted.reach is Reach.LOOPBACK
    assert hosted.expires_at is not None
    assert (
        timedelta(hours=24) - timedelta(seconds=1)
        <= hosted.expires_at - before
        <= timedelta(hours=24, seconds=30)
    )


def test_an_address_is_good_until_it_expires_and_no_longer(
    tmp_path: Path, front: Front, bucket: str, key_file: Path
) -> None:
    (hosted,) = put(
        tmp_path, picture(), bucket=bucket, credentials_file=str(key_file), api_url=front.url, expires_h=2
    )

    front.later = timedelta(hours=2, seconds=-30)
    assert fetched(hosted.url).status_code == 200
    front.later = timedelta(hours=2, seconds=1)
    expired = fetched(hosted.url)
    assert (expired.status_code, "ExpiredToken" in expired.text) == (400, True)


def test_a_signed_address_opens_nothing_else(
    tmp_path: Path, front: Front, bucket: str, key_file: Path
) -> None:
    one, other = put(
        tmp_path, picture(1), picture(2), bucket=bucket, credentials_file=str(key_file), api_url=front.url
    )

    plain, _, signature = one.url.partition("?")
    assert fetched(plain).status_code == 403
    assert fetched(f"{other.url.partition('?')[0]}?{signature}").status_code == 403
    assert fetched(one.url.replace("X-Goog-Expires=86400", "X-Goog-Expires=604800")).status_code == 403
    assert fetched(one.url, "DELETE").status_code == 403
    # The verb is part of what is signed: https://cloud.google.com/storage/docs/authentication/canonical-requests
    assert fetched(one.url, "HEAD").status_code == 403


def test_a_public_address_is_plain_and_lasts(tmp_path: Path, front: Front, bucket: str) -> None:
    front.public.add(bucket)
    one = picture()

    (hosted,) = put(tmp_path, one, bucket=bucket, access="public", api_url=front.url)

    assert hosted.url == f"{front.url}/{bucket}/runner/{one.sha256}.png"
    assert (hosted.expires_at, fetched(hosted.url).content) == (None, one.data)


def test_a_prefix_of_any_characters_makes_an_address(
    tmp_path: Path, front: Front, bucket: str, key_file: Path
) -> None:
    front.public.add(bucket)
    prefix = "/my films/é?a=b#100%+/~x/"
    one = picture()

    for access, file in (("public", ""), ("signed", str(key_file))):
        (hosted,) = put(
            tmp_path,
            one,
            bucket=bucket,
            prefix=prefix,
            access=access,
            credentials_file=file,
            api_url=front.url,
        )
        assert hosted.url.isascii()
        assert fetched(hosted.url).content == one.data

    assert list(stored(front, bucket)) == [f"my films/é?a=b#100%+/~x/{one.sha256}.png"]


def test_an_empty_prefix_leaves_the_digest(tmp_path: Path, front: Front, bucket: str, key_file: Path) -> None:
    one = picture()

    put(tmp_path, one, bucket=bucket, prefix="", credentials_file=str(key_file), api_url=front.url)

    assert list(stored(front, bucket)) == [f"{one.sha256}.png"]


def test_a_repeat_creates_nothing(tmp_path: Path, front: Front, bucket: str, key_file: Path) -> None:
    options = {"bucket": bucket, "credentials_file": str(key_file), "api_url": front.url}
    one = picture()

    put(tmp_path, one, **options)
    before = stored(front, bucket)
    again, once_more = put(tmp_path, one, one, **options)

    assert stored(front, bucket) == before  # its generation, too
    assert [fetched(hosted.url).content for hosted in (again, once_more)] == [one.data] * 2
    assert front.asked("ifGenerationMatch=0") == front.asked("POST /upload/") == 3


def test_the_same_picture_put_many_times_at_once_is_created_once(
    tmp_path: Path, front: Front, bucket: str, key_file: Path
) -> None:
    one = picture()

    async def run() -> list[HostedImage]:
        async with hosting(
            tmp_path, bucket=bucket, credentials_file=str(key_file), api_url=front.url
        ) as uploader:
            return await asyncio.gather(*(uploader.put(one) for _ in range(6)))

    hosted = asyncio.run(run())

    assert [fetched(one_of.url).content for one_of in hosted] == [one.data] * 6
    (item,) = stored(front, bucket).values()
    assert item["metageneration"] == "1"
    assert front.asked("POST /upload/") == 6
    assert front.asked("GET /storage/v1/") == 5  # those that were told that it is there had a look


def test_a_picture_of_many_megabytes_arrives_whole(
    tmp_path: Path, front: Front, bucket: str, key_file: Path
) -> None:
    """Above 8 MB the library uploads in another way (resumable)."""
    one = picture(width=2000, height=1500)
    assert len(one.data) > 8 << 20

    first, again = put(tmp_path, one, one, bucket=bucket, credentials_file=str(key_file), api_url=front.url)

    assert fetched(first.url).content == fetched(again.url).content == one.data
    assert len(stored(front, bucket)) == 1


@pytest.mark.parametrize(
    ("data", "kind", "why"),
    [
        (b"something else", "image/png", "it has 14 bytes of image/png"),
        (None, "image/png", "and they differ"),
        ("the same", "text/html", "of text/html, the image"),
    ],
)
def test_another_file_under_the_name_of_a_picture_is_not_handed_out(
    tmp_path: Path, front: Front, bucket: str, key_file: Path, data: Any, kind: str, why: str
) -> None:
    one = picture()
    name = f"runner/{one.sha256}.png"
    held = {"the same": one.data, None: one.data[:-1] + b"\0"}.get(data, data)
    put_aside(front, bucket, name, held, kind)

    with pytest.raises(UploadRefused) as caught:
        put(tmp_path, one, bucket=bucket, credentials_file=str(key_file), api_url=front.url)

    assert caught.value.what == "another file stands under the name of this picture"
    assert caught.value.where == f"gs://{bucket}/{name}"
    assert why in caught.value.why
    assert name in caught.value.hint
    assert stored(front, bucket)[name]["contentType"] == kind


def cleared(tmp_path: Path, *pictures: EncodedImage, **options: Any) -> None:
    """What a run does that hosts images, and takes them away at its end."""

    async def run() -> None:
        async with hosting(tmp_path, **options, delete_at_end=True) as uploader:
            for one in pictures:
                await uploader.put(one)
            await uploader.delete()

    asyncio.run(run())


def test_at_the_end_just_the_folder_of_this_request_is_deleted(
    tmp_path: Path, front: Front, bucket: str, key_file: Path
) -> None:
    options = {"bucket": bucket, "credentials_file": str(key_file), "api_url": front.url}
    put(tmp_path, picture(1), **options)
    put_aside(front, bucket, "runner/mine.txt", b"mine", "text/plain")
    before = stored(front, bucket)
    # A run of the same request that was killed left one behind.
    put(tmp_path, picture(2), **options, delete_at_end=True)
    assert f"runner/{RUN[:16]}/{picture(2).sha256}.png" in stored(front, bucket)

    cleared(tmp_path, picture(1), picture(3), **options)

    assert stored(front, bucket) == before
    assert front.asked("DELETE /storage/v1/") == 3
    # A file that took the place of ours meanwhile would be left alone.
    assert all("ifGenerationMatch=" in line for line in front.lines if line.startswith("DELETE"))


def test_a_deletion_that_fails_says_what_is_wanting(
    tmp_path: Path, front: Front, bucket: str, key_file: Path
) -> None:
    front.faults.append(Fault("DELETE", 403, "no storage.objects.delete access"))

    with pytest.raises(UploadRefused) as caught:
        cleared(tmp_path, picture(), bucket=bucket, credentials_file=str(key_file), api_url=front.url)

    assert "storage.objects.list and delete" in caught.value.what
    assert "no storage.objects.delete access" in caught.value.why
    assert f"--member=serviceAccount:{EMAIL} " in caught.value.hint
    assert len(stored(front, bucket)) == 1


def test_an_upload_that_nobody_waits_for_is_deleted_too(
    tmp_path: Path, front: Front, bucket: str, key_file: Path
) -> None:
    async def run() -> None:
        async with hosting(
            tmp_path, bucket=bucket, credentials_file=str(key_file), api_url=front.url, delete_at_end=True
        ) as uploader:
            with front.silent():
                task = asyncio.ensure_future(uploader.put(picture()))
                await asyncio.to_thread(front.wait_for, "POST /upload/")
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            await uploader.delete()

    asyncio.run(run())

    assert front.asked("POST /upload/") == 1
    assert stored(front, bucket) == {}
