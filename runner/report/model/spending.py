"""What the journal of an outputs root says about the money of a run or a sweep, and about the user's decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner import store
from runner.errors import JournalError, OutputError
from runner.money import to_usd
from runner.report.model.loose import number, whole
from runner.report.model.parts import CostView, WastedAttempt
from runner.store.attempt import OPEN, Phase, decisive
from runner.store.interface import Filter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from runner.report.model.parts import ShotView
    from runner.store.attempt import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """What was read of a journal, for the reports of one project."""

    attempts: tuple[Attempt, ...] = ()
    judgements: Mapping[tuple[str, str], str] | None = None
    """`accepted` or `rejected`, by the key of the shot and the digest of its clip."""
    is_known: bool = False
    """Whether there is a journal that could be read."""
    gap: str = ""
    """Why not, where there is one."""

    def judgement(self, shot: ShotView) -> str:
        """What the user said of the clip of a shot."""
        digest = shot.clip.sha256 if shot.clip is not None else ""
        return (self.judgements or {}).get((shot.key, digest), "")

    def open_tokens(self, key: str) -> tuple[str, ...]:
        """The tokens of the attempts of a shot whose outcome is unknown."""
        unknown = (Phase.UNKNOWN, Phase.INTENDED)
        return tuple(one.token for one in self.attempts if one.key == key and one.phase in unknown)


def read(root: Path | None, project: str, keys: Collection[str] = ()) -> Accounts:
    """All attempts of a project in the journal of a root. Blocking; a journal that cannot be read leaves a gap."""
    if root is None:
        return Accounts()
    try:
        reader = store.read_journal(root)
        if reader is None:
            return Accounts()
        with reader:
            attempts = reader.attempts(Filter(project=project))
            judgements = {(one.key, one.digest): str(one.verdict) for one in reader.decisions(keys)}
    except (JournalError, OutputError) as error:
        return Accounts(gap=error.line)
    return Accounts(attempts=tuple(attempts), judgements=judgements, is_known=True)


def cost_of(
    accounts: Accounts, scope: str, shots: Iterable[ShotView], run: Mapping[str, Any] | None
) -> CostView:
    """The cost of a run or a sweep; `scope` is its key, `run` has the `money` of its last run."""
    money = (run or {}).get("money")
    shots = list(shots)
    if not accounts.is_known:
        return CostView(
            spent_usd=number(money, "so_far_usd"),
            now_usd=number(money, "now_usd"),
            reserved_usd=number(money, "reserved_usd"),
            unpriced=whole(money, "unpriced") or 0,
        )
    keys = {shot.key for shot in shots if shot.key}
    used = {shot.clip.sha256 for shot in shots if shot.clip is not None}
    ours = [one for one in accounts.attempts if one.scope == scope or one.key in keys]
    by_key: dict[str, list[Attempt]] = {}
    for attempt in ours:
        by_key.setdefault(attempt.key, []).append(attempt)
    made = [found for key in keys if (found := decisive(by_key.get(key, []))) and found.digest in used]
    at_risk = [one for one in ours if one.scope == scope and one.phase is not Phase.REFUSED]
    wasted = [one for one in at_risk if _is_wasted(one, used)]
    return CostView(
        spent_usd=to_usd(sum(one.at_risk or 0 for one in at_risk)),
        now_usd=number(money, "now_usd"),
        reserved_usd=to_usd(sum(one.reserved or 0 for one in at_risk if one.cost is None)),
        estimate_usd=to_usd(sum(one.reserved or 0 for one in made)),
        actual_usd=to_usd(sum(one.cost or 0 for one in made)),
        wasted_usd=to_usd(sum(one.at_risk or 0 for one in wasted)),
        wasted=tuple(
            WastedAttempt(shot=one.name, phase=str(one.phase), cost_usd=to_usd(one.at_risk), note=one.note)
            for one in wasted
        ),
        unpriced=sum(one.at_risk is None for one in at_risk),
    )


def _is_wasted(attempt: Attempt, used: Collection[str]) -> bool:
    """Whether an attempt costs, or may cost, and no clip of the report came of it. Open ones may still become one."""
    if attempt.at_risk == 0 or attempt.phase in OPEN:
        return False
    return attempt.phase is not Phase.FETCHED or attempt.digest not in used
