"""All that a plugin author writes against: specs, protocols, requests, results, events. No logic.

A plugin is a module with one function:

    from runner.api import GeneratorSpec, hookimpl

    @hookimpl
    def runner_register():
        return GeneratorSpec(name="mine", factory=Mine, options=MyOptions, capabilities=...)

`factory(options, context)` builds the object that does the work; the protocols below say what it must offer.
A plugin imports from `runner.api`, `runner.errors` and `runner.media`, and heavy libraries only inside functions.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, runtime_checkable

import pluggy

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import date, datetime
    from decimal import Decimal
    from pathlib import Path

    import httpx
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "API_VERSION",
    "JSON",
    "TRANSPORT",
    "AccountState",
    "Clears",
    "Context",
    "Download",
    "Event",
    "EventKind",
    "Examines",
    "Extractor",
    "ExtractorSpec",
    "Finds",
    "Frame",
    "Generator",
    "GeneratorCapabilities",
    "GeneratorSpec",
    "HandOver",
    "Hosted",
    "How",
    "Idempotency",
    "NoOptions",
    "Notifies",
    "Objection",
    "Picture",
    "Price",
    "Rate",
    "Reach",
    "Result",
    "ShotRequest",
    "Sink",
    "Span",
    "Spec",
    "State",
    "Status",
    "TaskRef",
    "Uploader",
    "UploaderCapabilities",
    "UploaderSpec",
    "hookimpl",
]

API_VERSION: Final = 1
"""The version of this module. A plugin module may state the one it was written for as `runner_api_version = 1`."""

TRANSPORT: Final[Mapping[str, bool]] = {"identity": False}
"""Metadata for an options field that says how a clip is got, not which: a key, a timeout, a limit.

    api_key: str = field(default="", metadata=TRANSPORT)

