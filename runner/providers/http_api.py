"""A provider's HTTP API with one account's key, where each failure says whether money may have been spent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner.errors import Busy, FetchFailed, PollFailed, SubmitRefused, SubmitUnknown
from runner.providers.foreign_text import describe
from runner.providers.http_answers import never_sent, text_of, untrusted_certificate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import httpx

    from runner.providers.api_key import ApiKey

EXPIRED: Final = (401, 403, 404, 410)
"""The HTTP statuses that an expired URL is answered with."""


def bearer(key: str) -> Mapping[str, str]:
    """The header that most providers want: `Authorization: Bearer KEY`."""
    return {"Authorization": f"Bearer {key}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpApi:
    """Sends requests below `base_url`. Nothing is sent twice."""

    name: str
    """The provider's name in messages."""
    base_url: str
    key: ApiKey
    http: httpx.AsyncClient
    """`Context.http`."""
    timeout_s: float = 60.0
    auth: Callable[[str], Mapping[str, str]] = bearer
    """The headers that show the key."""

    async def submit(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """POST `body` as JSON to create a task; the answer, whatever its status is.

        Raises `SubmitRefused` without a key, or where the certificate cannot be verified; `Busy` where nothing was sent
        for certain; else `SubmitUnknown`.
        """
        key = await self.key.get(SubmitRefused)
        try:
            content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as problem:
            raise SubmitRefused(
                "the request cannot be written as JSON", why=describe(problem, key)
            ) from problem
        try:
            return await self.http.post(
                f"{self.base_url.rstrip('/')}{path}",
                content=content,
                headers={"Content-Type": "application/json", **self.auth(key), **(headers or {})},
                timeout=self.timeout_s,
            )
        except Exception as problem:
            if untrusted_certificate(problem):
                raise SubmitRefused(
                    f"the certificate of {self.name} cannot be verified",
                    where=self.base_url,
                    why=describe(problem, key),
                    hint="check the URL and the clock; SSL_CERT_FILE names certificates of your own",
                ) from problem
            if never_sent(problem):
                raise Busy(f"{self.name} cannot be reached", why=describe(problem, key)) from problem
            raise self.unknown(f"no answer came: {describe(problem, key)}") from problem

    async def request(self, method: str, path: str, **keys: Any) -> httpx.Response:
        """A request that may be repeated; `keys` are httpx's (`params`, `json`). The answer, whatever its status is.

        Raises `ConfigError` without a key, `PollFailed` where no answer comes.
        """
        import httpx

        key = await self.key.get()
        try:
            return await self.http.request(
                method,
                f"{self.base_url.rstrip('/')}{path}",
                headers=dict(self.auth(key)),
                timeout=self.timeout_s,
                **keys,
            )
        except httpx.HTTPError as problem:
            raise PollFailed(f"{self.name} does not answer", why=describe(problem, key)) from problem

    def line(self, answer: httpx.Response) -> str:
        """An answer as one line for messages, without the key: `HTTP 402: no credit`."""
        return f"HTTP {answer.status_code}: {text_of(answer, self.key.known)}".removesuffix(": ")

    def unknown(self, why: str) -> SubmitUnknown:
        """The error for an answer to a submission that leaves open whether a task was created."""
        return SubmitUnknown(f"cannot tell whether {self.name} accepted this request", why=why)


async def fetch_or_refresh(
    download: Callable[[str], Awaitable[None]], url: str, refresh: Callable[[], Awaitable[str | None]]
) -> None:
    """Download `url`; where it has expired, ask `refresh` for another URL and download that.

    Raises the `FetchFailed` of the last download. `refresh` returns `None` where the provider has no other URL.
    """
    try:
        await download(url)
    except FetchFailed as failed:
        if failed.status not in EXPIRED:
            raise
        fresh = await refresh()
        if fresh is None:
            failed.why += "; its URL has expired, and the provider has no other"
            raise
        await download(fresh)
