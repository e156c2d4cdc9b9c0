"""How this project began: KIE answered `image_url is required`, since it takes an image only as a URL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from runner.plugins.kie.emulator.client import running

from tests.kie_account import QUICK, KieAccount, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.plugins.kie.emulator.client import Emulator

    from tests.conftest import Answer, Workplace

MODEL = "kling/v2-5-turbo-pro"
TEXT, IMAGE = "kling/v2-5-turbo-text-to-video-pro", "kling/v2-5-turbo-image-to-video-pro"
CHAINS = {
    "main": {"one": "a quiet lake", "two": "wind on the lake", "three": "rain on the lake"},
    "other": {"four": "a hut"},
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with running(*QUICK) as started:
        yield started


@pytest.fixture
def kie(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> KieAccount:
    account = opened(emulator)
    monkeypatch.setenv("KIE_API_KEY", account.key)
    return account


def made(workplace: Workplace, kie: KieAccount, *words: str) -> Answer:
    project = workplace.project(
        CHAINS, shot={"duration_s": 5.0, "resolution": "720p", "aspect_ratio": "16:9"}
    )
    url = kie.emulator.url
    addresses = (f"generator.api_url={url}", f"uploader.upload_url={url}")
    return workplace.run(
        project, "generator=kie", "uploader=kie", f"generator.model={MODEL}", *addresses, *words
    )


def sent(kie: KieAccount) -> dict[str, Any]:
    """Each creation by its prompt."""
    return {body["input"]["prompt"]: body for body in kie.sent()}


def test_a_model_that_wants_image_url_gets_an_address_and_no_picture(
    workplace: Workplace, kie: KieAccount
) -> None:
    answer = made(workplace, kie)

    assert answer.code == 0, answer.err
    bodies = sent(kie)
    assert {prompt: body["model"] for prompt, body in bodies.items()} == {
        "a quiet lake": TEXT,
        "a hut": TEXT,
        "wind on the lake": IMAGE,
        "rain on the lake": IMAGE,
    }
    for body in bodies.values():
        assert "base64" not in json.dumps(body)
        assert ("image_url" in body["input"]) is (body["model"] == IMAGE)
        assert body["input"].get("image_url", kie.emulator.url).startswith(kie.emulator.url)


def test_where_the_upload_fails_the_declared_fallback_happens_and_is_recorded(
    workplace: Workplace, kie: KieAccount
) -> None:
    kie.emulator.script(upload=["401*"])

    answer = made(workplace, kie)

    assert answer.code == 0, answer.err
    assert {body["model"] for body in sent(kie).values()} == {TEXT}
    assert "generated from its prompt alone" in " ".join((answer.out + answer.err).split())
    shots = workplace.manifest()["sequences"]["main"]["shots"]
    assert [shots[name]["input_mode"] for name in ("one", "two", "three")] == ["text"] * 3
    for name in ("two", "three"):
        assert "KIE's image host refused the picture" in shots[name]["fallback"]
    (run,) = workplace.runs()
    events = [json.loads(line) for line in (run / "events.jsonl").read_text("utf-8").splitlines()]
    assert [event["shot"] for event in events if event["kind"] == "shot_fell_back"] == ["two", "three"]
    assert "generated from its prompt alone" in (run / "runner.log").read_text("utf-8")


def test_without_a_fallback_that_chain_stops_and_the_other_goes_on(
    workplace: Workplace, kie: KieAccount
) -> None:
    kie.emulator.script(upload=["401*"])

    answer = made(workplace, kie, "continuity.fallback=none")

    assert answer.code == 1
    assert set(sent(kie)) == {"a quiet lake", "a hut"}
    sequences = workplace.manifest()["sequences"]
    assert [shot["ending"] for shot in sequences["main"]["shots"].values()] == ["done", "failed", "skipped"]
    assert sequences["other"]["shots"]["four"]["ending"] == "done"


def test_an_upload_that_fails_for_a_moment_is_no_reason_to_give_up_continuity(
    workplace: Workplace, kie: KieAccount
) -> None:
    kie.emulator.script(upload=[500, "drop_after"])

    answer = made(workplace, kie)

    assert answer.code == 0, answer.err
    assert sum(body["model"] == IMAGE for body in sent(kie).values()) == 2


def test_a_film_without_continuity_is_mended_by_the_take_that_is_named(
    workplace: Workplace, kie: KieAccount
) -> None:
    kie.emulator.script(upload=["401*"])
    lost = made(workplace, kie)
    kie.emulator.script()
    asked = len(kie.sent())
    (line,) = (line for line in lost.out.splitlines() if "take=" in line)
    take = "sequences.main.shots.two.take=2"
    assert line.endswith(f"{take} (pays for 2 clips)")

    kept = made(workplace, kie)
    refused = made(workplace, kie, "continuity.fallback=none")
    plan = workplace.run("plan", workplace.project(CHAINS), "generator=synthetic")

    assert (kept.code, refused.code, plan.code) == (0, 1, 0)
    assert "its clip was generated from its prompt alone, by a run that allowed it" in refused.out
    assert take in refused.out
    assert len(kie.sent()) == asked, "nothing was paid for again"

    mended = made(workplace, kie, "continuity.fallback=none", take)

    assert mended.code == 0, mended.err
    assert [body["model"] for body in kie.sent()[asked:]] == [IMAGE, IMAGE]


def test_the_plan_tells_of_clips_without_continuity(workplace: Workplace, kie: KieAccount) -> None:
    kie.emulator.script(upload=["401*"])
    made(workplace, kie)
    url = kie.emulator.url
    words = ("generator=kie", "uploader=kie", f"generator.model={MODEL}")
    addresses = (f"generator.api_url={url}", f"uploader.upload_url={url}")

    plan = workplace.run("plan", "+project=film", *words, *addresses, "--json").json

    assert plan["to_do"] == 0
    (note,) = plan["notes"]
    assert "main/two, main/three" in note
    assert note.endswith("sequences.main.shots.two.take=2 (pays for 2 clips)")


VANISHING = """
from aiohttp import web
from runner.api import *

