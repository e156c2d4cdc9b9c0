"""A clip that does not start from its frame: its chain stops before more is paid for, or another take is used."""

from __future__ import annotations

import re
import shlex
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.desk import Desk
from tests.engine.paid import PaidProject

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Answer, Workplace

THREE = {"main": {"one": "a quiet lake", "two": "wind", "three": "rain"}}
PRICE = {"price_usd": "0.10", "run_s": 0.05}
RETRY = "continuity.on_ignored=retry"


@pytest.fixture
def three(workplace: Workplace, fake: FakeProvider) -> Desk:
    return Desk(workplace, fake, THREE)


def ignores(fake: FakeProvider, *submissions: int) -> None:
    """Let the clips of these submissions, counted from now on, start from their prompts alone."""
    fake.script(default=PRICE, submissions={str(one): {"ignore_image": True} for one in submissions})


def always_ignores(fake: FakeProvider, shot: str = "main/two") -> None:
    fake.script(default=PRICE, shots={shot: {"ignore_image": True}})


def paid(fake: FakeProvider) -> dict[str, int]:
    return dict(fake.books().accepted_by_shot)


def shots(workplace: Workplace, run: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = workplace.manifest(run)["sequences"]["main"]["shots"]
    return found


def commands(answer: Answer) -> list[list[str]]:
    """The commands that a run prints as they stand, each on a line of its own."""
    found = re.findall(r"^ +python -m runner (.+)$", answer.out, re.MULTILINE)
    return [shlex.split(line) for line in found]


@pytest.mark.parametrize("columns", ["80", "200"])
def test_nothing_more_is_paid_for_after_a_clip_that_ignored_its_frame(
    three: Desk, fake: FakeProvider, workplace: Workplace, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    always_ignores(fake)

    stopped = three.run()

    assert stopped.code == 1
    assert paid(fake) == {"main/one": 1, "main/two": 1}
    made = shots(workplace)
    assert [shot["ending"] for shot in made.values()] == ["done", "held", "skipped"]
    assert made["two"]["adherence"]["verdict"] == "ignored"
    assert (workplace.runs()[0] / made["two"]["clip"]["path"]).is_file(), "it is kept, to be looked at"
    assert [words[0] for words in commands(stopped)] == ["accept", "+project=film"]

    again = three.run()

    assert again.code == 1
    assert commands(again) == commands(stopped)
    assert paid(fake) == {"main/one": 1, "main/two": 1}


def test_the_command_that_accepts_works_as_printed(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    always_ignores(fake)
    accept, _ = commands(three.run())

    accepted = workplace.run(*accept)

    assert accepted.code == 0, accepted.err
    assert "main/two: accepted" in accepted.out
    finished = three.run()
    assert finished.code == 0, finished.out
    assert paid(fake) == {"main/one": 1, "main/two": 1, "main/three": 1}
    made = shots(workplace)
    assert made["two"]["ending"] == "done"
    assert made["two"]["accepted"] is True
    assert made["two"]["adherence"]["verdict"] == "ignored"
    assert "accepted" not in made["one"]
    assert three.run().code == 0, "the decision is kept"


def test_the_command_that_asks_for_another_take_works_as_printed(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    ignores(fake, 2)
    _, retake = commands(three.run("shot.seed=7", "sequences.main.shots.two.take=4"))
    assert retake[-1] == "sequences.main.shots.two.take=5"
    assert "shot.seed=7" in retake
    assert "sequences.main.shots.two.take=4" not in retake

    finished = workplace.run(*retake)

    assert finished.code == 0, finished.out
    assert paid(fake) == {"main/one": 1, "main/two": 2, "main/three": 1}


def test_a_clip_that_an_earlier_run_went_on_from_is_judged_in_the_same_way(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    always_ignores(fake)
    assert three.run("continuity.on_ignored=warn").code == 0
    assert paid(fake) == {"main/one": 1, "main/two": 1, "main/three": 1}

    held = three.run()

    assert held.code == 1
    assert "does not start from the frame it was given" in held.out
    assert [shot["ending"] for shot in shots(workplace).values()] == ["done", "held", "skipped"]
    assert paid(fake) == {"main/one": 1, "main/two": 1, "main/three": 1}


def test_another_take_is_paid_for_once_and_found_again(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    ignores(fake, 2)

    finished = three.run(RETRY)

    assert finished.code == 0, finished.out
    assert paid(fake) == {"main/one": 1, "main/two": 2, "main/three": 1}
    made = shots(workplace)
    assert made["two"]["take"] == 2
    assert made["two"]["adherence"]["verdict"] != "ignored"
    again = three.run(RETRY)
    assert again.code == 0
    assert shots(workplace) == made
    typed = three.run("sequences.main.shots.two.take=2")
    assert typed.code == 0, "the take has the same keys as one that is typed, and so have the shots after it"
    assert paid(fake) == {"main/one": 1, "main/two": 2, "main/three": 1}
    assert three.run().code == 1, "without the policy, the first take is what was requested"


def test_takes_come_to_an_end(three: Desk, fake: FakeProvider, workplace: Workplace) -> None:
    always_ignores(fake)

    stopped = three.run(RETRY, "continuity.retries=2")

    assert stopped.code == 1
    assert paid(fake) == {"main/one": 1, "main/two": 3}
    assert shots(workplace)["two"]["take"] == 3
    accept, retake = commands(stopped)
    assert retake[-1] == "sequences.main.shots.two.take=4"
    assert three.run(RETRY, "continuity.retries=2").code == 1
    assert paid(fake) == {"main/one": 1, "main/two": 3}
    assert workplace.run(*accept).code == 0
    assert three.run(RETRY, "continuity.retries=2").code == 0
    assert paid(fake) == {"main/one": 1, "main/two": 3, "main/three": 1}


def test_further_takes_keep_within_the_budget(three: Desk, fake: FakeProvider) -> None:
    always_ignores(fake)

    stopped = three.run(RETRY, "continuity.retries=3", "budget.max_cost=0.30")

    assert stopped.code == 4, stopped.out
    assert fake.books().total_usd == Decimal("0.30")
    assert paid(fake) == {"main/one": 1, "main/two": 2}


def test_a_clip_that_the_user_rejects_is_not_gone_on_from(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    assert three.run().code == 0
    folder = str(workplace.runs()[0])

    assert workplace.run("reject", folder, "main/one").code == 0

    held = three.run(RETRY)
    assert held.code == 1
    assert "the user rejected its clip" in held.out
    assert [shot["ending"] for shot in shots(workplace).values()] == ["held", "skipped", "skipped"]
    assert workplace.run("accept", folder, "one").code == 0
    assert three.run().code == 0
    assert paid(fake) == {"main/one": 1, "main/two": 1, "main/three": 1}


def test_only_a_shot_that_has_a_clip_can_be_decided_about(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    always_ignores(fake)
    three.run()
    folder = str(workplace.runs()[0])

    missing, unknown = workplace.run("accept", folder, "three"), workplace.run("accept", folder, "four")

    assert missing.code == unknown.code == 2
    assert "there is no clip of this shot" in missing.err
    assert "there are: main/one, main/three, main/two" in unknown.err


def test_the_plan_says_what_further_takes_may_cost_and_which_are_there(
    three: Desk, fake: FakeProvider
) -> None:
    ignores(fake, 2)
    before = three.workplace.run("plan", three.project, RETRY, "continuity.retries=2", "--json").json
    assert (before["to_spend_usd"], before["at_worst_usd"]) == (0.3, 0.7)
    shown = three.workplace.run("plan", three.project, RETRY, "continuity.retries=2").out
    assert "$0.70 where every clip ignores its first frame" in " ".join(shown.split())
    assert three.workplace.run("plan", three.project, "--json").json["at_worst_usd"] == 0.3

    assert three.run(RETRY).code == 0

    after = three.workplace.run("plan", three.project, RETRY, "--json").json
    assert (after["to_do"], after["to_spend_usd"], after["at_worst_usd"]) == (0, 0, 0)
    assert {shot["standing"] for shot in after["sequences"]["main"]} == {"paid already"}


def test_the_plan_knows_what_was_accepted(three: Desk, fake: FakeProvider, workplace: Workplace) -> None:
    always_ignores(fake)
    accept, _ = commands(three.run())
    before = workplace.run("plan", three.project, RETRY, "--json").json
    assert (before["to_do"], before["to_spend_usd"]) == (2, 0.2), "another take of two, and three"

    assert workplace.run(*accept).code == 0

    after = workplace.run("plan", three.project, RETRY, "--json").json
    assert (after["to_do"], after["to_spend_usd"]) == (1, 0.1)


@pytest.mark.parametrize("passing", [1, 2, 3, 4])
def test_killed_between_the_judgement_and_the_next_payment_nothing_is_paid_twice(
    workplace: Workplace, fake: FakeProvider, uploader: dict[str, Any], passing: int
) -> None:
    ignores(fake, 2)
    project = PaidProject(workplace, fake, uploader, THREE)

    assert project.run(RETRY, fault=f"after_judged:{passing}").code == -9

    ignores(fake, *([2 - passing] if passing < 2 else []))  # the submissions are counted anew
    again = project.run(RETRY)
    assert again.code == 0, again.text
    assert paid(fake) == {"main/one": 1, "main/two": 2, "main/three": 1}


@pytest.mark.parametrize(
    ("verdict", "endings"), [("accept", ["done"] * 3), ("reject", ["done", "held", "skipped"])]
)
def test_what_was_decided_outlives_the_journal(
    three: Desk, fake: FakeProvider, workplace: Workplace, verdict: str, endings: list[str]
) -> None:
    always_ignores(fake)
    on_ignored = "continuity.on_ignored=" + ("stop" if verdict == "accept" else "warn")
    three.run(on_ignored)
    assert workplace.run(verdict, str(workplace.runs()[0]), "two").code == 0
    three.run(on_ignored)
    before, at_provider = shots(workplace), paid(fake)
    assert [shot["ending"] for shot in before.values()] == endings
    assert before["two"][f"{verdict}ed"] is True
    for file in (workplace.path / "outputs/.runner").glob("journal.db*"):
        file.unlink()

    told = workplace.run("recover")
    assert told.code == 0, told.err
    assert "and what you decided: 1 clip accepted or rejected" in told.out
    three.run(on_ignored)

    assert shots(workplace) == before
    assert paid(fake) == at_provider
