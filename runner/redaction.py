"""Keeping secrets out of everything that is written or shown."""

from __future__ import annotations

import base64
import contextlib
import difflib
import html
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omegaconf import DictConfig

HIDDEN: Final = "(hidden)"
_SHORTEST: Final = 8
"""Characters. A shorter value of a secret field is hidden in its place only: as a word it may stand anywhere."""
_SHORTEST_NUMBER: Final = 16
"""Digits. A shorter number may be a size, a date, or a part of a digest."""
_CUT: Final = ("...", "\N{HORIZONTAL ELLIPSIS}")
"""What stands where a text was cut off, maybe in the middle of a secret."""
_remembered: Final[dict[str, None]] = {}
"""The spellings of the secrets that this process has read, the longest first: one may be a part of another. It is the
process, and not a run, that must not show them: its terminal and the logs of its plugins are shared."""
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
_URL_SAFE: Final = str.maketrans("+/", "-_")
_ESCAPED: Final = re.compile("%[0-9A-F]{2}")
_LARGEST_KEY_FILE: Final = 65_536


def remember(secret: str) -> None:
    """Have `scrubbed` hide a secret from now on; of one with several lines, such as a private key, each line."""
    for line in secret.splitlines():
        line = line.strip()
        shortest = _SHORTEST_NUMBER if line.isdecimal() else _SHORTEST
        if len(line) < shortest or line.startswith("-----") or line in _remembered or line == HIDDEN:
            continue
        found = {*_remembered, *(one for one in spellings(line) if len(one) >= _SHORTEST)}
        _remembered.clear()
        _remembered.update(dict.fromkeys(sorted(found, key=lambda one: (-len(one), one))))


def remember_file(file: str) -> None:
    """Remember the secrets of a key file: its text, or the private key and the secrets of a JSON file.

    Blocking. A file that cannot be read is left to whoever needs it.
    """
    with contextlib.suppress(OSError, ValueError, RecursionError, RuntimeError):
        path = Path(file).expanduser()
        if not path.is_file() or path.stat().st_size > _LARGEST_KEY_FILE:
            return
        text = path.read_text(encoding="utf-8")
        if text.lstrip().startswith("{"):
            hidden_value(json.loads(text))
        else:
            remember(text)


def remember_environment() -> None:
    """Remember the secrets in the environment variables of this process, as their names tell them."""
    for name, value in os.environ.items():
        if _SECRET_VARIABLE.search(name) and not _is_place(value):
            remember(value)
        hidden_in_urls(value)


def harmless_environment() -> dict[str, str]:
    """The environment for a program that needs no secret: without the variables that hold one."""
    return {
        name: value
        for name, value in os.environ.items()
        if not _SECRET_VARIABLE.search(name) and scrubbed(value) == value
    }


def scrubbed(text: str) -> str:
    """`text` without any secret that this process has read, and without the beginning of one that was cut off."""
    found = [spelling for spelling in _remembered if spelling[:_SHORTEST] in text]
    for spelling in found:
        text = text.replace(spelling, HIDDEN)
    for spelling in found:
        text = _without_beginnings(spelling, text)
    return text


def _without_beginnings(spelling: str, text: str) -> str:
    """`text` without any half of a spelling, and without less of it where the text was cut off."""
    head, parts, done = spelling[:_SHORTEST], [], 0
    at = text.find(head)
    while at >= 0:
        end = at + _common(spelling, text[at : at + len(spelling)])
        if 2 * (end - at) >= len(spelling) or end == len(text) or text.startswith(_CUT, end):
            parts += [text[done:at], HIDDEN]
            done = end
        at = text.find(head, end)
    return "".join((*parts, text[done:]))


def _common(one: str, other: str) -> int:
    """The length of what two texts begin with."""
    differs = (at for at, signs in enumerate(zip(one, other, strict=False)) if len(set(signs)) > 1)
    return next(differs, min(len(one), len(other)))


def spellings(secret: str) -> tuple[str, ...]:
    """A secret in the forms in which it may be written: as it is, in a URL, in a page, in JSON, in base64, in hex."""
    if not secret:
        return ()
    raw = secret.encode("utf-8", "surrogateescape")
    quoted = [quote(raw, safe=safe) for safe in ("", "/", "/:?=&+,;@")]
    in_json = json.dumps(secret)[1:-1]
    escaped = (in_json, in_json.replace("/", "\\/"), repr(secret)[1:-1])
    encoded = (*_in_base64(raw), raw.hex())
    found = (
        *(secret, html.escape(secret), *quoted, *(_ESCAPED.sub(_lower, one) for one in quoted)),
        # What was quoted in JSON is often written into JSON once more.
        *(*escaped, *(json.dumps(one)[1:-1] for one in escaped)),
        *(*encoded, *(one.translate(_URL_SAFE) for one in encoded), raw.hex().upper()),
    )
    return tuple(dict.fromkeys(found))


def _lower(found: re.Match[str]) -> str:
    return found.group().lower()


def _in_base64(raw: bytes) -> Iterator[str]:
    """The characters that some bytes alone decide, at each place that they may have in what was encoded."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode()
        yield encoded[-(-8 * before // 6) : 8 * (before + len(raw)) // 6]


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


def hidden_config(config: DictConfig) -> str:
    """The configuration as YAML, interpolations as written, secrets hidden."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(hidden_value(OmegaConf.to_container(config, resolve=False))))


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


def _hide(value: str) -> str:
    """Remember a value, and the parts of a list or of a mapping in the grammar of overrides."""
    for part in (value, *re.split(r"[,{}\[\]]", value), *_IN_MAPPING.findall(value)):
        inner = (part if isinstance(part, str) else part[1]).strip(" \"'")
        if not _is_place(inner):
            remember(inner)
    return HIDDEN


def _is_place(value: str) -> bool:
    """Whether a value says where something is, and is found in messages: a path, or a URL."""
    return "://" in value or (value.startswith(("/", "~/", "./", "../")) and value.count("/") > 1)


def _is_reference(path: Sequence[str], value: str) -> bool:
    """Whether the value of a secret key only says where the secret is."""
    if _REFERENCE.fullmatch(value):
        return True
    name = value.strip("\"'")
    if not path[-1].endswith("_file") or _FILE.fullmatch(name) is None:
        return False
    # Whoever needs the key reads it later; it is hidden from here on.
    remember_file(name)
    return True


def _without_value(found: re.Match[str]) -> str:
    _hide(found.group(2))
    return f"{found.group(1)}{HIDDEN}"


def _without_secret(found: re.Match[str]) -> str:
    for secret in filter(None, found.group("secret", "value")):
        # As it was written, and as it is.
        remember(secret)
        remember(unquote(secret))
    return f"{found.group('before') or found.group('name')}{HIDDEN}"


def _is_secret(path: Sequence[str]) -> bool:
    return any(
        re.search(_WORDS, part, re.IGNORECASE) for at, part in enumerate(path) if not _is_given_name(path, at)
    )


def _is_given_name(path: Sequence[str], at: int) -> bool:
    """Whether a part of a path is the name of a sequence, a shot or a generator: a garden may be secret."""
    return (path[0] == "sequences" and at in (1, 3)) or (path[0] == "generators" and at == 1)
