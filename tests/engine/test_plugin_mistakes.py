"""A plugin author's hour: the usual mistakes of a generator, an extractor and an uploader, and what is said of each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import runner
from runner import Timing
from tests.engine.desk import TWO

if TYPE_CHECKING:
    from tests.conftest import Answer, Workplace

GENERATOR = """
import asyncio
from runner.api import *

runner_api_version = 2


class Mine:
    def __init__(self, inner):
        self.inner = inner

    async def __aenter__(self):
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self.inner.__aexit__(*error)

    async def submit(self, request, token):
        ref = await self.inner.submit(request, token)
        return {submit}

    async def poll(self, ref):
        status = await self.inner.poll(ref)
        return {poll}

    async def fetch(self, status, sink):
        {fetch}
        await self.inner.fetch(status, sink)


def create(options, context):
    from runner.plugins.synthetic.generator import Synthetic
    from runner.plugins.synthetic.options import SyntheticOptions

    return Mine(Synthetic(SyntheticOptions(), context))


@hookimpl
def runner_register():
    return GeneratorSpec(
        name="mine",
        summary="made in an afternoon",
        factory=create,
        capabilities=lambda options, model, mode: GeneratorCapabilities(
            image=ImageInput(reach=Reach.LOOPBACK), polling=Polling(interval_s=Range(0.05, 0.1))
        ),
    )
"""
EXTRACTOR = """
from runner.api import *
from runner.media import last_frame

runner_api_version = 2


class Mine:
    def extract(self, clip, policy):
        frame = last_frame(clip)
        return {extract}


@hookimpl
def runner_register():
    return ExtractorSpec(name="mine", summary="made in an afternoon", factory=lambda options, context: Mine())
"""
UPLOADER = """
from runner.api import *

runner_api_version = 2


class Mine:
    async def put(self, image):
        return {put}


@hookimpl
def runner_register():
    return UploaderSpec(
        name="mine",
        summary="made in an afternoon",
        factory=lambda options, context: Mine(),
        capabilities=UploaderCapabilities(reach=Reach.LOOPBACK, https=False),
    )
