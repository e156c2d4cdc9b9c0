"""Requests for films that a server accepted: each is a file below the outputs root before its sender is answered."""

from __future__ import annotations

import dataclasses
import enum
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.api import JSON

_VERSION: Final = 1
_LONGEST: Final = 10_000


class JobState(enum.StrEnum):
    """How a job of a server stands."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    WAITING = "waiting"
    """For the user: an unknown outcome, a clip that is held, a budget that is spent, or a request to confirm."""

    @property
    def is_open(self) -> bool:
        """Whether it is carried out without anybody doing anything."""
        return self in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProblem:
    """What went wrong with a job, or what it waits for."""

    message: str
    where: str = ""
    """SEQUENCE/SHOT, a file, or a dotted key."""
    hint: str = ""
    """What to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A request that was accepted, and what became of it."""

    id: str
    """32 hex digits: those with which the key of its run begins."""
    request: Mapping[str, JSON]
    """As it was sent."""
    state: JobState
    created: float
    """Seconds since 1970."""
    signature: str = ""
    """That of `id` and `request` by the user who accepted it: a root may be anybody's, and jobs spend money."""
    ended: float | None = None
    exit_code: int | None = None
    cost_usd: float | None = None
    """US dollars at risk in all runs of the request, reservations included; `None` is unknown."""
    problems: tuple[JobProblem, ...] = ()
    folder: str = ""
    """The run folder, below the root; empty before there is one."""

    def to_json(self) -> dict[str, Any]:
        """For its file."""
        return {"version": _VERSION, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, found: Any) -> JobRecord | None:
        """What a file holds; `None` where it is no record of a job."""
        try:
            made = cls(
                id=_text(found["id"]),
                request=_mapping(found["request"]),
                state=JobState(found["state"]),
                created=_number(found["created"]),
                signature=_text(found["signature"]),
                ended=None if found["ended"] is None else _number(found["ended"]),
                exit_code=None if found["exit_code"] is None else int(_number(found["exit_code"])),
                cost_usd=None if found["cost_usd"] is None else _number(found["cost_usd"]),
                problems=tuple(
                    JobProblem(**{name: _text(one[name]) for name in ("message", "where", "hint")})
                    for one in found["problems"]
                ),
                folder=_text(found["folder"]),
            )
        except (KeyError, TypeError, ValueError):
            return None
        return made if found.get("version") == _VERSION else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Star:
    """A clip that the user marked, to find it again. It says nothing of what films go on from."""

    key: str
    """Of the shot."""
    digest: str
    """Of the clip."""
    shot: str = ""
    """SEQUENCE/SHOT."""
    folder: str = ""
    """Of the run in which it was marked, below the root."""
    starred: float = field(default=0.0)
    """Seconds since 1970."""

    @classmethod
    def from_json(cls, found: Any) -> Star | None:
        """What a file holds; `None` where it is no star."""
        try:
            texts = {name: _text(found[name]) for name in ("key", "digest", "shot", "folder")}
            return cls(**texts, starred=_number(found["starred"]))
        except (KeyError, TypeError, ValueError):
            return None


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError("it is no text")
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("it is no mapping")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("it is no number")
    return float(value)
