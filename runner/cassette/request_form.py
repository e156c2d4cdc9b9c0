"""A request in the one form in which it is recorded and compared: without secrets, headers, and what differs each time.

    {"method": "POST", "url": "https://api.example.com/jobs", "body": {"json": {...}}}

A body is `json`, `form` (files in it by their digests), `bytes` (a digest and a size), or null. The port of a server on
this machine is left out, and so is the token of an attempt; a hosted image is named by its content.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from runner.nesting import is_shallow
from runner.net.addresses import is_local
from runner.redaction import hidden_in_urls, hidden_value, scrubbed, scrubbed_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

_TOKEN: Final = "(token)"
_MOST_TEXT: Final = 64 * 1024
"""Bytes of a field of a form that is kept as text."""
_BOUNDARY: Final = re.compile(r'boundary="?([^";,]{1,200})"?')
_PARAMETER: Final = re.compile(r'(name|filename)="((?:[^"\\\r\n]|\\.)*)"')
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it is recorded."""

    method: str
    url: str
    body: Any

    @property
    def digest(self) -> str:
        """What two equal requests have in common."""
        text = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def place(self) -> str:
        """Method, host and path, for messages."""
        return f"{self.method} {self.url.partition('?')[0]}"

    def to_json(self) -> dict[str, Any]:
        """As it stands in a cassette."""
        return {"method": self.method, "url": self.url, "body": self.body}

    def flat(self) -> dict[str, Any]:
        """Each field by its dotted name."""
        host = urlsplit(self.url)
        fields: dict[str, Any] = {"method": self.method, "host": host.netloc, "path": host.path}
        fields |= {f"query.{name}": value for name, value in parse_qsl(host.query, keep_blank_values=True)}
        return fields | dict(_flat(self.body, ""))


def request_form(
    request: httpx.Request, content: bytes, names: Mapping[str, str], token: str = ""
) -> Request:
    """The form of a request whose whole body is `content`. `names` are URLs with what stands for them."""
    swaps = {**names, **({token: _TOKEN} if token else {})}

    def cleaned(value: Any) -> Any:
        return scrubbed_json(hidden_value(_swapped(value, swaps)))

    url = _swapped(str(request.url), swaps)
    parts = urlsplit(url)
    if is_local(parts.hostname or ""):
        url = url.replace(parts.netloc, "loopback", 1)
    return Request(
        method=request.method,
        url=scrubbed(hidden_in_urls(url)),
        body=cleaned(_body(request.headers.get("Content-Type", ""), content)),
    )


def differences(recorded: Request, requested: Request) -> Iterator[str]:
    """The fields in which two requests differ, one line each."""
    old, new = recorded.flat(), requested.flat()
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name) or (name in old) != (name in new):
            was = _shown(old[name]) if name in old else "nothing"
            yield f"{name}: recorded {was}, requested {_shown(new[name]) if name in new else 'nothing'}"


def nearness(recorded: Request, requested: Request) -> tuple[bool, bool, int]:
    """How near a recorded request is to another one: greater is nearer."""
    old, new = recorded.flat(), requested.flat()
    same = sum(old.get(name) == value for name, value in new.items() if name in old)
    return (
        recorded.method == requested.method and old["path"] == new["path"],
        old["host"] == new["host"],
        same - len(set(old) ^ set(new)),
    )


def _swapped(value: Any, swaps: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for text, name in swaps.items():
            value = value.replace(text, name)
        return value
    if isinstance(value, list):
        return [_swapped(inner, swaps) for inner in value]
    if isinstance(value, dict):
        return {name: _swapped(inner, swaps) for name, inner in value.items()}
    return value


def _body(kind: str, content: bytes) -> Any:
    if not content:
        return None
    media_type = kind.partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if found is not None and is_shallow(found):
            return {"json": found}
    if media_type == "multipart/form-data" and (boundary := _BOUNDARY.search(kind)):
        return {"form": _form(content, boundary[1].encode())}
    if media_type == "application/x-www-form-urlencoded":
        return {"form": dict(parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True))}
    return {"bytes": _of_bytes(content)}


def _of_bytes(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def _form(content: bytes, boundary: bytes) -> dict[str, Any]:
    """The fields of a multipart body (RFC 7578); files by their digests."""
    found: dict[str, Any] = {}
    for part in (b"\r\n" + content).split(b"\r\n--" + boundary)[1:]:
        if part.startswith(b"--"):
            break
        head, blank, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not blank:
            continue
        parameters = dict(_PARAMETER.findall(head.decode("utf-8", "replace")))
        name = parameters.get("name", "")
        if "filename" in parameters or len(value) > _MOST_TEXT:
            found[name] = {"file": parameters.get("filename", ""), **_of_bytes(value)}
        else:
            found[name] = value.decode("utf-8", "replace")
    return found


def _flat(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (dict, list)):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            # What kind of body it is is no part of a field's name.
            yield from _flat(inner, f"{at}.{name}" if at else "body" if name in _KINDS else str(name))
    elif at or value is not None:
        yield at, value


_KINDS: Final = ("json", "form", "bytes")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]}...{text[-1]}"
