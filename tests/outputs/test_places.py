"""Where runs and sweeps land: names that people can tell apart, and the same folder for the same request."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import runner
from runner.outputs import places
from runner.outputs.folder import RunFolder, owner

if TYPE_CHECKING:
    from runner.planning.plan import Plan
    from tests.conftest import Workplace

FILM = {"main": {"one": "a lake"}}
KEY = "0123456789abcdef" * 4
MORNING, EVENING = datetime(2026, 3, 1, 8, 5), datetime(2026, 3, 2, 21, 40)


def planned(*words: str) -> Plan:
    return runner.plan(runner.compose(words), runner.Registries())


def swept(*words: str) -> list[Plan]:
    registries = runner.Registries()
    return [runner.plan(one, registries) for one in runner.compose_sweep(words)]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "synthetic"),
        (("shot.seed=7",), "seed-7"),
        (("shot.seed=7", "sequences.main.shots.one.prompt='a storm'"), "seed-7_prompt-a-storm"),
        (("+generator.fail=none", "budget.max_cost=3", "limits.retries=0"), "fail-none"),
        (("output.root=elsewhere", "uploader.port=0"), "synthetic"),
        (("+shot.params.key=minor",), "key-minor"),
        (
            (
                *("generator=kie", "generator.api_url=http://127.0.0.1:1", "uploader=kie"),
                *("shot.duration_s=5", "shot.resolution=720p"),
            ),
            "generator-kie_duration_s-5_resolution-72",
        ),
    ],
)
def test_a_folder_is_named_after_when_and_what(
    workplace: Workplace, words: tuple[str, ...], what: str
) -> None:
    plan = planned(workplace.project(FILM), *words)

    assert places.path_for(plan, MORNING).name == f"2026-03-01_0805_{what}-{plan.key[:8]}"


def test_a_name_stays_short_and_plain_whatever_is_typed(workplace: Workplace) -> None:
    prompt = "../../etc/passwd, $(rm -rf) 東京 " * 50
    plan = planned(workplace.project(FILM), f"sequences.main.shots.one.prompt='{prompt}'")

    folder = places.path_for(plan, MORNING)

    assert folder.parent == Path("outputs/film")
    assert re.fullmatch(r"2026-03-01_0805_[a-z0-9_-]{1,40}-[0-9a-f]{8}", folder.name)


def test_no_secret_is_in_a_name(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(
        workplace.project(FILM),
        "generator=kie",
        "uploader=kie",
        "generator.api_key=hunter2",
        "shot.duration_s=5",
        "shot.resolution=720p",
    )

    assert "hunter2" not in places.path_for(plan).name


def test_a_rerun_on_another_day_finds_the_folder(workplace: Workplace) -> None:
    plan = planned(workplace.project(FILM))
    first = places.opened(plan, workplace.path / "work").path

    assert places.path_for(plan, MORNING) == places.path_for(plan, EVENING) == first
    assert owner(first) == plan.key


def test_the_same_request_by_other_words_lands_in_the_same_folder(workplace: Workplace) -> None:
    plan = planned(workplace.project(FILM), "shot.seed=7")
    first = places.opened(plan, workplace.path / "work").path
    same = planned(workplace.project(FILM, shot={"seed": 7}))

    assert same.key == plan.key
    assert places.path_for(same, EVENING) == first


@pytest.mark.parametrize("length", [8, 16, 64])
def test_a_folder_of_an_older_version_is_found_and_used(workplace: Workplace, length: int) -> None:
    project = workplace.project(FILM)
    assert workplace.run(project).code == 0
    (made,) = workplace.runs()
    key = json.loads((made / "run.json").read_text())["key"]
    older = made.with_name(f"synthetic-{key[:length]}")
    made.rename(older)

    answer = workplace.run(project)

    assert answer.code == 0
    assert workplace.runs() == [older]
    assert " kept " in answer.out


def test_a_folder_of_another_request_with_that_name_is_left_alone(workplace: Workplace) -> None:
    project = workplace.project(FILM)
    key = planned(project).key
    other = workplace.write(f"outputs/film/synthetic-{key[:8]}/run.json", json.dumps({"key": "f" * 64}))

    assert workplace.run(project).code == 0

    assert json.loads(other.read_text()) == {"key": "f" * 64}
    assert len(workplace.runs()) == 2


def test_of_two_runs_that_begin_at_the_turn_of_a_minute_one_gives_way(workplace: Workplace) -> None:
    """The other process made its folder between this one's look at the disk and its own folder."""
    work = workplace.path / "work"
    late = RunFolder(workplace.path / f"outputs/film/2026-03-01_0806_synthetic-{KEY[:8]}", KEY, work)
    early = late.path.with_name(f"2026-03-01_0805_synthetic-{KEY[:8]}")
    shutil.copytree(late.path, early)

    assert places.giving_way(late, work).path == early
    assert workplace.runs() == [early]
    assert places.giving_way(RunFolder(early, KEY, work), work).path == early


