"""Where a key comes from, and that it is looked up once, off the event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import ConfigError, SubmitRefused
from runner.providers import ApiKey

if TYPE_CHECKING:
    from pathlib import Path


def key(**keys: Any) -> ApiKey:
    return ApiKey(provider="Acme", variable="ACME_KEY_OF_A_TEST", **keys)


def test_a_file_comes_before_the_option_and_the_option_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_KEY_OF_A_TEST", "environment")
    file = tmp_path / "key"
    file.write_text(" file\n", encoding="utf-8")

    assert key(option="option", file=str(file)).read() == "file"
    assert key(option="option").read() == "option"
    assert key().read() == "environment"


@pytest.mark.parametrize("text", ["", "two words", "schlüssel", "a\nb"])
def test_what_cannot_be_a_key_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delenv("ACME_KEY_OF_A_TEST", raising=False)

    with pytest.raises(ConfigError, match="no key for Acme") as caught:
        key(option=text, section="uploader", hint="or ask Acme").read()

    assert not text or text not in str(caught.value)
    assert text or caught.value.why.startswith("uploader.api_key is empty, and ACME_KEY_OF_A_TEST is not set")
    assert caught.value.hint == "export ACME_KEY_OF_A_TEST=...; or ask Acme"


def test_a_file_that_cannot_be_read_is_named_by_its_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        key(option="option", file=str(tmp_path / "none")).read()

    assert caught.value.why == "generator.api_key_file cannot be read: No such file or directory"


def test_many_requests_read_the_file_once_and_never_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text("from-the-file", encoding="utf-8")
    mine = key(file=str(file))
    threads: list[int] = []
    read = ApiKey.read

    def watched(self: ApiKey) -> str:
        threads.append(threading.get_ident())
        return read(self)

    monkeypatch.setattr(ApiKey, "read", watched)

    async def ask() -> list[str]:
        return await asyncio.gather(*(mine.get() for _ in range(20)))

    assert mine.known == ""
    assert asyncio.run(ask()) == ["from-the-file"] * 20
    assert mine.known == "from-the-file"
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


def test_a_missing_key_is_the_error_that_the_caller_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_KEY_OF_A_TEST", raising=False)

    with pytest.raises(SubmitRefused, match="no key for Acme"):
        asyncio.run(key().get(SubmitRefused))
