"""`runner graft RUN SHOT --from OTHER`: one clip of another run, and only what goes on from it is paid for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.outputs import manifest
from tests.engine.desk import Desk

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Answer, Workplace

SHOTS = ("lake", "boat", "gull", "wave")
FILM = {"main": {name: f"a {name}" for name in SHOTS}, "end": {"logo": "a logo"}}
JOBS = """
jobs:
  - {sequences.main.shots.boat.prompt: a red boat, sequences.main.shots.wave.prompt: a high wave}
  - {sequences.main.shots.boat.prompt: a blue boat, sequences.main.shots.wave.prompt: a low wave}
"""


class Sweep:
    """Two finished jobs of one sweep: another boat and another wave in each, and the same lake before both."""

    def __init__(self, workplace: Workplace, fake: FakeProvider) -> None:
        self.workplace, self.fake = workplace, fake
        self.desk = Desk(workplace, fake, FILM)
        (workplace.path / "conf/sweep").mkdir(parents=True)
        (workplace.path / "conf/sweep/pair.yaml").write_text(JOBS, encoding="utf-8")
        answer = workplace.run("-q", "-m", self.desk.project, "+sweep=pair")
        assert answer.code == 0, answer.err
        self.red, self.blue = sorted(workplace.path.glob("outputs/film/sweeps/*/0*"))
        self.asked = fake.books().accepted_by_shot

    def graft(self, *words: str) -> Answer:
        return self.workplace.run("graft", *words, "--json")

    def paid_since(self) -> dict[str, int]:
        now = self.fake.books().accepted_by_shot
        return {name: more for name, count in now.items() if (more := count - self.asked.get(name, 0))}


@pytest.fixture
def sweep(workplace: Workplace, fake: FakeProvider) -> Sweep:
    return Sweep(workplace, fake)


def shots(folder: Path) -> dict[str, dict[str, Any]]:
    found = manifest.read(folder)
    assert found is not None
    return {name: entry for of in found["sequences"].values() for name, entry in of["shots"].items()}


def clips(folder: Path) -> dict[str, str]:
    return {name: entry["clip"]["sha256"] for name, entry in shots(folder).items()}


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_only_what_goes_on_from_the_grafted_clip_is_made_again(sweep: Sweep) -> None:
    before = content(sweep.red.parent)

    answer = sweep.graft(str(sweep.red), "boat", "--from", str(sweep.blue))

    assert answer.code == 0, answer.err
    made = clips(Path(answer.json["folder"]))
    red, blue = clips(sweep.red), clips(sweep.blue)
    assert made["lake"] == red["lake"] == blue["lake"]
    assert made["boat"] == blue["boat"] != red["boat"]
    assert made["logo"] == red["logo"]
    # The gull's request is the blue one's from the boat on; the wave is that of no earlier run.
    assert made["gull"] == blue["gull"]
    assert made["wave"] not in (red["wave"], blue["wave"])
    assert sweep.paid_since() == {"main/wave": 1}
    assert answer.json["generated"] == ["main/wave"]
    assert answer.json["cost_usd"] == pytest.approx(0.1)
    assert answer.json["grafted"] == {
        "shot": "main/boat",
        "key": shots(sweep.blue)["boat"]["key"],
        "sha256": blue["boat"],
    }
    assert content(sweep.red.parent) == before, "nothing of the sweep is touched"


def test_a_clip_that_started_from_the_same_frame_keeps_its_seam(sweep: Sweep) -> None:
    folder = Path(sweep.graft(str(sweep.red), "boat", "--from", str(sweep.blue)).json["folder"])

    entry, theirs = shots(folder)["boat"], shots(sweep.blue)["boat"]
    assert entry["graft"] is True
    assert (entry["boundary"], entry["starts_from"]) == ("chain", "lake")
    assert (entry["adherence"], entry["first_frame"]) == (theirs["adherence"], theirs["first_frame"])
    (film,) = [
        of["film"] for name, of in (manifest.read(folder) or {})["sequences"].items() if name == "main"
    ]
    assert [part["seam"] for part in film["joined_from"]] == ["first", "chain", "chain", "chain"]


def test_a_clip_that_started_from_another_frame_comes_after_a_cut(sweep: Sweep) -> None:
    answer = sweep.graft(str(sweep.red), "main/wave", "--from", str(sweep.blue))

    assert answer.code == 0, answer.err
    folder = Path(answer.json["folder"])
    entry = shots(folder)["wave"]
    assert entry["boundary"] == "cut"
    assert entry["first_frame"] is None
    assert "adherence" not in entry
    assert entry["clip"]["sha256"] == clips(sweep.blue)["wave"]
    assert sweep.paid_since() == {}
    film = (manifest.read(folder) or {})["sequences"]["main"]["film"]
    assert [part["seam"] for part in film["joined_from"]] == ["first", "chain", "chain", "cut"]


def test_the_same_graft_again_is_paid_for_once(sweep: Sweep) -> None:
    words = str(sweep.red), "boat", "--from", str(sweep.blue)
    first = sweep.graft(*words).json["folder"]

    answer = sweep.graft(*words)

    assert answer.json["folder"] == first
    assert answer.json["generated"] == []
    assert sweep.paid_since() == {"main/wave": 1}


def test_a_budget_stops_a_graft_before_it_is_paid_for(sweep: Sweep) -> None:
    answer = sweep.graft(str(sweep.red), "boat", "--from", str(sweep.blue), "budget.max_cost=0.05")

    assert answer.code == 4, answer.err
    assert sweep.paid_since() == {}


def test_a_graft_is_reproduced_from_its_folder(sweep: Sweep) -> None:
    folder = sweep.graft(str(sweep.red), "boat", "--from", str(sweep.blue)).json["folder"]

    (found,) = sweep.workplace.run("reproduce", "--json", folder).json

    assert (found["exit_code"], found["differences"]) == (0, [])
    assert sweep.paid_since() == {"main/wave": 1}


def test_a_recovered_journal_knows_of_a_grafted_clip_what_its_own_run_does(sweep: Sweep) -> None:
    workplace = sweep.workplace
    # After a cut: the folder of the graft, which comes before that of the sweep, knows of no frame.
    assert sweep.graft(str(sweep.red), "wave", "--from", str(sweep.blue)).code == 0
    for file in (workplace.path / "outputs/.runner").glob("journal.db*"):
        file.unlink()

    assert workplace.run("recover").code == 0

    answer = workplace.run("-q", "-m", sweep.desk.project, "+sweep=pair")
    assert answer.code == 0, answer.err
    assert "adherence" in shots(sweep.blue)["wave"]
    assert sweep.paid_since() == {}


def test_what_cannot_be_grafted_is_said_before_anything_is_paid(sweep: Sweep, tmp_path: Path) -> None:
    red, blue = str(sweep.red), str(sweep.blue)
    for words, code, said in (
        ((red, "boot", "--from", blue), 2, "there is no shot boot"),
        ((red, "lake", "--from", blue), 2, "the same clip"),
        ((red, "boat", "--from", str(tmp_path)), 2, "not a run folder"),
        ((red, "boat"), 2, "--from"),
        ((red, "boat", "--from", blue, "output.root=elsewhere"), 1, "not in this outputs root"),
    ):
        answer = sweep.workplace.run("graft", *words)
        assert (answer.code, said in answer.err) == (code, True), answer.err
    assert sweep.paid_since() == {}


def test_a_key_of_no_clip_is_no_graft(sweep: Sweep) -> None:
    unknown = f"sequences.main.shots.boat.graft={'0' * 64}"

    for verb in ((), ("plan",)):
        answer = sweep.workplace.run(*verb, sweep.desk.project, unknown)
        assert answer.code != 0
        assert "the clip that is grafted here is not in this outputs root" in answer.err + answer.out
    wrong = sweep.workplace.run(sweep.desk.project, "sequences.main.shots.boat.graft=abc")
    assert (wrong.code, "sequences.main.shots.boat.graft" in wrong.err) == (2, True)
    assert sweep.paid_since() == {}


def test_a_clip_that_was_changed_in_the_store_is_not_grafted(sweep: Sweep) -> None:
    digest = clips(sweep.blue)["boat"]
    for path in sweep.workplace.path.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.suffix in ("", ".mp4"):
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() == digest:
                path.chmod(0o644)
                path.write_bytes(data[:-1] + b"x")

    answer = sweep.graft(str(sweep.red), "boat", "--from", str(sweep.blue))

    assert answer.code == 1
    assert sweep.paid_since() == {}
    assert json.loads(answer.out)["errors"]
