"""Reading the body of a request: so much of it, within so long, and as nothing but plain values."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from runner.config import yaml_limits, yaml_text
from runner.errors import ConfigError
from runner.nesting import is_shallow
from runner.web.problems import Refused

if TYPE_CHECKING:
    from starlette.requests import Request

MOST_BYTES: Final = yaml_limits.MOST_BYTES
_WITHIN_S: Final = 30.0
_JSON: Final = ("application/json",)
_YAML: Final = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
_FORM: Final = ("application/x-www-form-urlencoded",)
_MOST_FIELDS: Final = 50
_BODY: Final = Path("body")


async def value(request: Request) -> Any:
    """The value of a body of JSON or YAML. Raises `Refused`, and `ConfigError` where it is neither."""
    kind = _kind(request)
    if kind not in (*_JSON, *_YAML):
        raise Refused(
            415, "the body should be JSON or YAML", "Content-Type: application/json, or application/yaml"
        )
    text = await _text(request)
    return _json(text) if kind in _JSON else await asyncio.to_thread(yaml_text.value, _BODY, text)


async def form(request: Request) -> dict[str, str]:
    """The fields of a form of a page. Raises `Refused`."""
    if _kind(request) not in _FORM:
        raise Refused(415, "the body should be a form")
    try:
        return dict(parse_qsl(await _text(request), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Refused(400, "the form has too many fields") from None


def loads(text: str) -> Any:
    """The value of a text of JSON. Raises `ConfigError`."""
    return _json(text)


async def _text(request: Request) -> str:
    """The body, counted as it comes: what Content-Length says of it is not believed."""
    data = bytearray()
    try:
        async with asyncio.timeout(_WITHIN_S):
            async for part in request.stream():
                data += part
                if len(data) > MOST_BYTES:
                    raise Refused(413, f"the body is larger than {MOST_BYTES // 1_000_000} MB")
    except TimeoutError:
        raise Refused(408, f"the body took longer than {_WITHIN_S:g} s") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(400, "the body is not UTF-8") from None


def _json(text: str) -> Any:
    try:
        found = json.loads(text, object_pairs_hook=_distinct, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigError("the body is not JSON", where="body", why=why) from None
    if not is_shallow(found):
        raise ConfigError("the body is nested too deeply", where="body")
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one mapping")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
