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
    from runner.config.project import Film, GeneratorChoice, GivenImage, Project

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


_FILM_ADVICE: Final = frozenset({"max_duration_s"})
"""Keys of `film:` that change no film."""


def fields(
    request: ShotRequest,
    generator: GeneratorChoice,
    *,
    given: GivenImage | None,
    previous: str | None,
    hand_over: HandOver,
    correction: JSON = None,
) -> dict[str, JSON]:
    """Everything that a shot's key is made of; the key is their `digest`. `runner why` compares them.

    `previous` is the key of the shot that it chains from, if it does. `correction` is what decides how the colours of
    that shot's frame are changed, if they are.
    """
    found: dict[str, JSON] = {
        "version": VERSION,
        "generator": generator.spec.name,
        "key_version": generator.spec.key_version,
        "options": identifying_options(generator.options),
        "names": [request.project, request.sequence, request.shot] if generator.spec.names_matter else None,
        "starts_from": _start(given, previous, hand_over, correction),
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
            **({"beam": dataclasses.asdict(project.beam)} if project.beam.is_on else {}),
            "film": film_fields(project.film),
        }
    )


def film_fields(film: Film) -> dict[str, JSON]:
    """What decides how a film is made of its clips: `join`, and the keys that have another value than their default.

    Files count by their digests.
    """
    found: dict[str, Any] = {"join": film.keys.join}
    for one in dataclasses.fields(film.keys):
        value = getattr(film.keys, one.name)
        if value != one.default and one.name not in _FILM_ADVICE:
            found[one.name] = value
    for name, given in (("music", film.music), ("narration", film.narration)):
        if given is not None:
            found[name] = {**dataclasses.asdict(given.keys), "file": given.sha256}
    if film.end_card is not None:
        keys = dataclasses.asdict(film.end_card.keys)
        found["end_card"] = {**keys, "image": film.end_card.image.sha256}
    canonical: dict[str, JSON] = _canonical(found)
    return canonical


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


def _start(given: GivenImage | None, previous: str | None, hand_over: HandOver, correction: JSON) -> JSON:
    if given is not None:
        return {"image": given.sha256}
    if previous is not None:
        corrected = {} if correction is None else {"correct": correction}
        return {"hand_over": str(hand_over), "of": previous, **corrected}
    return None


def _canonical(value: Any) -> Any:
    if value is None or type(value) in (str, int, bool):  # most of what there is
        return value
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
