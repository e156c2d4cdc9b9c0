"""Runs are killed wherever money hangs, and run again: each shot is paid for once, the result is the same."""

from __future__ import annotations

import random
import re
import shlex
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from runner.plugins.kie.emulator.client import running

from runner.engine.kill_points import POINTS, UNKNOWN_WINDOW
from tests.engine.paid import SHOTS, Done, PaidProject
from tests.kie_account import QUICK, SMALL, KieAccount, opened

Uploader = dict[str, Any]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.plugins.kie.emulator.client import Emulator

    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

KNOWN = [point for point in POINTS if point not in UNKNOWN_WINDOW]
TWO = {"one": "a quiet lake", "two": "wind on the lake"}
PASSINGS = [(point, time) for point in KNOWN for time in ((1,) if point.endswith("_manifest") else (1, 2))]


class KieProject(PaidProject):
    """A chain of two shots that KIE makes, for an account of its own."""

    def __init__(self, workplace: Workplace, kie: KieAccount) -> None:
        self.workplace = workplace
        self.kie = kie
        url, key = kie.emulator.url, "${oc.env:KIE_API_KEY}"
        self.override = workplace.project(
            {"main": TWO},
            shot=SMALL,
            generator={"plugin": "kie", "model": "bytedance/seedance-2-mini", "api_url": url, "api_key": key},
            uploader={"plugin": "kie", "upload_url": url, "api_key": key},
        )

    def command(self, *words: str, fault: str = "") -> Done:
        """In a process of its own only where it has to die."""
        if fault:
            return super().command(*words, fault=fault)
        answer = self.workplace.run(*words)
        return Done(answer.code, answer.out, answer.err)

    def resolved(self, parked: Done) -> str:
        """Answer the question of a run as a person does who looks at KIE's own list; returns the answer."""
        command = shlex.split(re.search(r"(runner journal resolve \w+)", parked.text)[1])[1:]  # type: ignore[index]
        shot = re.search(r"where: main/(\w+)", parked.text)[1]  # type: ignore[index]
        tasks = self.kie.tasks(TWO[shot])
        answer = ["--submitted", tasks[0]] if tasks else ["--not-submitted"]
        resolved = self.command(*command, *answer)
        assert resolved.code == 0, resolved.text
        return answer[0]

    def paid_once(self) -> None:
        books = self.kie.books
        assert dict(books.creations_by_prompt) == dict.fromkeys(TWO.values(), 1)
        assert set(books.billed_by_prompt.values()) == {32.8}
        assert (books.held, books.consumed) == (0, 65.6)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with running(*QUICK) as started:
        yield started


@pytest.fixture(scope="session")
def untouched() -> dict[str, bytes]:
    """What a run of `KieProject` makes that nobody kills; filled when first needed."""
    return {}


@pytest.fixture
def by_kie(workplace: Workplace, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> KieProject:
    account = opened(emulator)
    monkeypatch.setenv("KIE_API_KEY", account.key)
    return KieProject(workplace, account)


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


@pytest.mark.parametrize(("point", "time_of_passing"), PASSINGS)
def test_kie_is_paid_once_however_a_run_ends(
    by_kie: KieProject, untouched: dict[str, bytes], point: str, time_of_passing: int
) -> None:
    killed = by_kie.run(fault=f"{point}:{time_of_passing}")
    assert killed.code == -9, killed.text

    again = by_kie.run()

    assert again.code == 0, again.text
    by_kie.paid_once()
    made = by_kie.artifacts()
    if not untouched:
        assert by_kie.run("output.root=reference").code == 0
        untouched |= by_kie.artifacts("reference")
    assert made == untouched
    assert len(made) == 5


@pytest.mark.parametrize("time_of_passing", [1, 2])
@pytest.mark.parametrize("point", UNKNOWN_WINDOW)
def test_what_kie_may_have_taken_is_asked_for_again_only_when_a_person_says_so(
    by_kie: KieProject, point: str, time_of_passing: int
) -> None:
    assert by_kie.run(fault=f"{point}:{time_of_passing}").code == -9
    taken = by_kie.kie.books.creations
    for _ in range(2):
        parked = by_kie.run()
        assert parked.code == 3, parked.text
    assert by_kie.kie.books.creations == taken

    answer = by_kie.resolved(parked)

    assert answer == ("--submitted" if point == "after_submit" else "--not-submitted")
    finished = by_kie.run()
    assert finished.code == 0, finished.text
    by_kie.paid_once()


@pytest.mark.parametrize("seed", range(2))
def test_kie_is_paid_once_by_runs_that_are_killed_at_random_times(by_kie: KieProject, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(4):
        process = by_kie.start(by_kie.override)
        time.sleep(rng.uniform(0.4, 1.4))
        process.kill()
        process.communicate()
    finished = by_kie.run()
    for _ in TWO:
        if finished.code == 3:
            by_kie.resolved(finished)
            finished = by_kie.run()
    assert finished.code == 0, finished.text
    by_kie.paid_once()


@pytest.mark.parametrize("point", UNKNOWN_WINDOW)
@pytest.mark.parametrize("support", ["lookup", "idempotency"])
def test_a_provider_that_can_tell_needs_no_person(
    workplace: Workplace, fake: FakeProvider, uploader: Uploader, point: str, support: str
) -> None:
    fake.script(supports_lookup=True, supports_idempotency_key=True)
    project = PaidProject(workplace, fake, uploader, {"main": {"one": "a quiet lake", "two": "wind"}})
    assert project.run(f"generator.{support}=true", fault=point).code == -9
    again = project.run(f"generator.{support}=true")
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
        process = project.start(project.override, "generator.lookup=true")
        time.sleep(rng.uniform(0.5, 2.5))
        process.kill()
        process.communicate()
    finished = project.run("generator.lookup=true")
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
