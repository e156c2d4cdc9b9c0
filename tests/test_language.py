"""What users and authors read is plain English, in the field's terms: style matters where one is in a hurry."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BANNED = {
    "nobody knows": "cannot determine, unknown",
    "gave up": "failed",
    "given up": "failed, rejected",
    "by chance": "transient",
    "ask again": "retry, resubmit",
    "asked again": "retried, resubmitted",
    "asked for": "requested",
    "asks for": "requests",
    "made anew": "regenerated",
    "anew": "again",
    "a person": "the user",
    "whoever": "the user",
    "is told": "is reported",
    "are told": "are reported",
    "a stranger": "without credentials",
    "no use": "failed, rejected",
    "broke off": "failed",
    "breaks off": "fails",
    "trips over": "fails on",
    "mend": "fix",
}
"""Words of a private dialect, and what to write."""


def messages() -> list[tuple[str, str]]:
    """Every text in the code of the host and the plugins that is no docstring, with its place."""
    found = []
    for folder in ("runner", "plugins"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            found += [
                (f"{file.relative_to(ROOT)}:{node.lineno}", node.value)
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in documentation
            ]
    return found


def test_no_message_is_in_a_private_dialect() -> None:
    pattern = re.compile(rf"\b({'|'.join(BANNED)})\b", re.IGNORECASE)
    wrong = [
        f"{place}: {text[:80]!r}; write: {BANNED[match.group(1).lower()]}"
        for place, text in messages()
        if (match := pattern.search(text)) and "CREATE TABLE" not in text  # which names an old note
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", ["README.md", "conf/README.md", "runner/README.md", "tests/README.md"])
def test_no_page_is_in_a_private_dialect(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")

    assert not re.findall(rf"\b({'|'.join(BANNED)})\b", text, re.IGNORECASE)


PUBLIC = ("runner", "runner.api", "runner.errors", "runner.media", "runner.providers")


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    names = getattr(module, "__all__", None) or [
        one for one, value in vars(module).items() if inspect.isclass(value) and value.__module__ == name
    ]
    without = [one for one in names if callable(value := getattr(module, one)) and not _documented(value)]

    assert names
    assert not without


def _documented(value: object) -> bool:
    """A dataclass without a docstring has its signature for one."""
    text = inspect.getdoc(value) or ""
    generated = dataclasses.is_dataclass(value) and text.startswith(f"{getattr(value, '__name__', '')}(")
    return bool(text) and not generated
