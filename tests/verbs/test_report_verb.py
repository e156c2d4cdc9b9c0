"""`runner report`, `runner open`, and the report that a run writes at its end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace

CHAIN = {"main": {"one": "a lake", "two": "wind"}}


def run_of(workplace: Workplace) -> Path:
    (run,) = workplace.runs()
    return run


def test_a_run_writes_its_report_unless_it_is_switched_off(workplace: Workplace) -> None:
    project = workplace.project(CHAIN)

    assert workplace.run(project, "-q", "report=false").code == 0
    assert not (run_of(workplace) / "report.html").exists()
    assert workplace.run(project, "-q", "report=true").code == 0
    assert (run_of(workplace) / "report.html").is_file()
    assert "report" not in run_of(workplace).name


def test_a_report_that_cannot_be_written_is_a_warning(workplace: Workplace) -> None:
    project = workplace.project(CHAIN)
    workplace.run(project, "-q")
    (run_of(workplace) / "report.html").mkdir()

    answer = workplace.run(project, "-q", "report=true")

    assert answer.code == 0
    assert "no report: the report cannot be written" in answer.err
    assert "next: python -m runner report outputs/film/" in answer.err


def test_a_rerun_that_makes_nothing_new_leaves_the_report(workplace: Workplace) -> None:
    project = workplace.project(CHAIN)
    workplace.run(project, "-q", "report=true")
    page = run_of(workplace) / "report.html"
    first = page.stat().st_ino, page.stat().st_mtime_ns

    workplace.run(project, "-q", "report=true")
    assert (page.stat().st_ino, page.stat().st_mtime_ns) == first

    assert workplace.run("report", str(page.parent)).code == 0
    assert page.stat().st_mtime_ns > first[1], "it is written where the user says so"
    page.unlink()
    workplace.run(project, "-q", "report=true")
    assert page.is_file()


def test_pictures_are_made_once_for_all_runs_of_a_root(workplace: Workplace) -> None:
    project = workplace.project(CHAIN)
    workplace.run(project, "-q", "report=true")
    first = run_of(workplace)
    workplace.run(project, "-q", "report=true", "film.crossfade_ms=40")
    second = next(run for run in workplace.runs() if run != first)

    shared = {path.name for path in (first / "report").iterdir()} & {
        path.name for path in (second / "report").iterdir()
    }

    assert len(shared) >= 8
    assert all((first / "report" / name).samefile(second / "report" / name) for name in shared)


def test_a_clip_that_was_changed_is_shown_to_nobody(workplace: Workplace) -> None:
    workplace.run(workplace.project(CHAIN), "-q")
    clip = run_of(workplace) / "main/shots/01_one.mp4"
    other = (run_of(workplace) / "main/shots/02_two.mp4").read_bytes()
    clip.unlink()
    clip.write_bytes(other)
    digest = workplace.manifest()["sequences"]["main"]["shots"]["one"]["clip"]["sha256"]

    assert workplace.run("report", str(run_of(workplace)), "-q").code == 0
    assert not list((run_of(workplace) / "report").glob(f"{digest[:16]}-*"))


def test_several_folders_and_a_folder_that_is_none(workplace: Workplace) -> None:
    workplace.run("-m", workplace.project(CHAIN), "shot.seed=1,2", "-q")
    (sweep,) = workplace.path.glob("outputs/film/sweeps/seed-*")

    answer = workplace.run("report", str(sweep), str(workplace.path))

    assert answer.code == 2
    assert answer.out.splitlines()[0] == str(sweep / "report.html")
    assert "this is not a run folder" in answer.out
    assert len(list(sweep.glob("*/report.html"))) == 2
    assert workplace.run("report", str(sweep), "--json").json["kind"] == "sweep"


def test_the_command_of_a_sweep_is_in_its_record_without_secrets(workplace: Workplace) -> None:
    workplace.run("-m", workplace.project(CHAIN), "shot.seed=1,2", "-q")
    (record,) = workplace.path.glob("outputs/film/sweeps/*/sweep.json")

    assert json.loads(record.read_text())["command"] == ["-m", "+project=film", "shot.seed=1,2"]


def test_open_prints_the_report_of_the_latest_run(workplace: Workplace) -> None:
    assert workplace.run("open").code == 2
    workplace.run(workplace.project(CHAIN), "-q")

    answer = workplace.run("open", "--quiet")

    assert answer.code == 0, answer.err
    path = workplace.path / answer.out.strip()
    assert path == run_of(workplace) / "report.html"
    assert path.is_file()


def test_gc_finds_the_pictures_of_films_that_are_gone(workplace: Workplace) -> None:
    workplace.run(workplace.project(CHAIN), "-q", "report=true")
    assert not workplace.run("gc", "--now", "--json").json["files"]
    film = workplace.manifest()["sequences"]["main"]["film"]["sha256"]
    found = json.loads((run_of(workplace) / "manifest.json").read_text())
    found["sequences"]["main"]["film"] = None
    (run_of(workplace) / "manifest.json").write_text(json.dumps(found))

    workplace.run("gc", "--now", "--yes")

    derived = [
        path.parent.name + path.name for path in (workplace.path / "outputs/.runner/derived").glob("??/*")
    ]
    assert derived
    assert not [name for name in derived if name.startswith(film)]
