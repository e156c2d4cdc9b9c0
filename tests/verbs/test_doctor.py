"""`doctor`: what stands in the way of a run is said before anything is bought."""

from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING, Any

import pytest
from runner.plugins.kie.emulator.client import running

from tests.kie_account import QUICK, SMALL, KieAccount, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.plugins.kie.emulator.client import Emulator

    from tests.conftest import Answer, Workplace

CHAIN = {"main": {"one": "a quiet lake", "two": "wind on the lake"}}

ENDS_SOON = """
from dataclasses import dataclass
from datetime import date, timedelta

from runner.api import GeneratorCapabilities, GeneratorSpec, Lifecycle, hookimpl


@dataclass(frozen=True)
class Options:
    days: int = 30


class Nothing:
    def __init__(self, options, context):
        pass
    async def submit(self, request, token):
        raise AssertionError("nothing is bought")
    async def poll(self, ref):
        raise AssertionError("there is no task")
    async def fetch(self, status, sink):
        raise AssertionError("there is no clip")


@hookimpl
def runner_register():
    return GeneratorSpec(
        name="ends_soon",
        factory=Nothing,
        options=Options,
        capabilities=lambda options, model, how: GeneratorCapabilities(
            model="old-1",
            lifecycle=Lifecycle(
                retired=date.today() + timedelta(days=options.days), successors=("new-1", "new-2")
            ),
        ),
    )
"""


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with running(*QUICK) as started:
        yield started


