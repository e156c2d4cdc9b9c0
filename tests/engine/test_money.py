"""What is sent again and what is not, what a failure costs, and what stops a run before it spends."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import shutil
import sqlite3
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from runner import Timing, store
from tests.engine.desk import TWO, Desk, stored

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace


PARTIAL = "budget.partial=true"


def test_an_answer_that_got_lost_is_not_asked_for_again(one: Desk, fake: FakeProvider) -> None:
    fake.script(default={"submit": ["drop_after_accept"]})
    for _ in range(3):
        answer = one.run()
        assert answer.code == 3
        assert "journal resolve" in answer.out
    assert fake.books().submissions == 1
    assert [row["phase"] for row in one.rows()] == ["unknown"]


@pytest.mark.parametrize(
    "trouble", ["refuse_validation", "refuse_moderation", "refuse_no_credit", "refuse_in_body"]
)
def test_a_refusal_costs_nothing_and_is_not_repeated(one: Desk, fake: FakeProvider, trouble: str) -> None:
    fake.script(default={"submit": [f"{trouble}*"]})
    assert one.run().code == 1
    assert fake.books().submissions == 1
    (row,) = one.rows()
    assert (row["phase"], row["cost_usd"]) == ("refused", 0)


@pytest.mark.parametrize("trouble", ["429*2", "503*2"])
def test_a_busy_provider_is_waited_for(one: Desk, fake: FakeProvider, trouble: str) -> None:
    fake.script(default={"submit": [trouble], "retry_after_s": 0.1, "price_usd": "0.10"})
    answer = one.run()
    assert answer.code == 0, answer.out
    books = fake.books()
    assert (books.submissions, books.accepted) == (3, 1)
    assert [row["phase"] for row in one.rows()] == ["refused", "refused", "fetched"]


@pytest.mark.parametrize(("ending", "cost"), [("refunded", 0), ("charged", 0.1)])
def test_a_failed_task_is_counted_with_what_it_cost(
    one: Desk, fake: FakeProvider, ending: str, cost: float
) -> None:
    fake.script(default={"fail": ending, "price_usd": "0.10"})
    assert one.run().code == 1
    (row,) = one.rows()
    assert (row["phase"], row["cost_usd"]) == ("failed", cost)


def test_a_task_of_one_account_is_not_polled_with_the_key_of_another(one: Desk, fake: FakeProvider) -> None:
    fake.script(default={"run_s": 3.0, "price_usd": "0.10"})
    assert one.run("limits.task_timeout_s=0.2", "generator.api_key=alpha-7731").code == 1
    answer = one.run("generator.api_key=beta-9942")
    assert answer.code == 1
    assert "another account" in answer.out
    assert "beta-9942" not in fake.books().accounts
    assert "alpha-7731" not in answer.out + answer.err
    assert "beta-9942" not in answer.out + answer.err
    assert one.run("generator.api_key=alpha-7731").code == 0


def test_the_budget_stops_before_the_shot_that_would_break_it(two: Desk, fake: FakeProvider) -> None:
    answer = two.run("budget.max_cost=0.15", PARTIAL)
    assert answer.code == 4
    assert "budget.max_cost=0.2" in " ".join(answer.out.split())
    assert fake.books().total_usd == Decimal("0.10")
    assert two.run("budget.max_cost=0.2").code == 0
    assert fake.books().total_usd == Decimal("0.20")


def test_a_number_of_shots_can_be_the_budget(two: Desk, fake: FakeProvider) -> None:
    answer = two.run("budget.max_shots=1", PARTIAL)
    assert answer.code == 4
    assert "budget.max_shots=2" in " ".join(answer.out.split())
    assert fake.books().accepted == 1


def test_without_a_price_a_budget_in_dollars_stops_at_once(two: Desk, fake: FakeProvider) -> None:
    answer = two.run("generator.price_usd=null", "budget.max_cost=5", PARTIAL)
    assert answer.code == 4
    assert "unknown" in answer.out
    assert fake.books().submissions == 0


def test_a_dear_run_is_not_started_without_a_yes(two: Desk, fake: FakeProvider) -> None:
    answer = two.run("budget.confirm_above=0.1")
    assert answer.code == 4
    assert "$0.20" in answer.err
    assert fake.books().submissions == 0
    assert two.run("budget.confirm_above=0.2").code == 0


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("lost", ["deleted", "emptied", "without rows"])
def test_gc_removes_nothing_where_the_journal_lost_its_rows(
    one: Desk, workplace: Workplace, lost: str, shown: bool
) -> None:
    one.run()
    (clip,) = stored(workplace)
    if lost == "without rows":
        with contextlib.closing(sqlite3.connect(store.journal_path(workplace.path / "outputs"))) as journal:
            journal.execute("DELETE FROM attempts")
            journal.commit()
    else:
        for file in (workplace.path / "outputs" / ".runner").glob("journal.db*"):
            file.unlink() if lost == "deleted" else file.write_bytes(b"")
    if not shown:
        shutil.rmtree(workplace.path / "outputs" / "film")

    for options in ((), ("--paid",)):
        answer = workplace.run("gc", "--now", "--yes", *options)

        assert answer.code == 2
        assert "the journal does not know what was paid for" in answer.err
        assert clip.exists()


def test_gc_leaves_the_clip_of_a_run_folder_where_row_and_manifest_are_lost(
    one: Desk, workplace: Workplace
) -> None:
    one.run()
    (run,) = workplace.runs()
    (clip,) = run.rglob("shots/*.mp4")
    content = clip.read_bytes()
    assert one.run("sequences.main.shots.one.prompt='another lake'").code == 0
    with contextlib.closing(sqlite3.connect(store.journal_path(workplace.path / "outputs"))) as journal:
        journal.execute("DELETE FROM attempts WHERE digest = ?", [hashlib.sha256(content).hexdigest()])
        journal.commit()
    (run / "manifest.json").unlink()

    assert workplace.run("gc", "--now", "--yes").code == 0
    assert clip.read_bytes() == content


def test_gc_keeps_a_clip_that_only_a_run_folder_knows(one: Desk, workplace: Workplace) -> None:
    one.run()
    (clip,) = stored(workplace)
    # A journal with rows, of other shots.
    assert one.run("sequences.main.shots.one.prompt='another lake'").code == 0
    with contextlib.closing(sqlite3.connect(store.journal_path(workplace.path / "outputs"))) as journal:
        journal.execute("DELETE FROM attempts WHERE digest = ?", [clip.parent.name + clip.name])
        journal.commit()

    assert workplace.run("gc", "--now", "--yes").code == 0
    assert clip.exists()


class Terminal(io.StringIO):
    """Standard input of a user at a terminal, who types one line."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("words", "typed", "code"),
    [
        ((), "", 4),  # more than $5: asked, and not agreed
        ((), "yes", 0),
        (("generator.price_usd=2",), "", 0),
        (("budget.confirm_above=null",), "", 0),
        (("budget.confirm_above=100",), "", 0),
    ],
)
def test_a_dear_run_asks_at_a_terminal_whatever_the_project_says(
    two: Desk,
    fake: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    typed: str,
    code: int,
) -> None:
    two.workplace.write(
        "conf/project/dear.yaml", "# @package _global_\ndefaults: [film]\nbudget: {confirm_above: 1000}\n"
    )
    monkeypatch.setattr(sys, "stdin", Terminal(f"{typed}\n"))
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda self: True)

    answer = two.workplace.run("+project=dear", "generator.price_usd=3", *words, "--quiet")

    assert answer.code == code, answer
    assert fake.books().accepted == (0 if code else 2)
    assert ("Go on? [y/N]" in answer.err) == (not words)


