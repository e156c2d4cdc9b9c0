"""The heart of the API: createTask and recordInfo."""

from __future__ import annotations

import json
import secrets
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from runner.testing.provider.script import nth

from . import prices, record, shape, wire
from .models import all_models
from .record import Creation, KieTask
from .script import Choice, Director
from .wire import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from runner.api import Rate
    from runner.testing.provider.accounts import Account, Window
    from runner.testing.provider.clock import Clock
    from runner.testing.provider.request_log import RequestLog

    from .model import Model
    from .options import Options
    from .script import Script

PAUSED: Final = "This interface is temporarily paused."
_NO_CREDIT: Final = {402: "", 429: "Credits insufficient", 500: "Credits insufficient"}
_INPUT_MISSING: Final = "This field is required"


@dataclass
class Jobs:
    """`tasks` gets every task, by its id; `begin` is called with each."""

    options: Options
    script: Script
    clock: Clock
    log: RequestLog
    tasks: dict[str, KieTask]
    begin: Callable[[KieTask], None]

    def __post_init__(self) -> None:
        self.director = Director(self.script)

    # --- creation -------------------------------------------------------------------------------------------------

    async def create(self, account: Account, raw: bytes) -> web.Response:
        """Answer a creation: scripted trouble, then the rate, the validation and the credits, in this order."""
        body = _json(raw)
        choice = self.director.creation(account.key, body)
        entry = self.log.note(
            "creations",
            at=self.clock.now(),
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
            self._admit(account.creations, self.options.rate)
            task = self._accept(account, body, choice)
        except Refused as problem:
            entry.update(code=problem.code, msg=problem.msg)
            raise
        entry.update(outcome="accepted", task=task.id)
        self._told(task)
        return await self._after(task, choice)

    async def _after(self, task: KieTask, choice: Choice) -> web.Response:
        instead = await wire.instead(choice.step, "after")
        return instead or wire.success({"taskId": task.id, "recordId": task.id})

    def _accept(self, account: Account, body: dict[str, Any], choice: Choice) -> KieTask:
        model, given = self._checked(body)
        completed = model.completed(given)
        cost = prices.price(model.name, completed, shape.duration_s(model, completed))
        credits = cost.credits if choice.rule.credits is None else Decimal(str(choice.rule.credits))
        if not account.hold(credits):
            raise Refused(self.options.no_credit, _NO_CREDIT[self.options.no_credit])
        options, rule, now = self.options, choice.rule, self.clock.now()
        seconds = options.task_seconds / options.speed if rule.seconds is None else rule.seconds
        callback = body.get("callBackUrl")
        creation = Creation(
            model=model,
            given=given,
            callback=callback if isinstance(callback, str) else "",
            rule=rule,
            states=rule.states or options.states,
            price_known=cost.known,
            due_at=now + seconds,
            known_at=now + (options.grace_seconds if rule.grace_s is None else rule.grace_s),
        )
        task = KieTask(
            id=secrets.token_hex(16), account=account, request=creation, price=credits, created_at=now
        )
        self.tasks[task.id] = task
        self.begin(task)
        return task

    def _admit(self, window: Window, rate: Rate) -> None:
        if window.full(rate, self.clock.now()):
            raise Refused(429)
        window.passed(self.clock.now())

    def _checked(self, body: dict[str, Any]) -> tuple[Model, dict[str, Any]]:
        name = body.get("model")
        model = all_models().get(name) if isinstance(name, str) else None
        if model is None:
            raise Refused(422, wire.UNKNOWN_MODEL)
        if model.legacy_sora and not self.options.legacy_sora:
            raise Refused(500, PAUSED)
        given = body.get("input")
        if not isinstance(given, dict):
            raise Refused(500, _INPUT_MISSING)
        if problem := model.problem(given):
            raise Refused(500, problem)
        return model, given

    def _told(self, task: KieTask) -> None:
        if self.options.quiet:
            return
        model, prompt = task.request.model.name, task.request.prompt
        prompt = prompt if len(prompt) <= 60 else f"{prompt[:57]}..."
        line = f"{time.strftime('%H:%M:%S')} {model} {prompt!r} {task.id} {task.price} credits"
        print(line, file=sys.stderr, flush=True)

    # --- polls ----------------------------------------------------------------------------------------------------

    async def poll(self, account: Account, id: str) -> web.Response:
        """Answer a poll."""
        now = self.clock.now()
        account.counts["polls"] += 1
        task = self.tasks.get(id)
        mine = task is not None and task.account is account
        step = nth(task.request.rule.poll, task.polls) if task is not None and mine else None
        self.log.note("polls", at=now, key=account.key, task=id, step=step.answer if step else "ok")
        self._admit(account.polls, self.options.poll_rate)
        if not id:
            raise Refused(400)
        if task is None or not mine:
            account.counts["unknown_polls"] += 1
            raise Refused(422)
        task.polls += 1
        instead = await wire.instead(step)
        if instead is not None:
            return instead
        if self.clock.now() < task.request.known_at:
            raise Refused(422)
        if step is not None and step.answer == "flag":
            return wire.success(record.flagged(task))
        told = record.record(task, self.clock.now())
        if step is not None and step.answer == "state":
            told["state"] = step.state
        return wire.success(told)


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
