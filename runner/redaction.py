"""Secrets of a configuration, by the names of their keys: they are hidden in their places, and remembered.

Wherever else they turn up, `runner.known_secrets` scrubs them.
"""

from __future__ import annotations

import contextlib
import difflib
import netrc
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from runner.known_secrets import HIDDEN as HIDDEN
from runner.known_secrets import SHORTEST as SHORTEST
from runner.known_secrets import remember as remember
from runner.known_secrets import remember_file as remember_file
from runner.known_secrets import scrubbed as scrubbed
from runner.known_secrets import scrubbed_json as scrubbed_json
from runner.known_secrets import spellings as spellings

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_HIDDEN: Final = 300
"""Values that a configuration merely hides; a stranger's file may have any number of them."""
_WORDS: Final = (
    "api[-_]?key|access[-_]key|private[-_]key|token|secret|passw(?:or)?d|passphrase|credential|authorization"
    "|bearer|hmac"
)
# Keys that people misspell: the error about one must not show what it holds.
_SPELT: Final = (
    *("api_key", "access_key", "private_key", "hmac_key"),
    *("token", "secret", "password", "credentials"),
)
# A reference names where a secret comes from, and is worth keeping; one with a default may hold the secret. So does
# the path of a file with a secret in it, where it is one: people paste the secret itself there.
_REFERENCE: Final = re.compile(r"""\$\{[^,${}]+(?:,\s*+(?:''|""|null)?\s*+)?\}""")
_FILE: Final = re.compile(r"[^\n{}]{0,200}(?:/[^\n{}/]{1,80}|\.(?:json|txt|key|pem|env|secret))")
_IN_MAPPING: Final = re.compile(
    rf"""((?:{_WORDS})[\w-]{{0,60}}\s{{0,9}}:\s*+)("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^,}}\]]+)""",
    re.IGNORECASE,
)

_SECRET_VARIABLE: Final = re.compile(
    rf"(?:{_WORDS}|(?:^|_)(?:key|pat|auth)$)(?!.*(?:_|^)(?:file|path|dir|sock|url|host|user|name|id)$)",
    re.IGNORECASE,
)
_IN_URL: Final = re.compile(
    r"(?P<before>://[^\s/?#@:\"']*:)(?P<secret>[^\s/?#@]+)(?=@)"
    rf"|(?P<name>[?&][\w.-]*(?:{_WORDS}|key|sig|signature|auth)=)(?P<value>[^\s&#'\",}}\]]+)",
    re.IGNORECASE,
)
"""The password, and the secrets of the query, of a URL."""
_hidden: Final[set[str]] = set()


def remember_environment() -> None:
    """Remember the secrets around this process: in environment variables, as their names tell, and in `.netrc`."""
    for name, value in os.environ.items():
        if _SECRET_VARIABLE.search(name) and not _is_place(value):
            remember(value)
        hidden_in_urls(value)
    # HTTP libraries send what is in there without being asked to.
    file = Path(os.environ.get("NETRC") or "~/.netrc")
    with contextlib.suppress(OSError, RuntimeError, SyntaxError, UnicodeDecodeError, netrc.NetrcParseError):
        for _, _, password in netrc.netrc(file.expanduser()).hosts.values():
            remember(password or "")


def harmless_environment() -> dict[str, str]:
    """The environment for a program that needs no secret: without the variables that hold one."""
    return {
        name: value
        for name, value in os.environ.items()
        if not _SECRET_VARIABLE.search(name) and scrubbed(value) == value
    }


@lru_cache(maxsize=4096)
def is_secret(key: str) -> bool:
    """Whether a dotted key names something that must never be shown."""
    path = key.split(".")
    return _is_secret(path) or any(
        difflib.get_close_matches(part.lower(), _SPELT, 1, 0.84)
        for at, part in enumerate(path)
        if not _is_given_name(path, at)
    )


def hidden_in_urls(text: str) -> str:
    """`text` without the passwords, and the secrets in the queries, of the URLs in it."""
    return _IN_URL.sub(_without_secret, text) if "://" in text else text


