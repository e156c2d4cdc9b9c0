"""Calling plugins: their exceptions become errors that name the shot, their calls survive a cancellation."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, TypeVar

from runner.errors import FetchFailed, RunnerError, ShotError, SubmitUnknown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine
    from typing import Any

    from runner.planning.plan import PlannedShot

T = TypeVar("T")

# A plugin that breaks off in `submit` may have sent the request before.
_KINDS: Final = {"submit": SubmitUnknown, "fetch": FetchFailed}


async def asked(planned: PlannedShot, step: str, call: Awaitable[T]) -> T:
    """Await one call of a generator; what it raises becomes an error that names the shot."""
    try:
        return await call
    except RunnerError as error:
        error.where = error.where or planned.name
        raise
    except TimeoutError:
        raise
    except Exception as error:
        raise _KINDS.get(step, ShotError)(
            f"generator {planned.shot.generator.spec.name} broke off in {step}",
            where=planned.name,
            why=f"{type(error).__name__}: {error}",
            hint="--debug shows where; runner.log holds the details",
        ) from error


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """Let `work` end whatever happens to the caller; a cancellation is passed on afterwards."""
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
