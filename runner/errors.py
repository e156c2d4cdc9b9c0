"""Every error that this program raises on purpose.

    RunnerError
    ├── ConfigError          the description of the film cannot be used; lists every problem found
    ├── UsageError           the command line cannot be used
    ├── OutputError          the output folder cannot be written
    ├── NotConfirmed         it would cost more than may be spent without asking
    ├── NotAffordable        it would cost more than the budget or the account has
    ├── JournalError         the journal cannot be read or written
    ├── PluginError          a plugin is broken, missing, or registered twice
    ├── CassetteError        a cassette cannot be read or written
    │   └── RecordingIncomplete  it lacks an answer; the clips are there
    ├── UnrecordedRequest    a replay asked for what its cassette does not have; nothing was sent
    ├── MediaError           a file is not what it should be
    │   ├── NotAVideo            no decodable video track in it
    │   ├── NotAudio             no decodable sound in it
    │   ├── Incomplete           it ends before its own headers say it does
    │   ├── ExtractionRefused    its last frame cannot be determined for certain
    │   └── JoinError            the clips of a sequence cannot be joined
    ├── UploadError          the hand-over frame did not get onto the image host
    │   └── UploadRefused        and will not: no key, no bucket, no permission, an unreachable URL
    └── ShotError            a shot did not become a clip
        ├── SubmitRefused        the provider rejected it: nothing was created
        │   └── Busy                 rejected for now: too many requests, or it is down
        ├── SubmitUnknown        unknown whether the provider accepted it
        ├── PluginFailed         a plugin raised or returned what it should not
        ├── TaskFailed           the provider accepted it, and failed
        ├── TaskTimeout          the provider was still working at the deadline
        ├── PollFailed           the state of the task cannot be determined now
        ├── TaskUnknown          the provider has no such task
        ├── LeaseLost            another session took the shot over; nothing was submitted
        ├── TaskIdInUse          the provider returned the task id of another attempt
        ├── OutcomeUnknown       unknown outcome of an earlier request; the user decides
        ├── BudgetStop           it would exceed the budget
        ├── FetchFailed          the clip exists and did not arrive complete
        ├── BadClip              what arrived is not the requested clip
        └── ClipHeld             the clip is there, and the user decides whether the film goes on from it

Busy and PollFailed are RetryLater as well: they may say how long to wait.

Each class says whether money may have been spent (`spent`), whether a retry is safe, that is, spends nothing twice
(`retry_safe`), and what rerunning the same command does (`rerun`).
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import ClassVar

from runner.outgoing import one_line, outgoing
from runner.redaction import scrubbed


class Spent(enum.Enum):
    """Whether a failed step may have cost money."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


class Rerun(enum.Enum):
    """What running the same command again does about a failure."""

    HELPS = "helps"  # it goes on from where this one stopped, and pays for nothing twice
    AFTER_CHANGE = "after a change"  # nothing, before what the error names is changed
    PAYS_AGAIN = "pays again"  # it requests, and pays for, another clip