class Vanishing:
    def __init__(self, options, context):
        self.left, self.puts = {}, 0
    async def __aenter__(self):
        app = web.Application()
        app.router.add_get("/{name}", self.answer)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return self
    async def __aexit__(self, *error):
        await self.runner.cleanup()
    async def put(self, image):
        self.puts += 1
        name = f"{self.puts}.png"
        self.left[name] = [image, 9 if self.puts > 1 else 1]  # the first one can be seen once
        host, port = self.runner.addresses[0][:2]
        return HostedImage(url=f"http://{host}:{port}/{name}", reach=Reach.LOOPBACK)
    async def answer(self, request):
        found = self.left[request.match_info["name"]]
        found[1] -= 1
        if found[1] < 0:
            raise web.HTTPNotFound
        return web.Response(body=found[0].data, content_type=found[0].mime)

@hookimpl
def runner_register():
    able = UploaderCapabilities(reach=Reach.LOOPBACK)
    return UploaderSpec(name="vanishing", factory=Vanishing, capabilities=able)
"""


def test_a_retry_looks_at_its_picture_again_and_hosts_it_anew_where_it_is_gone(
    workplace: Workplace, kie: KieAccount
) -> None:
    workplace.write("plugins/vanishing.py", VANISHING)
    workplace.write("conf/uploader/vanishing.yaml", "plugin: vanishing\n")
    chance = {"match": {"prompt": "wind"}, "fail": {"msg": "internal error, please try again later."}}
    kie.emulator.script(rules=[{**chance, "times": 1}])
    project = workplace.project(
        {"main": {"one": "a quiet lake", "two": "wind on the lake"}},
        shot={"duration_s": 5.0, "resolution": "720p", "aspect_ratio": "16:9"},
    )

    answer = workplace.run(
        project,
        *("generator=kie", f"generator.model={MODEL}", f"generator.api_url={kie.emulator.url}"),
        "uploader=vanishing",
    )

    assert answer.code == 0, answer.err
    pictures = [body["input"]["image_url"] for body in kie.sent() if "wind" in body["input"]["prompt"]]
    assert [picture.rpartition("/")[2] for picture in pictures] == ["1.png", "2.png"]


def test_a_task_of_another_shot_is_not_taken_for_the_one_that_a_person_meant(
    workplace: Workplace, kie: KieAccount
) -> None:
    kie.emulator.script(rules=[{"match": {"prompt": "a hut"}, "create": ["drop_after"]}])
    assert made(workplace, kie).code == 3
    (hut,) = kie.tasks("a hut")
    other = httpx.post(
        f"{kie.emulator.url}/api/v1/jobs/createTask",
        json={"model": TEXT, "input": {"prompt": "a tower", "duration": "5"}},
        headers={"Authorization": f"Bearer {kie.key}"},
        trust_env=False,
    ).json()["data"]["taskId"]
    (lost,) = workplace.run("journal", "state=unknown", "--json").json
    assert workplace.run("journal", "resolve", lost["token"], "--submitted", other).code == 0

    mixed_up = made(workplace, kie)

    assert mixed_up.code == 1
    assert f"task {other} was created for another shot" in mixed_up.out
    assert "its prompt is 'a tower'" in mixed_up.out
    assert "next: do what the failures say, then run it again" in mixed_up.out
    (line,) = (line for line in mixed_up.out.splitlines() if "--submitted TASKID" in line)
    assert workplace.run(*line.replace("TASKID", hut).split()[3:]).code == 0
    asked = len(kie.sent())
    assert made(workplace, kie).code == 0
    assert len(kie.sent()) == asked
