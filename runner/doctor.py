"""Whether a configuration can be run here and now: keys, balances, clocks, disk, image host, models that end soon.

Nothing is bought. The image host gets one small picture, since nothing else proves that it works.
"""

from __future__ import annotations

import asyncio
import enum
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.api import Examines, Reach
from runner.engine.services import Services
from runner.errors import RunnerError
from runner.forecast import Standing, forecast
from runner.store.budget import MICROS, dollars

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from runner.api import AccountState, Generator, Picture
    from runner.config.project import GeneratorChoice
    from runner.forecast import Forecast
    from runner.plan import Plan

_LIMIT_S: Final = 60.0
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


async def examine(plan: Plan, *, today: date | None = None) -> AsyncIterator[Check]:
    """Yield the result of each check as it is known. A check that breaks off has failed."""
    for check in (*_root(plan), *_journal(plan), *_models(plan, today or date.today())):
        yield check
    with tempfile.TemporaryDirectory(prefix="doctor-") as work:
        services = Services(plan, Path(work))
        try:
            async with asyncio.timeout(_LIMIT_S):
                await services.__aenter__()
        except (RunnerError, TimeoutError) as error:
            yield _failed("plugins", error)
            return
        try:
            for check in await _accounts(plan, services):
                yield check
            yield await _host(plan, services)
        finally:
            await services.__aexit__(None, None, None)


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


def _journal(plan: Plan) -> Iterator[Check]:
    try:
        expected = forecast(plan)
    except RunnerError as error:
        yield _failed("journal", error)
        return
    waiting = sum(one is Standing.UNKNOWN for one in expected.standing.values())
    if waiting:
        yield Check(
            subject="journal",
            verdict=Verdict.WARNING,
            message=f"{waiting} unknown outcomes wait for a person",
            hint="python -m runner journal",
        )
    else:
        message = f"{expected.to_do} shots to do, {_cost(expected)}"
        yield Check(subject="journal", verdict=Verdict.OK, message=message)


def _models(plan: Plan, today: date) -> Iterator[Check]:
    seen: dict[str, Check] = {}
    for shot in plan.shots:
        able, name = shot.capabilities, shot.request.model or shot.shot.generator.spec.name
        if able.retired is None:
            seen[name] = Check(subject="model", verdict=Verdict.OK, message=f"{name}: no end is known")
        else:
            soon = able.retired - today < _SOON
            hint = f"models near it: {', '.join(able.successors)}" if soon and able.successors else ""
            seen[name] = Check(
                subject="model",
                verdict=Verdict.WARNING if soon else Verdict.OK,
                message=f"{name} ends on {able.retired}",
                hint=hint,
            )
    yield from seen.values()


async def _accounts(plan: Plan, services: Services) -> list[Check]:
    choices = {shot.shot.generator.label: shot.shot.generator for shot in plan.shots}
    found = []
    for label, choice in choices.items():
        found += [check async for check in _account(plan, choice, services.generator(label))]
    return found


async def _account(plan: Plan, choice: GeneratorChoice, generator: Generator) -> AsyncIterator[Check]:
    subject = choice.at
    name = choice.spec.name
    try:
        if choice.spec.account is not None:
            choice.spec.account(choice.options)
        if not isinstance(generator, Examines):
            yield Check(
                subject=subject, verdict=Verdict.SKIPPED, message=f"{name} has no account to ask about"
            )
            return
        async with asyncio.timeout(_LIMIT_S):
            state = await generator.examine()
    except Exception as error:
        yield _failed(subject, error)
        return
    yield _balance(plan, subject, name, state)
    if state.clock is not None:
        yield _clock(name, state.clock)


def _balance(plan: Plan, subject: str, name: str, state: AccountState) -> Check:
    try:
        expected = forecast(plan)
    except RunnerError:
        return Check(subject=subject, verdict=Verdict.OK, message=f"{name} takes the key: {state.summary}")
    if state.balance_usd is not None and round(state.balance_usd * MICROS) < expected.to_spend:
        return Check(
            subject=subject,
            verdict=Verdict.WARNING,
            message=f"{name} takes the key: {state.summary}, and this run needs {_cost(expected)}",
            hint=f"top up, or stop in time: budget.max_cost={state.balance_usd:.2f}",
        )
    return Check(subject=subject, verdict=Verdict.OK, message=f"{name} takes the key: {state.summary}")


def _clock(name: str, there: datetime) -> Check:
    skew_s = (datetime.now(UTC) - there).total_seconds()
    off = abs(skew_s)
    verdict = Verdict.OK if off < _SKEW_S else Verdict.WARNING if off < _BAD_SKEW_S else Verdict.FAILED
    if verdict is Verdict.OK:
        return Check(subject="clock", verdict=verdict, message=f"agrees with {name}'s")
    return Check(
        subject="clock",
        verdict=verdict,
        message=f"this machine is {off:.0f} s {'ahead of' if skew_s > 0 else 'behind'} {name}",
        hint="set the clock: signed addresses and callbacks depend on it",
    )


async def _host(plan: Plan, services: Services) -> Check:
    name = plan.project.uploader.spec.name
    if not plan.needs_uploader:
        return Check(subject="uploader", verdict=Verdict.SKIPPED, message=f"no shot needs {name}")
    needed = max((shot.capabilities.image_reach for shot in plan.shots), default=Reach.LOOPBACK)
    began = time.monotonic()
    try:
        picture = await asyncio.to_thread(_picture)
        async with asyncio.timeout(_LIMIT_S):
            hosted = await services.hosting.hosted(picture, needed)
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
        message=f"{name}: a picture {back} in {time.monotonic() - began:.1f} s, and lives {life}",
    )


def _picture() -> Picture:
    import numpy as np

    from runner.media import picture

    ramp = np.linspace(0, 255, _SIDE_PX, dtype=np.uint8)
    across, down = np.broadcast_arrays(ramp[:, None], ramp[None, :])
    return picture.encode(np.stack([across, down, across], axis=-1), "png")


def _cost(expected: Forecast) -> str:
    text = f"{dollars(expected.to_spend)} to spend"
    return f"{text} and {expected.unpriced} shots of unknown price" if expected.unpriced else text


def _failed(subject: str, error: BaseException) -> Check:
    if isinstance(error, RunnerError):
        return Check(subject=subject, verdict=Verdict.FAILED, message=error.line, hint=error.hint)
    message = (
        f"no answer within {_LIMIT_S:g} s"
        if isinstance(error, TimeoutError)
        else f"{type(error).__name__}: {error}"
    )
    return Check(subject=subject, verdict=Verdict.FAILED, message=message)
