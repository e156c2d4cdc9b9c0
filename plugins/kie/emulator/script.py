"""How the emulator is told to misbehave. The package's docstring says how a script is written."""

from __future__ import annotations

import fnmatch
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from pydantic import TypeAdapter

from runner.testing.provider.script import (
    BEFORE_OR_AFTER,
    DOWNLOAD,
    FOREVER,
    TROUBLES,
    Step,
    Steps,
    Strict,
    check,
    nth,
    validated,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CREATE: Final = frozenset({"ok", "no_data_after", *BEFORE_OR_AFTER})
"""Answers to a creation, and CODE (nothing is made) and CODE_after (a task is made)."""

POLL: Final = frozenset({"ok", "no_data", "state", "flag", *TROUBLES})
"""Answers to a poll, and CODE."""

UPLOAD: Final = frozenset({"ok", "drop_before", "drop_after", "hang_before", "html_before", "text_before"})
"""Answers to an upload, and CODE."""

CREDIT: Final = frozenset({"ok", *TROUBLES})
"""Answers to a question for the balance, and CODE."""

_LONGEST_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(Strict):
    """How a task ends badly. `refund=False` keeps the credits."""

    msg: str = "internal error, please try again later."
    code: str = "500"
    refund: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Match(Strict):
    """Which creations a rule is for: all that is given must hold.

    prompt   a part of the prompt         model   a name, with * for any part
    nth      its number among all creations since the script was set, from 1
    key      of the account
    """

    prompt: str = ""
    model: str = "*"
    nth: int | None = None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Strict):
    """What happens to the creations that match, and to their tasks. The package's docstring explains each key."""

    match: Match = Match()
    times: int | None = FOREVER
    create: Steps = ()
    poll: Steps = ()
    download: Steps = ()
    states: tuple[str, ...] | None = None
    seconds: float | None = None
    grace_s: float | None = None
    stuck: bool = False
    fail: Fail | None = None
    result: Literal[
        "urls",
        "several",
        "snake_case",
        "under_data",
        "snake_under_data",
        "object",
        "empty_urls",
        "empty_object",
        "empty_string",
        "bad_json",
    ] = "urls"
    urls: tuple[str, ...] = ()
    credits: float | None = None
    clip_s: float | None = None
    ignore_image: bool = False

    def __post_init__(self) -> None:
        check("create", self.create, CREATE, after=True)
        check("poll", self.poll, POLL)
        check("download", self.download, DOWNLOAD)
        if self.states is not None and not (self.states and all(self.states)):
            raise ValueError("states: name at least one")
        if self.clip_s is not None and not 0 < self.clip_s <= _LONGEST_S:
            raise ValueError(f"clip_s: more than 0 and up to {_LONGEST_S}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script(Strict):
    """Rules, of which the first that matches counts; and answers for the calls that belong to no task."""

    rules: tuple[Rule, ...] = ()
    upload: Steps = ()
    uploaded: Steps = ()
    credit: Steps = ()

    def __post_init__(self) -> None:
        check("upload", self.upload, UPLOAD)
        check("uploaded", self.uploaded, DOWNLOAD)
        check("credit", self.credit, CREDIT)


_SCRIPT: Final = TypeAdapter(Script)


def read(raw: object) -> Script:
    """Raises `ValueError` that says, line by line, what in `raw` is not a script."""
    return validated(_SCRIPT, raw)


def load(path: Path) -> Script:
    """A script from a file of YAML or JSON. Raises `ValueError` and `OSError`."""
    import yaml

    try:
        return read(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise ValueError(str(problem)) from None


class Choice(NamedTuple):
    """The rule for a creation, and what it is answered; `step` is None where all is well."""

    rule: Rule
    step: Step | None


class Director:
    """Applies one script, and counts how often each answer was given."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._creations = 0
        self._used: Counter[object] = Counter()

    def creation(self, key: str, body: Mapping[str, Any]) -> Choice:
        """What happens to the creation that just came in."""
        self._creations += 1
        given = body.get("input")
        prompt = str(given.get("prompt", "")) if isinstance(given, dict) else ""
        for place, rule in enumerate(self.script.rules):
            if self._fits(rule, key, str(body.get("model", "")), prompt) and (
                rule.times is None or self._used[place] < rule.times
            ):
                step = nth(rule.create, self._used[place])
                self._used[place] += 1
                return Choice(rule, step)
        return Choice(Rule(), None)

    def other(self, call: Literal["upload", "uploaded", "credit"]) -> Step | None:
        """What the next call of this kind is answered."""
        step = nth(getattr(self.script, call), self._used[call])
        self._used[call] += 1
        return step

    def _fits(self, rule: Rule, key: str, model: str, prompt: str) -> bool:
        match = rule.match
        return (
            match.prompt in prompt
            and fnmatch.fnmatchcase(model, match.model)
            and match.nth in (None, self._creations)
            and match.key in ("", key)
        )
