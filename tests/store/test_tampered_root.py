# ruff: noqa: E501 - tables
"""An outputs root that somebody prepared: nothing outside is read, written or deleted, nothing hangs, and the message
says what is wrong and how to go on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.store.local import hosted_marks
from runner.testing.pytest import SMALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Workplace

FILM: dict[str, Any] = {"main": {"one": "a lake", "two": "wind"}}
VERBS: tuple[tuple[str, ...], ...] = (
    ("+project=film",), ("plan", "+project=film"), ("-m", "+project=film", "shot.seed=1,2"), ("journal",), ("journal", "--json"), ("verify", "outputs"),
    ("list",), ("gc",), ("gc", "--yes"), ("gc", "--paid", "--yes"), ("recover",),
)  # fmt: skip
STORE = "outputs/.runner"


class Root:
    """A root of one finished run, and a folder outside of it that must not change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outside = path.parent / f"{path.name}-outside"
        self.outside.mkdir(exist_ok=True)
        self.victim = self.outside / "victim"
        self.victim.write_text("the user's\n")
        (self.outside / "folder").mkdir(exist_ok=True)
        (self.outside / "folder" / "file").write_text("the user's\n")

    @property
    def run(self) -> Path:
        return next((self.path / "outputs" / "film").glob("*_synthetic-*"))

    def link(self, name: str | Path, target: Path) -> None:
        """Replace a file or folder of the root by a link."""
        place = self.path / name
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    def hard_link(self, name: str | Path, *, content: bool = False) -> None:
        """Make a file of the root another name of the victim, with the `content` that the root's file had or not."""
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if content:
            self.victim.write_bytes(place.read_bytes())
        place.unlink(missing_ok=True)
        os.link(self.victim, place)

    def fifo(self, name: str | Path) -> None:
        place = self.path / name
        place.unlink(missing_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(place)

    def sql(self, script: str) -> None:
        with closing(sqlite3.connect(self.path / STORE / "journal.db")) as journal:
            journal.executescript(script)

    def change(self, name: str, change: Callable[[Any], None]) -> None:
        """Change a JSON file of the run folder."""
        content = json.loads((self.run / name).read_text())
        change(content)
        (self.run / name).write_text(json.dumps(content))

    def state(self) -> dict[str, str]:
        return {
            str(
                path
            ): f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mode} {path.stat().st_mtime_ns}"
            for path in sorted(self.outside.rglob("*"))
            if path.is_file()
        }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An outputs root, made once."""
    from runner import cli

    place = tmp_path_factory.mktemp("finished")
    (place / "conf/project").mkdir(parents=True)
    shots = "".join(f"      {name}: {{prompt: {text}}}\n" for name, text in FILM["main"].items())
    text = f"project: {{name: film}}\nshot: {json.dumps(SMALL)}\nsequences:\n  main:\n    shots:\n{shots}"
    (place / "conf/project/film.yaml").write_text(f"# @package _global_\n{text}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert cli.main(["+project=film", "--quiet"]) == 0
    return place


@pytest.fixture
def root(workplace: Workplace, finished: Path) -> Root:
    shutil.copytree(finished, workplace.path, symlinks=True, dirs_exist_ok=True)
    return Root(workplace.path)


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    """A verb that waits for a FIFO would wait for ever."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError("the verb hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(240)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# --- links and special files -------------------------------------------------------------------------------------

