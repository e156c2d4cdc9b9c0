"""Jobs of a sweep run side by side, share what they have in common, and fail by themselves."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.desk import Desk

if TYPE_CHECKING:
    from pathlib import Path

    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

CHAIN = {"main": {name: f"a {name}" for name in ("lake", "boat", "gull", "wave")}}
CUTS = {"main": {name: {"prompt": f"a {name}", "boundary": "cut"} for name in ("lake", "boat")}}


def shot(name: str, key: str = "prompt") -> str:
    return f"sequences.main.shots.{name}.{key}"


def record(folder: Path) -> dict[str, Any]:
    (found,) = folder.rglob("sweep.json")
    document: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    return document


def rows(folder: Path) -> list[dict[str, str]]:
    (found,) = folder.rglob("sweep.csv")
    return list(csv.DictReader(io.StringIO(found.read_text(encoding="utf-8"))))


def test_the_tree_of_shots_is_paid_for_and_not_its_paths(workplace: Workplace, fake: FakeProvider) -> None:
    desk = Desk(workplace, fake, CHAIN)
    swept = (f"{shot('gull')}=a,b,c", f"{shot('wave')}=d,e,f")

    answer = workplace.run("-m", desk.project, *swept)

    assert answer.code == 0, answer.err
    # 9 films of 4 shots: the first two are the same in all of them, the third in three of them each.
    assert fake.books().accepted_by_shot == {"main/lake": 1, "main/boat": 1, "main/gull": 3, "main/wave": 9}
    films = list(workplace.path.glob("outputs/film/sweeps/*/*/main/film.mp4"))
    assert len(films) == 9
    assert {row["state"] for row in rows(workplace.path)} == {"fine"}
    assert sum(int(row["reused"]) for row in rows(workplace.path)) == 9 * 4 - 14
    assert record(workplace.path)["money"]["now_usd"] == pytest.approx(14 * 0.1)


def test_jobs_are_under_way_together(workplace: Workplace, fake: FakeProvider) -> None:
    fake.script(default={"run_s": 1.0, "price_usd": "0.10"})
    desk = Desk(workplace, fake, CUTS)

    assert workplace.run("-m", desk.project, "shot.seed=1,2,3").code == 0

    assert fake.books().max_running > 2, "a job alone has two shots at one time"


def test_no_more_jobs_than_allowed_are_under_way(workplace: Workplace, fake: FakeProvider) -> None:
    fake.script(default={"run_s": 0.3, "price_usd": "0.10"})
    desk = Desk(workplace, fake, {"main": {"lake": "a lake"}})

    assert workplace.run("-m", desk.project, "shot.seed=1,2,3,4", "sweep.max_jobs=2").code == 0

    assert fake.books().max_running == 2


@pytest.mark.parametrize("ending", ["charged", "refunded"])
def test_a_common_shot_that_fails_is_not_paid_for_by_each_job(
    workplace: Workplace, fake: FakeProvider, ending: str
) -> None:
    fake.script(shots={"main/lake": {"fail": ending}}, default={"price_usd": "0.10"})
    desk = Desk(workplace, fake, CHAIN)
    words = ("-m", desk.project, f"{shot('wave')}=d,e,f", "limits.retries=0")

    answer = workplace.run(*words)

    assert answer.code == 1
    assert fake.books().accepted_by_shot == {"main/lake": 1}
    assert answer.out.count("the model failed") == 1, "equal causes are told once"
    assert "x jobs 0, 1, 2: " in answer.out
    # The same command tries again, once.
    assert workplace.run(*words).code == 1
    assert fake.books().accepted_by_shot == {"main/lake": 2}


def test_three_of_ten_jobs_fail_and_the_others_are_whole(workplace: Workplace, fake: FakeProvider) -> None:
    desk = Desk(workplace, fake, CUTS)
    numbers = ",".join(map(str, range(10)))
    fake.script(submissions={}, shots={"main/boat": {"submit": ["refuse_moderation*3"]}})

    answer = workplace.run("-m", desk.project, f"{shot('boat', 'seed')}={numbers}")

    assert answer.code == 1
    jobs = record(workplace.path)["jobs"]
    failed = [job for job in jobs if job["state"] == "failed"]
    assert len(jobs) == 10
    assert len(failed) == 3
    assert all("the prompt was flagged" in job["error"] for job in failed)
    folders = {path.name: path for path in workplace.path.glob("outputs/film/sweeps/*/*") if path.is_dir()}
    for job in jobs:
        whole = (folders[job["folder"]] / "main/film.mp4").exists()
        assert whole == (job["state"] == "fine")
        assert json.loads((folders[job["folder"]] / "run.json").read_text())["exit_code"] == job["exit_code"]
    assert answer.out.count("the prompt was flagged") == 1


def test_the_first_failure_stops_the_others_where_that_is_requested(
    workplace: Workplace, fake: FakeProvider
) -> None:
    fake.script(submissions={"1": {"submit": ["refuse_moderation"]}}, default={"price_usd": "0.10"})
    desk = Desk(workplace, fake, {"main": {"lake": "a lake"}})
    words = ("-m", desk.project, "shot.seed=1,2,3,4")

    answer = workplace.run(*words, "sweep.fail_fast=true", "sweep.max_jobs=1")

    assert answer.code == 1, "that others were stopped is no interrupt"
    assert [job["state"] for job in record(workplace.path)["jobs"]] == ["failed", *["not started"] * 3]
    assert "job 0 failed, and sweep.fail_fast stopped the others" in " ".join(answer.out.split())
    assert workplace.run(*words).code == 0
    assert fake.books().accepted == 4


def test_a_budget_is_that_of_all_jobs(workplace: Workplace, fake: FakeProvider) -> None:
    desk = Desk(workplace, fake, CHAIN)

    answer = workplace.run(
        "-m", desk.project, f"{shot('wave')}=d,e,f,g", "budget.max_cost=0.5", "budget.partial=true"
    )

    assert answer.code == 4
    assert fake.books().total_usd == Decimal("0.50")
    assert "budget.max_cost=0.7" in answer.out


def test_values_are_in_the_table_as_they_were_given(workplace: Workplace, fake: FakeProvider) -> None:
    desk = Desk(workplace, fake, {"main": {"lake": "a lake"}})
    prompts = ["x" * 10_000, "a/b\\\\c", 'say "hi"', "line\\nbreak", "a=b, c # d", "\N{FIRE}"]
    swept = ",".join(json.dumps(prompt, ensure_ascii=False) for prompt in prompts)

    answer = workplace.run("-m", desk.project, f"{shot('lake')}={swept}", "-q")

    assert answer.code == 0, answer.err
    found = rows(workplace.path)
    assert len({row["folder"].casefold() for row in found}) == len(prompts)
    assert len({row["key"] for row in found}) == len(prompts)
    assert all(len(row["folder"]) < 60 for row in found)


def test_a_sweep_over_two_roots_has_all_jobs(workplace: Workplace, fake: FakeProvider) -> None:
    desk = Desk(workplace, fake, {"main": {"lake": "a lake"}})

    assert workplace.run("-m", desk.project, "output.root=here,there").code == 0

    assert [len(list((workplace.path / name).rglob("film.mp4"))) for name in ("here", "there")] == [1, 1]
