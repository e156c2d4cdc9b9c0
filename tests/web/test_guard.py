"""Who may speak to the server: the application itself over ASGI, with requests as browsers and strangers send them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from runner.web.guard import Guard, Hosts, is_loopback

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

TOKEN = "a-token-that-nobody-guesses"
HERE = "http://127.0.0.1:8640"


async def _done(request: Request) -> Response:
    return PlainTextResponse("done")


def asked(
    method: str, path: str = "/", *, hosts: Hosts | None = None, token: str = "", **headers: str
) -> Any:
    """The answer to one request; underscores in the names of headers are dashes."""
    app = Guard(
        Starlette(routes=[Route("/", _done, methods=["GET", "POST"])]), hosts or Hosts.of("127.0.0.1"), token
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def one() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE) as client:
            return await client.request(method, path, headers=named)

    return asyncio.run(one())


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8640", "localhost:8640", "LOCALHOST", "[::1]:8640", "localhost.:8640"]
)
def test_the_names_of_this_machine_are_fine(host: str) -> None:
    assert asked("GET", host=host).text == "done"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8640", "127.0.0.1.evil.example", "192.168.1.7:8640", "", "localhost@evil"],
)
def test_a_name_that_was_rebound_to_this_machine_is_refused(host: str) -> None:
    answer = asked("GET", host=host)

    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_server_on_all_addresses_has_numbers_for_names_and_those_that_are_allowed() -> None:
    hosts = Hosts.of("0.0.0.0", ("Films.example",))

    assert asked("GET", hosts=hosts, host="192.168.1.7:8640").text == "done"
    assert asked("GET", hosts=hosts, host="films.example").text == "done"
    assert asked("GET", hosts=hosts, host="evil.example").status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1:8640.evil.example"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site", "origin": HERE},
    ],
)
def test_what_another_site_sends_changes_nothing(headers: dict[str, str]) -> None:
    assert asked("POST", **headers).status_code == 403
    assert asked("GET", **headers).text == "done"


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": HERE}, {"origin": HERE, "sec_fetch_site": "same-origin"}, {"sec_fetch_site": "none"}],
)
def test_pages_of_ours_and_programs_may_post(headers: dict[str, str]) -> None:
    assert asked("POST", **headers).text == "done"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"cookie": f"runner_session={TOKEN}"},
        {"cookie": "runner_session="},
    ],
)
def test_without_its_token_nothing_is_answered(headers: dict[str, str]) -> None:
    answer = asked("GET", token=TOKEN, **headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert asked("GET", "/?token=wrong", token=TOKEN).status_code == 401
    assert asked("POST", f"/?token={TOKEN}", token=TOKEN).status_code == 401


def test_a_token_is_sent_once_and_a_cookie_stands_for_it() -> None:
    first = asked("GET", f"/?token={TOKEN}&shot=one", token=TOKEN)
    cookie = first.headers["set-cookie"]

    assert asked("GET", token=TOKEN, authorization=f"Bearer {TOKEN}").text == "done"
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert TOKEN not in first.text
    assert 'content="0;url=/?shot=one"' in first.text
    assert asked("GET", token=TOKEN, cookie=cookie.partition(";")[0]).text == "done"


def test_the_way_on_from_a_token_leads_nowhere_else() -> None:
    answer = asked("GET", f"{HERE}//evil.example/%22%3E?token={TOKEN}", token=TOKEN)

    assert 'url=/evil.example/&quot;&gt;"' in answer.text


def test_every_answer_has_the_headers_of_safety() -> None:
    for answer in (asked("GET"), asked("GET", host="evil.example"), asked("POST", origin="null")):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