class RunnerError(Exception):
    """An error to show: what happened, where, why, and what to do next.

    `what` is one sentence. `where` names the shot, the file or the dotted key. `why` is the cause, or what is
    allowed instead. `hint` is the next command or change.
    """

    exit_code: ClassVar[int] = 1
    spent: ClassVar[Spent] = Spent.NO
    retry_safe: ClassVar[bool] = False

    def __init__(self, what: str, *, where: str = "", why: str = "", hint: str = "") -> None:
        # A text of a provider or of a library may hold a key that it was given.
        what, where, why, hint = map(scrubbed, (what, where, why, hint))
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        return self._shown()

    def _shown(self, *more: object) -> str:
        lines = (
            one_line(self.what),
            *map(str, more),
            *(f"  {label}: {text}" for label, text in self.labelled),
        )
        return outgoing("\n".join(lines))

    @property
    def labelled(self) -> tuple[tuple[str, str], ...]:
        """All but the first line: each part that is there, under the label that people see."""
        found = []
        for label, text in (("where", one_line(self.where)), ("why", self.why), ("next", self.hint)):
            if text:
                # Further lines, such as a choice of commands, are aligned with the first.
                found.append((label, text.replace("\n", f"\n{'':{len(label) + 4}}")))
        return tuple(found)

    @property
    def rerun(self) -> Rerun:
        """What the same command does about it."""
        return Rerun.HELPS if self.retry_safe else Rerun.AFTER_CHANGE

    @property
    def line(self) -> str:
        """The error in one line, for tables and logs."""
        return one_line(scrubbed(f"{self.what}: {self.why}" if self.why else self.what))


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault of a configuration.

    `key` is dotted as it is typed on the command line, `value` is shown as found, `allowed` says what may stand
    there, `source` is the file (and line) or override that set it.
    """

    key: str
    message: str
    value: str = ""
    allowed: str = ""
    source: str = ""

    def __str__(self) -> str:
        text = one_line(f"{self.key}: {self.message}")
        for label, detail in (("value", self.value), ("allowed", self.allowed), ("set in", self.source)):
            if detail:
                text += f"\n    {label}: {one_line(detail)}"
        return outgoing(text)


class ConfigError(RunnerError):
    """The composed configuration cannot be used. `problems` holds all that is wrong with it, not the first."""

    exit_code = 2

    def __init__(
        self, what: str, problems: tuple[Problem, ...] = (), *, where: str = "", why: str = "", hint: str = ""
    ) -> None:
        super().__init__(what, where=where, why=why, hint=hint)
        self.problems = problems

    def __str__(self) -> str:
        return self._shown(*(f"- {problem}" for problem in self.problems))


class UsageError(RunnerError):
    """The command line cannot be used."""

    exit_code = 2


class OutputError(RunnerError):
    """The output folder cannot be written, or belongs to something else; nothing was started."""

    exit_code = 2


class PluginError(RunnerError):
    """A plugin cannot be loaded, is not there, or clashes with another."""

    exit_code = 2


class CassetteError(RunnerError):
    """What providers answered cannot be recorded, or cannot be read."""

    exit_code = 2


class RecordingIncomplete(CassetteError):
    """What was answered could not all be recorded. The run itself went on."""

    exit_code = 1


class UnrecordedRequest(RunnerError):
    """A replay made a request that its cassette has no answer to. Nothing was sent."""


class MediaError(RunnerError):
    """A media file is not what it should be."""


class NotAVideo(MediaError):
    """The file holds no decodable video track (empty, HTML, audio only, cover art only)."""


class NotAudio(MediaError):
    """The file holds no sound that can be decoded."""


class Incomplete(MediaError):
    """The file ends before its own headers say it does."""


class ExtractionRefused(MediaError):
    """An extractor cannot determine the true last frame of this file for certain, and does not guess."""


class JoinError(MediaError):
    """The clips of a sequence cannot be joined."""


class UploadError(RunnerError):
    """An image did not get onto the image host. Nothing was generated yet, so a retry is free."""

    retry_safe = True


class UploadRefused(UploadError):
    """The image host rejects the image, or it cannot be fetched from there; a retry changes nothing."""

    retry_safe = False


class ShotError(RunnerError):
    """A shot did not become a clip."""


class SubmitRefused(ShotError):
    """The provider rejected the request before creating anything (validation, moderation, no credit, no connection)."""


class RetryLater(ShotError):
    """To be retried later. `retry_after_s` is how long the provider says to wait, in seconds; `None` is unknown."""

    retry_safe = True

    def __init__(
        self, what: str, *, where: str = "", why: str = "", hint: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(what, where=where, why=why, hint=hint)
        self.retry_after_s = retry_after_s


class Busy(RetryLater, SubmitRefused):
    """The provider accepts no request right now (rate limit, overload, maintenance); nothing was created."""


class SubmitUnknown(ShotError):
    """The request was sent and no answer came: the provider may or may not be generating, and charging."""

    spent = Spent.MAYBE


class PluginFailed(ShotError):
    """A plugin raised what it did not mean to, or returned something else than its interface says."""


class TaskFailed(ShotError):
    """The provider accepted the task and reported that it failed.

    `transient` says that a resubmission may well succeed, `charged` that this one may have cost something.
    `max_retries` is how often it is resubmitted without the user: not at all unless transient and free of charge.
    """

    spent = Spent.YES

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        why: str = "",
        hint: str = "",
        transient: bool = False,
        charged: bool = True,
        max_retries: float = math.inf,
    ) -> None:
        super().__init__(what, where=where, why=why, hint=hint)
        self.transient = transient
        self.charged = charged
        self.max_retries = max_retries if transient and not charged else 0

    @property
    def rerun(self) -> Rerun:
        if self.charged:
            return Rerun.PAYS_AGAIN
        return Rerun.HELPS if self.transient else Rerun.AFTER_CHANGE


class TaskTimeout(ShotError):
    """The provider was still working at the deadline. The task lives on under its id."""

    spent = Spent.YES
    retry_safe = True


class PollFailed(RetryLater):
    """The state of a task cannot be determined for now (no connection, rate limit, a meaningless answer)."""

    spent = Spent.YES


class TaskUnknown(ShotError):
    """The provider has no task of this id: not yet, not any more, or not for this account."""

    spent = Spent.YES


class FetchFailed(ShotError):
    """The clip was generated and did not arrive complete. Fetching it again costs nothing.

    `status` is HTTP's, or 404 for a clip that is not there any more: only such a clip ever counts as lost, and
    only when the provider has no such task any more either.
    """

    spent = Spent.YES
    retry_safe = True

    def __init__(
        self, what: str, *, where: str = "", why: str = "", hint: str = "", status: int | None = None
    ) -> None:
        super().__init__(what, where=where, why=why, hint=hint)
        self.status = status


class BadClip(ShotError):
    """What the provider delivered is not a clip that can be used. It is fetched again by the next run."""

    spent = Spent.YES

    @property
    def rerun(self) -> Rerun:
        return Rerun.HELPS


class ClipHeld(ShotError):
    """The clip is kept, and the film does not go on from it before the user accepts it, or requests another take."""

    spent = Spent.YES


class OutcomeUnknown(ShotError):
    """It is unknown whether an earlier attempt was accepted; it is not repeated before the user says so."""

    exit_code = 3
    spent = Spent.MAYBE


class LeaseLost(ShotError):
    """Another session took over the shot while this one was stopped or could not reach the journal.

    Nothing was submitted; the other session generates the clip.
    """

    retry_safe = True


class TaskIdInUse(ShotError):
    """The provider returned a task id that another attempt of the same account has. One of the two tasks is lost."""

    exit_code = 3
    spent = Spent.MAYBE


class BudgetStop(ShotError):
    """The next shot would break the budget. Nothing was requested."""

    exit_code = 4


class NotConfirmed(RunnerError):
    """The run would cost more than may be spent without asking, and the user did not agree. Nothing was started."""

    exit_code = 4


class NotAffordable(RunnerError):
    """What is known of the prices exceeds the budget, or the account's balance. Nothing was started."""

    exit_code = 4


class Undecidable(RunnerError):
    """A comparison that is asked for could not come to a result. Nothing was started."""

    exit_code = 5


class JournalError(RunnerError):
    """The journal cannot be read or written; nothing is spent without it."""

    exit_code = 2
