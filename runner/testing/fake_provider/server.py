"""The wire format: takes tasks, bills them, lets them run, hands out clips, or misbehaves as it is told."""

from __future__ import annotations

import asyncio
import dataclasses
import email.utils
import json
import secrets
from base64 import b64decode
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from runner.errors import MediaError
from runner.testing.fake_provider.counts import view
from runner.testing.fake_provider.script import REFUSALS, Behaviour, Director, read
from runner.testing.provider import downloads, faults
from runner.testing.provider.drawing import Look, tiny
from runner.testing.provider.fetching import PROBLEMS, Fetcher
from runner.testing.provider.files import PREFIX
from runner.testing.provider.script import Step, nth
from runner.testing.provider.tasks import TaskFailed, Work

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.api import EncodedImage
    from runner.testing.fake_provider.books import Books, FakeTask
    from runner.testing.provider.accounts import Account
    from runner.testing.provider.clock import Clock
    from runner.testing.provider.files import Files
    from runner.testing.provider.studio import Studio

_BEARER: Final = "Bearer "
_INLINE: Final = "data:"
_FETCH_S: Final = 10.0
_LARGEST: Final = 200_000_000
_OK: Final = Step(answer="ok")
_UNKNOWN: Final = "there is no such task"
_DOWNLOADS: Final = {"html": "page", "html_as_video": "page_as_video"}
"""Our words for what the core serves."""


