"""What a plugin object offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from runner.api.context import Sink
    from runner.api.values import (
        AccountStatus,
        EncodedImage,
        Frame,
        HandOver,
        HostedImage,
        ShotRequest,
        Status,
        TaskRef,
    )


class Generator(Protocol):
    """Turns a request into a clip, in three steps that the engine drives. It never retries by itself.

    An object with `__aenter__` and `__aexit__` is entered before the first request and left at the end of the session.
    Raise the errors of `runner.errors`: anything else is reported as a bug of the plugin.
    """

    async def submit(self, request: ShotRequest, token: str) -> TaskRef:
        """Submit a request. `token` is unique to this attempt.

        Raises `SubmitRefused` when it is certain that nothing was created, `SubmitUnknown` when it is not.
        """
        ...

    async def poll(self, ref: TaskRef) -> Status:
        """Return the state of a task. May be called at any time, also after it finished.

        Raises `PollFailed` when that cannot be determined now, `TaskUnknown` when the provider has no such task: that
        is believed only after it was reported for half a minute.
        """
        ...

    async def fetch(self, status: Status, sink: Sink) -> None:
        """Stream the finished clip into `sink`. Raises `FetchFailed`."""
        ...


@runtime_checkable
class SupportsLookup(Protocol):
    """A generator that can look up what became of an attempt. Its `Billing` says `lookup=True`."""

    async def lookup(self, token: str) -> TaskRef | None:
        """Return the task of this attempt; `None` when it is certain that the provider never accepted it."""
        ...


@runtime_checkable
class SupportsCancel(Protocol):
    """A generator that can cancel a task. Its `Billing` says `cancel_saves_money=True`."""

    async def cancel(self, ref: TaskRef) -> None:
        """Cancel a task. Return once the provider has accepted that; raise a `ShotError` where it does not.

        What the task costs then is what the next poll reports.
        """
        ...


@runtime_checkable
class SupportsCallback(Protocol):
    """A generator that its provider calls back when a task changes. Its `Polling` says `callback=True`."""

    async def wait_callback(self, ref: TaskRef) -> None:
        """Return when the provider called back about this task; it is polled then.

        Cancelled after the poll interval.
        """
        ...


@runtime_checkable
class SupportsAccountStatus(Protocol):
    """A generator that can check its account. `runner doctor` calls it."""

    async def account_status(self) -> AccountStatus:
        """Return what the provider reports about the account; free of charge. Raises what is wrong with it."""
        ...


class Extractor(Protocol):
    """Reads the hand-over frame of a clip. Blocking: the engine calls it in a worker thread."""

    def extract(self, clip: Path, policy: HandOver) -> Frame:
        """Return the true frame: `HandOver.LAST`, or where its spec says `offsets=True` also the rule `OFFSET`.

        Other rules are resolved to one of these before.

        Raises `MediaError` (mostly `ExtractionRefused`) rather than return a wrong one."""
        ...


class Uploader(Protocol):
    """Puts an image where a generator can fetch it. Entered and left like a generator."""

    async def put(self, image: EncodedImage) -> HostedImage:
        """Host the bytes and return their URL. Raises `UploadError`."""
        ...


@runtime_checkable
class SupportsDelete(Protocol):
    """An uploader that deletes what it hosted. Its capabilities say `delete=True`."""

    async def delete(self) -> None:
        """Delete all images of this request (`Context.run`), also those of earlier runs that were killed.

        Called at the end of a run that hosted images, once no task can need them any more. Raises `UploadError`.
        """
        ...


class Metric(Protocol):
    """Measures one number. Blocking and pure: the engine calls it in a worker thread, for several clips at once."""

    def measure(self, subject: Any) -> float | None:
        """Return a finite number; `None` where there is none, such as the loudness of a silent clip.

        `subject` is a `ClipSubject` or a `SeamSubject`, as the spec's `level` says. The same subject has the same
        number. What is raised becomes a warning: a clip that is paid for does not fail for a metric.
        """
        ...
