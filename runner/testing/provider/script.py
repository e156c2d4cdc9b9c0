"""Answers that are scripted: each in its order and number, then all is well.

An answer is a name, `name*3` for three times, `name*` for ever, or a mapping of `answer`, `times` (a number or
forever), `delay_s`, and what it needs: `msg` and `http` for a code, `state`, `to` for a redirect, `size`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, TypeVar

from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError

T = TypeVar("T")

TROUBLES: Final = ("drop", "hang", "html", "text")
"""Answers that are none, to any request."""

BEFORE_OR_AFTER: Final = frozenset(
    f"{trouble}_{when}" for trouble in TROUBLES for when in ("before", "after")
)
"""The same, before or after a request was dealt with."""

DOWNLOAD: Final = frozenset(
    {"ok", "expired", "truncated", "cut", "empty", "page", "page_as_video", "slow", "oversized", "redirect"}
    | {"drop", "hang"}
)
"""Answers to a download, and CODE, which is an HTTP status."""

FOREVER: Final = None


class Strict:
    """An unknown key is an error."""

    __slots__ = ()
    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Strict):
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
        return int(self.name) if self.name.isdecimal() else None

    @property
    def name(self) -> str:
        """The answer, without when it is given."""
        return self.answer.removesuffix("_before").removesuffix("_after")

    @property
    def after(self) -> bool:
        """Whether the request is dealt with first; an answer that is only late is late to tell of what was done."""
        return self.answer.endswith("_after") or self.answer == "ok"


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


def check(where: str, steps: Steps, names: frozenset[str], *, after: bool = False) -> None:
    """Raises `ValueError` for an answer that is neither a name nor a code; `after`: CODE_after is one, too."""
    for step in steps:
        code = step.code if step.answer.isdecimal() or (after and step.after) else None
        if step.answer not in names and not (code is not None and 100 <= code <= 599):
            raise ValueError(f"{where}: {step.answer!r} is none of {', '.join(sorted(names))}, or a code")


def nth(steps: Steps, index: int) -> Step | None:
    """The answer number `index`, from 0; None when they ran out, or where it is "ok" without delay."""
    for step in steps:
        if step.times is None or index < step.times:
            return None if step.answer == "ok" and not step.delay_s else step
        index -= step.times
    return None


def validated(adapter: TypeAdapter[T], raw: Any) -> T:
    """A script of an emulator's own type. Raises `ValueError` that says, line by line, what in `raw` is wrong."""
    try:
        return adapter.validate_python(raw)
    except ValidationError as problem:
        lines = [
            f"{'.'.join(str(part) for part in one['loc']) or 'script'}: {one['msg']}"
            for one in problem.errors()
        ]
        raise ValueError("\n".join(lines)) from None
