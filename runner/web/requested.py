"""What a request may ask for: a project of `conf/` with overrides, or a whole project in the body.

A sender is nobody in particular. What is not known to be harmless is refused: sections that say where files, keys and
code are; whatever reads the environment; names of files.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runner.config import catalogue
from runner.config.convert import listed, nearest
from runner.config.interpolations import found_in
from runner.errors import ConfigError, Problem
from runner.redaction import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from runner.api import JSON

SECTIONS: Final = (
    *("project", "shot", "sequences", "generator", "generators", "uploader", "extractor"),
    *("continuity", "film", "budget", "checks", "metrics"),
)
"""What a request may set. Of plugins it chooses profiles, and of generators the model and its parameters."""
MOST_LEVELS: Final = 24
MOST_VALUES: Final = 20_000
MOST_OVERRIDES: Final = 200
LONGEST_TEXT: Final = 50_000
_CHOSEN: Final = ("generator", "uploader", "extractor")
_OF_GENERATOR: Final = ("profile", "model", "params")
_KEY: Final = re.compile(r"\+{0,2}(?P<key>[A-Za-z]\w*(?:\.[\w-]+)*)", re.ASCII)
_LABELLED: Final = re.compile(r"\+generator@generators\.(?P<label>\w+)", re.ASCII)
_SETTABLE: Final = re.compile(r"(?:generator|generators\.[\w-]+)\.(?:model|params(?:\.[\w-]+)*)", re.ASCII)
_CODE: Final = re.compile(r"_\w+_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A request that holds nothing but what a request may hold. `content` is it as it was sent."""

    content: Mapping[str, JSON]
    project: str = ""
    """The name of a project of `conf/`; empty where the body is the project."""
    overrides: tuple[str, ...] = ()
    body: Mapping[str, JSON] = field(default_factory=dict)
    profiles: tuple[tuple[str, str], ...] = ()
    """The profiles that the body chooses, by the dotted place they go to."""

    @property
    def digest(self) -> str:
        """Of the content, 64 hex digits."""
        return hashlib.sha256(canonical(self.content).encode()).hexdigest()

    def with_take(self, sequence: str, shot: str, take: int) -> dict[str, Any]:
        """The content of the same request with another take of one shot."""
        if self.project:
            key = f"sequences.{sequence}.shots.{shot}.take"
            others = [one for one in self.overrides if one.lstrip("+").partition("=")[0] != key]
            return {"project": self.project, "overrides": [*others, f"++{key}={take}"]}
        changed: dict[str, Any] = json.loads(canonical(self.content))
        shots = changed.get("sequences", {}).get(sequence, {}).get("shots", {})
        if isinstance(shots.get(shot), dict):
            shots[shot]["take"] = take
        return changed


