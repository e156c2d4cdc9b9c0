"""Pages of a thousand shots, and of 256 jobs: real ones, whose parts are repeated under other names."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import pytest

from runner.report import pictures
from runner.report.html import NAME, render_run, render_sweep
from runner.report.model import read_run, read_sweep

if TYPE_CHECKING:
    from pathlib import Path

    from runner.report.model import ShotView
    from tests.conftest import Workplace
    from tests.report.pages.conftest import Screen

SHOTS: Final = 1000
JOBS: Final = 256
MOST_BYTES: Final = 5_000_000
FEW: Final = 150
"""Pictures that a page loads before anybody scrolls: those of the first screens, whatever else there is."""
CHAIN: Final[dict[str, Any]] = {"main": {"one": "a lake", "two": "wind", "three": "rain"}}


def numbered(shot: ShotView, number: int, source: Path, into: Path) -> ShotView:
    """A shot under another name, whose pictures are files of their own, so that a browser keeps none for another."""
    assert shot.clip is not None
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    for path in source.glob(f"{shot.clip.sha256[:16]}-*"):
        os.link(path, into / f"{digest[:16]}{path.name[16:]}")
    name = f"a shot with a long name, number {number}"
    return replace(
        shot,
        name=f"main/{name}",
        shot=name,
        number=number,
        prompt="The camera follows the boats out of the harbour at dawn; gulls, mist, soft light. " * 4,
        clip=replace(shot.clip, sha256=digest),
    )


@pytest.fixture
def thousand(workplace: Workplace, tmp_path: Path) -> Path:
    """The page of a chain of a thousand shots."""
    assert workplace.run(workplace.project(CHAIN), "report=true", "-q").code == 0
    (run,) = workplace.runs()
    report = read_run(run)
    folder = tmp_path / "large"
    (folder / pictures.FOLDER).mkdir(parents=True)
    shots = [
        numbered(report.shots[number % 3], number, run / pictures.FOLDER, folder / pictures.FOLDER)
        for number in range(SHOTS)
    ]
    seams = [
        replace(report.seams[number % 2], before=shots[number].name, after=shots[number + 1].name)
        for number in range(SHOTS - 1)
    ]
    drift = replace(
        report.drifts[0],
        shots=tuple(shot.shot for shot in shots),
        distances=tuple(number / 40 for number in range(SHOTS)),
    )
    large = replace(report, shots=tuple(shots), seams=tuple(seams), drifts=(drift,))
    (folder / NAME).write_text(render_run(large, pictures.find(folder)), encoding="utf-8")
    return folder / NAME


@pytest.fixture
def matrix(workplace: Workplace, tmp_path: Path) -> Path:
    """The page of a sweep of 256 jobs that share nothing."""
    project = workplace.project({"main": {"one": "a lake", "two": "wind"}})
    assert workplace.run("-m", project, "shot.seed=1,2", "report=true", "-q").code == 0
    (source,) = workplace.path.glob("outputs/film/sweeps/*/")
    report = read_sweep(source)
    folder = tmp_path / "large"
    found, cells = {}, []
    for number in range(JOBS):
        name = f"job{number}"
        place = folder / name / pictures.FOLDER
        place.mkdir(parents=True)
        for row in report.rows:
            cell = report.cells[row.cells[number % 2] or 0]
            shot = numbered(cell.shot, len(cells), source / cell.folder / pictures.FOLDER, place)
            cells.append(replace(cell, shot=replace(shot, name=row.name), folder=name, jobs=(number,)))
        found[name] = pictures.find(folder / name)
    count = len(report.rows)
    large = replace(
        report,
        jobs=tuple(replace(report.jobs[number % 2], number=number) for number in range(JOBS)),
        cells=tuple(cells),
        rows=tuple(
            replace(row, cells=tuple(range(at, JOBS * count, count))) for at, row in enumerate(report.rows)
        ),
    )
    (folder / NAME).write_text(render_sweep(large, found), encoding="utf-8")
    return folder / NAME


def loaded(screen: Screen) -> int:
    """How many pictures the page has asked for, once all of those are there."""
    assert screen.page is not None
    screen.page.wait_for_function("() => [...document.images].some(image => image.naturalWidth > 0)")
    screen.page.wait_for_load_state("networkidle")
    return sum(url.endswith(".jpg") for url in screen.requested)


def test_a_page_of_a_thousand_shots_is_small_and_loads_what_is_looked_at(
    thousand: Path, screen: Screen
) -> None:
    assert thousand.stat().st_size < MOST_BYTES

    page = screen.open(thousand)

    assert page.locator("[data-shot]").count() == SHOTS
    assert page.locator("img").count() > 5 * SHOTS
    assert 0 < loaded(screen) < FEW
    page.evaluate("location.hash = 'shot=main/a shot with a long name, number 900'")
    page.wait_for_function("() => document.querySelector('.target .poster img')?.naturalWidth > 0")
    assert loaded(screen) < 2 * FEW
    assert not screen.problems


def test_names_below_a_long_chart_do_not_run_into_each_other(thousand: Path, screen: Screen) -> None:
    page = screen.open(thousand)
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 800})

        boxes = page.locator("#drift ~ .scroll svg text.dim").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect()).map(box => [box.top, box.left, box.right, box.height])"
        )

        lowest = max(box[0] for box in boxes)
        names = sorted(box[1:] for box in boxes if box[0] > lowest - 2)
        assert len(names) > 4
        assert all(left[1] < right[0] for left, right in pairwise(names))
        assert all(box[2] > 12 for box in names), "they are large enough to be read"
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_matrix_of_256_jobs_loads_what_is_looked_at(matrix: Path, screen: Screen) -> None:
    assert matrix.stat().st_size < MOST_BYTES

    page = screen.open(matrix)

    assert page.locator(".job").count() == JOBS
    assert page.locator(".matrix img").count() == 2 * JOBS
    assert 0 < loaded(screen) < FEW
    page.locator(".matrix").evaluate("matrix => { matrix.scrollIntoView(); matrix.scrollLeft = 1e6; }")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.job:last-child img')].every(image => image.naturalWidth > 0)"
    )
    assert loaded(screen) < 2 * FEW
    assert not screen.problems
