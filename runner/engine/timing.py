"""All waiting, retrying and patience in one value, injected: nothing in the engine reads a clock by itself.

The table of retries in `runner/README.md` describes what each of these is for.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def _jitter() -> float:
    return random.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long the engine waits, and how often it tries. Times are seconds."""

    # Before anything starts
    account_status_s: float = 15.0
    """How long a provider may take to report an account's balance; without it the run starts all the same."""

    start_s: float = 60.0
    """How long a plugin may take to be entered, and to be left at the end."""

    # Submitting
    busy_tries: int = 8
    """Submissions of one shot while the provider says that it is busy."""
    busy_pause_s: float = 1.0
    """The first pause between them; it doubles each time."""
    busy_pause_max_s: float = 60.0
    retry_after_max_s: float = 120.0
    """The longest wait that is granted to a provider, or something in between, that asks for one."""
    transient_pause_s: float = 2.0
    """Before a task that failed for a transient reason, at no cost, is submitted again; times the failures so far."""

    # Waiting
    poll_s: float = 120.0
    """How long one poll may take."""
    poll_growth: float = 1.25
    """The poll interval grows by this factor, from the generator's lower to its upper bound."""
    broken_polls: int = 8
    """Polls that fail in an unexpected way, one after the other, before the shot fails."""
    unknown_task_s: float = 30.0
    """How long a provider must say that it does not know a task before that is believed."""
    fresh_task_s: float = 10.0
    """How long that is not worth a word: the task may be newer than the provider's index."""
    gone_check_s: float = 2.0
    """Before a task that is said to be gone is polled once more: a paid clip depends on it."""
    revival_polls: int = 3
    """Polls of a task that failed at a cost, before it is paid for again: it may have succeeded after all."""

    # Downloading
    download_tries: int = 3
    download_pause_s: float = 0.5

    # Extracting
    extract_s: float = 600.0
    """How long an extractor may take for one clip."""

    # Measuring
    measure_s: float = 60.0
    """How long a metric may take for one clip, or one seam."""

    # Image hosting
    upload_s: float = 300.0
    """How long an uploader may take for one image."""
    host_tries: int = 5
    """Uploads, and verifications, of one image. A shot without its first frame is paid for all the same."""
    host_pause_s: float = 1.0
    """The first pause between them; it doubles each time."""
    url_trusted_s: float = 60.0
    """How long a verified URL is believed to serve the image without being verified again."""
    verification_s: float = 30.0
    """The time limit of one verification, redirects included."""

    stall_s: float = 5.0
    """How long a plugin may keep the event loop from running before it is named."""

    # Other sessions
    lease_poll_s: float = 0.25
    heartbeat_s: float = 10.0
    remind_s: float = 10.0
    """Between two messages about the same wait."""

    jitter: Callable[[], float] = _jitter
    """A factor for pauses, so that many shots do not retry at the same moment."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    """For durations."""
    clock: Callable[[], float] = time.time
    """Seconds since 1970: for expiry times that a provider or an image host states."""