def test_the_plan_knows_what_is_paid_for_and_what_it_will_cost(two: Desk, fake: FakeProvider) -> None:
    before = two.workplace.run("plan", two.project, "--json").json
    assert (before["to_do"], before["to_spend_usd"]) == (2, 0.2)
    assert not (two.workplace.path / "outputs").exists()
    two.run("budget.max_shots=1", PARTIAL)
    after = two.workplace.run("plan", two.project, "--json").json
    assert (after["to_do"], after["to_spend_usd"]) == (1, 0.1)
    assert [shot["standing"] for shot in after["sequences"]["main"]] == ["paid already", "to do"]
    unpriced = two.workplace.run("plan", two.project, "generator.price_usd=null").out
    assert "of unknown price" in unpriced


def test_a_sweep_pays_for_a_common_beginning_once(two: Desk, fake: FakeProvider) -> None:
    answer = two.workplace.run("-m", two.project, "sequences.main.shots.two.seed=1,2,3")
    assert answer.code == 0, answer.err
    assert fake.books().accepted_by_shot == {"main/one": 1, "main/two": 3}


def test_a_sweep_has_one_budget(two: Desk, fake: FakeProvider) -> None:
    answer = two.workplace.run(
        "-m", two.project, "sequences.main.shots.two.seed=1,2,3", "budget.max_cost=0.3", PARTIAL
    )
    assert answer.code == 4
    assert fake.books().total_usd == Decimal("0.30")


