"""Whether a configuration can be run here and now: keys, balances, clocks, disk, image host, models that end soon.

Nothing is bought. The image host gets one small image, since nothing else proves that it works.
"""

from __future__ import annotations

import asyncio
import enum
import secrets
import shutil
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.api import Reach, SupportsAccountStatus
from runner.engine.plugin_calls import Call, called
from runner.engine.plugin_objects import PluginObjects
from runner.engine.timing import Timing
from runner.errors import RunnerError
from runner.money import dollars, to_micros
from runner.planning.adherence import profiles_of
from runner.planning.estimate import Estimate, Standing, estimate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from runner.api import AccountStatus, EncodedImage, Generator
    from runner.config.project import GeneratorChoice
    from runner.planning.plan import Plan

_LIMIT_S: Final = 15.0
_SIDE_PX: Final = 320
_LITTLE_DISK: Final = 2_000_000_000
_NO_DISK: Final = 100_000_000
_SKEW_S: Final = 60.0
_BAD_SKEW_S: Final = 300.0
_SOON: Final = timedelta(days=90)


class Verdict(enum.StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. `hint` is the next command or change."""

    subject: str
    verdict: Verdict
    message: str
    hint: str = ""


async def examine(plan: Plan, *, film: bool = True, today: date | None = None) -> AsyncIterator[Check]:
    """Yield the result of each check as it is known. A check that fails in an unexpected way has failed.

    Without a `film` the plan's shots are made up, and nobody is going to pay for them.
    """
    expected = _forecast(plan) if film else None
    today = today or date.today()
    for check in (*_root(plan), *_journal(expected), *_models(plan, today), *_adherence(plan)):
        yield check
    timing = Timing()
    async with AsyncExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="doctor-")))
        try:
            async with asyncio.timeout(_LIMIT_S):
                plugins = await PluginObjects.opened(stack, work, timing)
                generators = await _generators(plan, plugins)
        except (RunnerError, TimeoutError) as error:
            yield _failed("plugins", error)
            return
        for check in await _accounts(generators, expected):
            yield check
        yield await _host(plan, plugins)


async def _generators(plan: Plan, plugins: PluginObjects) -> list[tuple[GeneratorChoice, Generator]]:
    choices = {shot.shot.generator.label: shot.shot.generator for shot in plan.shots}
    return [(choice, await plugins.generator(choice)) for choice in choices.values()]


def _root(plan: Plan) -> Iterator[Check]:
    root = plan.project.output_root
    there = next(place for place in (root.absolute(), *root.absolute().parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        free = shutil.disk_usage(there).free
    except OSError as error:
        yield Check(
            subject="outputs",
            verdict=Verdict.FAILED,
            message=f"{root} cannot be written: {error.strerror}",
            hint="choose another folder: output.root=DIR",
        )
        return
    verdict = Verdict.FAILED if free < _NO_DISK else Verdict.WARNING if free < _LITTLE_DISK else Verdict.OK
    hint = "" if verdict is Verdict.OK else "make room, or choose another disk: output.root=DIR"
    yield Check(
        subject="outputs",
        verdict=verdict,
        message=f"{root} can be written, {free / 1e9:,.1f} GB are free",
        hint=hint,
    )


def _forecast(plan: Plan) -> Estimate | RunnerError:
    try:
        return estimate(plan)
    except RunnerError as error:
        return error


def _journal(expected: Estimate | RunnerError | None) -> Iterator[Check]:
    match expected:
        case None:
            return
        case RunnerError():
            yield _failed("journal", expected)
            return
    waiting = sum(one is Standing.UNKNOWN for one in expected.standing.values())
    if waiting:
        yield Check(
            subject="journal",
            verdict=Verdict.WARNING,
            message=f"{_counted(waiting, 'shot')} of unknown outcome: settle that first, and nothing is paid twice",
            hint="python -m runner journal",
        )
    else:
        message = f"{_counted(expected.to_do, 'shot')} to do, {_cost(expected)}"
        yield Check(subject="journal", verdict=Verdict.OK, message=message)


def _models(plan: Plan, today: date) -> Iterator[Check]:
    seen: dict[str, Check] = {}
    for shot in plan.shots:
        caps, name = shot.capabilities, shot.request.model or shot.shot.generator.spec.name
        if caps.lifecycle.retired is None:
            seen[name] = Check(
                subject="model", verdict=Verdict.OK, message=f"{name}: no retirement is announced"
            )
        else:
            soon = caps.lifecycle.retired - today < _SOON
            hint = (
                f"models near it: {', '.join(caps.lifecycle.successors)}"
                if soon and caps.lifecycle.successors
                else ""
            )
            seen[name] = Check(
                subject="model",
                verdict=Verdict.WARNING if soon else Verdict.OK,
                message=f"{name} ends on {caps.lifecycle.retired}",
                hint=hint,
            )
    yield from seen.values()


def _adherence(plan: Plan) -> Iterator[Check]:
    """How well the models keep first frames, by the clips of this outputs root."""
    try:
        found = profiles_of([plan])
    except RunnerError:
        return  # what is the matter with the journal is said by another check
    for profile in found:
        bad = profile.often_ignores
        yield Check(
            subject="adherence",
            verdict=Verdict.WARNING if bad else Verdict.OK,
            message=profile.line,
            hint="choose another model, or pay for another take by itself: continuity.on_ignored=retry"
            if bad
            else "",
        )


async def _accounts(
    generators: list[tuple[GeneratorChoice, Generator]], expected: Estimate | RunnerError | None
) -> list[Check]:
    return [check for choice, one in generators async for check in _account(choice, one, expected)]


async def _account(
    choice: GeneratorChoice, generator: Generator, expected: Estimate | RunnerError | None
) -> AsyncIterator[Check]:
    subject = choice.at
    name = choice.spec.name
    try:
        if choice.spec.account is not None:
            choice.spec.account(choice.options)
        if not isinstance(generator, SupportsAccountStatus):
            yield Check(
                subject=subject, verdict=Verdict.SKIPPED, message=f"{name} has no account to ask about"
            )
            return
        call = Call(f"generator {name}", "account_status", limit_s=_LIMIT_S)
        state = await called(call, generator.account_status)
    except Exception as error:
        yield _failed(subject, error)
        return
    yield _balance(subject, name, state, expected)
    if state.clock is not None:
        yield clock(name, state.clock)


def _balance(subject: str, name: str, state: AccountStatus, expected: Estimate | RunnerError | None) -> Check:
    message = f"{name} takes the key: {state.summary}"
    if not isinstance(expected, Estimate) or state.balance_usd is None:
        return Check(subject=subject, verdict=Verdict.OK, message=message)
    if to_micros(state.balance_usd) >= expected.to_spend:
        return Check(subject=subject, verdict=Verdict.OK, message=message)
    affordable = max(state.balance_usd, Decimal(0)).quantize(Decimal("0.01"), ROUND_DOWN)
    return Check(
        subject=subject,
        verdict=Verdict.WARNING,
        message=f"{message}, and this run needs {_cost(expected)}",
        hint=f"top up, or stop in time: budget.max_cost={affordable}",
    )


def clock(name: str, there: datetime) -> Check:
    """Whether this machine's clock agrees with a provider's, whose time is `there`."""
    skew_s = (datetime.now(UTC) - there).total_seconds()
    off = abs(skew_s)
    verdict = Verdict.OK if off < _SKEW_S else Verdict.WARNING if off < _BAD_SKEW_S else Verdict.FAILED
    if verdict is Verdict.OK:
        return Check(subject="clock", verdict=verdict, message=f"agrees with {name}'s")
    return Check(
        subject="clock",
        verdict=verdict,
        message=f"this machine is {off:.0f} s {'ahead of' if skew_s > 0 else 'behind'} {name}",
        hint="set the clock: signed URLs and callbacks depend on it",
    )


async def _host(plan: Plan, plugins: PluginObjects) -> Check:
    name = plan.project.uploader.spec.name
    if not plan.needs_uploader:
        return Check(subject="uploader", verdict=Verdict.SKIPPED, message=f"no shot needs {name}")
    needed = max(
        (shot.capabilities.image.reach for shot in plan.shots if shot.capabilities.image is not None),
        default=Reach.LOOPBACK,
    )
    began = time.monotonic()
    host = plan.project.uploader
    try:
        picture = await asyncio.to_thread(_picture)
        async with asyncio.timeout(_LIMIT_S):
            if host.spec.ready is not None:
                await asyncio.to_thread(host.spec.ready, host.options)
            # Its test image is no run's, and deleted without touching those of a run.
            hosting = await plugins.hosting(plan.project, f"doctor{secrets.token_hex(8)}")
            hosted = await hosting.hosted(picture, needed)
            if hosting.deletes:
                await hosting.delete()
    except Exception as error:
        return _failed("uploader", error)
    life = (
        "for as long as the run"
        if hosted.expires_at is None
        else f"until {hosted.expires_at:%Y-%m-%d %H:%M} UTC"
    )
    back = (
        "came back whole" if plan.project.uploader.verify else "was not fetched back (uploader.verify=false)"
    )
    return Check(
        subject="uploader",
        verdict=Verdict.OK,
        message=f"{name}: an image {back} in {time.monotonic() - began:.1f} s, and lives {life}",
    )


def _picture() -> EncodedImage:
    import numpy as np

    from runner.media import picture

    ramp = np.linspace(0, 255, _SIDE_PX, dtype=np.uint8)
    across, down = np.broadcast_arrays(ramp[:, None], ramp[None, :])
    return picture.encode(np.stack([across, down, across], axis=-1), "png")


def _cost(expected: Estimate) -> str:
    text = f"{dollars(expected.to_spend)} to spend"
    return f"{text} and {_counted(expected.unpriced, 'shot')} of unknown price" if expected.unpriced else text


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _failed(subject: str, error: BaseException) -> Check:
    if isinstance(error, RunnerError):
        where = f" ({error.where})" if error.where and error.where not in error.line else ""
        return Check(subject=subject, verdict=Verdict.FAILED, message=f"{error.line}{where}", hint=error.hint)
    message = (
        f"no answer within {_LIMIT_S:g} s"
        if isinstance(error, TimeoutError)
        else f"{type(error).__name__}: {error}"
    )
    return Check(subject=subject, verdict=Verdict.FAILED, message=message)
