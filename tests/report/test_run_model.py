"""The model of a run: the verdict and its commands, runs that were killed, old ones, and folders that are anybody's."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import UsageError
from runner.report.model import Condition, Level, read_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Workplace

CHAIN = {"main": {"one": "a lake", "two": "wind", "three": "rain"}}


def run_of(workplace: Workplace) -> Path:
    (run,) = workplace.runs()
    return run


def test_a_run_that_is_fine_has_its_films_seams_and_drift(workplace: Workplace) -> None:
    workplace.run(workplace.project(CHAIN), "-q")

    report = read_run(run_of(workplace))

    assert report.verdict.condition is Condition.DONE
    assert report.verdict.headline == "3 of 3 shots done, 1 film joined, no warnings"
    assert [(seam.before, seam.after, seam.kind) for seam in report.seams] == [
        ("main/one", "main/two", "chain"),
        ("main/two", "main/three", "chain"),
    ]
    parts = {part["shot"]: part for part in workplace.manifest()["sequences"]["main"]["film"]["parts"]}
    assert report.seams[0].frames_before[-1] == parts["main/one"]["end"] - 1
    assert report.seams[0].frames_after[0] == parts["main/two"]["start"]
    assert report.drifts[0].shots == ("one", "two", "three")
    assert report.films[0].clip is not None
    assert report.films[0].clip.is_there
    json.dumps(report.to_json())


def test_a_failed_shot_comes_first_with_the_command_that_goes_on(workplace: Workplace) -> None:
    shots = {"one": "a", "two": {"prompt": "b", "params": {"fail": "running"}}, "three": "c"}
    workplace.run(workplace.project({"main": shots}), "-q", "limits.retries=0")

    report = read_run(run_of(workplace))

    assert report.verdict.condition is Condition.FAILED
    first = report.verdict.notes[0]
    assert (first.level, first.where) == (Level.ERROR, "main/two")
    assert "python -m runner +project=film limits.retries=0" in [one.command for one in report.verdict.next]
    assert [shot.ending for shot in report.shots] == ["done", "failed", "skipped"]


def test_a_held_clip_waits_with_the_command_that_accepts_it(workplace: Workplace) -> None:
    shots = {"one": "a", "two": {"prompt": "b", "params": {"ignore_image": True}}}
    workplace.run(workplace.project({"main": shots}, shot={"duration_s": 1}), "-q")
    folder = run_of(workplace)

    note = read_run(folder).verdict.notes[0]

    assert read_run(folder).verdict.condition is Condition.WAITING
    accept = note.commands[0].command
    assert accept.startswith("python -m runner accept outputs/film/")
    assert note.commands[2].command.endswith("sequences.main.shots.two.take=2")
    answer = workplace.run(*accept.split()[3:])
    assert answer.code == 0, answer.err
    assert read_run(folder).shots[1].judgement == "accepted"


def test_a_run_without_a_manifest_is_told_from_its_events(workplace: Workplace) -> None:
    workplace.run(workplace.project(CHAIN), "-q")
    folder = run_of(workplace)
    lines = (folder / "events.jsonl").read_text().splitlines(keepends=True)
    last = max(at for at, line in enumerate(lines) if '"shot": "two"' in line and "shot_finished" in line)
    record = json.loads((folder / "run.json").read_text())
    killed = {name: record[name] for name in ("key", "project", "shots_planned", "started", "overrides")}
    (folder / "run.json").write_text(json.dumps({**killed, "state": "running"}))
    (folder / "events.jsonl").write_text("".join(lines[: last + 1]) + '{"kind": "shot_fin')
    (folder / "manifest.json").unlink()

    report = read_run(folder)

    assert report.verdict.condition is Condition.STOPPED
    assert [shot.ending for shot in report.shots] == ["done", "done", "interrupted"]
    assert report.shots[1].clip is not None
    assert report.shots[1].clip.is_there
    assert report.shots[2].prompt == "rain"


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "main/../../x", "a\\b", "", None, 7])
def test_a_path_that_leads_out_of_the_folder_is_no_media(workplace: Workplace, name: Any) -> None:
    workplace.run(workplace.project(CHAIN), "-q")
    folder = run_of(workplace)
    found = json.loads((folder / "manifest.json").read_text())
    found["sequences"]["main"]["shots"]["one"]["clip"]["path"] = name
    (folder / "manifest.json").write_text(json.dumps(found))

    report = read_run(folder)

    assert "manifest.json cannot be used" in report.gaps[0]
    assert all(shot.clip is None or not shot.clip.path.startswith(("..", "/")) for shot in report.shots)


def test_a_clip_that_is_a_link_is_not_there(workplace: Workplace, tmp_path: Path) -> None:
    workplace.run(workplace.project(CHAIN), "-q")
    clip = run_of(workplace) / "main/shots/01_one.mp4"
    outside = tmp_path.parent / f"{tmp_path.name}-outside.mp4"
    outside.write_bytes(clip.read_bytes())
    clip.unlink()
    clip.symlink_to(outside)

    shot = read_run(run_of(workplace)).shots[0]

    assert shot.clip is not None
    assert not shot.clip.is_there


def _numbers_as_texts(found: Any) -> None:
    shot = found["sequences"]["main"]["shots"]["two"]
    shot |= {
        "prompt": ["x"],
        "adherence": {"verdict": 5, "psnr_db": "high"},
        "metrics": {"a": "b"},
        "take": {},
    }


def _endless_numbers(found: Any) -> None:
    found["sequences"]["main"]["shots"]["two"]["adherence"]["psnr_db"] = float("nan")
    found["sequences"]["main"]["film"]["parts"] = [{"shot": "main/one", "start": -9e99, "end": 1e300}] * 3
    found["sequences"]["main"]["drift"] = [{"distances": {"one": float("inf")}, "breaks_at": 10**40}, 7]


def _films_of_other_kinds(found: Any) -> None:
    found["sequences"]["main"]["film"]["seams"] = {"into": []}
    found["sequences"]["main"]["shots"]["one"]["alternates"] = [{"take": "x"}]


@pytest.mark.parametrize("spoil", [_numbers_as_texts, _endless_numbers, _films_of_other_kinds])
def test_fields_of_other_kinds_are_missing_values(workplace: Workplace, spoil: Callable[[Any], None]) -> None:
    workplace.run(workplace.project(CHAIN), "-q")
    folder = run_of(workplace)
    found = json.loads((folder / "manifest.json").read_text())
    spoil(found)
    (folder / "manifest.json").write_text(json.dumps(found))

    answer = workplace.run("report", str(folder))

    assert answer.code == 0, answer.err
    assert (folder / "report.html").stat().st_size > 10_000
    assert workplace.run("report", str(folder), "--json").json["kind"] == "run"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": "x"}', '{"a":' * 3000 + "1" + "}" * 3000])
def test_files_that_are_no_records_are_a_clear_error(workplace: Workplace, text: str) -> None:
    folder = workplace.path / "outputs" / "film" / "x"
    folder.mkdir(parents=True)
    for name in ("manifest.json", "run.json"):
        (folder / name).write_text(text)

    with pytest.raises(UsageError, match="not a run folder"):
        read_run(folder)


def test_a_folder_that_was_copied_away_has_a_report_without_a_journal(
    workplace: Workplace, tmp_path: Path
) -> None:
    workplace.run(workplace.project(CHAIN), "-q")
    away = tmp_path.parent / f"{tmp_path.name}-away"
    os.rename(run_of(workplace), away)

    answer = workplace.run("report", str(away), "-q")

    assert answer.code == 0, answer.err
    assert len(list((away / "report").glob("*-f0-320.jpg"))) == 4
    assert not (away / "report" / ".runner").exists()
