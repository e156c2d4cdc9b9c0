"""The generator: createTask, recordInfo, and the clip from wherever KIE put it."""

from __future__ import annotations

import functools
import time
from contextlib import AsyncExitStack
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from runner.api import AccountStatus, Status, TaskRef
from runner.errors import FetchFailed, PollFailed, ShotError
from runner.providers import HttpApi, fetch_or_refresh, host_of, is_local

from . import MODEL, RESULT_HOSTS, answers, key_of, record
from .models import MODELS, USD_PER_CREDIT, body

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from runner.api import Context, ShotRequest, Sink
    from runner.providers import CallbackReceiver, ModelCard

    from . import KieOptions

_ENDED: Final = (408, 501)


class Kie:
    """One account at KIE. Enter it to receive callbacks, where the options ask for them."""

    def __init__(
        self, options: KieOptions, context: Context, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._options = options
        self._context = context
        self._monotonic = monotonic
        self._catalogue = MODELS.catalogue(options.cards)
        self._api = HttpApi(
            name="KIE",
            base_url=options.api_url,
            key=key_of(options),
            http=context.http,
            timeout_s=options.timeout_s,
        )
        self._local = is_local(host_of(options.api_url))
        self._stack = AsyncExitStack()
        self._receiver: CallbackReceiver | None = None
        # When a task was first reported as failed without a proper record.
        self._doubted: dict[str, float] = {}

    async def __aenter__(self) -> Kie:
        if self._options.callback.public_url:
            from .callback import receiver

            listening = receiver(self._options.callback, self._context.log)
            self._receiver = await self._stack.enter_async_context(listening)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def submit(self, request: ShotRequest, token: str) -> TaskRef:
        """Create a task. KIE takes no idempotency key, so `token` is not sent.

        Raises `SubmitRefused` or `Busy` where nothing was made for certain, else `SubmitUnknown`.
        """
        response = await self._api.submit("/api/v1/jobs/createTask", self._posted(request))
        answer = answers.read(response, self._api.key.known)
        task = answer.data.get("taskId") if isinstance(answer.data, dict) else None
        if answer.code == 200 and task and isinstance(task, str | int):
            return TaskRef(str(task))
        raise answers.refusal(answer)

    async def poll(self, ref: TaskRef) -> Status:
        """The state of the task. Raises `PollFailed`, `TaskUnknown`, or `ShotError` for a key that may not see it.

        A success without a result counts when it is reported twice. A failure that a code reports in place of a record,
        or a record under such a code, has to be reported for half a minute: a task that counts as failed because of one
        stray answer, and is submitted again, would be paid twice.
        """
        answer = await self._answer("GET", "/api/v1/jobs/recordInfo", params={"taskId": ref.id})
        since = self._doubted.pop(ref.id, None)
        data, card = answer.data, self._card(answer.data)
        if answer.code == 200 and isinstance(data, dict) and data:
            status = record.status(data, card)
            if not record.lacks_result(data):
                return status
            patience_s = 0.0
        elif answer.own and record.reports_failure(data):
            status, patience_s = record.status(data, card), self._options.patience_s
        elif answer.own and answer.code in _ENDED:
            status, patience_s = record.failed_answer(answer.code, answer.message), self._options.patience_s
        else:
            raise answers.poll_problem(answer, ref.id)
        now = self._monotonic()
        if since is None or now - since < patience_s:
            self._doubted[ref.id] = now if since is None else since
            raise PollFailed(f"KIE says that task {ref.id} has failed; polling again", why=answer.line)
        return status

    async def fetch(self, status: Status, sink: Sink) -> None:
        """Stream the clip; where its URL has expired, from a fresh one. No key is sent along."""
        if not status.results:
            raise FetchFailed("there is nothing to fetch", why="KIE named no result")
        url = status.results[0].url
        await fetch_or_refresh(
            functools.partial(self._download, sink), url, functools.partial(self._fresh_url, url)
        )

    async def wait_callback(self, ref: TaskRef) -> None:
        """Return when KIE has called back about this task."""
        assert self._receiver is not None, "entered, with callbacks"
        await self._receiver.called(ref.id)

    async def account_status(self) -> AccountStatus:
        """The balance. Raises `ShotError` for a key that KIE does not accept, `ConfigError` for none."""
        from email.utils import parsedate_to_datetime

        response = await self._api.request("GET", "/api/v1/chat/credit")
        answer = answers.read(response, self._api.key.known)
        if answer.code != 200 or isinstance(answer.data, bool) or not isinstance(answer.data, int | float):
            if answer.code in (401, 403):
                raise ShotError("KIE does not accept the key", why=answer.line, hint="check KIE_API_KEY")
            raise ShotError("KIE does not report the account's balance", why=answer.line)
        try:
            there = parsedate_to_datetime(response.headers.get("Date", "")).astimezone(UTC)
        except ValueError:
            there = None
        balance = Decimal(str(answer.data)) * USD_PER_CREDIT
        return AccountStatus(
            summary=f"{answer.data:g} credits ({balance:.2f} USD)", balance_usd=balance, clock=there
        )

    def _posted(self, request: ShotRequest) -> dict[str, Any]:
        posted = body(self._catalogue.variant(request.model or MODEL, request), request)
        if self._receiver is not None:
            posted["callBackUrl"] = self._receiver.url
        return posted

    def _card(self, data: Any) -> ModelCard | None:
        model = data.get("model") if isinstance(data, dict) else None
        found = self._catalogue.find(model) if isinstance(model, str) else None
        return None if found is None else found[1]

    async def _download(self, sink: Sink, url: str) -> None:
        await self._context.download(
            url,
            sink,
            hosts=self._options.allowed_hosts or RESULT_HOSTS,
            local=self._local,
            max_bytes=int(self._options.max_clip_mb * 1_000_000),
        )

    async def _fresh_url(self, url: str) -> str | None:
        """Another URL of a result, which lives for 20 minutes."""
        try:
            answer = await self._answer("POST", "/api/v1/common/download-url", json={"url": url})
        except ShotError:
            return None
        return answer.data if answer.code == 200 and isinstance(answer.data, str) and answer.data else None

    async def _answer(self, method: str, path: str, **keys: Any) -> answers.Answer:
        return answers.read(await self._api.request(method, path, **keys), self._api.key.known)