LINKS: dict[str, Callable[[Root], None]] = {
    "reserve": lambda root: root.link(f"{STORE}/reserve", root.victim),
    "journal": lambda root: root.link(f"{STORE}/journal.db", root.victim),
    "journal to nowhere": lambda root: root.link(f"{STORE}/journal.db", root.outside / "new"),
    "journal's log": lambda root: root.link(f"{STORE}/journal.db-wal", root.victim),
    "lock of creation": lambda root: root.link(f"{STORE}/create.lock", root.outside / "new"),
    "store": lambda root: root.link(STORE, root.outside / "folder"),
    "objects": lambda root: root.link(f"{STORE}/objects", root.outside / "folder"),
    "folder of objects": lambda root: root.link(f"{STORE}/objects/ab", root.outside / "folder"),
    "work": lambda root: root.link(f"{STORE}/work", root.outside / "folder"),
    "a session's work": lambda root: root.link(Path(STORE) / "work" / "x", root.outside / "folder"),
    "spill": lambda root: root.link(f"{STORE}/spill", root.outside / "folder"),
    "spilled id": lambda root: root.link(f"{STORE}/spill/{'a' * 32}.json", root.victim),
    "hosted": lambda root: root.link(f"{STORE}/hosted", root.outside / "folder"),
    "FIFO for a journal": lambda root: root.fifo(f"{STORE}/journal.db"),
    "FIFO for the reserve": lambda root: root.fifo(f"{STORE}/reserve"),
    "FIFO for a spilled id": lambda root: root.fifo(f"{STORE}/spill/{'a' * 32}.json"),
}
RUN_LINKS: dict[str, Callable[[Root], None]] = {
    "run.json": lambda root: root.link(root.run / "run.json", root.victim),
    "runner.log": lambda root: root.link(root.run / "runner.log", root.victim),
    "events.jsonl": lambda root: root.link(root.run / "events.jsonl", root.victim),
    "manifest.json": lambda root: root.link(root.run / "manifest.json", root.victim),
    ".hydra": lambda root: root.link(root.run / ".hydra", root.outside / "folder"),
    "sequence": lambda root: root.link(root.run / "main", root.outside / "folder"),
    "shots": lambda root: root.link(root.run / "main/shots", root.outside / "folder"),
    "clip": lambda root: root.link(root.run / "main/shots/01_one.mp4", root.victim),
    "film": lambda root: root.link(root.run / "main/film.mp4", root.victim),
    "run folder": lambda root: root.link(root.run, root.outside / "folder"),
    "project's folder": lambda root: root.link("outputs/film", root.outside / "folder"),
    "FIFO for run.json": lambda root: root.fifo(root.run / "run.json"),
    "FIFO for the manifest": lambda root: root.fifo(root.run / "manifest.json"),
    "FIFO for the log": lambda root: root.fifo(root.run / "runner.log"),
    "FIFO for a clip": lambda root: root.fifo(root.run / "main/shots/01_one.mp4"),
    "latest": lambda root: root.link("outputs/film/latest", root.outside / "folder"),
}  # fmt: skip


def used(workplace: Workplace, root: Root) -> dict[tuple[str, ...], Any]:
    """Every verb, one after the other; what is outside is the same afterwards."""
    before = root.state()
    answers = {}
    for verb in VERBS:
        answers[verb] = answer = workplace.run(*verb)
        assert root.state() == before, (verb, answer)
        assert 0 <= answer.code <= 4, (verb, answer)
        assert "Traceback" not in answer.err, (verb, answer)
    assert sorted(path.name for path in root.outside.iterdir()) == ["folder", "victim"]
    return answers


@pytest.mark.parametrize("name", LINKS)
def test_a_link_in_the_store_is_an_error_and_not_followed(
    workplace: Workplace, root: Root, name: str
) -> None:
    LINKS[name](root)

    answers = used(workplace, root)

    for verb in (("+project=film",), ("plan", "+project=film"), ("journal",)):
        answer = answers[verb]
        assert answer.code == 2, (verb, answer)
        assert "in the outputs root" in answer.err, (verb, answer)
        assert ".runner" in answer.err
        assert "next: look at it and remove it" in answer.err


@pytest.mark.parametrize("name", RUN_LINKS)
def test_a_link_in_a_run_folder_is_an_error_and_not_followed(
    workplace: Workplace, root: Root, name: str
) -> None:
    RUN_LINKS[name](root)

    answers = used(workplace, root)

    if name not in ("latest", "run folder", "run.json", "FIFO for run.json"):
        answer = answers["+project=film",]
        assert answer.code == 2, answer
        assert "in the outputs root" in answer.err, answer


HARD_LINKS: dict[str, Callable[[Root], None]] = {
    "runner.log": lambda root: root.hard_link(root.run / "runner.log"),
    "events.jsonl": lambda root: root.hard_link(root.run / "events.jsonl"),
    "run.json": lambda root: root.hard_link(root.run / "run.json", content=True),
    "manifest.json": lambda root: root.hard_link(root.run / "manifest.json", content=True),
    "configuration": lambda root: root.hard_link(root.run / ".hydra/config.yaml"),
    "clip": lambda root: root.hard_link(root.run / "main/shots/01_one.mp4"),
    "same clip": lambda root: root.hard_link(root.run / "main/shots/01_one.mp4", content=True),
    "film": lambda root: root.hard_link(root.run / "main/film.mp4"),
    "object": lambda root: root.hard_link(next((root.path / STORE).glob("objects/??/*"))),
    "same object": lambda root: root.hard_link(next((root.path / STORE).glob("objects/??/*")), content=True),
    "stray object": lambda root: root.hard_link(f"{STORE}/objects/ab/{'cd' * 31}"),
    "partial file": lambda root: root.hard_link(f"{STORE}/objects/.part-x"),
    "reserve": lambda root: root.hard_link(f"{STORE}/reserve"),
    "lock of creation": lambda root: root.hard_link(f"{STORE}/create.lock"),
    "mark": lambda root: root.hard_link(f"{STORE}/hosted/{json.loads((root.run / 'run.json').read_text())['key']}"),
    "spilled id": lambda root: root.hard_link(f"{STORE}/spill/{'a' * 32}.json"),
}  # fmt: skip


