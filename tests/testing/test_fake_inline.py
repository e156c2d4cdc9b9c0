"""First frames in the request itself: no image host, and what is too large is refused for nothing."""

from __future__ import annotations

from base64 import b64decode
from decimal import Decimal

import httpx
import pytest

from runner.media import picture
from runner.testing import PLUGINS

TWO = {"hero": {"opening": "dawn", "pour": "coffee"}}
NO_HOST = """
from runner.api import Reach, UploaderCapabilities, UploaderSpec, hookimpl

def built(options, context):
    raise AssertionError("no image host is needed")

@hookimpl
def runner_register():
    return UploaderSpec(name="none", factory=built, capabilities=UploaderCapabilities(reach=Reach.LOOPBACK))
"""


@pytest.fixture
def film(workplace, desk):
    """Runs a chain of two shots, with no image host; options of the generator may be given."""
    workplace.write("plugins/none.py", NO_HOST)

    def run(**options):
        generator = {"plugin": "fake", "base_url": desk.fake.base_url, "price_usd": 0.1, **options}
        project = workplace.project(TWO, generator=generator, plugins={"dirs": [str(PLUGINS), "./plugins"]})
        return workplace.run(project, "uploader=none", f"generator.api_key={desk.key}")

    return run


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_a_chain_needs_no_image_host(film, desk, workplace, format):
    desk.fake.script(inline_max_bytes=100_000)

    answer = film(inline_max_bytes=100_000, image_formats=[format])

    assert answer.code == 0, answer.err
    first, second = desk.books().log
    assert first.body["image_url"] is None
    head, _, data = second.body["image_url"].partition(",")
    assert head == f"data:image/{format};base64"
    assert picture.read(b64decode(data)).format == format
    adherence = workplace.manifest()["sequences"]["hero"]["shots"]["pour"]["adherence"]["verdict"]
    assert adherence in ("locked", "reencoded")


def test_an_image_that_is_too_large_in_every_format_is_not_sent(film, desk):
    desk.fake.script(inline_max_bytes=100_000)

    answer = film(inline_max_bytes=100)

    assert answer.code == 0
    assert "hero/pour no continuity: generated from its prompt alone" in answer.err
    assert "64x36 takes more than 100 bytes in every format that it takes" in answer.err
    assert [one.body["image_url"] for one in desk.books().log] == [None, None]


@pytest.mark.parametrize(
    ("taken", "why"), [(100, "at most 100 are taken"), (None, "image_url is no URL that can be fetched")]
)
def test_a_provider_refuses_an_image_that_it_does_not_take_and_bills_nothing(film, desk, taken, why):
    desk.fake.script(inline_max_bytes=taken)

    answer = film(inline_max_bytes=100_000)

    assert answer.code == 1
    assert why in answer.err
    assert [one.outcome for one in desk.books().log] == ["accepted", "refused"]
    assert desk.books().accepted_by_shot == {"hero/opening": 1}
    assert desk.books().billed_usd == Decimal("0.10")


def test_what_is_no_image_in_base64_is_refused(desk):
    desk.fake.script(inline_max_bytes=100)
    headers = {"Authorization": f"Bearer {desk.key}"}
    task = {"duration_s": 1, "token": "t", "image_url": "data:image/png;base64,???"}
    answer = httpx.post(f"{desk.fake.base_url}/tasks", json=task, headers=headers, trust_env=False)

    assert answer.status_code == 422
    assert "no image in base64" in answer.json()["error"]["message"]
    assert desk.books().accepted == 0