def hidden_override(override: str) -> str:
    """An override as it may be written down: without secrets, which are remembered; bytes that are no text escaped."""
    override = override.encode("utf-8", "backslashreplace").decode("utf-8")
    key, equals, value = override.partition("=")
    if equals and is_secret(key.lstrip("+~")):
        if _is_reference(key.split("."), value):
            return override
        _hide(value)
        return f"{key}={HIDDEN}"
    if value.lstrip().startswith(("{", "[")):
        value = _IN_MAPPING.sub(_without_value, value)
    return scrubbed(f"{key}{equals}{hidden_in_urls(value)}")


def hidden_text(text: str, overrides: Sequence[str]) -> str:
    """A message about `overrides`, written by someone else, without the secrets that they hold."""
    for override in overrides:
        key, _, value = override.partition("=")
        if value and hidden_override(override) != override:
            text = text.replace(override, hidden_override(override))
            inner = [value, value.strip("\"'{}[] ")]
            if not is_secret(key.lstrip("+~")):
                inner = [found.strip("\"' ") for _, found in _IN_MAPPING.findall(value)]
            for part in filter(None, inner):
                text = text.replace(part, HIDDEN)
    return text


def hidden_value(value: Any, *path: str) -> Any:
    """What stands at `path` of a configuration, without its secrets, which are remembered."""
    if isinstance(value, dict):
        return {name: hidden_value(inner, *path, str(name)) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [
            hidden_override(inner)
            if isinstance(inner, str) and not _is_secret(path)
            else hidden_value(inner, *path)
            for inner in value
        ]
    if isinstance(value, str) and not _is_secret(path):
        return hidden_in_urls(value)
    if value is None or isinstance(value, bool) or value == "" or not _is_secret(path):
        return value
    return value if isinstance(value, str) and _is_reference(path, value) else _hide(str(value))


def key_file_options(value: Any, *path: str) -> list[str]:
    """The dotted keys of a configuration whose values are paths of files with a secret in them."""
    if isinstance(value, dict):
        return [key for name, inner in value.items() for key in key_file_options(inner, *path, str(name))]
    is_file = path and path[-1].endswith("_file") and _is_secret(path) and isinstance(value, str)
    return [".".join(path)] if is_file and value else []


def _hide(value: str) -> str:
    """Remember a value, and the parts of a list or of a mapping in the grammar of overrides."""
    for part in (value, *re.split(r"[,{}\[\]]", value), *_IN_MAPPING.findall(value)):
        inner = (part if isinstance(part, str) else part[1]).strip(" \"'")
        if not _is_place(inner) and (inner in _hidden or len(_hidden) < _MOST_HIDDEN):
            _hidden.add(inner)
            remember(inner)
    return HIDDEN


def _is_place(value: str) -> bool:
    """Whether a value says where something is, and is found in messages: a path, or a URL."""
    return "://" in value or (value.startswith(("/", "~/", "./", "../")) and value.count("/") > 1)


def _is_reference(path: Sequence[str], value: str) -> bool:
    """Whether the value of a secret key only says where the secret is."""
    if _REFERENCE.fullmatch(value):
        return True
    return path[-1].endswith("_file") and _FILE.fullmatch(value.strip("\"'")) is not None


def _without_value(found: re.Match[str]) -> str:
    _hide(found.group(2))
    return f"{found.group(1)}{HIDDEN}"


def _without_secret(found: re.Match[str]) -> str:
    for secret in filter(None, found.group("secret", "value")):
        # As it was written, and as it is.
        _hide(secret)
        _hide(unquote(secret))
    return f"{found.group('before') or found.group('name')}{HIDDEN}"


def _is_secret(path: Sequence[str]) -> bool:
    return any(_is_secret_word(part) for at, part in enumerate(path) if not _is_given_name(path, at))


@lru_cache(maxsize=4096)
def _is_secret_word(part: str) -> bool:
    return re.search(_WORDS, part, re.IGNORECASE) is not None


def _is_given_name(path: Sequence[str], at: int) -> bool:
    """Whether a part of a path is the name of a sequence, a shot or a generator: a garden may be secret."""
    return (path[0] == "sequences" and at in (1, 3)) or (path[0] == "generators" and at == 1)