def canonical(value: object) -> str:
    """A value as the one JSON text that means it."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def read(content: object, folder: Path) -> Requested:
    """What `content`, the value of a body, asks for. `folder` is the working folder, with its `conf`.

    Raises `ConfigError` with everything that a request may not hold, by dotted keys.
    """
    problems = list(_not_plain(content))
    if not isinstance(content, dict):
        problems.append(Problem(key="body", message="should be a mapping", allowed='{"project": ...}'))
        raise _refused(problems)
    if any(problem.key == "body" for problem in problems):  # too much of it to look at closely
        raise _refused(problems)
    is_named = isinstance(content.get("project"), str)
    if is_named:  # each override is looked at by itself
        problems = [problem for problem in problems if not problem.key.startswith("overrides.")]
    made = _named(content, folder, problems) if is_named else _whole(content, folder, problems)
    if scrubbed(text := canonical(content)) != text:
        # A job is a file: no secret of this machine gets into one, nor is one confirmed by a different answer.
        raise _refused([Problem(key="body", message="holds a secret of the server")])
    return made


def _named(content: dict[str, Any], folder: Path, problems: list[Problem]) -> Requested:
    problems += (
        Problem(
            key=str(key)[:80], message="does not go with the name of a project", allowed="project, overrides"
        )
        for key in content
        if key not in ("project", "overrides")
    )
    name, overrides = content["project"], content.get("overrides", [])
    names = [choice.name for choice in catalogue.choices("project", folder)]
    if name not in names:
        guess = " ".join(filter(None, (nearest(name, names), f"there are: {listed(names)}")))
        problems.append(Problem(key="project", message="there is no such project", value=name, allowed=guess))
    if not isinstance(overrides, list) or not all(isinstance(one, str) for one in overrides):
        problems.append(Problem(key="overrides", message="should be a list of texts", allowed="KEY=VALUE"))
    elif len(overrides) > MOST_OVERRIDES:
        problems.append(Problem(key="overrides", message=f"has more than {MOST_OVERRIDES} entries"))
    else:
        problems += (problem for one in overrides if (problem := _override(one, folder)) is not None)
    if problems:
        raise _refused(problems)
    return Requested(content=content, project=name, overrides=tuple(overrides))


def _override(text: str, folder: Path) -> Problem | None:
    """What is wrong with one override."""
    left, equals, right = text.partition("=")
    shown = left[:80]
    if not equals:
        return Problem(key="overrides", message="is no override", value=text[:80], allowed="KEY=VALUE")
    if labelled := _LABELLED.fullmatch(left):
        return _profile(f"generators.{labelled['label']}", "generator", right, folder)
    if left in _CHOSEN:
        return _profile(left, left, right, folder)
    match = _KEY.fullmatch(left)
    key = match["key"] if match else ""
    section = key.partition(".")[0]
    if section not in SECTIONS or "." not in key:
        return _no_section(shown)
    if section in (*_CHOSEN, "generators") and not _SETTABLE.fullmatch(key):
        return _no_option(key)
    if any(_CODE.fullmatch(part) for part in key.split(".")):
        return Problem(
            key=shown, message="names code to run", allowed="leave it out: nothing is instantiated"
        )
    return _value(key, text)


def _value(key: str, text: str) -> Problem | None:
    """What is wrong with the value of an override, by Hydra's grammar."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    if "${" in text:
        return _interpolates(key)
    try:
        override = OverridesParser.create().parse_override(text)
        value = override.value()
    except (HydraException, ValueError, TypeError, RecursionError) as error:
        return Problem(
            key=key, message="cannot be read", value=str(error).splitlines()[0][:80] if str(error) else ""
        )
    if override.is_sweep_override() or override.is_delete():
        allowed = "one value; text with a comma in two kinds of quotes"
        return Problem(key=key, message="is given several values", allowed=allowed)
    return next(_not_plain(value, key), None)


def _whole(content: dict[str, Any], folder: Path, problems: list[Problem]) -> Requested:
    profiles: list[tuple[str, str]] = []
    body: dict[str, Any] = {}
    for section, value in content.items():
        if section not in SECTIONS:
            problems.append(_no_section(str(section)[:80]))
        elif section in _CHOSEN:
            problems += _choice(section, section, value, folder, body, profiles)
        elif section == "generators":
            for label, chosen in (value if isinstance(value, dict) else {}).items():
                labelled: dict[str, Any] = {}
                at = f"generators.{label}"
                if not re.fullmatch(r"\w{1,80}", str(label), re.ASCII):
                    problems.append(Problem(key=at[:80], message="is no label", allowed="letters and digits"))
                    continue
                problems += _choice(at, "generator", chosen, folder, labelled, profiles)
                body.setdefault(section, {}).update({label: labelled.get(at, {})})
        elif not isinstance(value, dict):
            problems.append(Problem(key=section, message="should be a mapping"))
        else:
            body[section] = value
    if problems:
        raise _refused(problems)
    return Requested(content=content, body=body, profiles=tuple(profiles))


