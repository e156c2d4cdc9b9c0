"""How the emulator is told to misbehave. The package's docstring says how a script is written."""

from __future__ import annotations

import fnmatch
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, NamedTuple

from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BEFORE_OR_AFTER: Final = ("drop", "hang", "html", "text")

CREATE: Final = frozenset(
    {"ok", "no_data_after", *(f"{one}_{when}" for one in _BEFORE_OR_AFTER for when in ("before", "after"))}
)
"""Answers to a creation, and CODE (nothing is made) and CODE_after (a task is made)."""

POLL: Final = frozenset({"ok", "no_data", "state", "flag", *_BEFORE_OR_AFTER})
"""Answers to a poll, and CODE."""

DOWNLOAD: Final = frozenset(
    {"ok", "expired", "truncated", "cut", "empty", "page", "page_as_video", "slow", "oversized", "redirect"}
    | {"drop", "hang"}
)
"""Answers to a download, and CODE, which is an HTTP status."""

UPLOAD: Final = frozenset({"ok", "drop_before", "drop_after", "hang_before", "html_before", "text_before"})
"""Answers to an upload, and CODE."""

CREDIT: Final = frozenset({"ok", "drop", "hang", "html", "text"})
"""Answers to a question for the balance, and CODE."""

RESULTS: Final = (
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
)
"""What `resultJson` holds on success."""

FOREVER: Final = None
_LONGEST_S: Final = 60


class _Strict:
    __slots__ = ()
    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(_Strict):
    """One answer, given `times` times (None: for ever), `delay_s` seconds late.

    code, msg, http   what a refusal says; `http` is its HTTP status (else by the error style)
    state             the name of a state, for `state`
    to                where a `redirect` leads
    size              bytes of an `oversized` download
    """

    answer: str
    times: int | None = 1
    delay_s: float = 0.0
    msg: str = ""
    http: int | None = None
    state: str = "brewing"
    to: str = ""
    size: int = 300_000_000

    @property
    def code(self) -> int | None:
        """The code of a refusal; None for another answer."""
        number = self.answer.removesuffix("_after")
        return int(number) if number.isdecimal() else None


def _step(raw: object) -> object:
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(raw)
    if isinstance(raw, str):
        name, star, times = raw.partition("*")
        if times and not times.isdecimal():
            raise ValueError(f"{raw!r}: behind * stands a number, or nothing for ever")
        return {"answer": name, "times": int(times) if times else (FOREVER if star else 1)}
    if isinstance(raw, dict):
        known = {**raw, "answer": str(raw.get("answer", ""))}
        return {**known, "times": FOREVER} if raw.get("times") == "forever" else known
    return raw


Steps = tuple[Annotated[Step, BeforeValidator(_step)], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(_Strict):
    """How a task ends badly. `refund=False` keeps the credits."""

    msg: str = "internal error, please try again later."
    code: str = "500"
    refund: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Match(_Strict):
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
class Rule(_Strict):
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

    def __post_init__(self) -> None:
        _known("create", self.create, CREATE, after=True)
        _known("poll", self.poll, POLL)
        _known("download", self.download, DOWNLOAD)
        if self.states is not None and not (self.states and all(self.states)):
            raise ValueError("states: name at least one")
        if self.clip_s is not None and not 0 < self.clip_s <= _LONGEST_S:
            raise ValueError(f"clip_s: more than 0 and up to {_LONGEST_S}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script(_Strict):
    """Rules, of which the first that matches counts; and answers for the calls that belong to no task."""

    rules: tuple[Rule, ...] = ()
    upload: Steps = ()
    uploaded: Steps = ()
    credit: Steps = ()

    def __post_init__(self) -> None:
        _known("upload", self.upload, UPLOAD)
        _known("uploaded", self.uploaded, DOWNLOAD)
        _known("credit", self.credit, CREDIT)


def _known(where: str, steps: tuple[Step, ...], names: frozenset[str], *, after: bool = False) -> None:
    for step in steps:
        code = step.code if after or not step.answer.endswith("_after") else None
        if step.answer not in names and not (code is not None and 100 <= code <= 599):
            raise ValueError(f"{where}: {step.answer!r} is none of {', '.join(sorted(names))}, or a code")


_SCRIPT: Final = TypeAdapter(Script)


def read(raw: object) -> Script:
    """Raises `ValueError` that says, line by line, what in `raw` is not a script."""
    try:
        return _SCRIPT.validate_python(raw)
    except ValidationError as problem:
        lines = [
            f"{'.'.join(str(part) for part in one['loc']) or 'script'}: {one['msg']}"
            for one in problem.errors()
        ]
        raise ValueError("\n".join(lines)) from None


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


def nth(steps: tuple[Step, ...], index: int) -> Step | None:
    """The answer number `index`, from 0; None when they ran out, or where it is "ok" without delay."""
    for step in steps:
        if step.times is None or index < step.times:
            return None if step.answer == "ok" and not step.delay_s else step
        index -= step.times
    return None
