"""Calling plugins: what breaks in one is named with its place; a submission survives a cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import json
import logging
import threading
import traceback
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from runner.api import Frame, HostedImage, Status, TaskRef
from runner.errors import FetchFailed, PluginFailed, RunnerError, ShotError, SubmitUnknown
from runner.store.documents import is_shallow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from pathlib import Path
    from typing import Any

    from runner.api import EncodedImage, Extractor, HandOver, Uploader
    from runner.planning.plan import PlannedShot

T = TypeVar("T")

_log = logging.getLogger(__name__)

# A plugin that fails in `submit` may have sent the request before.
_ERRORS: Final = {"submit": SubmitUnknown, "fetch": FetchFailed}
_RETURNS: Final[dict[str, tuple[type, ...]]] = {
    "submit": (TaskRef,),
    "poll": (Status,),
    "lookup": (TaskRef, type(None)),
    "extract": (Frame,),
    "put": (HostedImage,),
}
"""What a method has to return; what others return is not looked at."""
_PLUGINS: Final = "runner.plugins."
_LONGEST_ID: Final = 1_000
_LONGEST_URL: Final = 16_000
_MOST_DATA: Final = 16_000


async def called(planned: PlannedShot, method: str, call: Awaitable[T]) -> T:
    """Await one call of a generator. What it raises, or returns in place of what it should, becomes an error that
    names the shot, the plugin and the place in it."""
    spec = planned.shot.generator.spec
    try:
        returned = await call
    except RunnerError as error:
        error.where = error.where or planned.name
        raise
    except TimeoutError:
        raise
    except Exception as error:
        raise failed(f"generator {spec.name}", method, error, planned.name) from error
    _check(f"generator {spec.name}", method, returned, getattr(call, "cr_code", None), planned.name)
    return returned


def called_extractor(
    extractor: Extractor, name: str, previous: PlannedShot, clip: Path, policy: HandOver
) -> Frame:
    """Extract a hand-over frame. Blocking. Raises `MediaError`, or `PluginFailed`: no reason to go on without it."""
    where = f"{previous.name}, {clip.name}"
    try:
        frame = extractor.extract(clip, policy)
    except RunnerError:
        raise
    except Exception as error:
        raise failed(f"extractor {name}", "extract", error, where) from error
    code = _code(extractor.extract)
    _check(f"extractor {name}", "extract", frame, code, where)
    rgb: Any = frame.rgb
    if (
        not isinstance(rgb, np.ndarray)
        or rgb.dtype != np.uint8
        or rgb.ndim != 3
        or rgb.shape[2] != 3
        or not rgb.size
    ):
        kind = f"{rgb.dtype} of shape {rgb.shape}" if isinstance(rgb, np.ndarray) else type(rgb).__name__
        expected = "uint8 of shape (height, width, 3)"
        raise _wrong(f"extractor {name}", "extract", f"a frame of {kind}", expected, _defined(code), where)
    return frame


async def called_uploader(uploader: Uploader, name: str, image: EncodedImage) -> HostedImage:
    """Host an image. Raises `UploadError`, or `PluginFailed`: no reason to go on without it."""
    try:
        hosted = await uploader.put(image)
    except (RunnerError, TimeoutError):
        raise
    except Exception as error:
        raise failed(f"uploader {name}", "put", error) from error
    _check(f"uploader {name}", "put", hosted, _code(uploader.put))
    return hosted


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


def failed(plugin: str, method: str, error: Exception, where: str = "") -> RunnerError:
    """The error to show for an exception that a plugin did not mean to raise; its traceback is in the log."""
    _log.error("%s failed in %s", plugin, method, exc_info=error)
    place = _place(error)
    at = f", at {place}" if place else ""
    kind: type[ShotError] = _ERRORS.get(method, PluginFailed)
    return kind(
        f"{plugin} failed in {method}",
        where=where,
        why=f"{type(error).__name__}: {error}{at}",
        hint=_hint(plugin),
    )


def _check(plugin: str, method: str, returned: object, code: Any, where: str = "") -> None:
    expected = _RETURNS.get(method)
    if expected is None:
        return
    names = " or ".join("None" if one is type(None) else f"a {one.__name__}" for one in expected)
    place = _defined(code)
    if not isinstance(returned, expected):
        shown = "None" if returned is None else f"a {type(returned).__name__}"
        raise _wrong(plugin, method, shown, names, place, where)
    if isinstance(returned, TaskRef):
        if not (isinstance(returned.id, str) and returned.id):
            shown, names = f"a TaskRef with the id {returned.id!r}", "an id that is a text"
            raise _wrong(plugin, method, shown, names, place, where)
        # They go into a journal, messages and commands to type; no provider has such long ones.
        if len(returned.id) > _LONGEST_ID:
            shown, names = f"a task id of {len(returned.id):,} characters", f"one of at most {_LONGEST_ID:,}"
            raise _wrong(plugin, method, shown, names, place, where)
        if (size := _size_of(returned.data)) > _MOST_DATA:
            shown = f"the task {returned.id} with {size:,} characters of data"
            names = f"a TaskRef with at most {_MOST_DATA:,}"
            raise _wrong(plugin, method, shown, names, place, where)
        if not is_shallow(returned.data):
            shown, names = (
                f"the task {returned.id} with data that is nested too deeply",
                "a TaskRef with plain data",
            )
            raise _wrong(plugin, method, shown, names, place, where)
    if isinstance(returned, Status | HostedImage):
        for one in returned.results if isinstance(returned, Status) else (returned,):
            url: Any = getattr(one, "url", None)
            if not isinstance(url, str) or len(url) > _LONGEST_URL or not url.isprintable():
                long = isinstance(url, str) and len(url) > _LONGEST_URL
                shown = f"a URL of {len(url):,} characters" if long else f"the URL {url!r:.200}"
                names = f"a text of at most {_LONGEST_URL:,} printable characters"
                raise _wrong(plugin, method, shown, names, place, where)


def _size_of(data: object) -> int:
    """Characters of the JSON of a task's data; 0 where it is none: the id counts, and whoever records it says so."""
    try:
        return len(json.dumps(data, default=str))
    except (TypeError, ValueError, RecursionError):
        return 0


def _wrong(plugin: str, method: str, returned: str, expected: str, place: str, where: str) -> ShotError:
    kind: type[ShotError] = _ERRORS.get(method, PluginFailed)
    at = f" ({place})" if place else ""
    error = kind(
        f"{plugin} returned {returned} from {method}",
        where=where,
        why=f"{method}{at} should return {expected}; see runner.api",
        hint=_hint(plugin),
    )
    _log.error("%s: %s", error.what, error.why)
    return error


def _place(error: Exception) -> str:
    """The innermost line of a plugin in a traceback."""
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__", "")).startswith(_PLUGINS):
            found = f"{frame.f_code.co_filename}:{line}"
    return found


def _defined(code: Any) -> str:
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else ""


def _code(method: object) -> Any:
    return getattr(inspect.unwrap(method), "__code__", None) if callable(method) else None


def _hint(plugin: str) -> str:
    name = plugin.partition(" ")[2]
    return (
        "it is a mistake in the plugin: runner.log in the run folder has the traceback, and\n"
        f"python -m runner conformance {name}  looks for such mistakes"
    )


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