def _choice(
    at: str, group: str, value: Any, folder: Path, into: dict[str, Any], profiles: list[tuple[str, str]]
) -> Iterator[Problem]:
    """Note the profile that is chosen at `at`, and what is set on top of it."""
    keys = {"profile": value} if isinstance(value, str) else value
    if not isinstance(keys, dict):
        yield Problem(
            key=at, message="should be the name of a profile, or a mapping", allowed=_names(group, folder)
        )
        return
    for name in keys:
        if name not in (_OF_GENERATOR if group == "generator" else ("profile",)):
            yield _no_option(f"{at}.{name}"[:120])
    if "profile" in keys:
        problem = _profile(f"{at}.profile", group, keys["profile"], folder)
        if problem is not None:
            yield problem
            return
        profiles.append((at, keys["profile"]))
    elif at != group:
        yield Problem(key=f"{at}.profile", message="has to be given", allowed=_names(group, folder))
    if rest := {name: inner for name, inner in keys.items() if name in ("model", "params")}:
        into[at] = rest


def _profile(key: str, group: str, name: object, folder: Path) -> Problem | None:
    """What is wrong with the choice of a profile. A plugin without one is not chosen by a request."""
    if name in [choice.name for choice in catalogue.choices(group, folder)]:
        return None
    value = str(name)[:80]
    return Problem(key=key, message="there is no such profile", value=value, allowed=_names(group, folder))


def _names(group: str, folder: Path) -> str:
    return f"one of {listed([choice.name for choice in catalogue.choices(group, folder)])}"


def _no_section(key: str) -> Problem:
    return Problem(key=key, message="cannot be set by a request", allowed=f"keys of {listed(SECTIONS)}")


def _no_option(key: str) -> Problem:
    allowed = "the name of a profile; of a generator also model and params"
    return Problem(key=key, message="cannot be set by a request", allowed=allowed)


def _interpolates(key: str) -> Problem:
    return Problem(key=key, message="holds an interpolation", allowed="a plain value")


def _not_plain(value: object, at: str = "") -> Iterator[Problem]:
    """What no value of a request may be, in any place: walked without recursion, so that depth costs nothing."""
    waiting: list[tuple[object, str, int]] = [(value, at, 0)]
    count = 0
    while waiting:
        one, key, level = waiting.pop()
        count += 1
        if level > MOST_LEVELS or count > MOST_VALUES:
            what = f"{MOST_LEVELS} levels deep" if level > MOST_LEVELS else f"{MOST_VALUES:,} values long"
            yield Problem(key="body", message=f"is more than {what}")
            return
        if isinstance(one, dict):
            for name, inner in one.items():
                if not isinstance(name, str) or not _is_text(name) or "${" in name or _CODE.fullmatch(name):
                    message = "is no name of a key"
                    yield Problem(key=f"{key}.{str(name)[:80]!r}".lstrip("."), message=message)
                    continue
                waiting.append((inner, f"{key}.{name}".lstrip("."), level + 1))
        elif isinstance(one, (list, tuple)):
            waiting += [(inner, f"{key}.{index}", level + 1) for index, inner in enumerate(one)]
        elif isinstance(one, str):
            if len(one) > LONGEST_TEXT or not _is_text(one):
                yield Problem(key=key[:120] or "body", message="is too long, or holds signs that are no text")
            elif any(found.resolver or found.dynamic for found in found_in(one)):
                yield _interpolates(key[:120] or "body")
        elif isinstance(one, float) and not math.isfinite(one):
            yield Problem(key=key[:120] or "body", message="is no number")
        elif one is not None and not isinstance(one, (bool, int, float)):
            yield Problem(
                key=key[:120] or "body", message="is no plain value", allowed="text, number, true, false"
            )


def _is_text(text: str) -> bool:
    return not any(unicodedata.category(sign) in ("Cs", "Cc") and sign not in "\n\r\t" for sign in text)


def _refused(problems: list[Problem]) -> ConfigError:
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    return ConfigError(f"the request has {count}; nothing was started", tuple(problems[:50]))
