"""What strangers send, over the wire: each is refused with a clear error, nothing is read and nothing is run."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.site import Server, free_film, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATH = "/api/create_videos"
JSON = {"content-type": "application/json"}
YAML = {"content-type": "application/yaml"}
SECRET = "a-line-of-a-file-that-nobody-may-read"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has nothing to show, and a secret in its working folder and in its environment."""
    with opened(tmp_path_factory.mktemp("hostile") / "site") as site:
        (site.path / "secret.txt").write_text(SECRET)
        (site.path / "secret.png").write_text(SECRET)
        site.project("known", free_film("known"))
        yield site.serve(RUNNER_TEST_SECRET=SECRET)


@pytest.fixture(autouse=True)
def nothing_happens(server: Server) -> Iterator[None]:
    """Whatever is sent makes no job and no run, and the server goes on."""
    yield
    assert server.client.get("/api/jobs").json() == []
    assert server.client.get("/api/runs").json() == []
    assert server.process.poll() is None


def with_shot(**keys: Any) -> dict[str, Any]:
    content = free_film()
    content["sequences"]["main"]["shots"]["one"].update(keys)
    return content


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (with_shot(image="secret.png"), "sequences.main.shots.one.image"),
        (with_shot(image="/etc/passwd"), "sequences.main.shots.one.image"),
        (with_shot(image="http://127.0.0.1:1/x.png"), "sequences.main.shots.one.image"),
        (with_shot(image="https://127.0.0.1:1/x.png"), "sequences.main.shots.one.image"),
        (with_shot(image="https://localhost/x.png"), "sequences.main.shots.one.image"),
        (with_shot(image="file:///etc/passwd"), "sequences.main.shots.one.image"),
        (with_shot(image="${project.name}"), "sequences.main.shots.one.image"),
        (with_shot(prompt="${oc.env:RUNNER_TEST_SECRET}"), "sequences.main.shots.one.prompt"),
        (with_shot(prompt="${oc.decode:${oc.env:HOME}}"), "sequences.main.shots.one.prompt"),
        ({**with_shot(prompt_file="secret.txt")}, "sequences.main.shots.one.prompt_file"),
        (free_film(continuity={"anchor": "secret.png"}), "continuity.anchor"),
        (free_film(film={"music": "secret.txt"}), "film.music"),
        (free_film(film={"music": {"file": "/etc/passwd"}}), "film.music.file"),
        (free_film(film={"end_card": {"image": "secret.png"}}), "film.end_card.image"),
        (free_film(output={"root": "/tmp"}), "output"),
        (free_film(plugins={"dirs": ["/tmp"]}), "plugins"),
        (free_film(hydra={"run": {"dir": "/tmp"}}), "hydra"),
        (free_film(defaults=["/hydra/launcher: joblib"]), "defaults"),
        (free_film(_target_="os.system"), "'_target_'"),
        ({"project": "known", "overrides": ["project.name=${oc.env:RUNNER_TEST_SECRET}"]}, "project.name"),
        ({"project": "known", "overrides": ["output.root=/tmp/x"]}, "output.root"),
        ({"project": "../known"}, "project"),
        ({"project": "known", "folder": "/tmp"}, "folder"),
        ({"project": ["known"]}, "project"),
        ([], "body"),
        ("known", "body"),
    ],
)
def test_a_request_for_more_than_a_film_is_refused(server: Server, body: Any, key: str) -> None:
    for path in (PATH, "/api/plan"):
        answer = server.post(body, path)
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert key in [problem["key"] for problem in answer.json()["problems"]]
        assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("text", "headers", "status"),
    [
        (BOMB, YAML, 422),
        ("a: &a [*a]", YAML, 422),
        ("!!python/object/apply:os.system ['touch /tmp/x']", YAML, 422),
        ("project: !!python/name:os.system ''", YAML, 422),
        ("x: !include secret.txt", YAML, 422),
        ("[" * 100_000, YAML, 422),
        ("a: " * 1000, YAML, 422),
        ("project: {name: x}\nproject: {name: y}", YAML, 422),
        ("--- {}\n--- {}", YAML, 422),
        ("x: " + "9" * 5000, YAML, 422),
        ("[" * 100_000, JSON, 422),
        ('{"a":' * 100_000, JSON, 422),
        ('{"project": "known", "project": "known"}', JSON, 422),
        ('{"project": NaN}', JSON, 422),
        ("9" * 10_000, JSON, 422),
        ('"\\ud800"', JSON, 422),
        ("", JSON, 422),
        ("null", JSON, 422),
        ("{}", {"content-type": "text/plain"}, 415),
        ("project=known", {"content-type": "application/x-www-form-urlencoded"}, 415),
        ("{}", {}, 415),
        (b"\xff\xfe", JSON, 400),
        ("x" * 1_100_000, JSON, 413),
    ],
)
def test_a_body_that_is_a_trap_costs_little(
    server: Server, text: Any, headers: dict[str, str], status: int
) -> None:
    answer = server.client.post(PATH, content=text, headers=headers)

    assert answer.status_code == status, answer.text
    assert answer.json()["title"]
    assert "Traceback" not in answer.text


def test_a_body_is_counted_as_it_comes(server: Server) -> None:
    """In chunks, so that no header says how much of it there will be; the last one never comes."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as raw:
        head = f"POST {PATH} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        raw.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(11):
            raw.sendall(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")
        answer = raw.recv(65536)

    assert answer.split(b" ")[1] == b"413"


@pytest.mark.parametrize(
    "path",
    [
        "/files/../secret.txt",
        "/files/%2e%2e/secret.txt",
        "/files/..%2fsecret.txt",
        "/files/%2fetc%2fpasswd",
        "/files/.runner/journal.db",
        "/files/..%5csecret.txt",
        "/files/x%00.mp4",
        "/static/../pages.py",
        "/static/..%2fpages.py",
        "/runs/..%2f..%2fetc",
        "/api/runs/..%2f..",
        "/api/jobs/..%2f..",
        "/reports/%2e%2e",
    ],
)
def test_a_path_leads_nowhere_else(server: Server, path: str) -> None:
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as raw:
        # Clients tidy such paths up before they send them.
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))

    assert answer.split(b" ")[1] in (b"404", b"400"), answer[:200]
    assert SECRET.encode() not in answer
    assert b"root:" not in answer


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_another_site_makes_no_film(server: Server, headers: dict[str, str], status: int) -> None:
    assert server.client.post(PATH, json=free_film(), headers=headers).status_code == status
    assert (
        server.client.post("/jobs", data={"request": json.dumps(free_film())}, headers=headers).status_code
        == status
    )


def test_a_link_in_the_root_is_not_followed(server: Server, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"key": "0" * 64, "state": "finished"}))
    (tmp_path / "clip.mp4").write_text(SECRET)
    root = server.root
    (root / "linked").symlink_to(tmp_path)

    answers = [
        server.client.get(path) for path in ("/files/linked/clip.mp4", "/runs/linked", "/reports/linked")
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    (root / "linked").unlink()


def test_a_slow_client_holds_up_nobody(server: Server) -> None:
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as slow:
        slow.sendall(
            f"POST {PATH} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n".encode()
        )
        slow.sendall(b"Content-Length: 10\r\n\r\n{")
        time.sleep(0.1)
        assert server.client.get("/api/projects").status_code == 200
