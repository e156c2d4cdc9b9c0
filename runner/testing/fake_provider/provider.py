"""The provider itself: takes tasks, bills them, lets them run, hands out clips. No HTTP and no waiting in here."""

from __future__ import annotations

import email.utils
import hashlib
import hmac
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol

from runner.testing.fake_provider.answer import PAGE, TROUBLE, Answer, Delivery, InputMode, error
from runner.testing.fake_provider.script import REFUSALS, Behaviour, Director, nth, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.testing.fake_provider.books import Account, Books, Task

_SECRET: Final = b"signs the addresses of results"
_UNKNOWN: Final = "there is no such task"
_AFTER: Final = "_after_accept"


class Studio(Protocol):
    """Makes the clips."""

    def order(self, task: Task, behaviour: Behaviour) -> None:
        """Start on the clip of a task; the books hear of it when it is made."""

    def clip(self, name: str) -> bytes: ...


class Provider:
    """Answers requests by the script and the books. `clock` gives seconds since 1970."""

    def __init__(self, books: Books, studio: Studio, clock: Callable[[], float]) -> None:
        self._books = books
        self._studio = studio
        self._clock = clock
        for task in books.tasks.values():
            if not (task.clip or task.unmade):
                studio.order(task, self._behaviour(task))

    def set_script(self, raw: object) -> Answer:
        """Behave by `raw` from now on, towards the tasks there are as well."""
        self.settle()
        try:
            Director(read(raw))
        except ValueError as problem:
            return error(400, "invalid_script", str(problem))
        self._books.record({"event": "script", "script": raw})
        return Answer()

    def settle(self) -> None:
        """Write down what ended by now."""
        for account in self._books.accounts.values():
            self._settle_all(account)

    # --- submission -----------------------------------------------------------------------------------------------

    def submit(self, key: str, raw: bytes, idempotency_key: str) -> Answer:
        try:
            body = json.loads(raw)
            token, name = str(body.get("token", "")), str(body.get("name", ""))
            float(body["duration_s"])
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            return error(422, "invalid_request", "a task is JSON with prompt, duration_s and token")
        director, account = self._books.director, self._books.account(key)
        choice = director.choose(self._books.submissions + 1, name, token)
        behaviour = choice.behaviour
        answer = nth(behaviour.submit, self._books.given(key, choice.layer, name))
        accepts = answer in ("ok", "accept_twice") or answer.endswith(_AFTER)
        honoured = idempotency_key if director.script.supports_idempotency_key else ""
        known = account.by_idempotency_key.get(honoured) if honoured else None

        outcome, tasks, limited = "refused", [], ""
        if accepts and known is not None:
            outcome, tasks = "repeated", [known]
        elif accepts and (limited := self._limited(account)):
            outcome = "limited"
        elif accepts:
            outcome = "accepted"
            tasks = [self._id(extra) for extra in range(2 if answer == "accept_twice" else 1)]
        self._books.record(
            {
                "event": "submission",
                "at": self._clock(),
                "account": key,
                "token": token,
                "name": name,
                "body": body,
                "layer": choice.layer,
                "answer": answer,
                "outcome": outcome,
                "tasks": tasks,
                "price_usd": str(_price(behaviour, body)),
                "idempotency_key": honoured,
            }
        )
        if outcome == "accepted":
            for id in tasks:
                self._studio.order(self._books.tasks[id], behaviour)
        if limited:
            return self._error("429", behaviour, limited)
        return self._submitted(answer, tasks, behaviour)

    def _submitted(self, answer: str, tasks: list[str], behaviour: Behaviour) -> Answer:
        wait = behaviour.slow_s
        if answer in REFUSALS:
            return error(*REFUSALS[answer])
        cause = answer.removesuffix(_AFTER).removesuffix("_before_accept")
        if cause in TROUBLE:
            return Answer(how=TROUBLE[cause], after_s=wait)
        if cause.isdigit():
            return self._error(cause, behaviour)
        return Answer(body={"task_id": tasks[0]}, after_s=wait)

    def _limited(self, account: Account) -> str:
        script = self._books.director.script
        if script.rate is not None:
            since = self._clock() - script.rate.per_s
            if sum(at > since for at in account.accepted_at[-script.rate.count :]) >= script.rate.count:
                return f"more than {script.rate.count} tasks in {script.rate.per_s:g} s"
        if script.in_flight is not None:
            self._settle_all(account)
            if len(account.running) >= script.in_flight:
                return f"{script.in_flight} tasks are running"
        return ""

    def _id(self, extra: int) -> str:
        return f"task-{len(self._books.tasks) + extra + 1}"

    # --- a task's life --------------------------------------------------------------------------------------------

    def poll(self, key: str, id: str, origin: str) -> Answer:
        """Where a task stands. `origin` is the address under which the client knows this server."""
        task = self._books.tasks.get(id)
        mine = task is not None and task.account == key
        answer, behaviour = "404", Behaviour()
        if task is not None and mine:
            behaviour = self._behaviour(task)
            answer = nth(behaviour.poll, task.polls)
        self._books.record(
            {"event": "poll", "at": self._clock(), "account": key, "task": id, "answer": answer}
        )
        if answer in TROUBLE:
            return Answer(how=TROUBLE[answer])
        if task is None or not mine or answer.isdigit():
            return error(404, "not_found", _UNKNOWN) if answer == "404" else self._error(answer, behaviour)
        self._settle(task, behaviour)
        return Answer(body=self._told(task, behaviour, answer, origin))

    def _told(self, task: Task, behaviour: Behaviour, answer: str, origin: str) -> Mapping[str, Any]:
        state, progress = self._stands(task, behaviour)
        if answer in ("queued", "running"):
            state, progress = answer, 0.5
        told: dict[str, Any] = {
            "task_id": task.id,
            "state": state,
            "progress": progress,
            "cost_usd": str(task.billed_usd - task.refunded_usd),
        }
        if state == "succeeded":
            expires = self._clock() + behaviour.url_ttl_s
            query = _signed(task.id, task.all_polls, f"{expires:.3f}")
            told["result_url"] = f"{origin}/files/{task.id}.mp4?{query}"
            told["expires_at"] = datetime.fromtimestamp(expires, UTC).isoformat()
        if state == "failed":
            told["reason"] = task.reason
        return told

    def _stands(self, task: Task, behaviour: Behaviour) -> tuple[str, float]:
        if task.ended_at is not None:
            return ("failed", 1.0) if task.failed else ("succeeded", 1.0)
        elapsed = self._clock() - task.accepted_at - behaviour.queue_s
        if elapsed < 0:
            return "queued", 0.0
        return "running", min(0.99, elapsed / behaviour.run_s) if behaviour.run_s else 0.99

    def find(self, key: str, token: str) -> Answer:
        """The tasks of a token, where this provider can tell."""
        if not self._books.director.script.supports_lookup:
            return error(404, "not_found", "there is no look-up")
        self._books.record({"event": "find", "at": self._clock(), "account": key, "token": token})
        return Answer(body={"task_ids": self._books.account(key).by_token.get(token, [])})

    def _settle_all(self, account: Account) -> None:
        for task in list(account.running.values()):
            self._settle(task, self._behaviour(task))

    def _settle(self, task: Task, behaviour: Behaviour) -> None:
        """Write down that a task ended, once its time is over and its clip is made (or never will be)."""
        due = task.accepted_at + behaviour.queue_s + behaviour.run_s
        decided = behaviour.fail or task.clip or task.unmade
        if task.ended_at is not None or self._clock() < due or not decided:
            return
        failed = bool(behaviour.fail or task.unmade)
        refunded = failed and behaviour.fail != "charged"
        self._books.record(
            {
                "event": "ended",
                "task": task.id,
                "at": max(due, task.made_at),
                "failed": failed,
                "reason": behaviour.fail_reason if behaviour.fail else task.unmade,
                "refunded_usd": str(task.billed_usd if refunded else 0),
            }
        )

    # --- results --------------------------------------------------------------------------------------------------

    def fetch(self, file: str, query: Mapping[str, str]) -> Answer:
        """The clip at a signed address."""
        task = self._books.tasks.get(file.removesuffix(".mp4"))
        address, expires = query.get("address", ""), query.get("expires", "")
        if task is None or not hmac.compare_digest(
            _signed(task.id, address, expires), "&".join(f"{name}={value}" for name, value in query.items())
        ):
            return error(403, "invalid_signature", "this address is not signed")
        behaviour = self._behaviour(task)
        answer = nth(behaviour.fetch, task.fetches)
        if int(address) < task.valid_from or float(expires) <= self._clock():
            answer = "expired"
        self._books.record(
            {
                "event": "fetch",
                "at": self._clock(),
                "task": task.id,
                "address": int(address),
                "answer": answer,
            }
        )
        if answer == "expired":
            return error(403, "expired", "the address has expired")
        if answer in TROUBLE:
            return Answer(how=TROUBLE[answer])
        if answer.isdigit():
            return self._error(answer, behaviour)
        return Answer(how=InputMode.CLIP, delivery=_delivery(answer, self._studio.clip(task.clip), behaviour))

    def _behaviour(self, task: Task) -> Behaviour:
        return self._books.director.choose(task.number, task.name, task.token).behaviour

    def _error(self, status: str, behaviour: Behaviour, message: str = "scripted") -> Answer:
        headers = {}
        if status in ("429", "503") and behaviour.retry_after_s is not None:
            after = f"{behaviour.retry_after_s:g}"
            if behaviour.retry_after_date:
                after = email.utils.formatdate(self._clock() + behaviour.retry_after_s, usegmt=True)
            headers["Retry-After"] = after
        return error(int(status), f"http_{status}", message, headers)


def _price(behaviour: Behaviour, body: Mapping[str, Any]) -> Decimal:
    return behaviour.price_usd + behaviour.price_per_s_usd * Decimal(str(body["duration_s"]))


def _signed(id: str, address: object, expires: str) -> str:
    signature = hmac.new(_SECRET, f"{id} {address} {expires}".encode(), hashlib.sha256).hexdigest()[:24]
    return f"address={address}&expires={expires}&signature={signature}"


def _delivery(answer: str, clip: bytes, behaviour: Behaviour) -> Delivery:
    size = len(clip)
    match answer:
        case "truncated":
            return Delivery(data=clip[: size * 3 // 5], size=size)
        case "cut":
            return Delivery(data=clip[: size * 3 // 5], size=size * 3 // 5)
        case "empty":
            return Delivery(data=b"", size=0)
        case "html_as_video":
            return Delivery(data=PAGE, size=len(PAGE))
        case _:
            return Delivery(data=clip, size=size, pause_s=behaviour.slow_result_s)
