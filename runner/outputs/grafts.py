"""Clips of other runs that take the place of a shot's own: `graft` at a shot is the key that they are known by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner import store
from runner.errors import ShotError
from runner.store.attempt import Phase, decisive

if TYPE_CHECKING:
    from runner.planning.plan import Plan, PlannedShot


def check(plan: Plan) -> None:
    """Raise `ShotError` where the outputs root knows no clip for a graft: nothing is paid for before it. Blocking."""
    wanted = [shot for shot in plan.shots if shot.shot.graft]
    if not wanted:
        return
    reader = store.read_journal(plan.project.output_root)
    known = {}
    if reader is not None:
        with reader:
            known = reader.by_keys([shot.key for shot in wanted])
    for shot in wanted:
        attempt = decisive(known.get(shot.key, []))
        if attempt is None or attempt.phase is not Phase.FETCHED or not attempt.digest:
            raise missing(shot)


def missing(planned: PlannedShot) -> ShotError:
    """What is wrong with a shot whose grafted clip is not there."""
    return ShotError(
        "the clip that is grafted here is not in this outputs root",
        where=planned.name,
        why=f"{planned.shot.at}.graft={planned.key[:12]}... is the key of no clip that is stored here",
        hint=f"graft another one, or leave out {planned.shot.at}.graft: its own clip is generated then",
    )
