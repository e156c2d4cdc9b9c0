"""The library: plans composed and executed from Python, several at once, from a script or a running event loop."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING

import pytest

import runner
from runner.api import EventKind
from runner.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from runner import Plan, RunOutcome
    from runner.api import Event
    from runner.testing.pytest import Workplace


@pytest.fixture
def plans(workplace: Workplace) -> list[Plan]:
    """Of two projects."""
    names = ("first", "second")
    words = [
        workplace.project({"main": {"one": f"a lake, {name}", "two": "wind"}}, name=name) for name in names
    ]
    registries = runner.Registries()
    return [runner.plan(runner.compose([word], workplace.path), registries) for word in words]


async def executed(plans: list[Plan], seen: list[Event]) -> tuple[RunOutcome, ...]:
    async with runner.Session(plans[0].project.output_root) as session:
        return await session.run(plans, observer=seen.append)


def test_two_projects_run_side_by_side_in_one_session(plans: list[Plan]) -> None:
    seen: list[Event] = []

    outcomes = asyncio.run(executed(plans, seen))

    assert [outcome.exit_code for outcome in outcomes] == [0, 0]
    assert [outcome.plan for outcome in outcomes] == plans
    for outcome in outcomes:
        assert outcome.folder is not None
        assert outcome.cost is not None
        assert outcome.cost.usd == 0
        assert all(shot.clip and (outcome.folder / shot.clip.path).is_file() for shot in outcome.shots)
    finished = [event for event in seen if event.kind is EventKind.SHOT_FINISHED]
    assert sorted(event.run for event in finished) == sorted(plan.key for plan in plans for _ in range(2))
    started = [event.kind for event in seen].index(EventKind.SHOT_FINISHED)
    assert {event.run for event in seen[:started]} == {plan.key for plan in plans}, "they overlap"


def test_a_line_of_one_run_never_lands_in_the_log_of_another(plans: list[Plan]) -> None:
    outcomes = asyncio.run(executed(plans, []))

    for outcome in outcomes:
        assert outcome.folder is not None
        events = [json.loads(line) for line in (outcome.folder / "events.jsonl").read_text().splitlines()]
        assert events[0]["detail"]["key"] == outcome.plan.key
        assert sum(event["kind"] == "run_started" for event in events) == 1
        log = (outcome.folder / "runner.log").read_text()
        assert log.count("run run_finished") == 1
        assert log.count("main/one shot_finished") == 1


def test_the_same_plan_twice_in_one_session_pays_once(plans: list[Plan]) -> None:
    seen: list[Event] = []

    first, second = asyncio.run(executed([plans[0], plans[0]], seen))

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert sum(event.kind is EventKind.SHOT_SUBMITTED for event in seen) == 2
    assert sorted([shot.reused for shot in (*first.shots, *second.shots)]) == [False, False, True, True]


def test_nothing_of_the_process_is_touched(plans: list[Plan], capsys: pytest.CaptureFixture[str]) -> None:
    def state() -> object:
        root = logging.getLogger()
        log = logging.getLogger("runner")
        return (
            list(sys.argv),
            dict(os.environ),
            os.getcwd(),
            root.level,
            root.handlers,
            log.level,
            log.handlers,
        )

    before = state()

    asyncio.run(executed(plans, []))

    assert state() == before
    assert capsys.readouterr() == ("", "")


def test_cancelling_is_a_method_and_the_next_run_goes_on(plans: list[Plan]) -> None:
    async def cancelled() -> tuple[RunOutcome, ...]:
        async with runner.Session(plans[0].project.output_root) as session:

            def stop(event: Event) -> None:
                if event.kind is EventKind.SHOT_FINISHED:
                    session.cancel()

            return await session.run(plans, observer=stop)

    outcomes = asyncio.run(cancelled())

    assert all(outcome.exit_code == 130 for outcome in outcomes)
    assert all(outcome.folder and (outcome.folder / "manifest.json").is_file() for outcome in outcomes)
    assert [outcome.exit_code for outcome in asyncio.run(executed(plans, []))] == [0, 0]


def test_a_cancelled_caller_ends_its_runs(plans: list[Plan]) -> None:
    async def given_up() -> list[str]:
        seen: list[Event] = []
        began = asyncio.Event()

        async def observed() -> tuple[RunOutcome, ...]:
            async with runner.Session(plans[0].project.output_root) as session:

                def observe(event: Event) -> None:
                    seen.append(event)
                    if len({one.run for one in seen}) == len(plans):
                        began.set()

                return await session.run(plans, observer=observe)

        task = asyncio.ensure_future(observed())
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return [event.kind for event in seen if event.kind is EventKind.RUN_FINISHED]

    assert len(asyncio.run(given_up())) == 2


def test_an_observer_that_fails_disturbs_nothing(plans: list[Plan]) -> None:
    async def watched() -> tuple[RunOutcome, ...]:
        async with runner.Session(plans[0].project.output_root) as session:
            return await session.run(plans, observer=lambda event: 1 / 0)

    assert [outcome.exit_code for outcome in asyncio.run(watched())] == [0, 0]


def test_what_stops_one_run_is_in_its_outcome_and_stops_no_other(
    plans: list[Plan], workplace: Workplace
) -> None:
    elsewhere = runner.plan(runner.compose(["+project=first", "output.root=other"], workplace.path))

    good, bad = asyncio.run(executed([plans[1], elsewhere], []))

    assert good.exit_code == 0
    assert isinstance(bad.error, UsageError)
    assert (bad.exit_code, bad.errors, bad.folder) == (2, (bad.error,), None)


def test_a_session_works_in_a_loop_that_runs_already(plans: list[Plan]) -> None:
    """As in a notebook: the session is opened by hand, and each cell is a task of its own."""

    async def notebook() -> list[int]:
        session = runner.Session(plans[0].project.output_root)
        await asyncio.ensure_future(session.__aenter__())
        codes = []
        for plan in plans:
            (outcome,) = await asyncio.ensure_future(session.run([plan]))
            codes.append(outcome.exit_code)
        await asyncio.ensure_future(session.__aexit__(None, None, None))
        return codes

    assert asyncio.run(notebook()) == [0, 0]


def test_a_session_has_to_be_open(plans: list[Plan]) -> None:
    with pytest.raises(RuntimeError, match="not open"):
        asyncio.run(runner.Session(plans[0].project.output_root).run(plans))


def test_every_public_name_is_there_and_documented() -> None:
    for name in runner.__all__:
        assert getattr(runner, name).__doc__, name


def test_the_library_imports_nothing_heavy_before_it_is_used(tmp_path: Path) -> None:
    import subprocess

    program = (
        "import sys, runner; sys.exit(bool({'av', 'numpy', 'httpx', 'hydra', 'pydantic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False).returncode == 0


def test_a_generator_that_takes_frames_inline_needs_no_image_host(workplace: Workplace) -> None:
    film = workplace.project(
        {"main": {"one": "a lake", "two": "wind"}}, generator={"plugin": "synthetic", "inline": True}
    )
    workplace.write("plugins/none.py", NO_HOST)
    plan = runner.plan(runner.compose([film, "uploader=none"], workplace.path))
    assert not plan.needs_uploader

    (outcome,) = asyncio.run(executed([plan], []))

    assert outcome.exit_code == 0, outcome.errors
    assert [shot.input_mode for shot in outcome.shots] == ["text", "image"]
    assert outcome.shots[1].adherence is not None
    assert outcome.shots[1].adherence.verdict == "locked"


NO_HOST = """
from runner.api import Reach, UploaderCapabilities, UploaderSpec, hookimpl

def built(options, context):
    raise AssertionError("no image host is needed")

@hookimpl
def runner_register():
    return UploaderSpec(name="none", factory=built, capabilities=UploaderCapabilities(reach=Reach.LOOPBACK))
"""


def test_the_event_loop_never_waits_for_a_disk(plans: list[Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        synced.append(threading.get_ident())
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)

    outcomes = asyncio.run(executed(plans, []))

    assert [outcome.exit_code for outcome in outcomes] == [0, 0]
    assert len(synced) > 10
    assert threading.get_ident() not in synced
