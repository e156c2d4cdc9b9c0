"""Having hosted pictures taken away, by an uploader that does that, once no task can need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner.errors import RunnerError
from runner.store.claims import held_among
from runner.store.journal import attempts

if TYPE_CHECKING:
    from pathlib import Path

    from runner.engine.run_context import RunContext
    from runner.engine.services import Services
    from runner.planning.plan import Plan

_MAY_FETCH: Final = "phase IN ('intended', 'submitted', 'unknown')"
"""Attempts whose provider may be about to fetch a picture."""


def mark(root: Path, run: str) -> None:
    """Note that pictures of a request are hosted, so that a later run takes them away when this one is killed."""
    file = _mark(root, run)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


async def clear(plan: Plan, context: RunContext, services: Services) -> tuple[str, ...]:
    """Take the pictures of this request away; what there is to say about it. Never raises but for cancellation."""
    left = _mark(context.root, services.run)
    if not services.deletes or not left.exists():
        return ()
    keys = {shot.key for shot in plan.shots}
    try:
        waiting = await context.journal.soon(attempts(_MAY_FETCH))
        if any(one.key in keys for one in waiting):
            return (
                "the hosted pictures stay, since tasks may still need them: the same command clears them",
            )
        if await context.journal.soon(held_among(keys, context.clock())):
            return ()  # another run works on this request, and clears them at its end
        await services.clear_pictures()
        left.unlink(missing_ok=True)
    except RunnerError as error:
        return (f"hosted pictures are left behind: {error.line}; the same command tries again",)
    return ()


def _mark(root: Path, run: str) -> Path:
    return root / ".runner" / "hosted" / run
