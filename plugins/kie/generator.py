"""The generator: createTask, recordInfo, and the clip from wherever KIE put it."""

from __future__ import annotations

import json
import time
from contextlib import AsyncExitStack
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from runner.api import AccountStatus, Status, TaskRef
from runner.errors import Busy, ConfigError, FetchFailed, PollFailed, ShotError, SubmitRefused, SubmitUnknown
from runner.net.addresses import host_of, is_local

from . import MODEL, RESULT_HOSTS, answers, body, card, key_of, record

if TYPE_CHECKING:
    from types import TracebackType

    import httpx

    from runner.api import Context, ShotRequest, Sink

    from . import KieOptions
    from .callback import Receiver

_ENDED: Final = (408, 501)
_PATIENCE_S: Final = 30.0
_GONE: Final = (401, 403, 404, 410)


class Kie:
    """One account at KIE. Enter it to hear callbacks, where they are asked for."""

    def __init__(self, options: KieOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._base = options.api_url.rstrip("/")
        self._local = is_local(host_of(options.api_url))
        self._stack = AsyncExitStack()
        self._receiver: Receiver | None = None
        self._doubted: dict[str, float] = {}  # since when a task is said to have failed, in an odd way

    async def __aenter__(self) -> Kie:
        if self._options.callback.public_url:
            from .callback import Receiver

            receiver = Receiver(self._options.callback, self._context.log)
            self._receiver = await self._stack.enter_async_context(receiver)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def submit(self, request: ShotRequest, token: str) -> TaskRef:
        """Create a task. KIE takes no idempotency key, so `token` is not sent.

        Raises `SubmitRefused` or `Busy` where nothing was made for certain, else `SubmitUnknown`.
        """
        posted = self._posted(request)
        try:
            key = key_of(self._options)
        except ConfigError as error:
            raise SubmitRefused(error.what, why=error.why, hint=error.hint) from error
        try:
            response = await self._context.http.post(
                f"{self._base}/api/v1/jobs/createTask",
                content=json.dumps(posted, ensure_ascii=False).encode(),
                headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
                timeout=self._options.timeout_s,
            )
        except Exception as problem:
            if _never_sent(problem):
                raise Busy("KIE cannot be reached", why=answers.describe(problem, key)) from problem
            why = f"no answer came: {answers.describe(problem, key)}"
            raise SubmitUnknown("it is not known if KIE took the shot", why=why) from problem
        answer = answers.read(response, key)
        task = answer.data.get("taskId") if isinstance(answer.data, dict) else None
        if answer.code == 200 and task and isinstance(task, str | int):
            return TaskRef(str(task))
        raise answers.refusal(answer)

    async def poll(self, ref: TaskRef) -> Status:
        """How the task stands. Raises `PollFailed`, `TaskUnknown`, or `ShotError` for a key that may not see it.

        A success without a result is believed when it is told twice. A failure that is told by a code in place of a
        record, or under such a code, has to be told for half a minute: a task that is given up for a stray answer, and
        asked for again, would be paid for twice.
        """
        answer = await self._asked("GET", "/api/v1/jobs/recordInfo", params={"taskId": ref.id})
        since = self._doubted.pop(ref.id, None)
        data, card = answer.data, self._card(answer.data)
        if answer.code == 200 and isinstance(data, dict) and data:
            status = record.status(data, card)
            if not record.lacks_result(data):
                return status
            patience_s = 0.0
        elif answer.own and record.tells_failure(data):
            status, patience_s = record.status(data, card), _PATIENCE_S
        elif answer.own and answer.code in _ENDED:
            status, patience_s = record.failed_answer(answer.code, answer.message), _PATIENCE_S
        else:
            raise answers.poll_problem(answer, ref.id)
        now = time.monotonic()
        if since is None or now - since < patience_s:
            self._doubted[ref.id] = now if since is None else since
            raise PollFailed(f"KIE says that task {ref.id} has failed, and is asked again", why=answer.line)
        return status

    async def fetch(self, status: Status, sink: Sink) -> None:
        """Stream the clip; where its address has ended, by a fresh one. No key is sent along."""
        if not status.results:
            raise FetchFailed("there is nothing to fetch", why="KIE named no result")
        url = status.results[0].url
        try:
            await self._download(url, sink)
        except FetchFailed as failed:
            if failed.status not in _GONE:
                raise
            fresh = await self._fresh_address(url)
            if fresh is None:
                failed.why += "; its address has ended, and KIE gives no other"
                raise
            await self._download(fresh, sink)

    async def wait_callback(self, ref: TaskRef) -> None:
        """Return when KIE has called back about this task."""
        assert self._receiver is not None, "entered, with callbacks"
        await self._receiver.called(ref.id)

    async def account_status(self) -> AccountStatus:
        """The balance. Raises `ShotError` for a key that KIE does not accept, `ConfigError` for none."""
        from email.utils import parsedate_to_datetime

        response, answer = await self._exchange("GET", "/api/v1/chat/credit")
        if answer.code != 200 or isinstance(answer.data, bool) or not isinstance(answer.data, int | float):
            if answer.code in (401, 403):
                raise ShotError("KIE does not accept the key", why=answer.line, hint="check KIE_API_KEY")
            raise ShotError("KIE does not tell the account's balance", why=answer.line)
        try:
            there = parsedate_to_datetime(response.headers.get("Date", "")).astimezone(UTC)
        except ValueError:
            there = None
        usd = Decimal(str(answer.data)) * body.USD_PER_CREDIT
        return AccountStatus(summary=f"{answer.data:g} credits ({usd:.2f} USD)", balance_usd=usd, clock=there)

    def _posted(self, request: ShotRequest) -> dict[str, Any]:
        found = card.deck(self._options.cards).named(request.model or MODEL)
        last = request.last_image is not None
        twin = found[1].twin(body.how_of(request), last=last) if found is not None else None
        if twin is None:
            raise SubmitRefused(f"no model card tells how to ask {request.model} for this")
        posted = body.body(twin, request)
        if self._receiver is not None:
            posted["callBackUrl"] = self._receiver.url
        return posted

    def _card(self, data: Any) -> card.Card | None:
        model = data.get("model") if isinstance(data, dict) else None
        found = card.deck(self._options.cards).named(model) if isinstance(model, str) else None
        return None if found is None else found[1]

    async def _download(self, url: str, sink: Sink) -> None:
        await self._context.download(
            url,
            sink,
            hosts=self._options.allowed_hosts or RESULT_HOSTS,
            local=self._local,
            max_bytes=int(self._options.max_clip_mb * 1_000_000),
        )

    async def _fresh_address(self, url: str) -> str | None:
        """Another address of a result, which lives for 20 minutes."""
        try:
            answer = await self._asked("POST", "/api/v1/common/download-url", json={"url": url})
        except ShotError:
            return None
        return answer.data if answer.code == 200 and isinstance(answer.data, str) and answer.data else None

    async def _asked(self, method: str, path: str, **keys: Any) -> answers.Answer:
        return (await self._exchange(method, path, **keys))[1]

    async def _exchange(self, method: str, path: str, **keys: Any) -> tuple[httpx.Response, answers.Answer]:
        """A request that may be repeated. Raises `PollFailed` where no answer comes."""
        import httpx

        key = key_of(self._options)
        try:
            response = await self._context.http.request(
                method,
                f"{self._base}{path}",
                headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
                timeout=self._options.timeout_s,
                **keys,
            )
        except httpx.HTTPError as problem:
            raise PollFailed("KIE does not answer", why=answers.describe(problem, key)) from problem
        return response, answers.read(response, key)


def _never_sent(problem: Exception) -> bool:
    """Whether the connection failed before the request could leave this machine; see `runner.api.Context`."""
    import httpx

    return isinstance(problem, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