@pytest.mark.parametrize("name", HARD_LINKS)
def test_a_file_with_another_name_is_replaced_and_not_written_to(
    workplace: Workplace, root: Root, name: str
) -> None:
    HARD_LINKS[name](root)

    answers = used(workplace, root)

    assert answers["+project=film",].code == 0
    assert workplace.run("verify", "outputs").code == 0
    assert workplace.run("gc", "--now", "--paid", "--yes").code == 0
    assert root.victim.is_file()


@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal"])
def test_a_journal_with_another_name_is_an_error(workplace: Workplace, root: Root, name: str) -> None:
    root.hard_link(f"{STORE}/{name}", content=name == "journal.db")

    answers = used(workplace, root)

    for verb in (("+project=film",), ("plan", "+project=film"), ("journal",)):
        assert answers[verb].code == 2
        assert "the journal has another name, by a hard link" in answers[verb].err
        assert "next: cp " in answers[verb].err
    if name == "journal.db":
        journal = root.path / STORE / name
        shutil.copy(journal, f"{journal}.copy")
        os.replace(f"{journal}.copy", journal)
        before = root.state()
        assert workplace.run("+project=film", "shot.seed=3").code == 0
        assert root.state() == before


def test_a_mark_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    os.utime(outside, (1, 1))
    (tmp_path / "root/.runner/hosted").mkdir(parents=True)
    os.link(outside, tmp_path / "root/.runner/hosted/run")

    hosted_marks.mark(tmp_path / "root", "run")

    assert outside.stat().st_mtime == 1


def test_a_root_that_is_a_link_itself_is_the_users_choice(workplace: Workplace, root: Root) -> None:
    (root.path / "outputs").rename(root.path / "elsewhere")
    (root.path / "outputs").symlink_to(root.path / "elsewhere")

    answer = workplace.run("+project=film")

    assert answer.code == 0, answer.err
    assert "already there" in answer.err


# --- records -----------------------------------------------------------------------------------------------------

EVIL = "../../../../victim"
ROWS: dict[str, str] = {
    "digest": f"UPDATE attempts SET digest = '{EVIL}'",
    "key": f"UPDATE attempts SET key = '{EVIL}' WHERE shot = 'one'",
    "first frame": f"""UPDATE attempts SET record = replace(record, '"sha256": "', '"sha256": "{EVIL}')""",
    "extension": """UPDATE attempts SET record = replace(record, '"extension": "png"', '"extension": "/../../x"')""",
    "record": "UPDATE attempts SET record = '[]'",
    "no JSON": "UPDATE attempts SET record = 'x'",
    "deep record": f"UPDATE attempts SET record = '{'[' * 100_000}'",
    "deep identity": f"""UPDATE attempts SET identity = '{{"a": {"[" * 800}{"]" * 800}}}'""",
    "deep results": f"UPDATE attempts SET results = '{'[' * 100_000}'",
    "results": "UPDATE attempts SET results = '[[1, 2, 3]]'",
    "identity": "UPDATE attempts SET identity = '[]'",
    "cost": "UPDATE attempts SET cost = 9223372036854775807",
    "view": "ALTER TABLE leases RENAME TO old; CREATE VIEW leases AS SELECT * FROM old",
    "trigger": "CREATE TRIGGER t AFTER UPDATE ON attempts BEGIN DELETE FROM attempts; END",
    "other table": "DROP TABLE measurements; CREATE TABLE measurements (subject)",
    "generated column": "ALTER TABLE leases ADD COLUMN big TEXT AS (hex(zeroblob(500000000)))",
}


SPILLED = {
    "a": "[" * 60_000,
    "e": f"{'[' * 800}{']' * 800}",
    "b": "9" * 60_000,
    "c": "null",
    "d": '{"token": 1, "task": [], "task_data": 2}',
}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_the_program_does_not_write_is_a_damaged_journal(
    workplace: Workplace, root: Root, name: str
) -> None:
    root.sql(ROWS[name])

    answers = used(workplace, root)

    answer = answers["journal",]
    assert answer.code == 2, answer
    assert "journal" in answer.err
    assert "next:" in answer.err


