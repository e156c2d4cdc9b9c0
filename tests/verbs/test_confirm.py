"""What a search may cost is agreed to once, before its first batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import runner
from runner.errors import NotConfirmed
from runner.verbs.confirm import Agreement, confirm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.planning.plan import Plan
    from tests.conftest import Workplace


@pytest.fixture
def project(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> str:
    """A project of one shot, in the current folder."""
    monkeypatch.chdir(workplace.path)
    monkeypatch.setenv("KIE_API_KEY", "a key that is never sent")
    return workplace.project({"main": {"lake": "a quiet lake"}})


def batch(project: str, prompts: str, limit: str) -> Sequence[Plan]:
    """The jobs of a model whose price is known, one for each prompt."""
    words = [project, "generator=kie", "uploader=kie", "shot.duration_s=5", "shot.resolution=720p"]
    jobs = runner.compose_sweep(
        [*words, f"budget.confirm_above={limit}", f"sequences.main.shots.lake.prompt={prompts}"]
    )
    return [runner.plan(job) for job in jobs]


def test_the_first_batch_stands_for_all_others(project: str) -> None:
    with pytest.raises(NotConfirmed, match=r"this search would cost up to about \$"):
        Agreement(jobs=20).confirm(batch(project, "boats,birds", limit="1"))


def test_a_search_may_cost_what_was_agreed_to_and_no_more(project: str) -> None:
    agreement = Agreement(jobs=4)
    agreement.confirm(batch(project, "boats,birds", limit="1"))
    agreement.confirm(batch(project, "cats,dogs", limit="1"))

    with pytest.raises(NotConfirmed, match="agreed to was") as refused:
        agreement.confirm(batch(project, "elks,foxes", limit="1"))

    assert "budget.confirm_above=null" in str(refused.value)


def test_nothing_is_asked_where_there_is_no_limit(project: str) -> None:
    agreement = Agreement(jobs=1)

    for prompts in ("boats,birds", "cats,dogs", "elks,foxes"):
        agreement.confirm(batch(project, prompts, limit="null"))


def test_an_unknown_price_is_not_called_nothing(project: str) -> None:
    words = [project, "generator=kie_wan", "uploader=kie", "shot.duration_s=5", "budget.confirm_above=1"]

    with pytest.raises(NotConfirmed, match=r"would cost an unknown amount \(1 shot\)"):
        confirm([runner.plan(runner.compose([*words, "shot.resolution=720p"]))])
