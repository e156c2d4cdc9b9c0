"""Deleting hosted images, by an uploader that does that, once no task can need them any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner.errors import RunnerError
from runner.store.attempt import Phase
from runner.store.interface import Filter
from runner.store.local import hosted_marks

if TYPE_CHECKING:
    from runner.engine.run_context import RunContext

_MAY_FETCH: Final = (Phase.INTENDED, Phase.SUBMITTED, Phase.UNKNOWN)
"""Attempts whose provider may be about to fetch an image."""


async def clean_up(run: RunContext) -> tuple[str, ...]:
    """Delete the images of this request; what there is to say about it. Raises only cancellations."""
    plan, journal = run.plan, run.resources.journal
    root = run.resources.root
    if not plan.needs_uploader or not hosted_marks.is_marked(root, plan.key):
        return ()
    keys = frozenset(shot.key for shot in plan.shots) | run.requested.keys()
    try:
        hosting = await run.resources.plugins.hosting(plan.project, plan.key)
        if not hosting.deletes:
            return ()
        if await journal.attempts(Filter(keys=keys, phases=_MAY_FETCH)):
            return (
                "the hosted images stay, since tasks may still need them: rerun the same command to delete them",
            )
        if keys & await journal.leased():
            return ()  # another run works on this request, and deletes them at its end
        await hosting.delete()
        hosted_marks.clear(root, plan.key)
    except RunnerError as error:
        return (f"hosted images are left behind: {error.line}; rerun the same command to try again",)
    return ()
