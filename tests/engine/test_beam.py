"""A beam: several takes of each shot, of which the best are gone on from."""

from __future__ import annotations

import itertools
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.config.beam_keys import Beam
from runner.planning import beam
from tests.engine.desk import Desk
from tests.engine.paid import PaidProject

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

THREE = {"main": {"one": "a quiet lake", "two": "wind", "three": "rain"}}
PRICE = {"price_usd": "0.10", "run_s": 0.02}
BEAM = ("beam.takes=3", "beam.keep=2")
TREE = 3 + 2 * 3 + 2 * 3


@pytest.fixture
def three(workplace: Workplace, fake: FakeProvider) -> Desk:
    fake.script(default=PRICE)
    return Desk(workplace, fake, THREE)


def accepted(fake: FakeProvider) -> int:
    return sum(fake.books().accepted_by_shot.values())


def shots(workplace: Workplace) -> dict[str, Any]:
    found: dict[str, Any] = workplace.manifest()["sequences"]["main"]["shots"]
    return found


def test_the_best_takes_are_gone_on_from(three: Desk, fake: FakeProvider, workplace: Workplace) -> None:
    answer = three.run(*BEAM)

    assert answer.code == 0, answer.err + answer.out
    assert accepted(fake) == TREE
    made = shots(workplace)
    assert [len(made[name]["alternates"]) for name in made] == [2, 5, 5]
    # The last shot is the best of all that were tried, and starts from the take before it that the film has.
    assert made["three"]["score"] >= 0
    run = workplace.runs()[0]
    for entry in made.values():
        assert (run / entry["clip"]["path"]).parent.name == "shots"
        for other in entry["alternates"]:
            assert (run / other["clip"]["path"]).parent.name == "alternates"
    kept = {path.name for path in (run / "main/shots/alternates").iterdir()}
    assert len(kept) == TREE - 3
    assert (run / "main/film.mp4").is_file()
    assert "main/three: take" in answer.out
    assert workplace.run("verify", str(run)).code == 0


def test_the_way_is_the_one_with_the_best_mean(three: Desk, workplace: Workplace) -> None:
    assert three.run(*BEAM).code == 0
    made = shots(workplace)

    two = [made["two"], *made["two"]["alternates"]]
    three_ = [made["three"], *made["three"]["alternates"]]
    of_two = {entry["key"]: entry["score"] for entry in two}
    means = {
        entry["key"]: (of_two[entry.get("after") or made["two"]["key"]] + entry["score"]) / 2
        for entry in three_
    }
    assert means[made["three"]["key"]] == pytest.approx(max(means.values()))