def test_why_names_the_field_that_differs(two: Desk, workplace: Workplace) -> None:
    two.run("shot.seed=7")
    two.run("shot.seed=7", "sequences.main.shots.one.seed=8")
    texts = [workplace.run("why", str(run), "one").out for run in workplace.runs()]
    assert any("`seed` 7 -> 8" in text for text in texts)
    chained = [workplace.run("why", str(run), "two").out for run in workplace.runs()]
    assert any("it starts from another clip" in text and "`seed` 7 -> 8" in text for text in chained)


def test_gc_keeps_what_is_paid_for_unless_told(one: Desk, workplace: Workplace) -> None:
    one.run()
    stray = workplace.write(f"outputs/.runner/objects/ab/{'cdef' * 15}cd", "left over")
    half = workplace.write("outputs/.runner/objects/.part-x", "half a frame")
    young = workplace.run("gc", "--yes")
    assert young.code == 0
    assert "2 younger than an hour are left alone; --now includes them" in young.out
    assert stray.exists()
    listed = workplace.run("gc", "--now")
    assert "2 files" in listed.out
    assert "can be removed" in listed.out
    assert "runner gc --now --yes" in listed.out
    assert stray.exists()
    assert "removed 2 files" in workplace.run("gc", "--now", "--yes").out
    assert not stray.exists()
    assert not half.exists()
    (clip,) = stored(workplace)
    (run,) = workplace.runs()
    (run / "manifest.json").unlink()
    workplace.run("gc", "--now", "--yes")
    assert clip.exists()
    listed = workplace.run("gc", "--now", "--paid")
    assert "clip of main/one" in listed.out
    assert "they cost $0.10, and are paid for again" in listed.out
    assert clip.exists()
    found = workplace.run("gc", "--now", "--paid", "--json").json
    assert [(one["cost_usd"], one["what"]) for one in found["files"]] == [
        (0.1, "clip of main/one, in no run folder")
    ]
    assert found["removed"] == 0
    workplace.run("gc", "--now", "--paid", "--yes")
    assert not clip.exists()


