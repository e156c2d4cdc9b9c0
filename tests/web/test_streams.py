"""Streams of events: they miss nothing, whoever writes them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from runner.web.streams import lines_after, message
from tests.web.site import free_film, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.site import Site


def test_a_client_that_comes_back_gets_what_it_has_not_seen(site: Site) -> None:
    server = site.serve()
    id = server.post(free_film()).json()["id"]
    whole = server.events(f"/api/jobs/{id}/events")
    runs = [event for event in whole if event[0] == "run"]

    for seen in (0, len(runs) // 2, len(runs) - 1):
        rest = server.events(f"/api/jobs/{id}/events", after=runs[seen][1])
        assert [event for event in rest if event[0] == "run"] == runs[seen + 1 :]
    assert runs[0][2]["kind"] == "run_started"
    assert runs[-1][2]["kind"] == "run_finished"
    assert whole[-1][0] == "end"
    assert whole[-1][2]["state"] == "finished"


def test_a_run_of_another_process_appears_and_goes_on_after_a_restart_of_the_server(site: Site) -> None:
    """Its events are in its folder: the server may come and go."""
    site.project("elsewhere", free_film("elsewhere"))
    server = site.serve()
    words = [sys.executable, "-m", "runner", "-q", "+project=elsewhere"]
    with subprocess.Popen(words, cwd=site.path, env=site.environment, stdout=subprocess.DEVNULL) as other:
        (run,) = until(lambda: server.client.get("/api/runs").json())
        first = server.events(run["events"], most=2)
        server.kill()
        assert other.wait(120) == 0
    server = site.serve()

    rest = server.events(run["events"], after=first[-1][1] or first[0][1])

    kinds = [data["kind"] for name, _, data in [*first, *rest] if name == "run"]
    lines = (site.root / run["folder"] / "events.jsonl").read_text().splitlines()
    assert run["project"] == "elsewhere"
    assert kinds == [json.loads(line)["kind"] for line in lines]
    assert server.client.get("/api/jobs").json() == []


def test_a_line_that_is_being_written_is_not_sent_yet(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"kind": "a"}\n{"kind": "b"}\n{"ki')

    lines, offset = lines_after(file, 0)
    file.write_text('{"kind": "a"}\n{"kind": "b"}\n{"kind": "c"}\n')
    more, _ = lines_after(file, offset)

    assert [json.loads(line.text)["kind"] for line in (*lines, *more)] == ["a", "b", "c"]
    assert offset == lines[-1].end == 28


def test_a_file_that_is_shorter_than_it_was_is_another_one(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"kind": "a"}\n')

    lines, _ = lines_after(file, 5000)

    assert [line.end for line in lines] == [14]


@pytest.mark.parametrize("content", [b"\xff\xfe\n", b"[" * 5000 + b"\n", b"no json\n", b"x" * (1 << 20)])
def test_what_is_no_event_is_passed_over(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(content + b'\n{"kind": "a"}\n')

    offset, found = 0, []
    for _ in range(3):
        lines, offset = lines_after(file, offset)
        found += [line.text for line in lines]

    assert found == ['{"kind": "a"}']


def test_no_file_and_a_link_have_no_lines(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text('{"kind": "a"}\n')
    (tmp_path / "events.jsonl").symlink_to(tmp_path / "secret")

    assert lines_after(tmp_path / "events.jsonl", 0) == ([], 0)
    assert lines_after(tmp_path / "nothing", 7) == ([], 7)


def test_text_makes_no_events_of_its_own() -> None:
    assert message("run", "a\nevent: end\r\n\ndata: b", "7").count("\nevent:") == 0
