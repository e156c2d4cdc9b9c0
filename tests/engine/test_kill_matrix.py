"""Runs are killed wherever money hangs, and run again: each shot is paid for once, the result is the same."""

from __future__ import annotations

import random
import re
import shlex
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from runner.engine.faults import POINTS, UNKNOWN_WINDOW
from tests.engine.paid import SHOTS, PaidProject

Uploader = dict[str, Any]

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

KNOWN = [point for point in POINTS if point not in UNKNOWN_WINDOW]


@pytest.mark.parametrize("time_of_passing", [1, 2])
@pytest.mark.parametrize("point", KNOWN)
def test_killed_outside_the_unknown_window_a_rerun_finishes_and_nothing_is_paid_twice(
    workplace: Workplace, fake: FakeProvider, uploader: Uploader, point: str, time_of_passing: int
) -> None:
    # One chain: else another one may be in its own unknown window when this one dies.
    project = PaidProject(
        workplace, fake, uploader, {"main": {"one": "a quiet lake", "two": "wind", "three": "rain"}}
    )
    times = 1 if point.endswith("_manifest") else time_of_passing
    killed = project.run(fault=f"{point}:{times}")
    assert killed.code == -9, killed.text
    again = project.run()
    assert again.code == 0, again.text
    books = fake.books()
    assert books.accepted_by_shot == {"main/one": 1, "main/two": 1, "main/three": 1}
    assert books.total_usd == Decimal("0.30")
    untouched = project.run("output.root=reference")
    assert untouched.code == 0, untouched.text
    assert project.artifacts() == project.artifacts("reference")
    assert len(project.artifacts()) == 7


@pytest.mark.parametrize("point", UNKNOWN_WINDOW)
def test_killed_inside_the_unknown_window_nothing_is_sent_again_before_a_person_decides(
    workplace: Workplace, fake: FakeProvider, uploader: Uploader, point: str
) -> None:
    project = PaidProject(workplace, fake, uploader, {"main": {"one": "a quiet lake", "two": "wind"}})
    assert project.run(fault=point).code == -9
    accepted = fake.books().accepted
    for _ in range(2):
        again = project.run()
        assert again.code == 3, again.text
    assert fake.books().submissions == accepted

    command = shlex.split(re.search(r"(runner journal resolve \w+)", again.text)[1])[1:]  # type: ignore[index]
    task = next(iter(fake.books().tasks), "")
    answer = ["--submitted", task] if point == "after_submit" else ["--not-submitted"]
    resolved = project.command(*command, *answer)
    assert resolved.code == 0, resolved.text
    finished = project.run()
    assert finished.code == 0, finished.text
    assert fake.books().accepted_by_shot == {"main/one": 1, "main/two": 1}


@pytest.mark.parametrize("point", UNKNOWN_WINDOW)
@pytest.mark.parametrize("able", ["finds", "idempotency"])
def test_a_provider_that_can_tell_needs_no_person(
    workplace: Workplace, fake: FakeProvider, uploader: Uploader, point: str, able: str
) -> None:
    fake.script(supports_lookup=True, supports_idempotency_key=True)
    project = PaidProject(workplace, fake, uploader, {"main": {"one": "a quiet lake", "two": "wind"}})
    assert project.run(f"generator.{able}=true", fault=point).code == -9
    again = project.run(f"generator.{able}=true")
    assert again.code == 0, again.text
    assert fake.books().accepted_by_shot == {"main/one": 1, "main/two": 1}


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_random_times_it_still_ends_well_and_pays_once(
    workplace: Workplace, fake: FakeProvider, uploader: Uploader, seed: int
) -> None:
    fake.script(supports_lookup=True, default={"price_usd": "0.10", "run_s": 0.1})
    project = PaidProject(workplace, fake, uploader)
    rng = random.Random(seed)
    for _ in range(4):
        process = project.start(project.override, "generator.finds=true")
        time.sleep(rng.uniform(0.5, 2.5))
        process.kill()
        process.communicate()
    finished = project.run("generator.finds=true")
    assert finished.code == 0, finished.text
    assert fake.books().accepted_by_shot == SHOTS


def test_two_processes_at_once_share_the_work_and_the_bill(
    workplace: Workplace, fake: FakeProvider, uploader: Uploader
) -> None:
    fake.script(default={"price_usd": "0.10", "run_s": 0.5})
    project = PaidProject(workplace, fake, uploader)
    processes = [project.start(project.override) for _ in range(2)]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert fake.books().accepted_by_shot == SHOTS
    assert project.command("verify", "outputs").code == 0
    alone = project.run("output.root=reference")
    assert alone.code == 0, alone.text
    assert project.artifacts() == project.artifacts("reference")


def test_a_refusal_of_the_repeated_request_does_not_prove_that_the_first_was_not_taken(
    workplace: Workplace, fake: FakeProvider, uploader: Uploader
) -> None:
    fake.script(supports_idempotency_key=True)
    project = PaidProject(workplace, fake, uploader, {"main": {"one": "a quiet lake"}})
    words = ("generator.idempotency=true", "limits.submit_timeout_s=10")
    assert project.run(*words, fault="after_submit").code == -9
    fake.script(supports_idempotency_key=True, default={"submit": ["refuse_no_credit*"]})
    refused = project.run(*words)
    fake.script(supports_idempotency_key=True)
    finished = project.run(*words)
    assert (refused.code, finished.code) in {(3, 0), (0, 0)}, refused.text
    assert fake.books().accepted_by_shot == {"main/one": 1}
