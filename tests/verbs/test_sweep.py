"""Sweeps, through the real command line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace

SHOTS = {"main": {"one": "a lake", "two": "wind"}}


def jobs(root: Path) -> list[Path]:
    return sorted(path.parent for path in root.rglob("manifest.json"))


def snapshot(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*.mp4")}


def test_two_by_two_makes_four_complete_folders_and_a_rerun_loses_nothing(workplace: Workplace) -> None:
    project = workplace.project(SHOTS)
    words = ("-m", project, "shot.seed=1,2", "sequences.main.shots.two.prompt='a','b'")
    answer = workplace.run(*words)
    assert answer.code == 0, answer.err
    root = workplace.path / "outputs"
    folders = jobs(root)
    assert len(folders) == 4
    assert {folder.parent.parent.name for folder in folders} == {"sweeps"}
    assert [folder.name[:3] for folder in folders] == ["00_", "01_", "02_", "03_"]
    assert all("seed-" in folder.name and "prompt-" in folder.name for folder in folders)
    assert all((folder / "main/film.mp4").exists() for folder in folders)
    before = snapshot(root)
    assert workplace.run(*words).code == 0
    assert jobs(root) == folders
    assert snapshot(root) == before


def test_another_sweep_does_not_touch_the_first(workplace: Workplace) -> None:
    project = workplace.project(SHOTS)
    workplace.run("-m", project, "shot.seed=1,2")
    before = snapshot(workplace.path / "outputs")
    assert workplace.run("-m", project, "shot.seed=2,3").code == 0
    after = snapshot(workplace.path / "outputs")
    assert len(after) == 2 * len(before)
    assert before.items() <= after.items()


def test_any_value_gives_a_short_readable_unique_folder(workplace: Workplace) -> None:
    project = workplace.project({"main": {"one": "a lake"}})
    long = "very long " * 1000
    prompts = [long, long + "!", "../../etc/passwd", "🔥🔥", "a/b\\c:d", "水"]
    swept = ",".join(f'"{prompt}"' if "\\" not in prompt else f"'{prompt}'" for prompt in prompts)
    answer = workplace.run("-m", project, f"sequences.main.shots.one.prompt={swept}", "--quiet")
    assert answer.code == 0, answer.err
    folders = jobs(workplace.path / "outputs")
    assert len({folder.name.casefold() for folder in folders}) == len(prompts)
    assert all(re.fullmatch(r"\d\d_[a-z0-9_-]{1,40}-[0-9a-f]{8}", folder.name) for folder in folders)
    assert len({folder.parent for folder in folders}) == 1


BROKEN = ("sequences.main.shots.two.duration_s=0.5,-1,0.25,nonsense", "+generator.fail=none")


def test_a_sweep_with_jobs_that_cannot_run_starts_nothing(workplace: Workplace) -> None:
    answer = workplace.run("-m", workplace.project(SHOTS), *BROKEN)

    assert answer.code == 2
    assert "2 of 4 jobs of the sweep cannot run; nothing of the sweep was started" in answer.err
    assert "job 1: sequences.main.shots.two.duration_s=-1" in answer.err
    assert "so do jobs 3\n" in answer.err
    assert "sweep.skip_invalid=true" in answer.err
    assert not (workplace.path / "outputs").exists()


def test_jobs_that_cannot_run_are_left_out_where_that_is_requested(workplace: Workplace) -> None:
    answer = workplace.run("-m", workplace.project(SHOTS), *BROKEN, "sweep.skip_invalid=true")

    assert answer.code == 2
    assert answer.err.count("duration_s") >= 2
    (record,) = workplace.path.rglob("sweep.json")
    codes = [job["exit_code"] for job in json.loads(record.read_text())["jobs"]]
    assert codes == [0, 2, 0, 2]
    assert "2 of 4 jobs failed" in answer.out


def test_the_plan_of_a_sweep_says_which_job_cannot_run(workplace: Workplace) -> None:
    project = workplace.project(SHOTS)

    assert "job 1" in workplace.run("plan", "-m", project, *BROKEN).err
    planned = workplace.run("plan", "-m", project, *BROKEN, "sweep.skip_invalid=true", "--json")
    assert planned.code == 0
    assert (len(planned.json["jobs"]), planned.json["left_out"]) == (2, 2)


def test_a_failing_shot_fails_its_job_only(workplace: Workplace) -> None:
    project = workplace.project(SHOTS)
    params = "+sequences.main.shots.one.params={fail:running},{fail:submit},{fail:none}"
    answer = workplace.run("-m", project, params)
    assert answer.code == 1
    (record,) = workplace.path.rglob("sweep.json")
    assert [job["exit_code"] for job in json.loads(record.read_text())["jobs"]] == [1, 1, 0]


def test_projects_can_be_swept(workplace: Workplace) -> None:
    workplace.project({"main": {"one": "a"}}, name="first")
    workplace.project({"main": {"one": "b"}}, name="second")
    answer = workplace.run("-m", "+project=first,second")
    assert answer.code == 0, answer.err
    assert len(jobs(workplace.path / "outputs")) == 2


def test_hydra_leaves_nothing_of_its_own_behind(workplace: Workplace) -> None:
    workplace.run("-m", workplace.project({"main": {"one": "a"}}), "shot.seed=1,2")
    assert sorted(path.name for path in workplace.path.iterdir()) == ["conf", "outputs"]
    assert not list(workplace.path.rglob("multirun.yaml"))


def test_jobs_with_one_mistake_are_listed_as_spans(workplace: Workplace) -> None:
    numbers = ",".join(["9", *["-1"] * 5, "9", "-1"])

    answer = workplace.run("-m", workplace.project(SHOTS), f"sequences.main.shots.two.duration_s={numbers}")

    assert "so do jobs 2 to 5, 7\n" in answer.err
