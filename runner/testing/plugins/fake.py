"""The generator that speaks to `runner.testing.fake_provider`, written as one for a real provider would be.

What matters in it: whatever goes wrong in `submit` becomes `SubmitRefused` or `Busy` only where it is certain that
nothing was made. All else is `SubmitUnknown`: a person decides, and no clip is paid for twice.
"""

from __future__ import annotations

import email.utils
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
from runner.errors import Busy, FetchFailed, PollFailed, ShotError, SubmitRefused, SubmitUnknown, TaskUnknown
from runner.providers import json_of, media_type

if TYPE_CHECKING:
    import httpx

runner_api_version = 2

_MODELS: Final = "fake"
_PIECE: Final = 64 * 1024
_EXPIRED: Final = (401, 403, 410)


@dataclass(frozen=True, slots=True)
class FakeOptions:
    """None of them says which clip is made, so none is part of a shot's identity.

    base_url     where the provider listens
    api_key      the account that pays
    price_usd    what a clip costs; null: nobody knows
    idempotency  send the token as an idempotency key (the provider's script must honour it)
    finds        look tokens up (the provider's script must allow it)
    rate         {count, per_s}: so many new tasks in so many seconds
    in_flight    so many tasks at once
    timeout_s    how long to wait for an answer, or for the next piece of a clip
    poll_s       seconds between two polls
    max_clip_mb  a larger clip is not fetched
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


@dataclass(frozen=True, slots=True)
class Fake:
    """One account at the fake provider."""

    options: FakeOptions
    context: Context

    async def submit(self, request: ShotRequest, token: str) -> TaskRef:
        """Ask for a clip. Raises `SubmitRefused`, `Busy` or `SubmitUnknown`."""
        headers = self._headers()
        if self.options.idempotency:
            headers["Idempotency-Key"] = token
        try:
            answer = await self.context.http.post(
                f"{self.options.base_url}/tasks",
                json=_body(request, token),
                headers=headers,
                timeout=self.options.timeout_s,
            )
        except Exception as problem:
            if _nothing_was_sent(problem):
                raise Busy("the provider cannot be reached", why=_told(problem)) from problem
            raise _unknown(f"no answer came: {_told(problem)}") from problem
        return TaskRef(_accepted(answer))

    async def poll(self, ref: TaskRef) -> Status:
        """Where the task stands. Raises `PollFailed` when that cannot be told now, or `TaskUnknown`."""
        answer = await self._asked(f"/tasks/{ref.id}", {}, f"task {ref.id}")
        try:
            return _status(json_of(answer))
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as problem:
            raise _not_now(f"task {ref.id}", f"its answer cannot be read: {_excerpt(answer)}") from problem

    async def lookup(self, token: str) -> TaskRef | None:
        """The task of a token. Raises `SubmitUnknown` when the provider does not tell."""
        try:
            answer = await self._asked("/tasks", {"token": token}, "the look-up")
            ids = json_of(answer)["task_ids"]
            return TaskRef(str(ids[0])) if ids else None
        except (ShotError, ValueError, TypeError, KeyError) as problem:
            why = problem.line if isinstance(problem, ShotError) else _told(problem)
            raise _unknown(f"and the provider does not tell: {why}") from problem

    async def fetch(self, status: Status, sink: Sink) -> None:
        """Stream the clip. Raises `FetchFailed`; `why` says "expired" where a poll gives a fresh address."""
        import httpx

        if not status.results:
            raise FetchFailed("there is nothing to fetch", why="the provider named no result")
        try:
            async with self.context.http.stream(
                "GET", status.results[0].url, timeout=self.options.timeout_s
            ) as answer:
                _check_clip(answer)
                if size := answer.headers.get("Content-Length"):
                    sink.expect(int(size))
                received = 0
                async for piece in answer.aiter_bytes(_PIECE):
                    received += len(piece)
                    if received > self.options.max_clip_mb * 1_000_000:
                        why = f"over {self.options.max_clip_mb:,} MB"
                        raise FetchFailed("the clip is larger than it may be", why=why)
                    await sink.write(piece)
        except httpx.HTTPError as problem:
            raise FetchFailed("the clip did not arrive whole", why=_told(problem)) from problem

    async def _asked(self, path: str, query: dict[str, str], what: str) -> httpx.Response:
        import httpx

        try:
            answer = await self.context.http.get(
                f"{self.options.base_url}{path}",
                params=query,
                headers=self._headers(),
                timeout=self.options.timeout_s,
            )
        except httpx.HTTPError as problem:
            raise _not_now(what, _told(problem)) from problem
        if answer.status_code == 404:
            raise TaskUnknown(f"the provider does not know {what}", why="or not under this key")
        if answer.status_code != 200:
            raise _not_now(what, _excerpt(answer))
        return answer

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.options.api_key}"}


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


def _accepted(answer: httpx.Response) -> str:
    """The task id in the answer to a submission; else the error that its status calls for."""
    status = answer.status_code
    if status == 429:
        raise Busy("the provider takes no more for now", why=_excerpt(answer), retry_after_s=_after_s(answer))
    if status == 503:  # "nothing was accepted", by the provider's documentation
        raise Busy("the provider is down for now", why=_excerpt(answer), retry_after_s=_after_s(answer))
    if 400 <= status < 500 and status != 408:
        raise SubmitRefused("the provider refused the shot", why=_excerpt(answer))
    if status != 200:
        raise _unknown(f"it answered {_excerpt(answer)}")
    body = json_of(answer)
    if not isinstance(body, dict):
        raise _unknown(f"its answer cannot be read: {_excerpt(answer)}")
    id, refused = body.get("task_id"), body.get("error")
    if isinstance(id, str) and id:
        return id
    if isinstance(refused, dict) and refused.get("code"):
        raise SubmitRefused("the provider refused the shot", why=_excerpt(answer))
    raise _unknown(f"its answer names no task: {_excerpt(answer)}")


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


def _check_clip(answer: httpx.Response) -> None:
    """Raise `FetchFailed` for all that does not even call itself a clip."""
    if answer.status_code in _EXPIRED:
        raise FetchFailed(
            "the clip could not be fetched",
            why=f"its URL has expired (HTTP {answer.status_code})",
            status=answer.status_code,
        )
    if answer.status_code != 200:
        why = f"HTTP {answer.status_code}"
        raise FetchFailed("the clip could not be fetched", why=why, status=answer.status_code)
    kind = media_type(answer.headers)
    if not kind.startswith("video/"):
        raise FetchFailed("the clip could not be fetched", why=f"what came is {kind or 'of no known type'}")


def _nothing_was_sent(problem: Exception) -> bool:
    """Whether the connection failed before the request could leave this machine; see `runner.net.http`."""
    import httpx

    return isinstance(problem, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _after_s(answer: httpx.Response) -> float | None:
    """Retry-After: a number of seconds, or a date."""
    told = answer.headers.get("Retry-After", "")
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        until = email.utils.parsedate_to_datetime(told)
    except ValueError:
        return None
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _unknown(why: str) -> SubmitUnknown:
    return SubmitUnknown("it is not known if the provider took the shot", why=why)


def _not_now(what: str, why: str) -> PollFailed:
    return PollFailed(f"{what} cannot be polled now", why=why)


def _told(problem: BaseException) -> str:
    return f"{type(problem).__name__}: {problem}".removesuffix(": ")


def _excerpt(answer: httpx.Response) -> str:
    """An answer in one line: a provider's pages can be long."""
    text = " ".join(answer.text.split())
    return f"HTTP {answer.status_code} {text[:200]}".rstrip()


def _capabilities(options: FakeOptions, model: str | None, how: InputMode) -> GeneratorCapabilities:
    known = None if options.price_usd is None else Price(usd=options.price_usd)
    return GeneratorCapabilities(
        request=RequestLimits(durations_s=Range(0.1, 60.0)),
        image=ImageInput(reach=Reach.LOOPBACK),
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
