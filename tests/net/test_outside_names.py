"""Names from outside: bounded in length and characters, in the one place where they are read."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from runner.net.outside_names import file_name, media_type

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("claimed", "kind"),
    [
        ("video/mp4", "video/mp4"),
        (" Image/PNG ; charset=x", "image/png"),
        ("application/vnd.ms-fontobject", "application/vnd.ms-fontobject"),
        ("image/svg+xml", "image/svg+xml"),
        ("video", ""),
        ("video/", ""),
        ("video/mp4/x", ""),
        ("video/mp4 text/html", ""),
        ("video/\x1b[31mmp4", ""),
        ("vidéo/mp4", ""),
        (f"video/{'x' * 127}", f"video/{'x' * 127}"),
        (f"video/{'x' * 128}", ""),
        ("", ""),
    ],
)
def test_a_media_type_is_one_or_nothing(claimed: str, kind: str) -> None:
    assert media_type(httpx.Headers([(b"content-type", claimed.encode())])) == kind


def test_no_media_type_is_nothing() -> None:
    assert media_type(httpx.Headers()) == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("harbour.jpg", "harbour.jpg"),
        ("Zürich 日本.png", "Zürich 日本.png"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("C:\\x.png", "C__x.png"),
        ("a\r\nb\0\x1b\u202e.png", "ab.png"),
        ("..", ""),
        (" ", ""),
        ("\n", ""),
        (f"{'x' * 300}.jpeg", f"{'x' * 95}.jpeg"),
        (f"x.{'y' * 300}", f"x.{'y' * 98}"),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_file_name_is_one_name(text: str, name: str) -> None:
    assert file_name(text) == name


def test_nobody_else_reads_the_headers_of_names() -> None:
    """What a server calls a file (Content-Disposition) is used nowhere.

    Three others read the type of a request's body, to parse it: the emulator and `serve` what a
    client sends, the cassette what the run itself sends.
    """
    header = re.compile(r"""headers(?:\.get\(|\[)["']content-(?:type|disposition)""", re.IGNORECASE)
    found = {
        file.relative_to(ROOT).as_posix()
        for folder in ("runner", "plugins")
        for file in (ROOT / folder).rglob("*.py")
        if header.search(file.read_text(encoding="utf-8"))
    }

    assert found == {
        "runner/net/outside_names.py",
        "plugins/kie/emulator/uploads.py",
        "runner/cassette/request_form.py",
        "runner/web/bodies.py",
    }
