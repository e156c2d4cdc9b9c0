"""What a generator or an uploader can do. The whole plan is checked against it before anything is spent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runner.api.values import Idempotency, Range, Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from runner.api.values import Objection, Price, Rate, ShotRequest

_INTERVAL_S: Final = Range(2.0, 15.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """The values that a request may have. `None` means any value."""

    durations_s: Range | tuple[float, ...] | None = None
    """Seconds: a range, or the only values."""
    aspect_ratios: tuple[str, ...] | None = None
    """WIDTH:HEIGHT."""
    resolutions: tuple[str, ...] | None = None
    """Compared without regard to case."""
    prompt_max_chars: int | None = None
    seed: bool = True
    """The model takes a seed. Where it does not, a seed is not sent and is no part of the identity."""
    keys: frozenset[str] = frozenset()
    """Further keys of a shot that the model takes. The plan is refused where another one is given."""
    objections: Callable[[ShotRequest], Iterable[Objection]] | None = None
    """Finds what the fields above cannot say, such as a duration that goes with one resolution only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInput:
    """How a first frame reaches the model, and what it must be like."""

    reach: Reach = Reach.PUBLIC
    """How public the URL must be for the provider to fetch it: a hosted service needs `PUBLIC`."""
    inline_max_bytes: int | None = None
    """The provider takes the bytes in the request, up to this many: `request.image` is then an `EncodedImage`, and
    no image host is needed. `None` means that it takes a URL."""
    formats: tuple[str, ...] = ("png", "jpeg", "webp")
    """In order of preference; the first one that keeps within the limits is used."""
    max_bytes: int | None = None
    min_px: int | None = None
    """The least width and height."""
    max_px: int | None = None
    """The greatest width and height."""
    ratio: Range | None = None
    """Width over height."""

    @property
    def inline(self) -> bool:
        """Whether first frames are sent inline."""
        return self.inline_max_bytes is not None

    @property
    def size_limit(self) -> int | None:
        """The most bytes that an image may have; `None` is no limit."""
        limits = [limit for limit in (self.max_bytes, self.inline_max_bytes) if limit is not None]
        return min(limits, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """How the state of a task is learnt."""

    interval_s: Range = _INTERVAL_S
    """Seconds between polls: at first, and at most, once the task has been running for long."""
    callback: bool = False
    """The object has `wait_callback`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """What money depends on."""

    price: Callable[[ShotRequest], Price | None] | None = None
    """The expected price of a request; `None`, or no function, is an unknown price. Free: `Price(usd=Decimal(0))`."""
    idempotency: Idempotency = Idempotency.NONE
    """With `lookup`, it decides what is done when the answer to a submission was lost."""
    lookup: bool = False
    """The object has `lookup`."""
    cancel_saves_money: bool = False
    """The object has `cancel`, and the provider charges less, or nothing, for a cancelled task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """The account's limits at the provider. `None` is no known limit."""

    submit: Rate | None = None
    """New tasks."""
    poll: Rate | None = None
    """Polls, of all its tasks together."""
    in_flight: int | None = None
    """Tasks that may run at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """Whether the model still exists."""

    retired: date | None = None
    """The day from which the model is gone: it is refused before anything is spent."""
    successors: tuple[str, ...] = ()
    """Models to use instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorCapabilities:
    """What a generator can do with one model, for one input mode."""

    model: str | None = None
    """The name that the model goes by where it has several: it replaces the one that was typed."""
    text: bool = True
    """It makes clips from a prompt alone."""
    image: ImageInput | None = None
    """It makes clips that start from a given first frame; `None` means that it does not."""
    request: RequestLimits = field(default_factory=RequestLimits)
    polling: Polling = field(default_factory=Polling)
    billing: Billing = field(default_factory=Billing)
    limits: RateLimits = field(default_factory=RateLimits)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploaderCapabilities:
    """What the URLs are like that an image host hands out."""

    reach: Reach
    """From how far away they can be fetched."""
    https: bool = True
    lifetime_s: float | None = None
    """How long a URL is served, in seconds; `None` means for as long as the session lasts."""
    delete: bool = False
    """The object has `delete`."""
    fetch_hint: str = ""
    """For the user: what to check when an image cannot be fetched from there."""
    reach_hint: str = ""
    """For the user: how the URLs become more public."""
    lifetime_hint: str = ""
    """For the user: how they are served for longer."""
