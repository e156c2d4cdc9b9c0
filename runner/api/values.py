"""The values that travel between the runner and a plugin: images, requests, tasks, prices."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from decimal import Decimal

    import numpy as np
    from numpy.typing import NDArray

JSON: TypeAlias = "str | int | float | bool | list[JSON] | Mapping[str, JSON] | None"

SHOT_KEY: Final = {"shot_key": True}
"""Metadata for a field of `ShotRequest` that is a key of a shot in a project, with the field's default.

The schema of `shot:`, the plan and the manifest follow from the declaration; `runner.planning.identity` classifies it.
"""


class Reach(enum.IntEnum):
    """From how far away a URL can be fetched."""

    LOOPBACK = 0  # only from this machine
    NETWORK = 1  # from this machine's network
    PUBLIC = 2  # from anywhere


class InputMode(enum.StrEnum):
    """What a clip is made from, besides its prompt."""

    TEXT = "text"  # nothing
    IMAGE = "image"  # a first frame


class HandOverRule(enum.StrEnum):
    """How the frame of a finished clip is found that the next shot starts from."""

    LAST = "last"
    OFFSET = "offset"  # so many frames before the last one
    BEFORE_FADE = (
        "before_fade"  # the last one before the clip fades out; the last one of all where it does not
    )
    SHARPEST_OF_LAST = "sharpest_of_last"  # the sharpest one of so many at the end


@dataclass(frozen=True, slots=True)
class HandOver:
    """Which frame of a finished clip the next shot starts from."""

    LAST: ClassVar[HandOver]
    """The last frame."""

    rule: HandOverRule = HandOverRule.LAST
    frames: int = 0
    """Of `OFFSET`, how many frames come after it; of `SHARPEST_OF_LAST`, among how many it is; 0 otherwise."""

    def __str__(self) -> str:
        return f"{self.rule}:{self.frames}" if self.frames else str(self.rule)


HandOver.LAST = HandOver()


class Idempotency(enum.StrEnum):
    """What a provider does when it receives the same attempt twice."""

    NONE = "none"  # creates, and bills, two clips
    KEY = "key"  # takes the token as an idempotency key: the second submission returns the first task


@dataclass(frozen=True, slots=True)
class Range:
    """A closed range of numbers, such as the durations in seconds that a model takes."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The expected price of one clip."""

    usd: Decimal
    """US dollars."""
    as_of: date | None = None
    """The day of the price list; `None` is unknown."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` requests in any `per_s` seconds, for one account."""

    count: int
    per_s: float


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a request cannot be made."""

    key: str
    """The shot's key that it is about: `duration_s`, `model`, `params.mode`."""
    message: str
    value: object = None
    """The value that is not accepted."""
    allowed: str = ""
    """What is accepted instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedImage:
    """A still image as a file's bytes."""

    data: bytes
    format: str
    """ "png", "jpeg" or "webp", detected from the bytes."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    sha256: str
    """The digest of `data`, 64 hex digits."""

    @property
    def mime(self) -> str:
        """The media type."""
        return f"image/{self.format}"

    @property
    def extension(self) -> str:
        """The extension of a file name, without the dot: "png", "jpg" or "webp"."""
        return "jpg" if self.format == "jpeg" else self.format

    @property
    def url(self) -> str:
        """The image as a `data:` URI, which providers that take images inline accept in place of a URL."""
        import base64

        return f"data:{self.mime};base64,{base64.b64encode(self.data).decode('ascii')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedImage:
    """An image on an image host."""

    url: str
    reach: Reach
    """From how far away `url` can be fetched."""
    expires_at: datetime | None = None
    """Timezone-aware; `None` means that it is served for as long as the session lasts."""


FirstFrame: TypeAlias = HostedImage | EncodedImage
"""How a first frame reaches a generator: as a URL, or inline where its `ImageInput` has `inline_max_bytes`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One decoded frame as a viewer sees it: rotation applied, full-range RGB."""

    rgb: NDArray[np.uint8]
    """Shape (height, width, 3), dtype uint8."""
    time_s: float
    """Presentation time in seconds."""
    method: str
    """How it was found, for the manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotRequest:
    """One clip to generate."""

    project: str
    sequence: str
    shot: str
    prompt: str
    """With the project's style."""
    model: str | None = None
    duration_s: float = field(default=4.0, metadata=SHOT_KEY)
    """Seconds."""
    aspect_ratio: str = field(default="16:9", metadata=SHOT_KEY)
    """WIDTH:HEIGHT, such as "16:9"."""
    resolution: str = field(default="720p", metadata=SHOT_KEY)
    """The short side, such as "720p"."""
    fps: float = field(default=24.0, metadata=SHOT_KEY)
    """Frames per second."""
    seed: int | None = field(default=None, metadata=SHOT_KEY)
    take: int = field(default=1, metadata=SHOT_KEY)
    """Counts from 1. A higher take requests another clip for the same request."""
    negative_prompt: str = field(default="", metadata=SHOT_KEY)
    """What should not be in the clip."""
    params: Mapping[str, JSON] = field(default_factory=dict)
    """Parameters of the model, passed to the provider as they are."""
    image: FirstFrame | None = None
    """The first frame that the clip must start from; `None` requests text-to-video."""
    last_image: FirstFrame | None = None
    """The frame that the clip must end on, where the model takes one."""


@dataclass(frozen=True, slots=True)
class TaskRef:
    """The provider's task."""

    id: str
    """All that is needed to find the task again from another process, with `data`. It is written down: an id with a key
    or a control character in it makes the outcome of the request unknown."""
    data: Mapping[str, JSON] = field(default_factory=dict)
    """What else the provider needs for that, such as a status URL. It is kept in the journal, without the keys that it
    may hold: a later run gets `(hidden)` in their place."""


class State(enum.StrEnum):
    """The state of a task at the provider."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """One clip that can be downloaded."""

    url: str
    expires_at: datetime | None = None
    """Timezone-aware; `None` is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The answer to a poll."""

    state: State
    progress: float | None = None
    """0 to 1, where the provider reports it."""
    results: tuple[Result, ...] = ()
    reason: str = ""
    """Why a task failed."""
    cost_usd: Decimal | None = None
    """What the provider says the task cost, or holds for it; 0 once it was refunded."""
    transient: bool = False
    """A failed task may well succeed when it is submitted again. Done only where it is known to have cost nothing."""
    max_retries: int | None = None
    """How often such a failure is worth a new submission; `None` leaves it to `limits.retries`."""
    prompt: str | None = None
    """The prompt as the provider reports it, where it does: it tells a task from one whose id was mixed up."""
    advice: str = ""
    """What else the user can do about a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """What a provider reports about an account."""

    summary: str
    """One line for the user."""
    balance_usd: Decimal | None = None
    clock: datetime | None = None
    """The provider's time, timezone-aware."""
