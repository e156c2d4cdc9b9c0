"""What a generator must do: whole clips of what was asked for, told apart from refusals, at a price it names."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from runner.api import (
    HostedImage,
    Idempotency,
    InputMode,
    Price,
    Range,
    ShotRequest,
    State,
    Status,
    TaskRef,
)
from runner.engine.plugin_calls import called
from runner.errors import Busy, RunnerError, SubmitRefused
from runner.planning.plan import stated_by
from runner.testing.conformance.report import Failed, Skipped, require, told

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from runner.api import GeneratorCapabilities
    from runner.testing.conformance.report import Checks
    from runner.testing.conformance.target import Target

CLIPS: Final = 3
"""How many clips the checks pay for: a cancelled one, one from text, one from a picture.

A generator that breaks its contract may make more: one that cannot be, a second one for the same token."""

_CLIP_S: Final = 1200.0
_SHORT_SIDE: Final = 180
_CANCEL_S: Final = 30.0
_SLOWER: Final = 1.5
_HICCUPS: Final = 5  # polls in a row that say that it cannot be told for now


def request(target: Target, shot: str, how: InputMode = InputMode.TEXT) -> ShotRequest:
    """The cheapest request that the capabilities allow, as shot "conformance/`shot`"."""
    caps = target.can_generate(how)
    durations, aspects, resolutions = (
        caps.request.durations_s,
        caps.request.aspect_ratios,
        caps.request.resolutions,
    )
    if isinstance(durations, Range):
        duration_s = min(max(1.0, durations.low), durations.high)
    else:
        duration_s = min(durations) if durations else 1.0
    return ShotRequest(
        project="conformance",
        sequence="conformance",
        shot=shot,
        prompt="A calm lake between hills, seen from a slowly moving boat",
        model=target.model,
        duration_s=float(duration_s),
        aspect_ratio="16:9" if aspects is None or "16:9" in aspects else aspects[0],
        resolution=f"{_SHORT_SIDE}p" if resolutions is None else min(resolutions, key=_lines),
        fps=24.0,
        seed=7,
        take=1,
        params=target.params,
    )


def cost(target: Target) -> str:
    """Why the checks of this generator may cost money; empty where its price says that they do not.

    Whatever its capabilities raise is left for the checks to report, and counts as a price that nobody knows.
    """
    try:
        prices = _prices(target)
    except Exception as error:
        return f"its price is not known: {told(error)}"
    if any(price is None for price in prices):
        return "its price is not known"
    most = max(price.usd for price in prices if price is not None)
    return f"each costs about ${most}" if most > 0 else ""


async def check(target: Target, checks: Checks, work: Path, http: httpx.AsyncClient) -> None:
    """Check a generator."""
    async with target.opened(work, http) as generator:
        await _Generating(target, checks, work, http, generator).check()


@dataclasses.dataclass(slots=True)
class _Sink:
    """A `runner.api.Sink` that keeps what comes."""

    data: bytearray = dataclasses.field(default_factory=bytearray)
    announced: int | None = None

    def expect(self, size: int) -> None:
        self.announced = size

    async def write(self, data: bytes) -> None:
        require(
            isinstance(data, bytes | bytearray | memoryview), f"it wrote {type(data).__name__}, not bytes"
        )
        self.data += data


@dataclasses.dataclass(slots=True)
class _Generating:
    target: Target
    checks: Checks
    work: Path
    http: httpx.AsyncClient
    generator: Any

    async def check(self) -> None:
        run, caps = self.checks.run, self.target.can_generate(InputMode.TEXT)
        await run("knows its price, or states that it is unknown", self._priced)
        await run("refuses an impossible request", self._refuses)
        if caps.text:
            await self._from_text(caps)
        else:
            self.checks.skip("makes a clip from text", "its capabilities say that it does not")
        await self._from_picture(self.target.can_generate(InputMode.IMAGE))

    async def _from_text(self, caps: GeneratorCapabilities) -> None:
        run = self.checks.run
        await run("survives a cancelled submission", self._cancelled)
        asked, token = request(self.target, "text"), uuid.uuid4().hex
        ref = await run("takes a request", lambda: self._submitted(asked, token))
        if ref is None:
            return
        await run("survives a cancelled poll", lambda: self._cancelled_poll(ref))
        status = await run("makes a clip from text", lambda: self._finished(ref), limit_s=_CLIP_S)
        await self._identified(caps, asked, token, ref)
        if status is None:
            return
        await run("can be polled after the end", lambda: self._polled_again(ref))
        sink = await run("delivers the clip", lambda: self._fetched(status))
        if sink is None:
            return
        await run("announces the true size", lambda: _sized(sink))
        await run("delivers the same bytes again", lambda: self._fetched_again(ref, sink))
        await run("the clip is what was requested", lambda: self._as_asked(asked, sink, "text"))

    async def _identified(
        self, caps: GeneratorCapabilities, asked: ShotRequest, token: str, ref: TaskRef
    ) -> None:
        name = "takes one token for one task"
        if caps.billing.idempotency is Idempotency.KEY:
            await self.checks.run(name, lambda: self._once(asked, token, ref))
        else:
            self.checks.skip(name, "its capabilities do not promise it")
        name = "finds a task by its token"
        if caps.billing.lookup:
            await self.checks.run(name, lambda: self._found(token, ref))
        else:
            self.checks.skip(name, "its capabilities do not promise it")

    async def _from_picture(self, caps: GeneratorCapabilities) -> None:
        name = "starts from the image it is given"
        host = self.target.host
        if not caps.image:
            self.checks.skip(name, "its capabilities say that it takes none")
        elif caps.image.inline:
            await self.checks.run(name, lambda: self._starts_from(caps, None), limit_s=_CLIP_S)
        elif host is None or host.can_host().reach < caps.image.reach:
            self.checks.skip(
                name,
                f"it needs a URL that is {caps.image.reach.name.lower()}: choose a host with uploader=NAME",
            )
        else:
            async with host.opened(self.work, self.http) as uploader:
                await self.checks.run(name, lambda: self._starts_from(caps, uploader), limit_s=_CLIP_S)

    # --- steps ------------------------------------------------------------------------------------------------

    async def _submitted(self, asked: ShotRequest, token: str) -> TaskRef:
        ref: TaskRef = await called(self.target.call("submit"), self.generator.submit, asked, token)
        return ref

    async def _polled(self, ref: TaskRef) -> Status:
        # Another process has nothing but the id, and the data as the journal gives it back.
        known = TaskRef(ref.id, json.loads(json.dumps(dict(ref.data))))
        status: Status = await called(self.target.call("poll"), self.generator.poll, known)
        progress, spent = status.progress, status.cost_usd
        require(progress is None or 0 <= progress <= 1, f"progress is {progress}, not from 0 to 1")
        require(spent is None or isinstance(spent, Decimal), f"cost_usd is {spent!r}, not a Decimal")
        if status.state is State.SUCCEEDED:
            require(status.results, "the task succeeded, and names no result")
        return status

    async def _finished(self, ref: TaskRef) -> Status:
        pace = self.target.can_generate(InputMode.TEXT).polling.interval_s
        wait_s, hiccups = pace.low, 0
        while True:
            try:
                status = await self._polled(ref)
                hiccups = 0
            except RunnerError as error:
                hiccups += 1
                if not error.retry_safe or hiccups > _HICCUPS:
                    raise
            else:
                if status.state not in (State.QUEUED, State.RUNNING):
                    break
            await asyncio.sleep(wait_s)
            wait_s = min(pace.high, wait_s * _SLOWER)
        require(status.state is State.SUCCEEDED, f"the task failed: {status.reason or 'without a reason'}")
        return status

    async def _fetched(self, status: Status) -> _Sink:
        sink = _Sink()
        await called(self.target.call("fetch"), self.generator.fetch, status, sink)
        require(sink.data, "nothing came")
        return sink

    # --- checks -----------------------------------------------------------------------------------------------

    async def _priced(self) -> str:
        return "" if None not in _prices(self.target) else "its price is unknown"

    async def _refuses(self) -> str:
        asked = dataclasses.replace(
            request(self.target, "impossible"), duration_s=-1.0, aspect_ratio="0:0", resolution="0p", fps=-1.0
        )
        try:
            ref = await self._submitted(asked, uuid.uuid4().hex)
        except Busy as error:
            raise Failed(f"it raised {told(error)}: it would be polled for ever") from error
        except SubmitRefused as error:
            return error.line
        except Exception as error:
            raise Failed(f"it raised what is not SubmitRefused: {told(error)}") from error
        raise Failed(f"it took a clip of -1 s at 0:0 as task {ref.id}")

    async def _cancelled(self) -> None:
        submission = self._submitted(request(self.target, "cancelled"), uuid.uuid4().hex)
        await _cancel(asyncio.ensure_future(submission), "submit")

    async def _cancelled_poll(self, ref: TaskRef) -> None:
        await _cancel(asyncio.ensure_future(self._polled(ref)), "poll")
        await self._polled(ref)

    async def _polled_again(self, ref: TaskRef) -> None:
        for _ in range(2):
            status = await self._polled(ref)
            require(status.state is State.SUCCEEDED, f"it states {status.state} of a task that had succeeded")

    async def _fetched_again(self, ref: TaskRef, first: _Sink) -> None:
        again = await self._fetched(await self._polled(ref))
        require(
            again.data == first.data,
            f"first {len(first.data)} bytes came, then {len(again.data)}, and they differ",
        )

    async def _once(self, asked: ShotRequest, token: str, ref: TaskRef) -> None:
        again = await self._submitted(asked, token)
        require(
            again == ref, f"the same token gave task {ref.id}, and then {again.id}: it would be paid twice"
        )

    async def _found(self, token: str, ref: TaskRef) -> None:
        call = self.target.call("lookup")
        found = await called(call, self.generator.lookup, token)
        require(found == ref, f"the token of task {ref.id} led to {found!r}")
        stray = await called(call, self.generator.lookup, uuid.uuid4().hex)
        require(stray is None, f"a token that nobody used led to {stray!r}")

    async def _as_asked(self, asked: ShotRequest, sink: _Sink, name: str) -> None:
        from runner.testing.conformance import watching

        path = self.work / f"{name}.mp4"
        path.write_bytes(sink.data)
        await asyncio.to_thread(watching.as_asked, path, asked)

    async def _starts_from(self, caps: GeneratorCapabilities, uploader: Any) -> str:
        from runner.testing.conformance import watching

        asked = request(self.target, "picture", InputMode.IMAGE)
        given = await asyncio.to_thread(
            watching.opening_for, asked, caps.image.formats[0] if caps.image else "png"
        )
        host = self.target.host
        sent = (
            given if host is None or uploader is None else await called(host.call("put"), uploader.put, given)
        )
        asked = dataclasses.replace(asked, image=sent)
        sink = await self._fetched(await self._finished(await self._submitted(asked, uuid.uuid4().hex)))
        path = self.work / "picture.mp4"
        path.write_bytes(sink.data)
        return await asyncio.to_thread(watching.starts_from, path, given)


def _prices(target: Target) -> list[Price | None]:
    """What a clip costs, from text and from a picture."""
    caps = target.can_generate(InputMode.IMAGE)
    asked = [(target.can_generate(InputMode.TEXT), request(target, "text"))]
    if caps.image:
        image = HostedImage(url="https://example.com/first.png", reach=caps.image.reach)
        asked.append((caps, dataclasses.replace(request(target, "picture", InputMode.IMAGE), image=image)))
    return [
        stated_by(str(target), "price", caps.billing.price, one) if caps.billing.price is not None else None
        for caps, one in asked
    ]


async def _sized(sink: _Sink) -> None:
    if sink.announced is None:
        raise Skipped("it announces none; with sink.expect(size) an incomplete clip is recognised")
    require(sink.announced == len(sink.data), f"{sink.announced} bytes were announced, {len(sink.data)} came")


async def _cancel(task: asyncio.Future[Any], step: str) -> None:
    """Cancel a call on its way; it may end in time nevertheless."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=_CANCEL_S)
    require(done, f"{step} goes on {_CANCEL_S:g} s after it was cancelled")
    error = None if task.cancelled() else task.exception()
    require(error is None, f"of a cancelled {step}: {told(error) if error else ''}")


def _lines(resolution: str) -> int:
    """How many lines "720p" names; what names none comes last."""
    digits = "".join(sign for sign in resolution if sign.isdigit())
    return int(digits) if digits else 1 << 30
