"""What the conformance suite finds wrong with an uploader."""

from __future__ import annotations

import pytest

from tests.testing.examined import UPLOADER, failed, filled, verdicts


def test_an_uploader_that_serves_other_bytes_fails(examined):
    body = """
    return await self.inner.put(dataclasses.replace(image, data=image.data + b"!"))
    """
    answer = examined(filled(UPLOADER, body))

    assert answer.code == 1
    wrong = failed(answer)
    assert "serves the same bytes" in wrong
    assert "hosts a picture" not in wrong


def test_an_uploader_with_one_address_for_all_pictures_fails(examined):
    body = """
    self.first = self.first or await self.inner.put(image)
    return self.first
    """
    answer = examined(filled(UPLOADER, body))

    assert "1 URLs" in failed(answer)["takes 16 images at once"]


def test_an_uploader_that_names_another_type_fails(examined):
    answer = examined(
        filled(UPLOADER, 'return await self.inner.put(dataclasses.replace(image, format="webp"))')
    )

    assert "image/webp" in failed(answer)["serves the same bytes"]


def test_an_uploader_that_calls_a_local_address_public_is_told_so(examined):
    body = "return dataclasses.replace(await self.inner.put(image), reach=Reach.PUBLIC)"
    answer = examined(filled(UPLOADER, body))

    assert answer.code == 0, answer.out
    assert verdicts(answer)["its URL has the reach that it states"] == "skipped"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ('url="ftp://127.0.0.1/a.png"', "ftp:"),
        ("expires_at=datetime(2099, 1, 1)", "no time zone"),
        ("expires_at=datetime(2020, 1, 1, tzinfo=UTC)", "passed already"),
    ],
)
def test_an_uploader_whose_answer_cannot_be_used_fails(examined, change, why):
    body = f"""
    from datetime import UTC, datetime
    return dataclasses.replace(await self.inner.put(image), {change})
    """
    assert why in failed(examined(filled(UPLOADER, body)))["hosts a picture"]


FRONT = """
    async def front(self, url, image):
        import asyncio
        async def answer(reader, writer):
            asked = await reader.readuntil(b"\\r\\n\\r\\n")
            status, body = ("501 No", b"") if asked.startswith(b"HEAD") else ("200 OK", image.data)
            head = f"HTTP/1.1 {status}\\r\\nContent-Type: {image.mime}\\r\\nContent-Length: {len(body)}"
            writer.write(f"{head}\\r\\nConnection: close\\r\\n\\r\\n".encode() + body)
            await writer.drain()
            writer.close()
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        self.servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/{image.sha256}"

    async def put("""


def test_an_uploader_without_head_fails_only_there(examined):
    body = """
    hosted = await self.inner.put(image)
    return dataclasses.replace(hosted, url=await self.front(hosted.url, image))
    """
    answer = examined(filled(UPLOADER, body).replace("\n    async def put(", FRONT))

    assert failed(answer) == {"answers HEAD": "HEAD answers 501"}