def test_a_spilled_id_that_is_no_json_is_left_alone(workplace: Workplace, root: Root) -> None:
    spilled = [workplace.write(f"{STORE}/spill/{name * 32}.json", text) for name, text in SPILLED.items()]

    answers = used(workplace, root)

    assert answers["+project=film",].code == 0
    assert all(file.exists() for file in spilled)


def test_a_lease_of_the_far_future_holds_up_nobody_for_long(workplace: Workplace, root: Root) -> None:
    row = "'host', 'boot', 'space', 1, 'life', 9000000000000000000, 9000000000000000000, 1e300"
    root.sql(f"INSERT OR REPLACE INTO leases SELECT key, 'someone', {row} FROM attempts")

    for verb in (("plan", "+project=film"), ("journal",), ("list",), ("+project=film",)):
        answer = workplace.run(*verb)
        assert answer.code == 0, (verb, answer)


MANIFESTS: dict[str, Callable[[Any], Any]] = {
    "path": lambda found: found["sequences"]["main"]["shots"]["one"]["clip"].update(path=EVIL),
    "absolute path": lambda found: found["sequences"]["main"]["film"].update(path="/etc/passwd"),
    "digest": lambda found: found["sequences"]["main"]["shots"]["one"]["clip"].update(sha256="x"),
    "size": lambda found: found["sequences"]["main"]["film"].update(bytes="many"),
    "shots": lambda found: found["sequences"]["main"].update(shots=[]),
    "shot": lambda found: found["sequences"]["main"]["shots"].update(one=7),
    "sequences": lambda found: found.update(sequences=[]),
    "project": lambda found: found.update(project=["film"]),
    "key": lambda found: found.update(key=EVIL),
    "version": lambda found: found.update(manifest_version=[]),
    "clip": lambda found: found["sequences"]["main"]["shots"]["one"].update(clip=[1]),
    "frame": lambda found: found["sequences"]["main"]["shots"]["two"]["first_frame"].update(path=[EVIL]),
}
RECORDS: dict[str, Callable[[Any], Any]] = {
    "money": lambda found: found.update(money={"now_usd": "much", "so_far_usd": []}),
    "not a number": lambda found: found.update(money={"now_usd": float("nan"), "so_far_usd": float("inf")}),
    "shots": lambda found: found.update(shots=[1]),
    "shot": lambda found: found.update(shots={"main/one": 5}),
    "cost": lambda found: found.update(shots={"main/one": {"ending": "done", "cost_usd": 1e308}}),
    "started": lambda found: found.update(started=[]),
    "overrides": lambda found: found.update(overrides="x"),
    "project": lambda found: found.update(project={"a": 1}),
    "key": lambda found: found.update(key=EVIL),
    "exit code": lambda found: found.update(exit_code={}, state=["finished"]),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_malicious_manifest_is_a_broken_one(workplace: Workplace, root: Root, name: str) -> None:
    root.change("manifest.json", MANIFESTS[name])

    answers = used(workplace, root)

    assert answers["+project=film",].code == 0  # it is written again
    root.change("manifest.json", MANIFESTS[name])
    assert workplace.run("verify", "outputs").code == 1
    shutil.rmtree(root.path / STORE)  # recovery reads nothing else
    assert 0 <= workplace.run("recover").code <= 2
    assert workplace.run("why", str(root.run), "main/one").code in range(3)


@pytest.mark.parametrize("name", RECORDS)
def test_a_malicious_run_record_is_a_broken_one(workplace: Workplace, root: Root, name: str) -> None:
    root.change("run.json", RECORDS[name])

    used(workplace, root)


@pytest.mark.parametrize("name", ["run.json", "manifest.json"])
@pytest.mark.parametrize(
    "text", ["[" * 100_000, "9" * 100_000, "", "null", "[]", "\x00", '{"key": 1}', "\udcff"]
)
def test_a_file_that_is_no_record_is_no_record(
    workplace: Workplace, root: Root, name: str, text: str
) -> None:
    (root.run / name).write_bytes(text.encode("utf-8", "surrogateescape"))

    used(workplace, root)


# --- modes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("umask", "others"), [(0o077, 0), (0o022, 0o044)])
def test_files_follow_the_umask(workplace: Workplace, umask: int, others: int) -> None:
    project = workplace.project(FILM)
    before = os.umask(umask)
    try:
        assert workplace.run(project).code == 0
    finally:
        os.umask(before)

    files = [
        path for path in (workplace.path / "outputs").rglob("*") if path.is_file() and not path.is_symlink()
    ]
    assert files
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in files} == {
        path.name: oct(others) for path in files
    }
