"""Charts as inline SVG: drift along a chain, cost, and a number over what was swept.

Colours are classes of the page's style sheet; a chart says in words what it shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from runner.money import dollars, to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.report.model import CostView, DriftView

_WIDE: Final = 820
_TALL: Final = 230
_LEFT: Final = 48
_RIGHT: Final = 16
_TOP: Final = 18
_BOTTOM: Final = 36
_MOST_LABELS: Final = 8
_LABELLED: Final = 60
"""How many characters fit below a chart, in the large letters of a phone."""
_AHEAD: Final = 5
"""How many shots beyond the last one a forecast is drawn at the most."""


def drift(view: DriftView) -> Markup:
    """The distance of each clip of a chain from the anchor, the limit, and where it is going."""
    ahead = 0
    if view.breaks_at is not None and not view.is_broken:
        ahead = min(view.breaks_at - len(view.distances), _AHEAD)
    count = len(view.distances) + ahead
    reach = view.distances[-1] + (view.per_shot or 0) * ahead if view.distances else 0
    top = _ceiling(max((*view.distances, view.limit or 0, reach, 1.0)))

    def x(place: float) -> float:
        return _LEFT + (_WIDE - _LEFT - _RIGHT) * (place / max(count - 1, 1))

    def y(value: float) -> float:
        return _TALL - _BOTTOM - (_TALL - _TOP - _BOTTOM) * min(max(value / top, 0), 1)

    parts = [*_grid(top, y)]
    points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in enumerate(view.distances))
    parts.append(Markup('<polyline class="line" points="{}"/>').format(points))
    if ahead > 0:
        last = len(view.distances) - 1
        line = Markup('<path class="ahead" d="M{:.1f} {:.1f} L{:.1f} {:.1f}"/>')
        parts.append(line.format(x(last), y(view.distances[-1]), x(last + ahead), y(reach)))
    if view.limit is not None:
        at = y(view.limit)
        line = Markup('<path class="limit" d="M{} {:.1f} H{}"/>').format(_LEFT, at, _WIDE - _RIGHT)
        parts += [line, _text(_WIDE - _RIGHT, at - 5, f"limit {view.limit:g}", "end")]
    step = max(1, -(-count // _MOST_LABELS))
    longest = min(24, _LABELLED // -(-count // step))
    for place, (name, value) in enumerate(zip(view.shots, view.distances, strict=True)):
        is_over = view.limit is not None and value > view.limit
        title = Markup("<title>{}: {:.2f}</title>").format(name, value)
        dot = Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="4">{}</circle>')
        parts.append(dot.format("over" if is_over else "dot", x(place), y(value), title))
        if place % step == 0:
            anchor = "start" if place == 0 else "end" if place == count - 1 else "middle"
            parts.append(_text(x(place), _TALL - 12, _short(name, longest), anchor, "dim"))
    parts.append(_text(_LEFT, 12, f"distance from {_short(view.anchor, 40)}", "start", "dim"))
    ends = f"{view.distances[-1]:.1f} at the last clip" if view.distances else "no clip"
    return _svg(_WIDE, _TALL, f"Drift of {view.sequence} from {view.anchor}: {ends}", parts)


def cost(view: CostView) -> Markup:
    """Estimate, actual cost, what is reserved, and waste, as bars."""
    named = (
        ("Estimated", view.estimate_usd, "bar"),
        ("Actual", view.actual_usd, "bar"),
        ("Spent so far", view.spent_usd, "bar"),
        ("Reserved", view.reserved_usd, "bar"),
        ("Waste", view.wasted_usd, "over"),
    )
    rows = [(name, value, kind) for name, value, kind in named if value is not None]
    top = max((value for _, value, _ in rows), default=0) or 1
    parts = []
    for number, (name, value, kind) in enumerate(rows):
        at, width = 8 + 30 * number, 480 * value / top
        bar = Markup('<rect class="{}" x="120" y="{}" width="{:.1f}" height="18" rx="2"/>')
        parts += [
            _text(112, at + 14, name, "end"),
            bar.format(kind, at, max(width, 1)),
            _text(128 + width, at + 14, dollars(to_micros(value)), "start"),
        ]
    words = ", ".join(f"{name} {dollars(to_micros(value))}" for name, value, _ in rows)
    return _svg(720, 16 + 30 * len(rows), words, parts)


def multiple(metric: str, key: str, points: Sequence[tuple[str, float]]) -> Markup:
    """A number of each job over the values of one key, in their order; the line joins the means."""
    values = list(dict.fromkeys(value for value, _ in points))
    numbers = [number for _, number in points]
    low, high = min(numbers), max(numbers)
    span = (high - low) or abs(high) or 1.0
    low, high = low - 0.1 * span, high + 0.1 * span
    width, tall, left = 300, 190, 52

    def x(place: int) -> float:
        return left + 14 + (width - left - 28) * (place / max(len(values) - 1, 1))

    def y(number: float) -> float:
        return tall - 34 - (tall - 62) * ((number - low) / (high - low))

    parts = [
        _text(4, 14, metric, "start"),
        Markup('<path class="axis" d="M{0} 24 V{1} H{2}" fill="none"/>').format(left, tall - 30, width),
        _text(left - 4, y(max(numbers)) + 4, f"{max(numbers):.4g}", "end", "dim"),
        _text(width, tall - 4, _short(key, 44), "end", "dim"),
    ]
    if min(numbers) != max(numbers):
        parts.append(_text(left - 4, y(min(numbers)) + 4, f"{min(numbers):.4g}", "end", "dim"))
    means = []
    step = max(1, -(-len(values) // 4))
    longest = max(5, 36 // -(-len(values) // step))
    for place, value in enumerate(values):
        of_value = [number for name, number in points if name == value]
        means.append(f"{x(place):.1f},{y(sum(of_value) / len(of_value)):.1f}")
        dot = Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3.5"><title>{}: {:.4g}</title></circle>')
        parts += [dot.format(x(place), y(number), value, number) for number in of_value]
        if place % step == 0:
            anchor = "start" if place == 0 else "end" if place == len(values) - 1 else "middle"
            at = left if place == 0 else width if place == len(values) - 1 else x(place)
            parts.append(_text(at, tall - 18, _short(value, longest), anchor, "dim"))
    parts.append(Markup('<polyline class="line" points="{}"/>').format(" ".join(means)))
    words = f"{metric} over {key}: {min(numbers):.4g} to {max(numbers):.4g}"
    return _svg(width, tall, words, parts)


def _grid(top: float, y: object) -> list[Markup]:
    assert callable(y)
    lines = []
    for share in (0, 0.5, 1):
        at = y(top * share)
        lines += [
            Markup('<path class="axis" d="M{} {:.1f} H{}"/>').format(_LEFT, at, _WIDE - _RIGHT),
            _text(_LEFT - 6, at + 4, f"{top * share:g}", "end", "dim"),
        ]
    return lines


def _ceiling(value: float) -> float:
    """The next round number."""
    size = 1.0
    while size * 10 < value:
        size *= 10
    return next(size * step for step in (1, 2, 3, 4, 5, 6, 8, 10) if size * step >= value)


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> Markup:
    made = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>')
    return made.format(x, y, anchor, kind, text)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _svg(width: int, height: int, words: str, parts: Sequence[Markup]) -> Markup:
    made = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return made.format(width, height, words, Markup("").join(parts))
