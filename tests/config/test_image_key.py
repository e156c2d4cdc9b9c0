"""The image that a shot starts from: a file or a URL, shown over a background."""

from __future__ import annotations

import http.server
import io
import threading
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Workplace


def png(colour: tuple[int, ...] = (200, 30, 30, 255)) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA" if len(colour) == 4 else "RGB", (160, 96), colour).save(out, "PNG")
    return out.getvalue()


class Site:
    """A web server on this machine that counts what is asked of it."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                kinds = {"/bag.png": ("image/png", png((200, 30, 30))), "/page": ("text/html", b"<html>")}
                kind, body = kinds.get(self.path.partition("?")[0], ("", b""))
                if self.path == "/away":
                    self.send_response(302)
                    self.send_header("Location", "http://10.1.2.3/bag.png")
                    self.end_headers()
                    return
                self.send_response(200 if kind else 404)
                self.send_header("Content-Type", kind or "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def project(workplace: Workplace, image: str, **keys: object) -> str:
    return workplace.project({"main": {"one": {"prompt": "a bag", "image": image, **keys}}})


def key(workplace: Workplace, override: str) -> str:
    answer = workplace.run("plan", override, "--json")
    assert answer.code == 0, answer.err
    found: str = answer.json["sequences"]["main"][0]["key"]
    return found


def test_an_image_at_a_url_is_the_same_as_its_file(workplace: Workplace, site: Site) -> None:
    (workplace.path / "bag.png").write_bytes(png((200, 30, 30)))

    of_file = key(workplace, project(workplace, "bag.png"))
    of_url = key(workplace, project(workplace, f"{site.url}/bag.png?signature=canary-31"))
    made = workplace.run(project(workplace, f"{site.url}/bag.png?signature=canary-31"))

    assert of_file == of_url
    assert made.code == 0, made.err
    shot = workplace.manifest()["sequences"]["main"]["shots"]["one"]
    assert shot["image"]["name"] == "bag.png"


def test_a_sweep_fetches_an_image_once(workplace: Workplace, site: Site) -> None:
    answer = workplace.run("plan", "-m", project(workplace, f"{site.url}/bag.png"), "shot.seed=1,2,3")

    assert answer.code == 0, answer.err
    assert site.requests == ["/bag.png"]


@pytest.mark.parametrize(
    ("path", "why"), [("/none", "HTTP 404"), ("/page", "text/html"), ("/away", "not HTTPS")]
)
def test_what_is_no_image_is_an_error_of_the_key(
    workplace: Workplace, site: Site, path: str, why: str
) -> None:
    answer = workplace.run("plan", project(workplace, site.url + path))

    assert answer.code == 2
    assert "sequences.main.shots.one.image: the image cannot be fetched" in answer.err
    assert why in answer.err


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/a.png", "not HTTPS"),
        ("https://10.0.0.7/a.png", "not public"),
        ("https://169.254.169.254/a.png", "not public"),
        ("https://user:word@example.com/a.png", "credentials"),
        ("https://[::1/a.png", "not a valid URL"),
    ],
)
def test_an_address_that_is_not_public_is_not_asked(workplace: Workplace, url: str, why: str) -> None:
    answer = workplace.run("plan", project(workplace, url))

    assert answer.code == 2
    assert "the image cannot be fetched" in answer.err
    assert why in answer.err


def test_a_transparent_image_has_a_background_and_the_plan_says_so(workplace: Workplace) -> None:
    (workplace.path / "logo.png").write_bytes(png((200, 30, 30, 40)))

    plain = key(workplace, project(workplace, "logo.png"))
    white = key(workplace, project(workplace, "logo.png", background="white"))
    black = key(workplace, project(workplace, "logo.png", background="#000"))

    assert plain == white
    assert plain != black
    shown = workplace.run("plan", project(workplace, "logo.png", background="#000")).out
    assert "transparent" in shown
    wrong = workplace.run("plan", project(workplace, "logo.png", background="transparentish"))
    assert wrong.code == 2
    assert "should be a colour" in wrong.err