All other options are part of a shot's identity: changing them asks for another clip. Instead of `False` there may be
a function from the value to what identifies it: two values with the same result ask for the same clip.
"""

hookimpl = pluggy.HookimplMarker("runner")

JSON: TypeAlias = "str | int | float | bool | list[JSON] | Mapping[str, JSON] | None"


# --- values -----------------------------------------------------------------------------------------------------


class Reach(enum.IntEnum):
    """From how far away an address can be fetched."""

    LOOPBACK = 0  # only from this machine
    NETWORK = 1  # from this machine's network
    PUBLIC = 2  # from anywhere


class How(enum.StrEnum):
    """What a clip is made from, besides its prompt."""

    TEXT = "text"  # nothing
    IMAGE = "image"  # a first frame


class HandOver(enum.StrEnum):
    """Which frame of a finished clip the next shot starts from."""

    LAST = "last"


@dataclass(frozen=True, slots=True)
class Span:
    """A closed range of numbers, such as the durations in seconds that a model takes."""

    low: float
    high: float


class Idempotency(enum.StrEnum):
    """What a provider does when it sees the same attempt twice."""

    NONE = "none"  # makes, and bills, two clips
    KEY = "key"  # takes the token as an idempotency key: the second submission answers with the first task


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one clip is expected to cost, in US dollars, by a price list of the day `as_of`."""

    usd: Decimal
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` new tasks in any `per_s` seconds, for one account."""

    count: int
    per_s: float


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a request cannot be made. `key` is the shot's key that it is about: `duration_s`, `model`, `params.mode`."""

    key: str
    message: str
    value: object = None
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class NoOptions:
    """The options of a plugin that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorCapabilities:
    """What a generator can do with one model; the whole plan is checked against it before anything is spent.

    `model` is the name that the model goes by where it has several: it takes the place of the one that was typed.
    `None` for a set of values means "anything". Durations are seconds; resolutions are compared without regard to
    case. `objections` finds what the sets cannot say, such as a length that goes with one resolution only.
    `retired` is the day from which the model is gone, `successors` are models to use instead.

    `image_reach` is how public the address of a first frame must be for this generator to fetch it: a hosted service
    needs `PUBLIC`, one that runs inside this process `LOOPBACK`. `image_formats` are in order of preference: "png",
    "jpeg", "webp"; the first one that keeps within `image_max_bytes` is used. `image_min_px` and `image_max_px` bound
    width and height, `image_ratio` the width over the height. `seed` says that the model takes one. `poll_s` is how
    many seconds apart a task is polled: at first, and at the most, once it has been running for long. `notifies`
    says that the object has `notified`.

    What money hangs on: `price` tells what a request will cost, `None` (or no function) that nobody knows.
    `idempotency` and `finds` (the object has `find`) decide what is done when an answer to a submission got lost.
    `rate`, `poll_rate` (polls, of all its tasks together) and `in_flight` are the account's limits.
    """

    model: str | None = None

    text: bool = True
    image: bool = False
    durations_s: Span | tuple[float, ...] | None = None
    aspect_ratios: tuple[str, ...] | None = None
    resolutions: tuple[str, ...] | None = None
    prompt_max_chars: int | None = None
    seed: bool = True
    objections: Callable[[ShotRequest], Iterable[Objection]] | None = None
    image_formats: tuple[str, ...] = ("png", "jpeg", "webp")
    image_max_bytes: int | None = None
    image_min_px: int | None = None
    image_max_px: int | None = None
    image_ratio: Span | None = None
    image_reach: Reach = Reach.PUBLIC
    poll_s: Span = Span(2.0, 15.0)
    notifies: bool = False
    retired: date | None = None
    successors: tuple[str, ...] = ()
    price: Callable[[ShotRequest], Price | None] | None = None
    idempotency: Idempotency = Idempotency.NONE
    finds: bool = False
    rate: Rate | None = None
    poll_rate: Rate | None = None
    in_flight: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploaderCapabilities:
    """What the addresses are like that it hands out: how public, whether HTTPS, and how many seconds they live.

    A life of `None` is as long as the run. `clears` says that the object has `clear`. For people: `advice` is what to
    check when a picture cannot be fetched from there, `farther` how its addresses become more public, `longer` how
    they live longer.
    """

    reach: Reach
    https: bool = True
    life_s: float | None = None
    clears: bool = False
    advice: str = ""
    farther: str = ""
    longer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the host lends to a plugin object for one run.

    `run` is the same text whenever the same request is run. `work_dir` is a private folder that is removed at the end
    of the run. `http` is shared: never close it. `download` fetches what a provider says a clip's address is, and
    trusts nobody; a generator for a hosted service uses it.
    """

    work_dir: Path
    http: httpx.AsyncClient
    download: Download
    log: logging.Logger
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An encoded still picture. `format` is "png", "jpeg" or "webp", told from its bytes."""

    data: bytes
    format: str
    width: int
    height: int
    sha256: str

    @property
    def mime(self) -> str:
        return f"image/{self.format}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One decoded frame as a viewer would see it: rotation applied, full-range RGB.

    `rgb` has shape (height, width, 3), dtype uint8. `time_s` is its presentation time. `method` says how it was
    found, for the manifest.
    """

    rgb: NDArray[np.uint8]
    time_s: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """A picture on an image host. `expires_at` is timezone-aware; `None` means for as long as the run lasts."""

    url: str
    reach: Reach
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotRequest:
    """One clip to make. `image` is the first frame it must start from; `None` asks for text-to-video.

    `last_image` is the frame it must end on, where the model takes one.
    `duration_s` is in seconds, `resolution` names the short side ("720p"), `fps` is frames per second. `params`
    are passed to the provider as they are.
    """

    project: str
    sequence: str
    shot: str
    prompt: str
    model: str | None
    duration_s: float
    aspect_ratio: str
    resolution: str
    fps: float
    seed: int | None
    take: int
    params: Mapping[str, JSON] = field(default_factory=dict)
    image: Hosted | None = None
    last_image: Hosted | None = None


@dataclass(frozen=True, slots=True)
class TaskRef:
    """The provider's task. `id` is all that is needed to find it again in another process."""

    id: str


class State(enum.StrEnum):
    """Where a task stands at the provider."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """One clip that can be fetched."""

    url: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """An answer to a poll. `progress` is 0 to 1 where the provider tells; `reason` says why a task failed.

    `cost_usd` is what the provider says the task cost, or holds for it; 0 once it was refunded. `by_chance` says that
    a failed task may well succeed when it is asked for again; that is done only where it is known to have cost nothing,
    and no more than `repeats` times where that is given. `prompt` is the one that the provider says it was given, where
    it says so: it tells a task from another one whose id was mixed up. `advice` is what else a person can do about a
    failure.
    """

    state: State
    progress: float | None = None
    results: tuple[Result, ...] = ()
    reason: str = ""
    cost_usd: Decimal | None = None
    by_chance: bool = False
    repeats: int | None = None
    prompt: str | None = None
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """What a provider says about an account: a line for a person, the balance, the provider's time (timezone-aware)."""

    summary: str
    balance_usd: Decimal | None = None
    clock: datetime | None = None


class EventKind(enum.StrEnum):
    """What an observer is told about."""

    RUN_STARTED = "run_started"
    RUN_WARNED = "run_warned"
    RUN_FINISHED = "run_finished"
    SHOT_REUSED = "shot_reused"
    SHOT_UPLOADING = "shot_uploading"
    SHOT_SUBMITTED = "shot_submitted"
    SHOT_PROGRESS = "shot_progress"
    SHOT_FETCHING = "shot_fetching"
    SHOT_FINISHED = "shot_finished"
    SHOT_FELL_BACK = "shot_fell_back"
    SHOT_WARNED = "shot_warned"
    SHOT_FAILED = "shot_failed"
    SHOT_SKIPPED = "shot_skipped"
    FILM_FINISHED = "film_finished"
    FILM_FAILED = "film_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. `sequence` and `shot` are empty where it concerns all of them."""

    kind: EventKind
    sequence: str = ""
    shot: str = ""
    message: str = ""
    progress: float | None = None
    detail: Mapping[str, JSON] = field(default_factory=dict)


# --- what a plugin object offers ----------------------------------------------------------------------------------


class Sink(Protocol):
    """Where a generator writes the clip it fetches. The engine puts it in place only when it is whole."""

    def expect(self, size: int) -> None:
        """Say how many bytes will come, where the provider says so (Content-Length)."""

    async def write(self, data: bytes) -> None:
        """Append bytes."""


class Download(Protocol):
    """Fetches a clip as carefully as an address needs that someone else chose."""

    async def __call__(
        self, url: str, sink: Sink, *, hosts: Collection[str], local: bool = False, max_bytes: int = 2 << 30
    ) -> None:
        """Stream `url` into `sink`, without any credentials.

        Only over HTTPS, only from `hosts` (names, or "*.name" for all below it), never from an address that is not
        public, not even by way of a redirect. `local` allows this machine's own addresses as well, also over HTTP.
        Raises `FetchFailed`, with the HTTP status in it where there was one.
        """
        ...


class Generator(Protocol):
    """Turns a request into a clip, in three steps that the engine drives. It never retries by itself.

    An object with `__aenter__` and `__aexit__` is entered before the first request and left at the end of the run.
    Raise the errors of `runner.errors`: anything else is reported as a bug of the plugin.
    """

    async def submit(self, request: ShotRequest, token: str) -> TaskRef:
        """Ask for a clip. `token` is unique to this attempt.

        Raises `SubmitRefused` when it is certain that nothing was made, `SubmitUnknown` when it is not.
        """
        ...

    async def poll(self, ref: TaskRef) -> Status:
        """Ask how the task is doing. May be called at any time, also after it finished.

        Raises `PollFailed` when that cannot be told now, `TaskUnknown` when the provider has no such task: in the first
        moments after a submission, that is believed only when it is said again and again.
        """
        ...

    async def fetch(self, status: Status, sink: Sink) -> None:
        """Stream the finished clip into `sink`. Raises `FetchFailed`."""
        ...


@runtime_checkable
class Finds(Protocol):
    """A generator that can look up what became of an attempt. Its capabilities say `finds=True`."""

    async def find(self, token: str) -> TaskRef | None:
        """The task of this attempt; `None` when it is certain that the provider never took it."""
        ...


@runtime_checkable
class Notifies(Protocol):
    """A generator that hears from its provider when a task changes. Its capabilities say `notifies=True`."""

    async def notified(self, ref: TaskRef) -> None:
        """Return when there is news of this task; it is polled then. Cancelled when it takes too long."""
        ...


@runtime_checkable
class Examines(Protocol):
    """A generator that can tell if its account works. `runner doctor` asks it."""

    async def examine(self) -> AccountState:
        """What there is to say about the account; costs nothing. Raises what is wrong with it."""
        ...


@runtime_checkable
class Clears(Protocol):
    """An uploader that takes away what it hosted. Its capabilities say `clears=True`."""

    async def clear(self) -> None:
        """Remove all pictures of this run's request, also those of earlier runs that were killed.

        Called at the end of a run that hosted pictures, once no task can need them any more. Raises `UploadError`.
        """
        ...


class Extractor(Protocol):
    """Reads the hand-over frame of a clip. Blocking: the engine calls it in a worker thread."""

    def extract(self, clip: Path, policy: HandOver) -> Frame:
        """Return the true frame. Raises `MediaError` (mostly `ExtractionRefused`) rather than return a wrong one."""
        ...


class Uploader(Protocol):
    """Puts a picture where a generator can fetch it. Entered and left like a generator."""

    async def put(self, picture: Picture) -> Hosted:
        """Host the bytes and return their address. Raises `UploadError`."""
        ...


# --- what a plugin registers --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSpec:
    """A generator under a name. `options` is a dataclass: its fields are the keys under `generator:`.

    `capabilities` may depend on the options, the model and what the clip is made from: then it is a function of the
    three. `key_version` goes into the identity of every shot: raise it when the same request would give another clip.
    `account` returns what tells one paying account from another (an API key); only a fingerprint of it is kept. It
    raises `ConfigError` where the key is missing: that is said before anything starts. `names_matter` says that the
    names of project, sequence and shot change the clip; then they are part of its identity. `models` lists, for
    `runner plugins NAME`, the models there are with a line about each.
    """

    name: str
    factory: Callable[[Any, Context], Generator]
    capabilities: GeneratorCapabilities | Callable[[Any, str | None, How], GeneratorCapabilities]
    options: type = NoOptions
    key_version: int = 1
    summary: str = ""
    account: Callable[[Any], str] | None = None
    names_matter: bool = False
    models: Callable[[], Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractorSpec:
    """An extractor under a name."""

    name: str
    factory: Callable[[Any, Context], Extractor]
    options: type = NoOptions
    key_version: int = 1
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploaderSpec:
    """An uploader under a name. `capabilities` may depend on the options: then it is a function of them.

    `ready` raises a `RunnerError` for what is wrong for certain before the host is asked (no key, no key file): that is
    said before anything is paid for. It may block for some seconds.
    """

    name: str
    factory: Callable[[Any, Context], Uploader]
    capabilities: UploaderCapabilities | Callable[[Any], UploaderCapabilities]
    options: type = NoOptions
    summary: str = ""
    ready: Callable[[Any], None] | None = None


Spec: TypeAlias = GeneratorSpec | ExtractorSpec | UploaderSpec
