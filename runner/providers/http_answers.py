"""What an HTTP error or answer says about a request, whoever the provider is."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from runner.providers.foreign_text import one_line, page_text

if TYPE_CHECKING:
    import httpx

_LONGEST_PAGE: Final = 65_536
_MOST_USD: Final = Decimal(50_000)


def never_sent(problem: BaseException) -> bool:
    """Whether a request with `Context.http` failed before it could leave this machine: nothing was created then.

    Every other error leaves open whether the provider received the request.
    """
    import httpx

    return isinstance(problem, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def untrusted_certificate(problem: BaseException | None) -> bool:
    """Whether a connection failed since the other side's certificate could not be verified: no retry helps."""
    while problem is not None:
        if isinstance(problem, ssl.SSLCertVerificationError):
            return True
        problem = problem.__cause__ or problem.__context__
    return False


def retry_after_s(response: httpx.Response, now: datetime | None = None) -> float | None:
    """The seconds in the header Retry-After, a number or a date; `None` where there is none, or it is malformed."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


def json_of(response: httpx.Response) -> Any:
    """The JSON value of an answer; `None` where it is none."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def text_of(response: httpx.Response, key: str = "") -> str:
    """An answer as one line for messages: a page by its title, without the key."""
    return one_line(page_text(response.text), key) if len(response.content) < _LONGEST_PAGE else ""


def usd(value: object, usd_per_unit: Decimal = Decimal(1)) -> Decimal | None:
    """An amount in a provider's JSON in US dollars; `None` where it is no amount, or not a believable one.

    `usd_per_unit` converts credits. An answer can be wrong: a negative amount, or one over 50,000 dollars, is no price.
    """
    if value is None or isinstance(value, bool):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    amount = found * usd_per_unit if found.is_finite() else Decimal(-1)
    return amount if 0 <= amount <= _MOST_USD else None
