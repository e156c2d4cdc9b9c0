"""The generator that speaks to `runner.testing.fake_provider`, written as one for a real provider would be.

What matters in it: whatever goes wrong in `submit` becomes `SubmitRefused` or `Busy` only where it is certain that
nothing was made. All else is `SubmitUnknown`: the user decides, and no clip is paid for twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from runner.api import (
    SECRET,
    TRANSPORT,
    Billing,
    Context,
    GeneratorCapabilities,
    GeneratorSpec,
    Idempotency,
    ImageInput,
    InputMode,
    Polling,
    Price,
    Range,
    Rate,
    RateLimits,
    Reach,
    RequestLimits,
    Result,
    ShotRequest,
    Sink,
    State,
    Status,
    TaskRef,
    hookimpl,
)
from runner.errors import Busy, FetchFailed, PollFailed, ShotError, SubmitRefused, TaskUnknown
from runner.providers import EXPIRED, ApiKey, HttpApi, describe, json_of, retry_after_s

if TYPE_CHECKING:
    import httpx

runner_api_version = 2

_MODELS: Final = "fake"
_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class FakeOptions:
    """None of them says which clip is made, so none is part of a shot's identity.

    base_url     where the provider listens
    api_key      the account that pays
    price_usd    what a clip costs; null: nobody knows
    idempotency  send the token as an idempotency key (the provider's script must honour it)
    lookup       look tokens up (the provider's script must allow it)
    rate         {count, per_s}: so many new tasks in so many seconds
    in_flight    so many tasks at once
    timeout_s    how long to wait for an answer, or for a clip
    poll_s       seconds between two polls
    max_clip_mb  a larger clip is not fetched
    inline_max_bytes  first frames are sent in the request, up to this size (the provider's script must take them)
    image_formats     the formats of first frames, best first
    """

    base_url: str = field(metadata=TRANSPORT)
    api_key: str = field(default="test-key", metadata=SECRET)
    price_usd: Decimal | None = field(default=None, metadata=TRANSPORT)
    idempotency: bool = field(default=False, metadata=TRANSPORT)
    lookup: bool = field(default=False, metadata=TRANSPORT)
    rate: Rate | None = field(default=None, metadata=TRANSPORT)
    in_flight: int | None = field(default=None, metadata=TRANSPORT)
    timeout_s: float = field(default=30.0, metadata=TRANSPORT)
    poll_s: float = field(default=0.02, metadata=TRANSPORT)
    max_clip_mb: int = field(default=2_000, metadata=TRANSPORT)
    inline_max_bytes: int | None = field(default=None, metadata=TRANSPORT)
    image_formats: tuple[str, ...] = field(default=("png", "jpeg", "webp"), metadata=TRANSPORT)


class Fake:
    """One account at the fake provider."""

    def __init__(self, options: FakeOptions, context: Context) -> None:
        self.options = options
        self.context = context
        self._api = HttpApi(
            name="the provider",
            base_url=options.base_url,
            key=ApiKey(provider="the fake provider", variable="FAKE_KEY", option=options.api_key),
            http=context.http,
            timeout_s=options.timeout_s,
        )

    async def submit(self, request: ShotRequest, token: str) -> TaskRef:
        """Ask for a clip. Raises `SubmitRefused`, `Busy` or `SubmitUnknown`."""
        headers = {"Idempotency-Key": token} if self.options.idempotency else {}
        return TaskRef(self._accepted(await self._api.submit("/tasks", _body(request, token), headers)))

    async def poll(self, ref: TaskRef) -> Status:
        """Where the task stands. Raises `PollFailed` when that cannot be told now, or `TaskUnknown`."""
        answer = await self._asked(f"/tasks/{ref.id}", f"task {ref.id}")
        try:
            return _status(json_of(answer))
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as problem:
            why = f"its answer cannot be read: {self._api.line(answer)}"
            raise PollFailed(f"task {ref.id} cannot be polled now", why=why) from problem

    async def lookup(self, token: str) -> TaskRef | None:
        """The task of a token. Raises `SubmitUnknown` when the provider does not tell."""
        try:
            ids = json_of(await self._asked("/tasks", "the lookup", token=token))["task_ids"]
            return TaskRef(str(ids[0])) if ids else None
        except (ShotError, ValueError, TypeError, KeyError) as problem:
            why = problem.line if isinstance(problem, ShotError) else describe(problem)
            raise self._api.unknown(f"and it cannot look tokens up: {why}") from problem

    async def fetch(self, status: Status, sink: Sink) -> None:
        """Stream the clip. Raises `FetchFailed`; `why` says "expired" where a poll gives a fresh URL."""
        if not status.results:
            raise FetchFailed("there is nothing to fetch", why="the provider named no result")
        most = self.options.max_clip_mb * _MB
        try:
            async with asyncio.timeout(self.options.timeout_s):
                await self.context.download(status.results[0].url, sink, hosts=(), local=True, max_bytes=most)
        except TimeoutError as problem:
            raise FetchFailed("the clip did not arrive whole", why=describe(problem)) from problem
        except FetchFailed as failed:
            failed.why += "; its URL has expired" if failed.status in EXPIRED else ""
            raise

    async def _asked(self, path: str, what: str, **query: str) -> httpx.Response:
        try:
            answer = await self._api.request("GET", path, params=query)
        except PollFailed as problem:
            raise PollFailed(f"{what} cannot be polled now", why=problem.why) from problem
        if answer.status_code == 404:
            raise TaskUnknown(f"the provider does not know {what}", why="or not under this key")
        if answer.status_code != 200:
            raise PollFailed(f"{what} cannot be polled now", why=self._api.line(answer))
        return answer

    def _accepted(self, answer: httpx.Response) -> str:
        """The task id in the answer to a submission; else the error that its status calls for."""
        status, why, body = answer.status_code, self._api.line(answer), json_of(answer)
        if status in (429, 503):  # of 503 it promises that nothing was accepted
            what = "the provider accepts no more for now"
            raise Busy(what, why=why, retry_after_s=retry_after_s(answer))
        refused = body.get("error") if isinstance(body, dict) else None
        if (400 <= status < 500 and status != 408) or (status == 200 and refused):
            raise SubmitRefused("the provider refused the shot", why=why)
        if status == 200 and isinstance(body, dict) and isinstance(id := body.get("task_id"), str) and id:
            return id
        raise self._api.unknown(f"its answer names no task: {why}")


def _body(request: ShotRequest, token: str) -> dict[str, Any]:
    return {
        "name": f"{request.sequence}/{request.shot}",
        "model": request.model or _MODELS,
        "prompt": request.prompt,
        "duration_s": request.duration_s,
        "aspect_ratio": request.aspect_ratio,
        "resolution": request.resolution,
        "fps": request.fps,
        "seed": request.seed,
        "take": request.take,
        "params": dict(request.params),
        "image_url": request.image.url if request.image else None,
        "token": token,
    }


def _status(body: dict[str, Any]) -> Status:
    results: tuple[Result, ...] = ()
    if url := body.get("result_url"):
        expires = body.get("expires_at")
        results = (Result(str(url), datetime.fromisoformat(expires) if expires else None),)
    state = State(body["state"])
    if state is State.SUCCEEDED and not results:
        raise ValueError("it succeeded and names no result")
    cost, progress = body.get("cost_usd"), body.get("progress")
    return Status(
        state=state,
        progress=None if progress is None else float(progress),
        results=results,
        reason=str(body.get("reason") or ""),
        cost_usd=None if cost is None else Decimal(str(cost)),
    )


def _capabilities(options: FakeOptions, model: str | None, how: InputMode) -> GeneratorCapabilities:
    known = None if options.price_usd is None else Price(usd=options.price_usd)
    return GeneratorCapabilities(
        request=RequestLimits(durations_s=Range(0.1, 60.0)),
        image=ImageInput(
            reach=Reach.LOOPBACK, inline_max_bytes=options.inline_max_bytes, formats=options.image_formats
        ),
        polling=Polling(interval_s=Range(options.poll_s, options.poll_s * 10)),
        billing=Billing(
            price=lambda request: known,
            idempotency=Idempotency.KEY if options.idempotency else Idempotency.NONE,
            lookup=options.lookup,
        ),
        limits=RateLimits(submit=options.rate, in_flight=options.in_flight),
    )


@hookimpl
def runner_register() -> GeneratorSpec:
    return GeneratorSpec(
        name="fake",
        summary="the adversarial provider of runner.testing, for tests",
        factory=Fake,
        options=FakeOptions,
        capabilities=_capabilities,
        account=lambda options: options.api_key,
    )
