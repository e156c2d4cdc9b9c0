"""What `plan -m` says of the clips that the jobs of a sweep share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.desk import Desk

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

CHAIN = {"main": {name: f"a {name}" for name in ("lake", "boat", "gull")}, "other": {"cup": "a cup"}}


@pytest.fixture
def desk(workplace: Workplace, fake: FakeProvider) -> Desk:
    return Desk(workplace, fake, CHAIN)


def swept(shot: str, *values: str) -> str:
    return f"sequences.main.shots.{shot}.prompt={','.join(values)}"


def planned(desk: Desk, *words: str) -> Any:
    found: Any = desk.workplace.run("plan", "-m", desk.project, *words, "--json").json
    return found


def test_the_tree_has_each_clip_once_with_the_jobs_that_need_it(desk: Desk) -> None:
    found = planned(desk, swept("boat", "x", "y"), swept("gull", "u", "v", "w"))

    # 6 jobs: the first shot once, the second twice, the third for each; and a sequence in which nothing differs.
    assert (found["shots"], found["clips"], found["to_do"]) == (24, 10, 10)
    assert (found["shared_usd"], found["unshared_usd"]) == (1.0, 2.4)
    by_shot = {
        name: [one for one in found["tree"] if one["shot"] == name] for name in ("lake", "boat", "cup")
    }
    assert by_shot["lake"][0]["jobs"] == [0, 1, 2, 3, 4, 5]
    assert [one["jobs"] for one in by_shot["boat"]] == [[0, 1, 2], [3, 4, 5]]
    assert {one["after"] for one in by_shot["boat"]} == {by_shot["lake"][0]["key"]}
    assert [one["after"] for one in by_shot["cup"]] == [None]
    assert found["seconds"] is None, "nothing was ever generated"


def test_what_is_paid_for_is_shown_and_the_time_is_that_of_earlier_clips(desk: Desk) -> None:
    words = (swept("gull", "u", "v"),)
    assert desk.run("sequences.main.shots.gull.prompt=u").code == 0

    found = planned(desk, *words)
    text = " ".join(desk.workplace.run("plan", "-m", desk.project, *words).out.split())

    assert (found["clips"], found["to_do"], found["to_spend_usd"]) == (5, 1, 0.1)
    (left,) = (one for one in found["tree"] if one["standing"] == "to do")
    assert left["jobs"] == [1]
    assert found["critical_path"] == [left["key"]]
    assert found["seconds"] > 0
    assert "2 jobs: 8 shots, 5 different clips" in text
    assert "all clips cost $0.50; without sharing they would cost $0.80" in text
    assert "at best; the longest chain is gull" in text


def test_a_long_plan_says_that_it_is_cut(desk: Desk) -> None:
    seeds = ",".join(map(str, range(40)))

    out = desk.workplace.run("plan", "-m", desk.project, f"shot.seed={seeds}").out

    assert "and 100 more clips: --json has all" in out
    assert max(map(len, out.splitlines())) <= 80


def test_jobs_that_cannot_run_are_counted(desk: Desk) -> None:
    words = ("shot.seed=1,bad", "sweep.skip_invalid=true")

    assert planned(desk, *words)["left_out"] == 1
    assert "1 job, 1 left out" in desk.workplace.run("plan", "-m", desk.project, *words).out


def test_another_root_pays_again(desk: Desk) -> None:
    assert desk.run().code == 0

    found = planned(desk, "output.root=outputs,elsewhere")

    assert [(one["root"], one["to_do"]) for one in found] == [("outputs", 0), ("elsewhere", 4)]
    again = desk.workplace.run(
        "-m", desk.project, "output.root=outputs,elsewhere", "budget.confirm_above=0.3"
    )
    assert again.code == 4, "four clips for forty cents, and nobody agreed"