"""


def one_line(answer: Answer) -> str:
    return " ".join((answer.out + answer.err).split())


def log(workplace: Workplace) -> str:
    (run,) = workplace.runs()
    return (run / "runner.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("mistake", "said", "place"),
    [
        ({"submit": "ref.id"}, "generator mine returned a str from submit", "should return a TaskRef"),
        ({"submit": "None"}, "generator mine returned None from submit", "should return a TaskRef"),
        ({"submit": "TaskRef(17)"}, "a TaskRef whose id is 17", "should return a TaskRef whose id is a str"),
        ({"submit": "TaskRef('x' * 5000)"}, "a task id of 5,000 characters", "one of at most 1,000"),
        (
            {"submit": "TaskRef(ref.id, {'a': __import__('json').loads('[' * 300 + ']' * 300)})"},
            "data that is nested too deeply",
            "a TaskRef with plain data",
        ),
        ({"submit": "TaskRef(ref.id, {'a': 'b' * 20000})"}, "characters of data", "at most 16,000"),
        (
            {"poll": "Status(state=State.SUCCEEDED, results=(Result(None),))"},
            "a Result whose url is None",
            "should return a Result whose url is a str",
        ),
        (
            {"poll": "Status(state=State.SUCCEEDED, results=(Result('x' * 20000),))"},
            "a URL of 20,000 characters",
            "should return one of at most 16,000",
        ),
        (
            {"poll": "Status(state=State.SUCCEEDED, results=(Result('http://x/' + chr(10) + 'y'),))"},
            "the URL 'http://x/",
            "printable characters",
        ),
        ({"poll": "'done'"}, "generator mine returned a str from poll", "should return a Status"),
        ({"poll": "status.stat"}, "generator mine failed in poll", "AttributeError: 'Status' object"),
        ({"fetch": "raise KeyError('url')"}, "generator mine failed in fetch", "KeyError: 'url'"),
    ],
)
def test_a_mistake_of_a_generator_is_named_with_its_place(
    workplace: Workplace, mistake: dict[str, str], said: str, place: str
) -> None:
    parts = {"submit": "ref", "poll": "status", "fetch": "pass"} | mistake
    text = GENERATOR
    for name, code in parts.items():
        text = text.replace(f"{{{name}}}", code)
    file = workplace.write("plugins/mine.py", text)

    answer = workplace.run(workplace.project(TWO, generator={"plugin": "mine"}))

    shown = one_line(answer)
    assert answer.code == (3 if "submit" in mistake else 1), shown
    assert said in (log(workplace) if "submit" in mistake else shown)
    assert place in shown + log(workplace)
    assert str(file) in shown + log(workplace)
    if "submit" in mistake:
        # Money may be spent: it is parked at once, and nothing is submitted again.
        assert "journal resolve" in shown
        assert [row["phase"] for row in workplace.run("journal", "--json").json] == ["unknown"]
    elif "failed in" in said:
        assert "Traceback" in log(workplace)


@pytest.mark.parametrize("task", ["a\\nb", "a\\0b", "\\x1b[2J", "\\u202egnp", "\\ud800"])
def test_a_task_id_that_cannot_be_written_down_is_an_unknown_outcome(workplace: Workplace, task: str) -> None:
    text = (
        GENERATOR.replace("{submit}", f"TaskRef('{task}')")
        .replace("{poll}", "status")
        .replace("{fetch}", "pass")
    )
    workplace.write("plugins/mine.py", text)

    answer = workplace.run(workplace.project({"main": {"one": "a lake"}}, generator={"plugin": "mine"}))

    assert answer.code == 3
    assert "control character" in one_line(answer)
    assert [(row["phase"], row["task"]) for row in workplace.run("journal", "--json").json] == [
        ("unknown", "")
    ]


@pytest.mark.parametrize(
    ("code", "said", "why"),
    [
        ("frame.rgb", "extractor mine returned a ndarray from extract", "should return a Frame"),
        ("None", "extractor mine returned None from extract", "should return a Frame"),
        ("frame.pixels", "extractor mine failed in extract", "AttributeError"),
        (
            "Frame(rgb=frame.rgb.astype('float32'), time_s=0.0, method='mine')",
            "a frame of float32 of shape",
            "uint8 of shape (height, width, 3)",
        ),
        ("1 / 0", "extractor mine failed in extract", "ZeroDivisionError"),
    ],
)
def test_a_mistake_of_an_extractor_stops_the_chain(
    workplace: Workplace, code: str, said: str, why: str
) -> None:
    file = workplace.write("plugins/mine.py", EXTRACTOR.replace("{extract}", code))

    answer = workplace.run(workplace.project(TWO), "extractor=mine")

    shown = one_line(answer)
    assert answer.code == 1
    assert said in shown
    assert why in shown
    assert "conformance mine" in shown
    assert str(file) in shown + log(workplace)
    assert "prompt alone" not in shown
    assert [row["shot"] for row in workplace.run("journal", "--json").json] == ["one"]


@pytest.mark.parametrize(
    ("code", "said", "why"),
    [
        (
            "'https://example.org/a.png'",
            "uploader mine returned a str from put",
            "should return a HostedImage",
        ),
        ("None", "uploader mine returned None from put", "should return a HostedImage"),
        (
            "HostedImage(url='http://x/' + chr(27) + 'y', reach=Reach.LOOPBACK)",
            "returned the URL 'http://x/",
            "printable characters",
        ),
        ("image.path", "uploader mine failed in put", "AttributeError"),
        ("{}['url']", "uploader mine failed in put", "KeyError: 'url'"),
        ("open('/nowhere/a')", "uploader mine failed in put", "FileNotFoundError"),
    ],
)
def test_a_mistake_of_an_uploader_stops_the_chain(
    workplace: Workplace, code: str, said: str, why: str
) -> None:
    file = workplace.write("plugins/mine.py", UPLOADER.replace("{put}", code))

    answer = workplace.run(workplace.project(TWO), "uploader=mine")

    shown = one_line(answer)
    assert answer.code == 1
    assert said in shown
    assert why in shown
    assert str(file) in shown + log(workplace)
    assert "prompt alone" not in shown
    assert [row["shot"] for row in workplace.run("journal", "--json").json] == ["one"]


def test_with_debug_the_traceback_of_a_plugin_is_shown(workplace: Workplace) -> None:
    file = workplace.write("plugins/mine.py", EXTRACTOR.replace("{extract}", "1 / 0"))
    project = workplace.project(TWO)

    plain = workplace.run(project, "extractor=mine")
    debug = workplace.run(project, "extractor=mine", "--debug")

    assert "Traceback" not in plain.err
    assert "Traceback" in debug.err
    assert f'File "{file}", line ' in debug.err


HANGING = UPLOADER.replace("return {put}", "import asyncio; await asyncio.sleep(3600)")
BLOCKING = (
    GENERATOR.replace("{submit}", "ref")
    .replace("{poll}", "status")
    .replace("{fetch}", "import time; time.sleep(2)")
)


async def executed(plan: runner.Plan, timing: Timing, seen: list[runner.api.Event]) -> runner.RunOutcome:
    async with runner.Session(plan.project.output_root, timing=timing) as session:
        (outcome,) = await session.run([plan], observer=seen.append)
    return outcome


def test_an_uploader_that_hangs_is_given_up(workplace: Workplace) -> None:
    workplace.write("plugins/mine.py", HANGING)
    project = workplace.project(TWO, continuity={"fallback": "none"})
    plan = runner.plan(runner.compose([project, "uploader=mine"]))

    outcome = asyncio.run(executed(plan, Timing(upload_s=0.2, host_tries=1), []))

    assert outcome.exit_code == 1
    assert any("uploader mine did not host an image within 0.2 s" in str(error) for error in outcome.errors)


def test_an_extractor_that_hangs_is_given_up_and_does_not_keep_the_process(workplace: Workplace) -> None:
    workplace.write("plugins/mine.py", EXTRACTOR.replace("return {extract}", "import time; time.sleep(3600)"))
    plan = runner.plan(runner.compose([workplace.project(TWO), "extractor=mine"]))

    outcome = asyncio.run(executed(plan, Timing(extract_s=0.2), []))

    assert outcome.exit_code == 1
    assert any("extractor mine did not find the last frame" in str(error) for error in outcome.errors)


def test_a_plugin_that_blocks_the_event_loop_is_named(workplace: Workplace) -> None:
    file = workplace.write("plugins/mine.py", BLOCKING)
    seen: list[runner.api.Event] = []
    plan = runner.plan(
        runner.compose([workplace.project({"main": {"one": "a lake"}}, generator={"plugin": "mine"})])
    )

    outcome = asyncio.run(executed(plan, Timing(stall_s=0.2), seen))

    assert outcome.exit_code == 0, outcome.errors
    said = [event.message for event in seen if "blocks the event loop" in event.message]
    assert len(said) == 1
    assert f"plugin mine blocks the event loop in fetch, at {file}:" in said[0]
    assert "blocks the event loop" in log(workplace)
