"""The heart of the API: createTask and recordInfo."""

from __future__ import annotations

import json
import secrets
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from . import prices, shape, wire
from .models import all_models
from .script import Choice, Director, Rule, nth
from .task import Task
from .wire import Refused

if TYPE_CHECKING:
    from aiohttp import web

    from .accounts import Account
    from .books import Books
    from .clock import Clock
    from .model import Model
    from .options import Options
    from .studio import Studio

PAUSED: Final = "This interface is temporarily paused."
_NO_CREDIT: Final = {402: "", 429: "Credits insufficient", 500: "Credits insufficient"}
_INPUT_MISSING: Final = "This field is required"


class Jobs:
    """`tasks` holds every task there is, by its id. `studio` is set before the first request."""

    studio: Studio

    def __init__(self, options: Options, clock: Clock, books: Books, *, quiet: bool) -> None:
        self._options = options
        self._clock = clock
        self._books = books
        self._quiet = quiet
        self.director = Director(options.script)
        self.tasks: dict[str, Task] = {}

    # --- creation -------------------------------------------------------------------------------------------------

    async def create(self, account: Account, raw: bytes) -> web.Response:
        """Answer a creation: scripted trouble, then the rate, the validation and the credits, in this order."""
        body = _json(raw)
        choice = self.director.creation(account.key, body)
        entry = self._books.note(
            self._books.creations,
            at=self._clock.now(),
            key=account.key,
            model=str(body.get("model", "")),
            prompt=_prompt(body),
            step=choice.step.answer if choice.step else "ok",
            outcome="refused",
            code=None,
            msg="",
            task="",
        )
        try:
            instead = await wire.instead(choice.step, "before")
            if instead is not None:
                return instead
            if not account.creations.admits(self._clock.now()):
                raise Refused(429)
            task = self._accept(account, body, choice)
        except Refused as problem:
            entry.update(code=problem.code, msg=problem.msg)
            raise
        entry.update(outcome="accepted", task=task.id)
        self._told(task)
        return await self._after(task, choice)

    async def _after(self, task: Task, choice: Choice) -> web.Response:
        instead = await wire.instead(choice.step, "after")
        return instead or wire.success({"taskId": task.id, "recordId": task.id})

    def _accept(self, account: Account, body: dict[str, Any], choice: Choice) -> Task:
        model, given = self._checked(body)
        completed = model.completed(given)
        cost = prices.price(model.name, completed, shape.duration_s(model, completed))
        credits = cost.credits if choice.rule.credits is None else Decimal(str(choice.rule.credits))
        if not account.hold(credits):
            raise Refused(self._options.no_credit, _NO_CREDIT[self._options.no_credit])
        task = self._task(account, model, given, choice.rule, credits, known=cost.known)
        callback = body.get("callBackUrl")
        task.callback = callback if isinstance(callback, str) else ""
        self.tasks[task.id] = task
        self.studio.order(task)
        return task

    def _checked(self, body: dict[str, Any]) -> tuple[Model, dict[str, Any]]:
        name = body.get("model")
        model = all_models().get(name) if isinstance(name, str) else None
        if model is None:
            raise Refused(422, wire.UNKNOWN_MODEL)
        if model.legacy_sora and not self._options.legacy_sora:
            raise Refused(500, PAUSED)
        given = body.get("input")
        if not isinstance(given, dict):
            raise Refused(500, _INPUT_MISSING)
        if problem := model.problem(given):
            raise Refused(500, problem)
        return model, given

    def _task(
        self,
        account: Account,
        model: Model,
        given: dict[str, Any],
        rule: Rule,
        credits: Decimal,
        *,
        known: bool,
    ) -> Task:
        options, now = self._options, self._clock.now()
        seconds = options.task_seconds / options.speed if rule.seconds is None else rule.seconds
        grace = options.grace_seconds if rule.grace_s is None else rule.grace_s
        return Task(
            id=secrets.token_hex(16),
            account=account,
            model=model,
            given=given,
            callback="",
            credits=credits,
            price_known=known,
            created_at=now,
            due_at=now + seconds,
            known_at=now + grace,
            rule=rule,
            states=rule.states or options.states,
        )

    def _told(self, task: Task) -> None:
        if self._quiet:
            return
        prompt = task.prompt if len(task.prompt) <= 60 else f"{task.prompt[:57]}..."
        line = f"{time.strftime('%H:%M:%S')} {task.model.name} {prompt!r} {task.id} {task.credits} credits"
        print(line, file=sys.stderr, flush=True)

    # --- polls ----------------------------------------------------------------------------------------------------

    async def record(self, account: Account, id: str) -> web.Response:
        """Answer a poll."""
        now = self._clock.now()
        account.counts["polls"] += 1
        task = self.tasks.get(id)
        mine = task is not None and task.account is account
        step = nth(task.rule.poll, task.polls) if task is not None and mine else None
        self._books.note(
            self._books.polls, at=now, key=account.key, task=id, step=step.answer if step else "ok"
        )
        if not account.polls.admits(now):
            raise Refused(429)
        if not id:
            raise Refused(400)
        if task is None or not mine:
            account.counts["unknown_polls"] += 1
            raise Refused(422)
        task.polls += 1
        instead = await wire.instead(step)
        if instead is not None:
            return instead
        if self._clock.now() < task.known_at:
            raise Refused(422)
        if step is not None and step.answer == "flag":
            return wire.success(task.flagged(self._clock.now()))
        record = task.record(self._clock.now())
        if step is not None and step.answer == "state":
            record["state"] = step.state
        return wire.success(record)


def _json(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused(500) from None
    if not isinstance(body, dict):
        raise Refused(500)
    return body


def _prompt(body: dict[str, Any]) -> str:
    given = body.get("input")
    return str(given.get("prompt", "")) if isinstance(given, dict) else ""