@pytest.fixture
def kie(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> KieAccount:
    account = opened(emulator)
    monkeypatch.setenv("KIE_API_KEY", account.key)
    return account


@pytest.fixture
def film(workplace: Workplace) -> str:
    """A chain of two shots."""
    return workplace.project(CHAIN, shot=SMALL)


def checks(answer: Answer) -> dict[str, Any]:
    """What was found, by its subject."""
    return {check["subject"]: check for check in answer.json}


def verdicts(answer: Answer) -> dict[str, str]:
    return {subject: check["verdict"] for subject, check in checks(answer).items()}


def test_all_is_well_and_nothing_was_bought(workplace: Workplace, kie: KieAccount, film: str) -> None:
    answer = workplace.run("doctor", film, *kie.words, "--json")

    assert answer.code == 0, answer.err
    assert verdicts(answer) == dict.fromkeys(
        ("outputs", "journal", "model", "generator", "clock", "uploader"), "ok"
    )
    found = checks(answer)
    assert {frozenset(check) for check in found.values()} == {
        frozenset(("subject", "verdict", "message", "hint"))
    }
    assert "1000 credits (5.00 USD)" in found["generator"]["message"]
    assert "2 shots to do" in found["journal"]["message"]
    assert kie.books.creations == 0
    assert kie.books.uploads == 1
    assert not (workplace.path / "outputs").exists()


def test_a_wrong_key_fails_where_it_is_used(
    workplace: Workplace, kie: KieAccount, film: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIE_API_KEY", "no-such-key-4711")

    answer = workplace.run("doctor", film, *kie.words, "--json")

    assert answer.code == 1
    found = checks(answer)
    failed = {subject for subject, check in found.items() if check["verdict"] == "failed"}
    assert failed == {"generator", "uploader"}
    assert "does not accept the key: code 401" in found["generator"]["message"]
    assert "KIE_API_KEY" in found["generator"]["hint"]
    assert "no-such-key-4711" not in answer.out + answer.err


def test_without_a_key_the_way_to_one_is_told(
    workplace: Workplace, kie: KieAccount, film: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KIE_API_KEY")
    asked = len(kie.emulator.books().uploads)

    answer = workplace.run("doctor", film, *kie.words, "--json")

    assert answer.code == 1
    found = checks(answer)
    for subject, section in (("generator", "generator"), ("uploader", "uploader")):
        assert found[subject]["verdict"] == "failed"
        assert f"{section}.api_key is empty" in found[subject]["message"]
        assert "export KIE_API_KEY=" in found[subject]["hint"]
    assert len(kie.emulator.books().uploads) == asked


def test_too_little_credit_for_this_film_is_told_with_the_budget_that_stops_in_time(
    workplace: Workplace, emulator: Emulator, film: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = opened(emulator, credits=33.9)
    monkeypatch.setenv("KIE_API_KEY", account.key)
    words = (film, *account.words)
    price = workplace.run("plan", *words, "--json").json["to_spend_usd"]

    poor = workplace.run("doctor", *words, "--json")
    enough = workplace.run("doctor", *words, "--json", "~sequences.main.shots.two")

    assert poor.code == 0, "a warning is no failure"
    check = checks(poor)["generator"]
    assert check["verdict"] == "warning"
    assert f"this run needs ${price:g} to spend" in check["message"]
    # 33.9 credits are 16.95 cents, of which a budget can be 16.
    assert check["hint"].endswith("budget.max_cost=0.16")
    assert verdicts(enough)["generator"] == "ok"


def test_credit_for_what_is_left_to_do_is_enough(
    workplace: Workplace, emulator: Emulator, film: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = opened(emulator)
    monkeypatch.setenv("KIE_API_KEY", account.key)
    assert workplace.run(film, *account.words).code == 0
    emulator.account(account.key, 0)

    answer = workplace.run("doctor", film, *account.words, "--json")

    assert verdicts(answer)["generator"] == "ok"
    assert "0 shots to do, $0.00 to spend" in checks(answer)["journal"]["message"]


def test_an_image_host_that_cannot_be_reached_fails(workplace: Workplace, kie: KieAccount, film: str) -> None:
    answer = workplace.run("doctor", film, *kie.words, "uploader.upload_url=http://127.0.0.1:9", "--json")

    assert answer.code == 1
    assert verdicts(answer)["generator"] == "ok"
    assert verdicts(answer)["uploader"] == "failed"
    assert "does not answer" in checks(answer)["uploader"]["message"]


def test_an_image_host_whose_pictures_cannot_be_fetched_fails(
    workplace: Workplace, kie: KieAccount, film: str
) -> None:
    kie.emulator.script(uploaded=["404*"])

    answer = workplace.run("doctor", film, *kie.words, "--json")

    assert answer.code == 1
    check = checks(answer)["uploader"]
    assert check["verdict"] == "failed"
    assert "HTTP 404" in check["message"]
    assert check["hint"]


def test_a_film_without_pictures_asks_nothing_of_the_image_host(
    workplace: Workplace, kie: KieAccount
) -> None:
    film = workplace.project({"main": {"one": "a quiet lake"}}, shot=SMALL)

    answer = workplace.run("doctor", film, *kie.words, "--json")

    assert verdicts(answer)["uploader"] == "skipped"
    assert kie.books.uploads == 0


@pytest.mark.parametrize(("days", "verdict"), [(30, "warning"), (400, "ok")])
def test_a_model_that_ends_soon_is_told_with_those_near_it(
    workplace: Workplace, days: int, verdict: str
) -> None:
    workplace.write("plugins/ends_soon.py", ENDS_SOON)
    film = workplace.project({"main": {"one": "a lake"}}, generator={"plugin": "ends_soon", "days": days})

    answer = workplace.run("doctor", film, "--json")

    assert answer.code == 0, answer.out
    check = checks(answer)["model"]
    assert check["verdict"] == verdict
    assert "ends on 20" in check["message"]
    assert ("new-1, new-2" in check["hint"]) == (verdict == "warning")


def test_an_unknown_outcome_is_told_with_the_command_that_shows_it(
    workplace: Workplace, kie: KieAccount, film: str
) -> None:
    kie.emulator.script(rules=[{"create": ["drop_after"]}])
    assert workplace.run(film, *kie.words).code == 3

    answer = workplace.run("doctor", film, *kie.words, "--json")

    assert answer.code == 0
    check = checks(answer)["journal"]
    assert (check["verdict"], check["hint"]) == ("warning", "python -m runner journal")
    assert check["message"].startswith("1 shot of unknown outcome")


def test_a_damaged_journal_fails(workplace: Workplace, kie: KieAccount, film: str) -> None:
    workplace.write("outputs/.runner/journal.db", "not a database" * 200)

    answer = workplace.run("doctor", film, *kie.words, "--json")

    assert answer.code == 1
    assert verdicts(answer)["journal"] == "failed"
    assert verdicts(answer)["generator"] == "ok"


def test_outputs_that_cannot_be_written_fail(workplace: Workplace, kie: KieAccount, film: str) -> None:
    workplace.write("taken", "a file")

    answer = workplace.run("doctor", film, *kie.words, "output.root=taken/outputs", "--json")

    assert answer.code == 1
    check = checks(answer)["outputs"]
    assert check["verdict"] == "failed"
    assert "taken/outputs cannot be written" in check["message"]
    assert "output.root=" in check["hint"]


def test_a_clock_that_is_wrong_is_told(
    workplace: Workplace, film: str, monkeypatch: pytest.MonkeyPatch, kie: KieAccount
) -> None:
    class Yesterday(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(200)
            self.send_header("Date", "Mon, 23 Nov 2020 07:00:00 GMT")
            self.end_headers()
            self.wfile.write(b'{"code": 200, "msg": "success", "data": 700}')

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Yesterday) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        there = f"generator.api_url=http://127.0.0.1:{server.server_port}"
        answer = workplace.run("doctor", film, *kie.words, there, "--json")
        server.shutdown()
        thread.join()

    assert answer.code == 1
    check = checks(answer)["clock"]
    assert check["verdict"] == "failed"
    assert "ahead of kie" in check["message"]
    assert "700 credits" in checks(answer)["generator"]["message"]


def test_each_generator_of_a_film_is_examined(workplace: Workplace, kie: KieAccount) -> None:
    film = workplace.project(
        {"main": {"one": "a quiet lake", "two": {"prompt": "a leaf", "generator": "closeup"}}},
        shot=SMALL,
    )
    label = ("+generator@generators.closeup=kie_wan", f"generators.closeup.api_url={kie.emulator.url}")

    answer = workplace.run(
        "doctor", film, *kie.words, *label, "generators.closeup.api_key=wrong-4712", "--json"
    )

    assert answer.code == 1
    assert verdicts(answer)["generator"] == "ok"
    assert verdicts(answer)["generators.closeup"] == "failed"
    assert "wrong-4712" not in answer.out + answer.err


def test_without_a_project_the_key_and_the_host_are_examined_and_no_costs_made_up(
    workplace: Workplace, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = opened(emulator, credits=1)
    monkeypatch.setenv("KIE_API_KEY", account.key)

    answer = workplace.run("doctor", *account.words, "--json")

    assert answer.code == 0, answer.err
    assert verdicts(answer) == dict.fromkeys(("outputs", "model", "generator", "clock", "uploader"), "ok")


def test_a_configuration_that_cannot_be_used_is_refused_first(
    workplace: Workplace, kie: KieAccount, film: str
) -> None:
    retired = workplace.run("doctor", film, *kie.words, "generator.model=sora-2")
    made_up = workplace.run("doctor", *kie.words, "generator=kie_grok")
    sweep = workplace.run("doctor", "-m", film, *kie.words, "shot.seed=1,2")

    assert (retired.code, made_up.code, sweep.code) == (2, 2, 2)
    assert "2026-09-24" in retired.err
    assert "doctor +project=NAME" in made_up.err
    assert "made up" not in retired.err
    assert "not a sweep" in sweep.err
    assert kie.books.uploads == 0


def test_quiet_shows_failures_only(
    workplace: Workplace, kie: KieAccount, film: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = workplace.run("doctor", film, *kie.words, "-q")
    monkeypatch.setenv("KIE_API_KEY", "no-such-key-4711")
    failed = workplace.run("doctor", film, *kie.words, "-q")

    assert (well.code, well.out, well.err) == (0, "", "")
    assert failed.code == 1
    starts = [line for line in failed.out.splitlines() if not line.startswith(" ")]
    assert [line.split()[:2] for line in starts] == [["failed", "generator"], ["failed", "uploader"]]


@pytest.mark.parametrize("columns", [60, 80])
def test_lines_fit_the_terminal_but_commands_stay_whole(
    workplace: Workplace, kie: KieAccount, film: str, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.delenv("KIE_API_KEY")

    lines = workplace.run("doctor", film, *kie.words).out.splitlines()

    hints = [line for line in lines if line.lstrip().startswith("next: ")]
    assert len(hints) == 2
    assert all("python -m runner emulate kie --port 8080" in line for line in hints)
    others = [line for line in lines if line not in hints]
    assert max(len(line) for line in others) <= columns
    assert all(line == line.rstrip() for line in lines)
    assert lines[-1] == "3 ok, 2 failed"
