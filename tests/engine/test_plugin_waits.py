"""Plugins that are slow, or never answer: each call has a limit, and a long one is reported while it lasts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import runner
from runner import Timing
from tests.engine.author import EXTRACTOR, GENERATOR, UPLOADER
from tests.engine.desk import TWO

if TYPE_CHECKING:
    from runner.api import Event
    from tests.conftest import Workplace

FOREVER = "await asyncio.sleep(30)"  # so that a limit that is missing is a failure, and no hang
ONE = {"main": {"one": "a lake"}}


def changed(text: str, *pairs: tuple[str, str]) -> str:
    for right, wrong in (("import time", "import asyncio, time"), *pairs):
        assert right in text
        text = text.replace(right, wrong, 1)
    return text


def method(name: str, parameters: str, body: str) -> tuple[str, str]:
    """Another method of the class."""
    return "\n\n@hookimpl", f"\n    async def {name}({parameters}):\n        {body}\n\n\n@hookimpl"


def paid(*capabilities: str) -> tuple[str, str]:
    right = "billing=Billing(price=lambda request: Price(usd=Decimal(0)))"
    return (
        right,
        f"billing=Billing({', '.join(('price=lambda request: Price(usd=Decimal(1))', *capabilities))})",
    )


def executed(
    workplace: Workplace, timing: Timing, *words: str, shots: dict[str, dict[str, str]] = TWO
) -> tuple[runner.RunOutcome, list[Event]]:
    plan = runner.plan(runner.compose([workplace.project(shots), *words]))
    seen: list[Event] = []

    async def run() -> runner.RunOutcome:
        async with runner.Session(plan.project.output_root, timing=timing) as session:
            (outcome,) = await session.run([plan], observer=seen.append)
        return outcome

    return asyncio.run(asyncio.wait_for(run(), 120)), seen


def said(outcome: runner.RunOutcome) -> str:
    return "\n".join(map(str, outcome.errors))


def phases(workplace: Workplace) -> list[str]:
    return [row["phase"] for row in workplace.run("journal", "--json").json]


@pytest.mark.parametrize(
    ("word", "text", "plugin", "shot"),
    [
        (
            "uploader=my_images",
            changed(
                UPLOADER,
                ("return await self.inner.put", "await asyncio.sleep(1); return await self.inner.put"),
            ),
            "uploader my_images (put, ",
            "main/two",
        ),
        (
            "extractor=my_frames",
            changed(EXTRACTOR, ("return last_frame", "time.sleep(1); return last_frame")),
            "extractor my_frames (extract, ",
            "main/two",
        ),
        (
            "generator=my_clips",
            changed(
                GENERATOR,
                ("return await self.inner.submit", "await asyncio.sleep(1); return await self.inner.submit"),
            ),
            "generator my_clips (submit, ",
            "main/one",
        ),
    ],
)
def test_a_slow_plugin_is_named_once_in_a_while(
    workplace: Workplace, word: str, text: str, plugin: str, shot: str
) -> None:
    workplace.write("plugins/mine.py", text)

    outcome, seen = executed(workplace, Timing(remind_s=0.1), word)

    assert outcome.exit_code == 0, said(outcome)
    waits = [event for event in seen if f"still waiting for {plugin}" in event.message]
    assert waits
    assert {event.kind for event in waits} == {"shot_progress"}
    assert f"{waits[0].sequence}/{waits[0].shot}" == shot
    # The pauses double: of a call of one second there are four at the most, whatever else the machine does.
    assert sorted({event.message for event in waits if event.shot == waits[0].shot}) == [
        f"still waiting for {plugin}{seconds} s)" for seconds in ("0.1", "0.2", "0.4", "0.8")[: len(waits)]
    ]
    (run,) = workplace.runs()
    assert f"{waits[0].message}" in (run / "runner.log").read_text(encoding="utf-8")


def test_a_lookup_that_never_answers_leaves_the_outcome_open(workplace: Workplace) -> None:
    lost = ("return await self.inner.submit(request, token)", "raise SubmitUnknown('no answer')")
    text = changed(GENERATOR, lost, paid("lookup=True"), method("lookup", "self, token", FOREVER)).replace(
        "from runner.api import *", "from runner.api import *\nfrom runner.errors import SubmitUnknown"
    )
    workplace.write("plugins/mine.py", text)

    outcome, _ = executed(workplace, Timing(poll_s=0.2), "generator=my_clips", shots=ONE)

    assert "does not say whether it accepted an earlier request" in said(outcome)
    assert "not within 0.2 s" in said(outcome)
    assert phases(workplace) == ["unknown"]


def test_an_uploader_that_never_deletes_is_left(workplace: Workplace) -> None:
    text = changed(UPLOADER, ("https=False", "https=False, delete=True"), method("delete", "self", FOREVER))
    workplace.write("plugins/mine.py", text)

    outcome, _ = executed(workplace, Timing(upload_s=3.0), "uploader=my_images")

    assert outcome.exit_code == 0, said(outcome)
    (note,) = outcome.notes
    assert "uploader my_images did not delete the hosted images within 3 s" in note


def test_a_plugin_that_is_never_entered_is_an_error(workplace: Workplace) -> None:
    workplace.write("plugins/mine.py", changed(GENERATOR, ("await self.inner.__aenter__()", FOREVER)))

    outcome, _ = executed(workplace, Timing(start_s=0.2), "generator=my_clips")

    assert "generator my_clips cannot be started" in said(outcome)
    assert "not within 0.2 s" in said(outcome)
    assert outcome.exit_code == 2


@pytest.mark.parametrize(
    ("leaving", "logged"),
    [
        (FOREVER, "uploader my_images was not left within 2 s"),
        ("raise KeyError('port')", "uploader my_images is not left cleanly"),
    ],
)
def test_a_plugin_that_cannot_be_left_does_not_take_the_run_with_it(
    workplace: Workplace, caplog: pytest.LogCaptureFixture, leaving: str, logged: str
) -> None:
    left = ("await self.inner.__aexit__(*error)", f"await self.inner.__aexit__(*error); {leaving}")
    workplace.write("plugins/mine.py", changed(UPLOADER, left))

    outcome, _ = executed(workplace, Timing(start_s=2.0), "uploader=my_images")

    assert outcome.exit_code == 0, said(outcome)
    assert logged in caplog.text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return Decimal(5)", "generator my_clips returned a Decimal from account_status"),
        (
            "return AccountStatus(summary='fine', balance_usd=5.0)",
            "an AccountStatus whose balance_usd is 5.0",
        ),
        ("return self.money", "generator my_clips failed in account_status: AttributeError"),
    ],
)
def test_a_balance_that_is_none_starts_the_run_and_is_named_by_doctor(
    workplace: Workplace, caplog: pytest.LogCaptureFixture, body: str, expected: str
) -> None:
    text = changed(GENERATOR, paid(), method("account_status", "self", body))
    file = workplace.write("plugins/mine.py", text)

    outcome, _ = executed(workplace, Timing(), "generator=my_clips", shots=ONE)
    doctor = workplace.run("doctor", workplace.project(ONE), "generator=my_clips", "--json")

    assert outcome.exit_code == 0, said(outcome)
    assert expected.partition(":")[0] in caplog.text
    assert "the balance at my_clips cannot be read" in caplog.text
    assert doctor.code == 1
    assert expected in doctor.out
    assert f"{file}:" in doctor.out
    assert "Traceback" not in doctor.err


def test_a_cancel_that_breaks_is_named(workplace: Workplace) -> None:
    text = changed(
        GENERATOR,
        ("return await self.inner.poll(ref)", "return Status(state=State.RUNNING)"),
        paid("cancel_saves_money=True"),
        method("cancel", "self, ref", "return ref.task"),
    )
    file = workplace.write("plugins/mine.py", text)
    project = workplace.project(ONE, limits={"task_timeout_s": 0.2})
    assert workplace.run(project, "generator=my_clips").code == 1
    (row,) = workplace.run("journal", "--json").json

    answer = workplace.run("journal", "cancel", row["token"], project, "generator=my_clips")

    assert answer.code == 1
    assert "generator my_clips failed in cancel" in answer.err
    assert f"at {file}:" in answer.err
    assert "Traceback" not in answer.err
