"""A journal that lost its rows is not taken for a new one, and every copy of a paid clip is found."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from runner import store
from runner.errors import JournalError, OutputError
from runner.store import recovery
from runner.store.attempt import Attempt, Phase
from runner.store.interface import Change, Filter
from tests.store import old_root
from tests.store.contract import intended, run
from tests.store.local_store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Workplace

CLIPS = 3


@pytest.fixture
def root(workplace: Workplace) -> Path:
    """The outputs root of an old run, whose three clips cost $0.35 each."""
    found = old_root.restore(workplace.path)
    report = found / old_root.RUN / "run.json"
    content = json.loads(report.read_text(encoding="utf-8"))
    for shot in content["shots"].values():
        shot["cost_usd"] = 0.35
    report.write_text(json.dumps(content), encoding="utf-8")
    return found


def fetched(root: Path) -> list[Attempt]:
    reader = store.read_journal(root)
    assert reader is not None
    with reader:
        return reader.attempts(Filter(phases=[Phase.FETCHED]))


def keys(root: Path) -> list[str]:
    manifest = json.loads((root / old_root.RUN / "manifest.json").read_text(encoding="utf-8"))
    return [shot["key"] for sequence in manifest["sequences"].values() for shot in sequence["shots"].values()]


def check(root: Path, wanted: list[str] | None = None) -> None:
    recovery.check_evidence(root, root / old_root.RUN, keys(root) if wanted is None else wanted)


def emptied(root: Path) -> None:
    store.journal_path(root).write_bytes(b"")


def deleted(root: Path) -> None:
    store.journal_path(root).unlink()


def not_copied_along(root: Path) -> None:
    shutil.rmtree(root / ".runner")


def new(root: Path) -> None:
    deleted(root)

    async def steps() -> None:
        async with store.open_journal(root):
            pass

    run(steps())


LOSSES = [emptied, deleted, not_copied_along, new]


@pytest.mark.parametrize("lose", LOSSES)
def test_a_journal_that_lost_its_rows_is_an_error_with_two_ways_on(
    root: Path, lose: Callable[[Path], None]
) -> None:
    check(root)
    lose(root)
    with pytest.raises(JournalError, match="does not know what was paid for") as raised:
        check(root)
    assert "3 finished clips, which cost $1.05 as far as is recorded" in raised.value.why
    assert "python -m runner recover " in raised.value.hint
    assert "--accept-loss" in raised.value.hint
    assert "another" not in raised.value.hint


@pytest.mark.parametrize("lose", LOSSES)
def test_a_journal_without_rows_is_an_error_for_other_runs_too(
    root: Path, lose: Callable[[Path], None]
) -> None:
    """Their shots may have been among the rows: nobody can tell."""
    lose(root)
    with pytest.raises(JournalError, match="does not know what was paid for"):
        recovery.check_evidence(root, root / "another" / "run", ["another key"])


def test_clips_that_no_manifest_lists_are_evidence_too(root: Path) -> None:
    """Their run was killed, and the journal is gone."""
    (root / old_root.RUN / "manifest.json").unlink()
    not_copied_along(root)
    with pytest.raises(JournalError, match="does not know"):
        check(root, ["k"])
    shutil.rmtree(root / old_root.RUN)
    check(root, ["k"])


def test_an_object_store_without_a_journal_is_evidence_too(root: Path) -> None:
    shutil.rmtree(root / "old")
    deleted(root)
    with pytest.raises(JournalError, match="does not know"):
        check(root, ["k"])


def test_a_new_root_needs_no_recovery(tmp_path: Path) -> None:
    recovery.check_evidence(tmp_path, tmp_path / "p" / "run", ["k"])


def test_rows_of_one_run_that_are_missing(root: Path) -> None:
    not_copied_along(root)
    local = LocalStore(root)

    async def steps() -> None:
        async with local.session() as journal:
            await intended(journal)

    run(steps())
    with pytest.raises(JournalError, match="does not know") as raised:
        check(root, keys(root)[:2])
    assert "2 finished clips, which cost $0.70" in raised.value.why
    check(root, ["another key"])


@pytest.mark.parametrize("lose", LOSSES)
def test_recover_rebuilds_the_journal_and_the_object_store(
    workplace: Workplace, root: Path, lose: Callable[[Path], None]
) -> None:
    before = {attempt.key: attempt for attempt in fetched(root)}
    digests = set(store.object_store(root).all())
    lose(root)

    dry = workplace.run("recover", "--dry-run", "--json")
    assert dry.json["recorded"] == CLIPS
    with pytest.raises(JournalError):
        check(root)
    answer = workplace.run("recover", "--json")

    assert answer.code == 0, answer.err
    assert answer.json | {"restored": 0} == {
        "recorded": CLIPS,
        "cost_usd": 1.05,
        "restored": 0,
        "decisions": 0,
        "damaged": [],
        "dry_run": False,
    }
    after = {attempt.key: attempt for attempt in fetched(root)}
    same = ("digest", "record", "task", "project", "name", "generator", "model")
    assert {key: [getattr(one, name) for name in same] for key, one in after.items()} == {
        key: [getattr(one, name) for name in same] for key, one in before.items()
    }
    assert {one.cost for one in after.values()} == {350_000}
    assert set(store.object_store(root).all()) == digests
    assert all(store.object_store(root).intact(digest) for digest in digests)
    check(root)
    assert workplace.run("recover", "--json").json["recorded"] == 0
    assert "the journal has all that the run folders have" in workplace.run("recover").out

    done = workplace.run("-q", "+project=old")

    assert done.code == 0, done.err
    assert fetched(root) == list(after.values())


def test_accepting_the_loss_states_its_price_and_ends_the_error(workplace: Workplace, root: Path) -> None:
    not_copied_along(root)

    answer = workplace.run("recover", "--accept-loss")

    assert answer.code == 0, answer.err
    assert "3 clips ($1.05" in answer.out
    check(root)


def test_a_clip_that_changed_is_not_recorded_unless_another_root_has_it(
    workplace: Workplace, root: Path
) -> None:
    backup = workplace.path / "backup"
    shutil.copytree(root, backup)
    not_copied_along(root)
    clip = root / old_root.RUN / "main" / "shots" / "01_hook.mp4"
    clip.write_bytes(clip.read_bytes()[:-1] + b"!")

    alone = workplace.run("recover", "--json")
    assert alone.code == 1
    assert alone.json["recorded"] == CLIPS - 1
    assert "main/hook" in alone.json["damaged"][0]
    with_backup = workplace.run("recover", "--from", str(backup), "--json")

    assert with_backup.code == 0, with_backup.err
    assert with_backup.json["recorded"] == 1
    assert {store.object_store(root).intact(one.digest) for one in fetched(root)} == {True}


def test_a_clip_that_the_object_store_lost_is_found_in_a_run_folder(root: Path) -> None:
    objects = store.object_store(root)
    for attempt in fetched(root):
        objects.remove(attempt.digest)
        assert recovery.restore(root, attempt.digest)
        assert objects.intact(attempt.digest)
    (root / old_root.RUN / "manifest.json").unlink()
    digest = fetched(root)[0].digest
    objects.remove(digest)
    assert recovery.restore(root, digest), "also where its run has no manifest"


def test_a_copy_with_other_bytes_is_none(root: Path) -> None:
    objects, digest = store.object_store(root), fetched(root)[0].digest
    objects.remove(digest)
    for clip in (root / old_root.RUN).rglob("*.mp4"):
        clip.write_bytes(b"!" + clip.read_bytes()[1:])
    assert not recovery.restore(root, digest)
    assert not objects.exists(digest)


def test_a_clip_that_no_run_folder_has_comes_from_another_root(workplace: Workplace, root: Path) -> None:
    backup = workplace.path / "backup"
    shutil.copytree(root, backup)
    shutil.rmtree(root / "old")
    shutil.rmtree(backup / "old")
    lost = fetched(root)[0]
    store.object_store(root).remove(lost.digest)

    async def steps() -> None:
        async with store.open_journal(root) as journal:
            await journal.move(lost.token, Phase.LOST, Change(note="gone everywhere"))

    run(steps())
    assert recovery.Copies(root).find(lost.digest) is None
    assert recovery.Copies(root, [backup]).find(lost.digest) is not None

    answer = workplace.run("recover", "--from", str(backup), "--json")

    assert answer.code == 0, answer.err
    assert answer.json["restored"] == 1
    assert store.object_store(root).intact(lost.digest)
    # The next run takes it up from there.
    assert workplace.run("-q", "+project=old").code == 0
    assert {one.token for one in fetched(root)} >= {lost.token}


def test_what_cannot_be_put_back_says_why(root: Path) -> None:
    digest = fetched(root)[0].digest
    store.object_store(root).remove(digest)
    shutil.rmtree(root / ".runner" / "work", ignore_errors=True)
    (root / ".runner" / "work").write_bytes(b"no folder")
    with pytest.raises(OutputError, match="cannot be put back") as raised:
        recovery.restore(root, digest)
    assert "run the same command" in raised.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"sequences": []}',
        '{"sequences": {"main": {"shots": {"a": {"ending": "done", "clip": 1}}}}}',
    ],
)
def test_a_broken_manifest_proves_nothing(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "p" / "run"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    recovery.check_evidence(tmp_path, folder, ["k"])
    assert recovery.recoverable(tmp_path) == recovery.Recovery(attempts=(), files=(), damaged=())


def test_a_manifest_does_not_name_files_outside_of_its_folder(root: Path) -> None:
    file = root / old_root.RUN / "manifest.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["sequences"]["main"]["shots"]["hook"]["clip"]["path"] = "../../../secret.mp4"
    file.write_text(json.dumps(content), encoding="utf-8")
    not_copied_along(root)
    assert not recovery.recoverable(root).attempts


def test_the_plan_does_not_say_paid_when_the_file_is_gone(workplace: Workplace, root: Path) -> None:
    lost = next(one for one in fetched(root) if one.shot == "alone")
    store.object_store(root).remove(lost.digest)

    planned = workplace.run("plan", "+project=old", "--json").json

    standing = {shot["shot"]: shot["standing"] for shots in planned["sequences"].values() for shot in shots}
    assert standing["hook"] == "paid already"
    assert standing["alone"] != "paid already"