class Server:
    """Answers requests by the script and the books, and is the `Worker` of all tasks."""

    def __init__(self, books: Books, clock: Clock, files: Files, studio: Studio) -> None:
        self._books = books
        self._clock = clock
        self._files = files
        self._studio = studio
        self._fetcher = Fetcher(_FETCH_S)
        self._work = Work(clock, self)
        self._canned: Path | None = None

    async def resume(self, *, canned: bool) -> None:
        """Go on with the tasks that have not ended. `canned`: one clip for all, and no picture is fetched."""
        if canned:
            self._canned = await self._studio.clip(tiny("canned", 1.0))
        for task in self._books.tasks.values():
            if task.ended_at is None:
                self._work.begin(task)

    async def close(self) -> None:
        await self._work.close()
        await self._fetcher.close()
        self._studio.close()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except faults.Dropped:
            return faults.dropped(request)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        header = request.headers.get("Authorization", "")
        key = header.removeprefix(_BEARER)
        match request.method, request.path:
            case "GET", path if path.startswith(PREFIX):
                return await self._fetch(request, path.removeprefix(PREFIX))
            case "GET", "/_books":
                found = view(self._books, float(request.query.get("window_s", 10)))
                return _json(dataclasses.asdict(found))
            case "POST", "/_script":
                return self._set_script(await request.json())
            case _ if not key or key == header:
                return _error(401, "unauthorized", "Authorization: Bearer KEY is missing")
            case "POST", "/tasks":
                return await self._submit(
                    key, await request.read(), request.headers.get("Idempotency-Key", "")
                )
            case "GET", "/tasks":
                return self._find(key, request.query.get("token", ""))
            case "GET", path if path.startswith("/tasks/"):
                return await self._poll(key, path.removeprefix("/tasks/"))
        return _error(404, "not_found", f"there is no {request.method} {request.path}")

    def _set_script(self, raw: object) -> web.Response:
        """Behave by `raw` from now on, towards the tasks there are as well."""
        try:
            Director(read(raw))
        except ValueError as problem:
            return _error(400, "invalid_script", str(problem))
        self._books.record({"event": "script", "script": raw})
        self._clock.wake()
        return _json({})

    # --- submission -----------------------------------------------------------------------------------------------

    async def _submit(self, key: str, raw: bytes, idempotency_key: str) -> web.Response:
        books = self._books
        try:
            body = json.loads(raw)
            token, name = str(body.get("token", "")), str(body.get("name", ""))
            float(body["duration_s"])
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            return _error(422, "invalid_request", "a task is JSON with prompt, duration_s and token")
        behaviour, layer = books.next(name, token)
        step = nth(behaviour.submit, books.given[key, layer, name]) or _OK
        # Here an answer is before or after the task is accepted.
        plain = dataclasses.replace(step, answer=step.answer.removesuffix("_accept"))
        script = books.director.script
        honoured = idempotency_key if script.supports_idempotency_key else ""
        known = books.by_idempotency_key.get((key, honoured)) if honoured else None
        too_large = "" if plain.answer in REFUSALS else _inline_problem(body, script.inline_max_bytes)

        outcome, tasks, limited = "refused", [], ""
        if not too_large and (plain.after or step.answer == "accept_twice"):
            if known is not None:
                outcome, tasks = "repeated", [known]
            elif limited := self._limited(books.account(key)):
                outcome = "limited"
            else:
                outcome = "accepted"
                count = 2 if step.answer == "accept_twice" else 1
                tasks = [f"task-{len(books.tasks) + extra + 1}" for extra in range(count)]
        books.record(
            {
                "event": "submission",
                "at": self._clock.now(),
                "account": key,
                "token": token,
                "name": name,
                "body": body,
                "layer": layer,
                "answer": step.answer,
                "outcome": outcome,
                "tasks": tasks,
                "price_usd": str(_price(behaviour, body)),
                "idempotency_key": honoured,
            }
        )
        if outcome == "accepted":
            for id in tasks:
                self._work.begin(books.tasks[id])
        if limited:
            return self._scripted_error(429, behaviour, limited)
        if too_large:
            return _error(422, "invalid_request", too_large)
        if step.answer in REFUSALS:
            return _error(*REFUSALS[step.answer])
        if plain.code is not None:
            return self._scripted_error(plain.code, behaviour)
        await asyncio.sleep(behaviour.slow_s)
        return await faults.trouble(plain, html=200) or _json({"task_id": tasks[0]})

    def _limited(self, account: Account) -> str:
        script = self._books.director.script
        if script.rate is not None and account.creations.full(script.rate, self._clock.now()):
            return f"more than {script.rate.count} tasks in {script.rate.per_s:g} s"
        if script.in_flight is not None and account.running >= script.in_flight:
            return f"{script.in_flight} tasks are running"
        return ""

    # --- a task's life --------------------------------------------------------------------------------------------

    def due_at(self, task: FakeTask) -> float:
        behaviour = self._books.behaviour(task)
        return task.created_at + behaviour.queue_s + behaviour.run_s

    def scripted(self, task: FakeTask) -> TaskFailed | None:
        behaviour = self._books.behaviour(task)
        refund = behaviour.fail == "refunded"
        return TaskFailed(behaviour.fail_reason, refund=refund) if behaviour.fail else None

    async def clip(self, task: FakeTask) -> Path:
        if self._canned is not None:
            return self._canned
        body, behaviour = task.request.body, self._books.behaviour(task)
        url = body.get("image_url")
        try:
            first = await self._image(str(url)) if url else None
            return await self._studio.clip(_look(body, behaviour), None if behaviour.ignore_image else first)
        except MediaError as problem:
            raise TaskFailed(f"the picture at {url} cannot be used: {problem.line}") from None
        except PROBLEMS as problem:
            about = f"the picture at {url} cannot be used: " if url else ""
            raise TaskFailed(f"{about}{problem or type(problem).__name__}") from None

    def ended(self, task: FakeTask, failure: TaskFailed | None) -> None:
        self._books.record(
            {
                "event": "ended",
                "task": task.id,
                "at": self._clock.now(),
                "failed": failure is not None,
                "reason": failure.message if failure else "",
                "refunded": failure is not None and failure.refund,
                "clip": str(task.clip or ""),
            }
        )

    async def _image(self, url: str) -> EncodedImage:
        from runner.media import picture

        data = _inline(url) if url.startswith(_INLINE) else (await self._fetcher.whole(url, _LARGEST)).data
        return await self._studio.run(picture.read, data)

    async def _poll(self, key: str, id: str) -> web.Response:
        task = self._books.tasks.get(id)
        behaviour, step = Behaviour(), Step(answer="404")
        if task is not None and task.account.key == key:
            behaviour = self._books.behaviour(task)
            step = nth(behaviour.poll, task.polls - task.request.polls_before) or _OK
        self._books.record(
            {"event": "poll", "at": self._clock.now(), "account": key, "task": id, "answer": step.answer}
        )
        if instead := await faults.trouble(step, html=200):
            return instead
        if task is None or step.code is not None:
            found = step.code or 404
            return (
                _error(404, "not_found", _UNKNOWN) if found == 404 else self._scripted_error(found, behaviour)
            )
        return _json(self._status(task, behaviour, step.answer))

    def _status(self, task: FakeTask, behaviour: Behaviour, answer: str) -> Mapping[str, Any]:
        state, progress = self._stands(task, behaviour)
        if answer in ("queued", "running"):
            state, progress = answer, 0.5
        status: dict[str, Any] = {
            "task_id": task.id,
            "state": state,
            "progress": progress,
            "cost_usd": str(Decimal(0) if task.refunded else task.price),
        }
        if state == "succeeded" and task.clip is not None:
            name = f"{task.id}-{secrets.token_hex(8)}.mp4"
            status["result_url"] = self._files.show(name, task.clip, behaviour.url_ttl_s)
            expires = datetime.fromtimestamp(self._clock.now() + behaviour.url_ttl_s, UTC)
            status["expires_at"] = expires.isoformat()
        if state == "failed" and task.failure is not None:
            status["reason"] = task.failure.message
        return status

    def _stands(self, task: FakeTask, behaviour: Behaviour) -> tuple[str, float]:
        if task.ended_at is not None:
            return "succeeded" if task.failure is None else "failed", 1.0
        elapsed = self._clock.now() - task.created_at - behaviour.queue_s
        if elapsed < 0:
            return "queued", 0.0
        return "running", min(0.99, elapsed / behaviour.run_s) if behaviour.run_s else 0.99

    def _find(self, key: str, token: str) -> web.Response:
        """The tasks of a token, where this provider can tell."""
        if not self._books.director.script.supports_lookup:
            return _error(404, "not_found", "there is no look-up")
        self._books.record({"event": "find", "at": self._clock.now(), "account": key, "token": token})
        return _json({"task_ids": self._books.by_token[key, token]})

    # --- results --------------------------------------------------------------------------------------------------

    async def _fetch(self, request: web.BaseRequest, name: str) -> web.StreamResponse:
        """The clip at an address that a poll gave."""
        task = self._books.tasks.get(name.rpartition("-")[0])
        if task is None:
            return _error(403, "invalid_address", "no task gave this address")
        behaviour, found = self._books.behaviour(task), self._files.find(name)
        step = nth(behaviour.fetch, task.fetches - task.request.fetches_before)
        if step is None and behaviour.slow_result_s:
            step = Step(answer="slow", delay_s=behaviour.slow_result_s)
        self._books.record({"event": "fetch", "at": self._clock.now(), "task": task.id})
        if found is not None and step is not None and step.answer == "expired":
            found.expires_at, found = 0.0, None
        if found is None:
            return _error(403, "expired", "the address has expired")
        if step is None:
            return await downloads.send(request, found, None)
        if step.code is not None:
            return self._scripted_error(step.code, behaviour)
        served = dataclasses.replace(step, answer=_DOWNLOADS.get(step.answer, step.answer))
        return await downloads.send(request, found, served)

    def _scripted_error(self, status: int, behaviour: Behaviour, message: str = "scripted") -> web.Response:
        headers = {}
        if status in (429, 503) and behaviour.retry_after_s is not None:
            after = f"{behaviour.retry_after_s:g}"
            if behaviour.retry_after_date:
                after = email.utils.formatdate(self._clock.now() + behaviour.retry_after_s, usegmt=True)
            headers["Retry-After"] = after
        return _error(status, f"http_{status}", message, headers)


