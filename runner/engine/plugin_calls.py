"""Calling plugins: what breaks in one is named with its place; a submission survives a cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import logging
import threading
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from runner import contract
from runner.api import HandOver
from runner.errors import PluginFailed, RunnerError
from runner.net.asking import Asking, asking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from pathlib import Path
    from typing import Any

    from runner.api import Extractor, Frame, Metric, Subject

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a plugin, for its limits and for what is said of it."""

    plugin: str
    """Its kind and name: "uploader mine"."""
    method: str
    where: str = ""
    """What it is called for, such as a shot."""
    _: KW_ONLY
    limit_s: float | None = None
    remind: Callable[[str], None] | None = None
    """Takes what there is to say while the plugin is slow."""
    remind_s: float = 10.0
    """Before the first such message; the pauses double."""
    shot: str = ""
    """The key of the shot that it is for; empty for none."""


async def called(call: Call, method: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Await one call of a plugin's method. What it raises, or returns in place of what it should, becomes an error that
    names the plugin and the place in it. Raises `TimeoutError` where it takes longer than its limit."""
    # The token of an attempt is the last thing that these methods take.
    token = args[-1] if call.method in ("submit", "lookup") and args else ""
    purpose = Asking(method=call.method, shot=call.shot, token=token if isinstance(token, str) else "")
    with asking(purpose):
        async with asyncio.timeout(call.limit_s), _reminding(call):
            try:
                awaitable = method(*args, **kwargs)
                if not inspect.isawaitable(awaitable):
                    fault = contract.Fault(f"{contract.shown(awaitable)} at once", "be `async def`")
                    raise _wrong(call, fault, contract.place(method))
                returned = await awaitable
            except RunnerError as error:
                error.where = error.where or call.where
                raise
            except TimeoutError:
                raise
            except Exception as error:
                raise failed(call, error, method) from error
            check(call, returned, method)
        return returned


def called_extractor(
    call: Call,
    extract: Callable[[Path, HandOver], Frame],
    clip: Path,
    policy: HandOver = HandOver.LAST,
) -> Frame:
    """Extract a hand-over frame. Blocking. Raises `MediaError`, or `PluginFailed`: no reason to go on without it."""
    try:
        frame = extract(clip, policy)
    except RunnerError:
        raise
    except Exception as error:
        raise failed(call, error, extract) from error
    check(call, frame, extract)
    return frame


async def extracted(call: Call, extractor: Extractor, clip: Path, policy: HandOver = HandOver.LAST) -> Frame:
    """The same in a thread, within the limit of the call. Raises `TimeoutError`, too."""
    async with asyncio.timeout(call.limit_s), _reminding(call):
        return await in_thread(lambda: called_extractor(call, extractor.extract, clip, policy), call.plugin)


async def measured(call: Call, metric: Metric, subject: Subject) -> float | None:
    """Measure a subject in a thread, within the limit of the call. Raises `TimeoutError`, or `PluginFailed`."""

    def measure() -> float | None:
        try:
            found = metric.measure(subject)
        except RunnerError:
            raise
        except Exception as error:
            raise failed(call, error, metric.measure) from error
        check(call, found, metric.measure)
        return None if found is None else float(found)

    async with asyncio.timeout(call.limit_s), _reminding(call):
        return await in_thread(measure, call.plugin)


@contextlib.asynccontextmanager
async def _reminding(call: Call) -> AsyncIterator[None]:
    """Say once in a while that a plugin is still waited for."""
    if call.remind is None:
        yield
        return
    reminding = asyncio.create_task(_remind(call, call.remind))
    try:
        yield
    finally:
        reminding.cancel()


async def _remind(call: Call, remind: Callable[[str], None]) -> None:
    waited_s, pause_s = 0.0, call.remind_s
    while True:
        await asyncio.sleep(pause_s)
        waited_s += pause_s
        pause_s = waited_s
        message = f"still waiting for {call.plugin} ({call.method}, {waited_s:g} s)"
        _log.warning("%s", f"{call.where}: {message}" if call.where else message)
        remind(message)


async def in_thread(work: Callable[[], T], name: str) -> T:
    """Run `work` in a thread that is left behind where the caller does not wait any longer: a plugin that hangs must
    not keep the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # what `work` returned

    def run() -> None:
        result: T | None = None
        problem: BaseException | None = None
        try:
            result = work()
        except BaseException as error:  # passed on to the caller
            problem = error
        with contextlib.suppress(RuntimeError):  # the loop has ended without waiting
            loop.call_soon_threadsafe(finish, result, problem)

    context = contextvars.copy_context()
    threading.Thread(target=lambda: context.run(run), name=name, daemon=True).start()
    return await done


def failed(call: Call, error: Exception, method: object = None) -> PluginFailed:
    """The error to show for an exception that a plugin did not mean to raise; its traceback is in the log."""
    _log.error("%s failed in %s", call.plugin, call.method, exc_info=error)
    place = contract.place_of(error) or contract.place(method)
    at = f", at {place}" if place else ""
    next_step = (
        "it is a mistake in the plugin: --debug shows the traceback, runner.log in the run folder has it"
    )
    why = f"{type(error).__name__}: {error}{at}"
    return _error(call, f"{call.plugin} failed in {call.method}", why, next_step)


def check(call: Call, returned: object, method: object) -> None:
    """Raise where a method returned something else than its contract says."""
    fault = contract.fault(call.method, returned)
    if fault is not None:
        should = contract.Fault(fault.shown, f"return {fault.expected}")
        raise _wrong(call, should, contract.place(method))


def _wrong(call: Call, fault: contract.Fault, place: str) -> PluginFailed:
    at = f" ({place})" if place else ""
    why = f"{call.method}{at} should {fault.expected}; see runner.api"
    what = f"{call.plugin} returned {fault.shown} from {call.method}"
    error = _error(call, what, why, "correct the plugin, then rerun the same command")
    _log.error("%s: %s", error.what, error.why)
    return error


def _error(call: Call, what: str, why: str, next_step: str) -> PluginFailed:
    name = call.plugin.partition(" ")[2]
    hint = f"{next_step}\npython -m runner conformance {name}  looks for more such mistakes"
    return PluginFailed(what, where=call.where, why=why, hint=hint)


async def shielded(work: Coroutine[Any, Any, T] | asyncio.Task[T]) -> T:
    """Finish `work` whatever happens to the caller; a cancellation is passed on afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
        except Exception:
            break
    if cancelled is not None:
        with contextlib.suppress(Exception):
            task.result()
        raise cancelled
    return task.result()
