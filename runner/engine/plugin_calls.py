"""Calling plugins: their exceptions become errors that name the shot; a submission survives a cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final, TypeVar

from runner.errors import ExtractionRefused, FetchFailed, RunnerError, ShotError, SubmitUnknown, UploadError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine
    from pathlib import Path
    from typing import Any

    from runner.api import EncodedImage, Extractor, Frame, HandOver, HostedImage, Uploader
    from runner.planning.plan import PlannedShot

T = TypeVar("T")

_log = logging.getLogger(__name__)

# A plugin that fails in `submit` may have sent the request before.
_ERRORS: Final = {"submit": SubmitUnknown, "fetch": FetchFailed}


async def called(planned: PlannedShot, method: str, call: Awaitable[T]) -> T:
    """Await one call of a generator; what it raises becomes an error that names the shot."""
    try:
        return await call
    except RunnerError as error:
        error.where = error.where or planned.name
        raise
    except TimeoutError:
        raise
    except Exception as error:
        name = planned.shot.generator.spec.name
        _log.exception("generator %s failed in %s for %s", name, method, planned.name)
        raise _ERRORS.get(method, ShotError)(
            f"generator {name} failed in {method}",
            where=planned.name,
            why=f"{type(error).__name__}: {error}",
            hint="runner.log in the run folder has the traceback",
        ) from error


def called_extractor(extractor: Extractor, previous: PlannedShot, clip: Path, policy: HandOver) -> Frame:
    """Extract a hand-over frame. Blocking. Raises `MediaError`."""
    try:
        return extractor.extract(clip, policy)
    except RunnerError:
        raise
    except Exception as error:
        where = f"{previous.name}, {clip.name}"
        _log.exception("the extractor failed on %s", where)
        why = f"{type(error).__name__}: {error}"
        raise ExtractionRefused("the extractor failed", where=where, why=why) from error


async def called_uploader(uploader: Uploader, image: EncodedImage) -> HostedImage:
    """Host an image. Raises `UploadError`."""
    try:
        return await uploader.put(image)
    except RunnerError:
        raise
    except Exception as error:
        _log.exception("the uploader failed")
        raise UploadError("the uploader failed", why=f"{type(error).__name__}: {error}") from error


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
