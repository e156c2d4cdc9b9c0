"""`compare.html`: two sets of takes side by side, what got worse first. Pictures are files beside the page."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from markupsafe import Markup

from runner import store
from runner.compare.verdicts import Verdict
from runner.naming import slug
from runner.redaction import scrubbed
from runner.report.html.render import fragment, rendered

if TYPE_CHECKING:
    from pathlib import Path

    from runner.compare.baseline import Shots
    from runner.compare.comparison import Comparison
    from runner.compare.verdicts import Judgement

NAME: Final = "compare.html"
_FOLDER: Final = "pairs"
_MOST_PAIRS: Final = 200
_SAID: Final = {
    "worse": "it is worse than before, beyond noise",
    "error": "something is missing for a reason that says nothing about the film",
    "undecided": "there are too few takes to say",
    "fine": "it is not worse than before",
}
_BETTER, _WORSE = 2, 4
"""How far an interval's drawing reaches to both sides: so many times what matters."""
_UNIT: Final = 36
_EDGE: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """The pictures of one shot on both sides, and what was found."""

    shot: str
    before: str
    after: str
    texts: tuple[str, ...]
    worst_of: tuple[str, ...]
    """The metrics that got worse, most of all in this shot."""

    @property
    def tone(self) -> str:
        return "bad" if self.texts or self.worst_of else "good"


def write_comparison(comparison: Comparison, base: Shots, new: Shots, folder: Path) -> Path:
    """Write the page and its pictures into the folder of a comparison; its path. Blocking. Raises `OSError`."""
    pairs = _pairs(comparison, base, new)
    for number, pair in enumerate(pairs):
        for side, of in (("before", base), ("after", new)):
            if pair.shot in of.pictures:
                store.write_whole(folder / _file(number, pair.shot, side), of.pictures[pair.shot])
    text = render_comparison(comparison, pairs, hidden=len(new.takes) - len(pairs))
    store.write_whole(folder / NAME, scrubbed(text).encode("utf-8", "replace"))
    return folder / NAME


def render_comparison(comparison: Comparison, pairs: list[_Pair], hidden: int = 0) -> str:
    """The text of the page; `hidden` is how many shots have no pictures in it."""
    headline = _SAID[comparison.outcome]
    if comparison.takes_needed:
        headline += f"; {comparison.takes_needed} takes of each shot, on both sides, would decide"
    condition = "regression" if comparison.outcome == "worse" else comparison.outcome
    order = {Verdict.WORSE: 0, Verdict.UNDECIDED: 1, Verdict.FINE: 2}
    return rendered(
        "compare.html",
        report=SimpleNamespace(
            name=f"{len(pairs) + hidden} shots",
            project=comparison.project,
            folder=NAME,
            verdict=SimpleNamespace(condition=condition, headline=headline),
        ),
        kind="Comparison of",
        title=f"{comparison.project}: {condition}",
        sections=[("verdict", "Verdict"), ("metrics", "Metrics"), ("shots", "Shots")],
        wide=False,
        live=False,
        scripts=(),
        comparison=comparison,
        judgements=sorted(comparison.judgements, key=lambda one: (order[one.verdict], one.p_corrected)),
        drawn=interval,
        pairs=pairs,
        hidden=hidden,
        url=quote,
        fragment=fragment,
    )


def interval(one: Judgement) -> Markup:
    """The change and its interval against what matters, as a drawing that says so in words."""

    def x(value: float) -> float:
        times = value / one.least if one.least else 0.0
        return _EDGE + _UNIT * (_BETTER + min(max(times, -_BETTER), _WORSE))

    width = 2 * _EDGE + _UNIT * (_BETTER + _WORSE)
    low, high = one.interval
    words = f"worse by {one.effect:.3g}, 95 %: {low:.3g} to {high:.3g}; what matters is {one.least:.3g}"
    # The axis is what was before; the dashed line is where a change begins to matter.
    return Markup(
        '<svg class="interval" viewBox="0 0 {} 20" width="{}" height="20" role="img" aria-label="{}">'
        '<path class="axis" d="M{:.1f} 2V18"/><path class="limit" d="M{:.1f} 2V18"/>'
        '<path class="line" d="M{:.1f} 10H{:.1f}"/><circle class="dot" cx="{:.1f}" cy="10" r="4"/></svg>'
    ).format(width, width, words, x(0), x(one.least), x(low), x(high), x(one.effect))


def _pairs(comparison: Comparison, base: Shots, new: Shots) -> list[_Pair]:
    found = []
    for shot in new.takes:
        texts = [f"{one.check}: {one.text}" for one in comparison.findings if one.shot == shot]
        worse = [
            one.metric
            for one in comparison.judgements
            if one.verdict is Verdict.WORSE and one.worst_shot == shot
        ]
        found.append((shot, tuple(texts), tuple(worse)))
    found.sort(key=lambda one: not (one[1] or one[2]))  # what got worse first, the others in their order
    return [
        _Pair(
            shot=shot,
            before=_file(number, shot, "before") if shot in base.pictures else "",
            after=_file(number, shot, "after") if shot in new.pictures else "",
            texts=texts,
            worst_of=worse,
        )
        for number, (shot, texts, worse) in enumerate(found[:_MOST_PAIRS])
    ]


def _file(number: int, shot: str, side: str) -> str:
    return f"{_FOLDER}/{number:03d}_{slug(shot.replace('/', '-'), longest=60)}_{side}.jpg"
