"""Keeping secrets out of everything that is written or shown."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omegaconf import DictConfig

HIDDEN: Final = "(hidden)"
SHORTEST: Final = 8
"""Characters. A shorter value of a secret field is hidden in its place only: as a word it may stand anywhere."""
_remembered: Final[set[str]] = set()
"""The spellings of the secrets that this process has read. It is the process, and not a run, that must not show them:
its terminal and the logs of its plugins are shared."""
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
_REFERENCE: Final = re.compile(r"""\$\{[^,${}]+(?:,\s*(?:''|""|null)?\s*)?\}""")
_FILE: Final = re.compile(r"[^\n{}]{0,200}(?:/[^\n{}/]{1,80}|\.(?:json|txt|key|pem|env|secret))")
_IN_MAPPING: Final = re.compile(
    rf"""([\w-]*(?:{_WORDS})[\w-]*\s*:\s*)("(?:\\.|[^"])*"|'(?:\\.|[^'])*'|[^,}}\]]+)""",
    re.IGNORECASE,
)


def remember(secret: str) -> None:
    """Have `scrubbed` hide a secret from now on."""
    if len(secret) >= SHORTEST:
        _remembered.update(spellings(secret))


def scrubbed(text: str) -> str:
    """`text` without any secret that this process has read."""
    # The longest first: one may be a part of another.
    for spelling in sorted(_remembered, key=len, reverse=True):
        text = text.replace(spelling, HIDDEN)
    return text


def spellings(secret: str) -> tuple[str, ...]:
    """A secret in the forms in which it may be written: as it is, in a URL, in a page, in JSON, in base64."""
    import base64
    import html
    import json
    from urllib.parse import quote

    if not secret:
        return ()
    in_base64 = base64.b64encode(secret.encode("utf-8", "surrogateescape")).decode().rstrip("=")
    quoted = quote(secret, safe="", errors="surrogateescape")
    return tuple(dict.fromkeys((secret, quoted, html.escape(secret), json.dumps(secret)[1:-1], in_base64)))


def is_secret(key: str) -> bool:
    """Whether a dotted key names something that must never be shown."""
    path = key.split(".")
    return _is_secret(path) or any(
        difflib.get_close_matches(part.lower(), _SPELT, 1, 0.84)
        for at, part in enumerate(path)
        if not _is_given_name(path, at)
    )


def hidden_override(override: str) -> str:
    """An override as it may be written down: without secrets, and bytes that are no text escaped."""
    override = override.encode("utf-8", "backslashreplace").decode("utf-8")
    key, equals, value = override.partition("=")
    if not equals:
        return override
    if is_secret(key.lstrip("+~")):
        return override if _is_reference(key.split("."), value) else f"{key}={HIDDEN}"
    if value.lstrip().startswith(("{", "[")):
        return f"{key}={_IN_MAPPING.sub(_without_value, value)}"
    return override


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
    """What stands at `path` of a configuration, without its secrets."""
    if isinstance(value, dict):
        return {name: hidden_value(inner, *path, str(name)) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [
            hidden_override(inner)
            if isinstance(inner, str) and not _is_secret(path)
            else hidden_value(inner, *path)
            for inner in value
        ]
    if value is None or isinstance(value, bool) or value == "" or not _is_secret(path):
        return value
    return value if isinstance(value, str) and _is_reference(path, value) else HIDDEN


def _is_reference(path: Sequence[str], value: str) -> bool:
    """Whether the value of a secret key only says where the secret is."""
    if _REFERENCE.fullmatch(value):
        return True
    return path[-1].endswith("_file") and _FILE.fullmatch(value.strip("\"'")) is not None


def _without_value(found: re.Match[str]) -> str:
    return f"{found.group(1)}{HIDDEN}"


def _is_secret(path: Sequence[str]) -> bool:
    return any(
        re.search(_WORDS, part, re.IGNORECASE) for at, part in enumerate(path) if not _is_given_name(path, at)
    )


def _is_given_name(path: Sequence[str], at: int) -> bool:
    """Whether a part of a path is the name of a sequence, a shot or a generator: a garden may be secret."""
    return (path[0] == "sequences" and at in (1, 3)) or (path[0] == "generators" and at == 1)
