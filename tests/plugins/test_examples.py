"""The examples of plugins/README.md, run as they stand there."""

from __future__ import annotations

import csv
import http.server
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Workplace

README = Path(__file__).parents[2] / "plugins" / "README.md"
EXAMPLES = dict(
    re.findall(r"```python\n# plugins/(\w+)\.py\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_about_twenty_lines(name: str) -> None:
    assert len([line for line in EXAMPLES[name].splitlines() if line.strip()]) <= 20


def test_there_is_an_example_of_each_kind() -> None:
    assert set(EXAMPLES) == {"stock", "patient", "web_folder", "warmth"}


def test_the_generator_example_makes_a_film_of_footage(workplace: Workplace) -> None:
    first = workplace.project({"main": {"sea": "waves", "sky": {"prompt": "clouds", "boundary": "cut"}}})
    assert workplace.run(first, "--quiet").code == 0
    (run,) = workplace.runs()
    for shot in ("sea", "sky"):
        (clip,) = run.rglob(f"*_{shot}.mp4")
        workplace.write(f"footage/{shot}.mp4", clip.read_bytes())
    workplace.write("plugins/stock.py", EXAMPLES["stock"])

    answer = workplace.run(first, "generator=stock", "output.root=again", "--quiet")

    assert answer.code == 0, answer.err
    (made,) = (workplace.path / "again").rglob("02_sky.mp4")
    assert made.read_bytes() == (workplace.path / "footage/sky.mp4").read_bytes()


def test_the_extractor_example_hands_over_the_same_frame_as_the_default(workplace: Workplace) -> None:
    project = workplace.project({"main": {"sea": "waves", "sky": "clouds"}})
    workplace.write("plugins/patient.py", EXAMPLES["patient"])
    assert workplace.run(project, "--quiet", "output.root=a").code == 0
    answer = workplace.run(project, "--quiet", "output.root=b", "extractor=patient")
    assert answer.code == 0, answer.err
    (expected,) = (workplace.path / "a").rglob("01_sea_last.png")
    (frame,) = (workplace.path / "b").rglob("01_sea_last.png")
    assert frame.read_bytes() == expected.read_bytes()


@pytest.fixture
def web_server(tmp_path: Path) -> Iterator[tuple[Path, str, list[str]]]:
    folder = tmp_path / "public"
    folder.mkdir()
    fetched: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, directory=str(folder), **kwargs)  # type: ignore[arg-type]

        def log_message(self, format: str, *args: object) -> None:
            fetched.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}", fetched
        server.shutdown()
        thread.join()


def test_the_uploader_example_hosts_the_hand_over_frame(
    workplace: Workplace, web_server: tuple[Path, str, list[str]]
) -> None:
    folder, url, fetched = web_server
    project = workplace.project({"main": {"sea": "waves", "sky": "clouds"}})
    workplace.write("plugins/web_folder.py", EXAMPLES["web_folder"])
    answer = workplace.run(
        project, "uploader=web_folder", f"uploader.folder={folder}", f"uploader.url={url}", "--quiet"
    )
    assert answer.code == 0, answer.err
    # Once by the runner, to see that it can be fetched, and once by the generator.
    assert len(fetched) == 2
    assert fetched[0] == fetched[1]
    assert fetched[0].endswith(".png")
    assert workplace.manifest()["sequences"]["main"]["shots"]["sky"]["adherence"]["verdict"] == "locked"


def test_the_metric_example_is_in_manifest_csv_and_table(workplace: Workplace) -> None:
    project = workplace.project({"main": {"sea": "waves", "sky": {"prompt": "clouds", "boundary": "cut"}}})
    workplace.write("plugins/warmth.py", EXAMPLES["warmth"])

    answer = workplace.run("-m", project, "shot.seed=1,2", "metrics.enabled=[seams,warmth]", "--quiet")

    assert answer.code == 0, answer.err
    runs = workplace.path / "outputs"
    (table,) = runs.rglob("sweep.csv")
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    answer = workplace.run("metrics", "outputs", "--json")
    shots = [run["shots"] for run in answer.json if run["shots"]]
    assert len(shots) == len(rows) == 2
    means = [sum(shot["warmth"] for shot in run.values()) / len(run) for run in shots]
    assert sorted(float(row["metric.warmth"]) for row in rows) == pytest.approx(sorted(means), abs=1e-4)
    shown = workplace.run("metrics", "outputs").out
    assert "warmth" in shown
    assert all(f"{run['main/sea']['warmth']:.6g}" in shown for run in shots)
