"""`runner regression`: takes are bought look by look, as few as decide, and no more than there is money for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from runner.compare.permutation import Stratum
from runner.compare.sequential import purchases
from runner.compare.verdicts import Sample
from runner.testing.fake_provider.client import running
from tests.engine.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Answer, Workplace

CHAINS = {
    "main": {"one": "a quiet lake", "two": "wind on the lake"},
    "product": {"cup": "a cup", "table": "a table"},
}
CHAIN = {"main": CHAINS["main"]}
PRICE = {"price_usd": "0.10", "run_s": 0.02}
METRICS = "metrics.enabled=[seam_delta_e,seam_luma_jump]"


class Gate:
    """A project with a baseline of six takes."""

    def __init__(self, workplace: Workplace, fake: FakeProvider, sequences: dict[str, Any]) -> None:
        fake.script(default=PRICE)
        self.workplace, self.fake = workplace, fake
        self.desk = Desk(workplace, fake, sequences)
        words = ("+ci=regression", METRICS, "shot.take=1,2,3,4,5,6", "output.root=base", "film.join=false")
        assert self.desk.run("-m", "-q", *words).code == 0
        assert workplace.run("baseline", "create", "base", "-o", "base.json", "-q").code == 0
        self._before = self._accepted()

    def run(self, *words: str) -> Answer:
        return self.workplace.run(
            *("regression", "--base", "base.json", self.desk.project, "+ci=regression", METRICS),
            *("output.root=new", "-o", "report", *words),
        )

    @property
    def bought(self) -> int:
        """Shots that were paid for since the baseline."""
        return self._accepted() - self._before

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (self.workplace.path / "report/compare.json").read_text(encoding="utf-8")
        )
        return found

    def takes(self) -> dict[str, list[int]]:
        """The takes of each sequence, by the runs."""
        found: dict[str, list[int]] = {}
        for path in sorted((self.workplace.path / "new").rglob("manifest.json")):
            for name, content in json.loads(path.read_text(encoding="utf-8"))["sequences"].items():
                found.setdefault(name, []).append(next(iter(content["shots"].values()))["take"])
        return {name: sorted(takes) for name, takes in found.items()}

    def _accepted(self) -> int:
        return sum(self.fake.books().accepted_by_shot.values())


@pytest.fixture
def fake(workplace: Workplace) -> Iterator[FakeProvider]:
    with running(workplace.path / "books.jsonl") as provider:
        yield provider


@pytest.fixture
def gate(workplace: Workplace, fake: FakeProvider) -> Gate:
    return Gate(workplace, fake, CHAIN)


def test_it_ends_at_the_first_look_that_decides_and_pays_once(gate: Gate) -> None:
    answer = gate.run("--looks", "6,9")

    assert answer.code == 0, answer.err + answer.out
    assert "look 1 of 2, 6 takes of each shot: fine" in answer.err
    assert gate.takes() == {"main": [7, 8, 9, 10, 11, 12]}  # after those of the baseline
    assert gate.bought == 6 * 2
    assert gate.report["outcome"] == "fine"
    assert any("takes: 6, for $1.20 in this command" in note for note in gate.report["notes"])

    again = gate.run("--looks", "6,9")
    assert again.code == 0
    assert gate.bought == 6 * 2
    (record,) = (gate.workplace.path / "new").rglob("sweep.json")
    assert len(json.loads(record.read_text(encoding="utf-8"))["jobs"]) == 6


def test_a_regression_ends_it_at_the_first_look(gate: Gate) -> None:
    gate.fake.script(default={**PRICE, "ignore_image": True})

    answer = gate.run("--looks", "4,6,9")

    assert answer.code == 1, answer.err + answer.out
    assert gate.bought == 4 * 2
    assert gate.report["outcome"] == "worse"


def test_an_undecided_look_is_followed_by_the_next_one(gate: Gate) -> None:
    answer = gate.run("--looks", "2,6")

    assert "look 1 of 2, 2 takes of each shot: undecided" in answer.err
    assert "look 2 of 2, 6 takes of each shot" in answer.err
    assert gate.bought == 6 * 2


def test_so_few_takes_that_nothing_could_be_decided_are_not_paid_for(gate: Gate) -> None:
    answer = gate.run("--looks", "2")

    assert answer.code == 5
    assert "2 takes of each shot cannot decide about any metric; nothing was started" in answer.err
    assert "--looks" in answer.err
    assert gate.bought == 0


def test_what_ci_max_cost_does_not_pay_for_stays_undecided(gate: Gate) -> None:
    answer = gate.run("--looks", "2,8", "ci.max_cost=0.5")

    assert answer.code == 5, answer.err + answer.out
    assert gate.bought == 2 * 2  # the third take of two shots would make it $0.60
    assert gate.report["outcome"] == "undecided"
    assert "ci.max_cost=0.5 does not pay for the next take, which makes $0.60" in str(gate.report["notes"])

    # What was spent counts for the same command, and for one with more money.
    assert gate.run("--looks", "2,8", "ci.max_cost=0.5").code == 5
    assert gate.bought == 2 * 2
    gate.run("--looks", "2,8", "ci.max_cost=0.9")
    assert gate.bought == 4 * 2


def test_a_lower_budget_of_the_project_is_kept_too(gate: Gate) -> None:
    assert gate.run("--looks", "2,8", "ci.max_cost=5", "budget.max_cost=0.5").code == 5
    assert gate.bought == 2 * 2
    assert "budget.max_cost=0.5 does not pay for the next take" in str(gate.report["notes"])


def test_no_money_for_a_single_take(gate: Gate) -> None:
    answer = gate.run("ci.max_cost=0.1")

    assert answer.code == 4
    assert "there is no money for the first take; nothing was started" in answer.err
    assert gate.bought == 0
    assert not (gate.workplace.path / "report").exists()


def test_a_dead_provider_is_an_error_and_no_further_look_is_paid_for(gate: Gate) -> None:
    gate.fake.script(default={**PRICE, "fail": "refunded"})

    answer = gate.run("--looks", "4,6", "limits.retries=0")

    assert answer.code == 5
    assert gate.report["outcome"] == "error"
    assert "no clip came of the last takes" in str(gate.report["notes"])


def test_sequences_take_turns_and_each_is_a_job_of_its_own(workplace: Workplace, fake: FakeProvider) -> None:
    gate = Gate(workplace, fake, CHAINS)

    answer = gate.run("--looks", "4,6", "ci.max_cost=1.4", "film.order=[product,main]")

    assert answer.code == 0, answer.err
    assert gate.takes() == {"main": [7, 8, 9, 10], "product": [7, 8, 9]}
    assert gate.bought == 7 * 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("shot.take=3",), "--first-take"),
        (("--looks", "3,2"), "growing numbers"),
        (("--alpha", "0.7"), "--alpha"),
        (("ci.max_cost=-1",), "ci.max_cost"),
        (("-m", "shot.seed=1,2"), "sweep"),
    ],
)
def test_what_does_not_fit_is_refused(gate: Gate, words: tuple[str, ...], says: str) -> None:
    answer = gate.run(*words)

    assert answer.code == 2
    assert says in answer.err
    assert gate.bought == 0


def test_a_baseline_of_another_project_is_refused(gate: Gate) -> None:
    text = (gate.workplace.path / "base.json").read_text(encoding="utf-8")
    gate.workplace.write("base.json", text.replace('"project": "film"', '"project": "other"'))

    answer = gate.run()

    assert answer.code == 2
    assert "these are two projects" in answer.err
    assert gate.bought == 0


def test_takes_go_where_the_uncertainty_is_largest() -> None:
    def stratum(name: str, after: tuple[float, ...]) -> Stratum:
        return Stratum(name=name, before=(0.0, 1.0, 2.0), after=after)

    sample = Sample(metric="m", strata=(stratum("a/x", (0.0, 0.1, 0.0)), stratum("b/x", (0.0, 9.0, 3.0))))
    groups = {"a/x": "a", "b/x": "b"}

    found = purchases([sample], groups, {"a": 3, "b": 3}, 6)

    assert found == ["b", "b", "b", "a", "a", "a"]
    assert purchases([], {}, {"a": 0, "b": 0}, 2) == ["a", "b", "a", "b"]
    assert purchases([sample], groups, {"a": 3, "b": 6}, 6) == ["a", "a", "a"]


def test_metrics_that_so_many_takes_cannot_decide_about_are_named_before_they_are_paid_for(
    gate: Gate,
) -> None:
    text = (gate.workplace.path / "base.json").read_text(encoding="utf-8")
    content = json.loads(text)
    for number, take in enumerate(content["shots"]["main/two"]["takes"]):
        take["metrics"]["seam_luma_jump"] = float(number)  # far more noise than what matters
    gate.workplace.write("base.json", json.dumps(content))

    answer = gate.run("--looks", "6", "ci.max_cost=0.1")

    assert answer.code == 4
    assert "! 6 takes of each shot cannot decide about seam_luma_jump" in answer.err
