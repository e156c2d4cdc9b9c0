"""What a shot is known by: a digest over everything that decides which clip is requested.

Keys are computed from the description alone, before anything is generated. A chained shot's key holds the key of
the shot before it instead of an image that does not exist yet.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.api import JSON, HandOver, ShotRequest
    from runner.config.project import GeneratorChoice, GivenImage, Project

VERSION: Final = 1
"""Raise it when the meaning of a field changes: all keys change with it. A new field needs no new version where it is
left out of the keys of requests that do not use it (`Role.UNLESS_DEFAULT`)."""


class Role(enum.Enum):
    """What a field of a request is to the identity of its clip."""

    ALWAYS = "a part of it"
    UNLESS_DEFAULT = "a part of it where it has another value than its default"
    SEPARATE = (
        "included in another form: by its digest, by the shot before, or where a generator uses the names"
    )


ROLES: Final = {
    "project": Role.SEPARATE,
    "sequence": Role.SEPARATE,
    "shot": Role.SEPARATE,
    "prompt": Role.ALWAYS,
    "model": Role.ALWAYS,
    "duration_s": Role.ALWAYS,
    "aspect_ratio": Role.ALWAYS,
    "resolution": Role.ALWAYS,
    "fps": Role.ALWAYS,
    "seed": Role.ALWAYS,
    "take": Role.ALWAYS,
    "negative_prompt": Role.UNLESS_DEFAULT,
    "params": Role.ALWAYS,
    "image": Role.SEPARATE,
    "last_image": Role.SEPARATE,
}
"""The classification of every field of `runner.api.ShotRequest`; a test fails where one is missing."""


def fields(
    request: ShotRequest,
    generator: GeneratorChoice,
    *,
    given: GivenImage | None,
    previous: str | None,
    hand_over: HandOver,
) -> dict[str, JSON]:
    """Everything that a shot's key is made of; the key is their `digest`. `runner why` compares them.

    `previous` is the key of the shot that it chains from, if it does.
    """
    found: dict[str, JSON] = {
        "version": VERSION,
        "generator": generator.spec.name,
        "key_version": generator.spec.key_version,
        "options": identifying_options(generator.options),
        "names": [request.project, request.sequence, request.shot] if generator.spec.names_matter else None,
        "starts_from": _start(given, previous, hand_over),
    }
    for one in dataclasses.fields(request):
        value, role = getattr(request, one.name), ROLES[one.name]
        if role is Role.ALWAYS or (role is Role.UNLESS_DEFAULT and value != one.default):
            found[one.name] = value
    canonical: dict[str, JSON] = _canonical(found)
    return canonical


def run_key(project: Project, keys: Mapping[str, Mapping[str, str]]) -> str:
    """The key of a whole run: its shots by name, and what is made of them."""
    return digest(
        {
            "version": VERSION,
            "project": project.name,
            "sequences": [[name, list(shots.items())] for name, shots in keys.items()],
            "fallback": project.continuity.fallback,
            "film": dataclasses.asdict(project.film),
        }
    )


def digest(value: JSON | Mapping[str, Any]) -> str:
    """SHA-256 of canonical JSON: sorted keys, no spaces, 4.0 the same as 4."""
    text = json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def identifying_options(options: Any) -> dict[str, Any]:
    """The options of a generator that decide which clip is made; see `runner.api.TRANSPORT`."""
    found = {}
    for field in dataclasses.fields(options):
        rule = field.metadata.get("identity", True)
        if rule is not False:
            value = getattr(options, field.name)
            found[field.name] = rule(value) if callable(rule) else value
    return found


def _start(given: GivenImage | None, previous: str | None, hand_over: HandOver) -> JSON:
    if given is not None:
        return {"image": given.sha256}
    if previous is not None:
        return {"hand_over": str(hand_over), "of": previous}
    return None


def _canonical(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {str(key): _canonical(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(inner) for inner in value]
    if isinstance(value, (set, frozenset)):
        # Python orders a set of texts anew in every process.
        return sorted(
            (_canonical(inner) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True)
        )
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _canonical(dataclasses.asdict(value))
    return str(value)