def test_a_rerun_pays_nothing_and_chooses_the_same(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    assert three.run(*BEAM).code == 0
    before = workplace.manifest()

    again = three.run(*BEAM)

    assert again.code == 0
    assert accepted(fake) == TREE
    assert workplace.manifest() == before


def test_more_takes_use_those_that_there_are(three: Desk, fake: FakeProvider) -> None:
    assert three.run("beam.takes=2", "beam.keep=2").code == 0
    assert accepted(fake) == 2 + 4 + 4

    assert three.run("beam.takes=3", "beam.keep=3").code == 0

    # From other takes of the second shot than before, the third one is another request.
    assert {name: count for name, count in fake.books().accepted_by_shot.items() if name != "main/three"} == {
        "main/one": 3,
        "main/two": 9,
    }


def test_a_take_that_fails_is_left_out(three: Desk, fake: FakeProvider, workplace: Workplace) -> None:
    fake.script(default=PRICE, submissions={"2": {"fail": "refunded"}, "5": {"ignore_image": True}})

    answer = three.run(*BEAM, "limits.retries=0")

    assert answer.code == 0, answer.out
    endings = [other["ending"] for entry in shots(workplace).values() for other in entry["alternates"]]
    assert endings.count("failed") == 1
    assert endings.count("held") == 1


def test_where_no_take_can_be_used_the_chain_stops(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    fake.script(default=PRICE, shots={"main/two": {"ignore_image": True}})

    answer = three.run(*BEAM)

    assert answer.code == 1
    assert accepted(fake) == 3 + 6
    assert [entry["ending"] for entry in shots(workplace).values()] == ["done", "held", "skipped"]


def test_the_plan_knows_the_price_at_worst_and_the_budget_keeps_it(three: Desk, fake: FakeProvider) -> None:
    plan = three.workplace.run("plan", three.project, *BEAM, "--json").json
    assert plan["beam"] == {"takes": 3, "keep": 2, "score": "seam_psnr_db", "at_most": TREE}
    assert plan["at_worst_usd"] == pytest.approx(TREE * 0.1)

    refused = three.run(*BEAM, "budget.max_cost=1.4")
    assert refused.code == 4
    assert "budget.max_cost=1.5 is enough" in refused.err + refused.out
    assert accepted(fake) == 0

    assert three.run(*BEAM, "budget.max_cost=1.5").code == 0
    after = three.workplace.run("plan", three.project, *BEAM, "--json").json
    assert after["beam"]["at_most"] == 0
    assert after["at_worst_usd"] == 0


def test_a_journal_that_is_lost_is_rebuilt_with_all_takes(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    assert three.run(*BEAM).code == 0
    before = workplace.manifest()
    for file in (workplace.path / "outputs/.runner").glob("journal.db*"):
        file.unlink()

    told = workplace.run("recover", "--json")
    assert told.code == 0, told.err
    assert told.json["recorded"] == TREE
    assert three.run(*BEAM).code == 0

    assert accepted(fake) == TREE
    assert workplace.manifest() == before


def test_a_beam_whose_store_is_gone_is_rebuilt_from_its_run_folder(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    assert three.run(*BEAM).code == 0
    before = workplace.manifest()
    shutil.rmtree(workplace.path / "outputs/.runner")

    assert workplace.run("recover").code == 0
    assert three.run(*BEAM).code == 0

    assert accepted(fake) == TREE
    assert workplace.manifest() == before
    assert workplace.run("verify", str(workplace.runs()[0])).code == 0


@pytest.mark.parametrize("point", ["after_submit", "after_shown", "before_manifest"])
def test_killed_in_the_middle_it_goes_on(workplace: Workplace, fake: FakeProvider, point: str) -> None:
    fake.script(default=PRICE)
    project = PaidProject(workplace, fake, {"plugin": "local_http"}, THREE)
    killed = project.run(*BEAM, fault=point)
    assert killed.code != 0

    # What was in flight and has no task id yet cannot be told apart from what never arrived.
    fake.script(default=PRICE, supports_lookup=True)
    done = project.run(*BEAM, "generator.lookup=true")

    assert done.code == 0, done.text
    assert accepted(fake) == TREE


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("beam.takes=2", "beam.keep=3"), "beam.keep"),
        (("beam.takes=2", "beam.score=beauty"), "beam.score"),
        (("beam.takes=0",), "beam.takes"),
        (("beam.takes=2", "continuity.on_ignored=retry"), "continuity.on_ignored"),
    ],
)
def test_keys_that_do_not_fit_are_problems(three: Desk, words: tuple[str, ...], named: str) -> None:
    answer = three.run(*words)

    assert answer.code == 2
    assert named in answer.err


@given(st.lists(st.lists(st.none() | st.integers(0, 3), max_size=3), max_size=6), st.integers(1, 4))
def test_ties_go_to_the_earlier_one(worths: list[list[float | None]], keep: int) -> None:
    ways = [beam.Way(worths=tuple(one)) for one in worths]

    best = beam.best(ways, keep)

    assert len(best) == min(keep, len(ways))
    left = [way for way in ways if all(way is not one for one in best)]
    assert all(one.worth >= other.worth for one in best for other in left)
    for one, after in itertools.pairwise(best):
        first, second = (next(at for at, way in enumerate(ways) if way is this) for this in (one, after))
        assert one.worth > after.worth or first < second


def test_a_beam_of_one_take_is_none() -> None:
    assert not Beam().is_on
    assert Beam(takes=2).is_on