def test_a_damaged_journal_stops_a_run_before_it_spends(
    one: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    workplace.write("outputs/.runner/journal.db", "not a database" * 200)
    answer = one.run()
    assert answer.code == 2
    assert "journal is damaged" in answer.err
    assert fake.books().submissions == 0


def test_a_journal_of_a_newer_version_stops_a_run(
    one: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    one.run()
    connection = sqlite3.connect(workplace.path / "outputs/.runner/journal.db")
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.close()
    assert one.run("shot.seed=4").code == 2
    assert fake.books().submissions == 1


def test_a_secret_reaches_no_file(one: Desk, workplace: Workplace) -> None:
    secret = "sk-canary-0123456789"
    assert one.run(f"generator.api_key={secret}").code == 0
    for path in (workplace.path / "outputs").rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_resolve_refuses_what_makes_no_sense(one: Desk, workplace: Workplace) -> None:
    one.run()
    (row,) = one.rows()
    assert workplace.run("journal", "resolve", row["token"], "--not-submitted").code == 2
    assert workplace.run("journal", "resolve", "ffffffff", "--abandon").code == 2
    assert workplace.run("journal", "resolve", row["token"]).code == 2


def test_the_journal_lists_and_filters(two: Desk, workplace: Workplace) -> None:
    two.run()
    assert len(json.loads(workplace.run("journal", "state=fetched", "--json").out)) == 2
    assert json.loads(workplace.run("journal", "state=unknown", "--json").out) == []
    text = workplace.run("journal").out
    assert "$0.20 spent" in text


def test_an_account_keeps_to_its_rate_also_over_the_jobs_of_a_sweep(
    workplace: Workplace, fake: FakeProvider
) -> None:
    fake.script(rate={"count": 3, "per_s": 1.0}, default={"price_usd": "0.10"})
    cuts = {name: {"prompt": name, "boundary": "cut"} for name in "abcd"}
    desk = Desk(workplace, fake, {"main": cuts})
    answer = workplace.run("-m", desk.project, "shot.seed=1,2", "generator.rate={count: 3, per_s: 1.1}")
    assert answer.code == 0, answer.err
    books = fake.books(window_s=1.0)
    assert books.max_in_window <= 3
    assert books.accounts["test-key"].rate_refusals == 0
    assert books.accepted == 8


def test_no_more_tasks_are_under_way_than_allowed(workplace: Workplace, fake: FakeProvider) -> None:
    fake.script(default={"price_usd": "0.10", "run_s": 0.2})
    cuts = {name: {"prompt": name, "boundary": "cut"} for name in "abcdef"}
    desk = Desk(workplace, fake, {"main": cuts})
    assert desk.run("generator.in_flight=2").code == 0
    assert fake.books().max_running == 2


def test_a_wrong_task_id_can_be_corrected(one: Desk, fake: FakeProvider, workplace: Workplace) -> None:
    fake.script(default={"submit": ["drop_after_accept"], "price_usd": "0.10"})
    assert one.run().code == 3
    (row,) = one.rows()
    assert workplace.run("journal", "resolve", row["token"], "--submitted", "no-such-task").code == 0
    # A provider may not know a task at first: here it is not waited for.
    lost = one.execute(Timing(unknown_task_s=0.2, fresh_task_s=0.1))
    assert lost.exit_code == 1
    (error,) = lost.errors
    assert "correct what was recorded about it, with one of" in error.hint
    (right,) = fake.books().tasks
    commands = [line for line in error.hint.splitlines() if " journal resolve " in line]
    assert [command.partition(f"{row['token']} ")[2] for command in commands] == [
        "--submitted TASKID",
        "--not-submitted",
        "--abandon",
    ]
    words = commands[0].replace("TASKID", right).split()[3:]
    assert workplace.run(*words).code == 0
    assert one.run().code == 0
    assert fake.books().submissions == 1


def test_the_task_of_one_attempt_is_not_taken_for_that_of_another(
    two: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    fake.script(shots={"main/two": {"submit": ["drop_after_accept"]}}, default={"price_usd": "0.10"})
    assert two.run().code == 3
    made, lost = two.rows()
    answer = workplace.run("journal", "resolve", lost["token"], "--submitted", made["task"])
    assert answer.code == 2
    assert f"task {made['task']} is that of another attempt" in answer.err
    assert "main/one" in answer.err
    assert [row["phase"] for row in two.rows()] == ["fetched", "unknown"]


def test_a_run_says_what_it_cost_and_what_all_runs_of_it_cost(two: Desk, workplace: Workplace) -> None:
    first = two.run("budget.max_shots=1", PARTIAL)
    assert "money: $0.10 for 1 request by this run\n" in first.out
    second = two.run("budget.max_shots=2")
    assert "money: $0.10 for 1 request by this run, $0.20 for this film so far\n" in second.out
    (run,) = workplace.runs()
    facts = json.loads((run / "run.json").read_text())
    assert facts["money"] == {"now_usd": 0.1, "so_far_usd": 0.2, "reserved_usd": 0.0, "unpriced": 0}
    assert [shot["cost_usd"] for shot in facts["shots"].values()] == [None, 0.1]


def test_the_budget_that_is_named_makes_the_whole_film(workplace: Workplace, fake: FakeProvider) -> None:
    cuts = {name: {"prompt": name, "boundary": "cut"} for name in "abcdef"}
    desk = Desk(workplace, fake, {"main": cuts})
    stopped = desk.run("budget.max_cost=0.25", PARTIAL)
    assert stopped.code == 4
    (line,) = (line for line in stopped.out.splitlines() if line.startswith("next: "))
    assert "budget.max_cost=0.6 for all that is left" in line
    assert line.endswith(f"python -m runner {desk.project} {PARTIAL} budget.max_cost=0.6")
    assert desk.run("budget.max_cost=0.6").code == 0


def test_a_sweep_names_the_budget_of_all_its_jobs(two: Desk, fake: FakeProvider) -> None:
    words = ("-m", two.project, "sequences.main.shots.two.seed=1,2,3,4")
    stopped = two.workplace.run(*words, "budget.max_cost=0.2", PARTIAL)
    assert stopped.code == 4
    said = " ".join(stopped.out.split())
    assert "next: run it again with budget.max_cost=0.5 for all that is left" in said
    assert "money: $0.20 for 2 requests by this run" in said
    assert two.workplace.run(*words, "budget.max_cost=0.5").code == 0


def test_a_clip_that_costs_more_than_planned_is_told_and_so_is_a_budget_that_is_overrun(
    two: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    fake.script(default={"price_usd": "0.15"})

    answer = two.run("budget.max_cost=0.25")

    assert answer.code == 0, answer.out
    assert "! main/one cost $0.15, and $0.10 was planned" in answer.out
    assert "! that is more than budget.max_cost=0.25\n" in answer.out
    assert workplace.manifest()["sequences"]["main"]["shots"]["one"]["warnings"] == [
        "cost $0.15, and $0.10 was planned"
    ]


def test_a_wait_that_a_provider_asks_for_has_an_end(one: Desk, fake: FakeProvider) -> None:
    fake.script(default={"submit": ["429"], "retry_after_s": 3600, "price_usd": "0.10"})
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(min(seconds, 0.01))

    outcome = one.execute(Timing(sleep=sleep))

    assert outcome.exit_code == 0, outcome.errors
    assert 120.0 in waits
    assert 3600 not in waits


def test_a_mark_that_cannot_be_written_is_told_as_what_it_is(workplace: Workplace) -> None:
    """An uploader that clears leaves a mark before it hosts anything."""
    workplace.write("plugins/clearing.py", CLEARING)
    workplace.write("conf/uploader/clearing.yaml", "plugin: clearing\n")
    workplace.write("outputs/.runner/hosted", "a file where a folder should be")

    answer = workplace.run(workplace.project(TWO), "uploader=clearing")

    assert answer.code == 1
    assert "what is hosted cannot be noted" in answer.out
    assert "this is a bug in it" not in answer.out
    assert "prompt alone" not in answer.out


CLEARING = """
from runner.api import *

class Clearing:
    def __init__(self, options, context):
        pass
    async def put(self, image):
        raise AssertionError("nothing is hosted")
    async def delete(self):
        raise AssertionError("nothing is cleared")

@hookimpl
def runner_register():
    able = UploaderCapabilities(reach=Reach.LOOPBACK, delete=True)
    return UploaderSpec(name="clearing", factory=Clearing, capabilities=able)
"""