def _look(body: Mapping[str, Any], behaviour: Behaviour) -> Look:
    """Raises `ValueError` where the aspect ratio is none."""
    return tiny(
        str(body.get("prompt", "")),
        behaviour.clip_duration_s or float(body["duration_s"]),
        str(body.get("aspect_ratio") or "16:9"),
        seed=f"{body.get('seed')}/{body.get('take')}/{body.get('model')}",
        size=behaviour.clip_size,
    )


def _price(behaviour: Behaviour, body: Mapping[str, Any]) -> Decimal:
    return behaviour.price_usd + behaviour.price_per_s_usd * Decimal(str(body["duration_s"]))


def _inline_problem(body: Mapping[str, Any], most: int | None) -> str:
    url = str(body.get("image_url") or "")
    if not url.startswith(_INLINE):
        return ""
    if most is None:
        return "image_url is no URL that can be fetched"
    try:
        size = len(_inline(url))
    except ValueError:
        return "image_url is no image in base64"
    return f"image_url holds {size} bytes, at most {most} are taken" if size > most else ""


def _inline(url: str) -> bytes:
    """The bytes of a `data:` URI. Raises `ValueError`."""
    return b64decode(url.partition(",")[2], validate=True)


def _json(body: Mapping[str, Any]) -> web.Response:
    return web.Response(body=json.dumps(body, default=str).encode(), content_type="application/json")


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)