def test_all_jobs_of_a_sweep_and_of_its_rerun_share_a_folder(workplace: Workplace) -> None:
    words = (workplace.project(FILM), "shot.seed=1,2", "sequences.main.shots.one.prompt=a,b")
    plans = swept(*words)
    first = places.path_for(plans[0], MORNING)
    first.mkdir(parents=True)

    folders = [places.path_for(plan, EVENING) for plan in plans]

    assert {folder.parent for folder in folders} == {first.parent}
    assert re.fullmatch(r"seed_prompt-[0-9a-f]{8}", first.parent.name), "the same in every outputs root"
    assert [folder.name[:-9] for folder in folders] == [
        "00_seed-1_prompt-a",
        "01_seed-1_prompt-b",
        "02_seed-2_prompt-a",
        "03_seed-2_prompt-b",
    ]


def test_a_sweep_of_an_older_version_is_found_and_used(workplace: Workplace) -> None:
    plan = swept(workplace.project(FILM), "shot.seed=1,2")[0]
    assert plan.job is not None
    older = Path("outputs/film/sweeps") / plan.job.sweep_key[:8]
    older.mkdir(parents=True)

    assert places.path_for(plan).parent == older


# --- latest ---------------------------------------------------------------------------------------------------


def test_latest_leads_to_the_run_or_sweep_that_ended_last(workplace: Workplace) -> None:
    project = workplace.project(FILM)
    latest = workplace.path / "outputs/film/latest"

    workplace.run(project)
    assert latest.resolve() == workplace.runs()[0]
    assert not latest.readlink().is_absolute()
    workplace.run(project, "shot.seed=7")
    assert "seed-7" in latest.resolve().name
    workplace.run(project)
    assert "synthetic" in latest.resolve().name
    workplace.run("-m", project, "shot.seed=1,2")
    assert (latest / "sweep.json").is_file()

    assert len(workplace.runs()) == 4, "no run is found twice, through the link"
    assert not list(workplace.path.rglob(".part-*"))


def test_latest_leads_to_a_run_that_failed_too(workplace: Workplace) -> None:
    workplace.run(workplace.project(FILM), "+generator.fail=running")

    assert (workplace.path / "outputs/film/latest/run.json").is_file()


def test_a_sweep_over_projects_has_its_latest_beside_it(workplace: Workplace) -> None:
    for name in ("first", "second"):
        workplace.project(FILM, name=name)
    workplace.run("-m", "+project=first,second")

    assert (workplace.path / "outputs/sweeps/latest/sweep.json").is_file()
    assert not (workplace.path / "outputs/latest").exists()


def test_a_latest_of_the_user_is_left_alone(workplace: Workplace) -> None:
    kept = workplace.write("outputs/film/latest/notes.txt", "mine")

    assert workplace.run(workplace.project(FILM)).code == 0

    assert kept.read_text() == "mine"


def test_where_there_are_no_symlinks_a_file_says_which_is_the_latest(workplace: Workplace) -> None:
    project = workplace.project(FILM)

    def refused(*args: object, **more: object) -> None:
        raise OSError("symbolic links are not supported")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "symlink_to", refused)
        assert workplace.run(project).code == 0

    (run,) = workplace.runs()
    assert (workplace.path / "outputs/film/latest.txt").read_text() == f"{run.name}\n"
