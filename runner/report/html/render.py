"""The text of a page, of a report and the pictures that there are. Pure; templates, style and script are in `page/`.

Everything that comes from a report is escaped by Jinja2: names, prompts and messages are anybody's. A content security
policy lets nothing run or load but what is here, from `file://` and from a server alike.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from runner.money import dollars, to_micros
from runner.outgoing import outgoing
from runner.report.html.links import Links, own_metrics
from runner.report.pictures import Pictures
from runner.report.summary import how_joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jinja2 import Environment
    from markupsafe import Markup

    from runner.report.model import (
        ClipView,
        JobView,
        RunReport,
        ShotView,
        SweepReport,
    )

_PAGE: Final = Path(__file__).parent / "page"
_MOST_MULTIPLES: Final = 18
_TONES: Final = {
    "good": ("done", "fine", "finished", "locked", "accepted"),
    "warn": (
        "degraded",
        "warning",
        "stopped",
        "interrupted",
        "cancelled",
        "skipped",
        "undecided",
        "reframed",
        "reencoded",
    ),
    "bad": ("failed", "error", "waiting", "held", "unknown", "ignored", "rejected", "worse", "regression"),
    "busy": ("running", "uploading", "submitted", "submitting", "fetching"),
}
_TONE_OF: Final = {word: tone for tone, words in _TONES.items() for word in words}


def render_run(
    report: RunReport,
    pictures: Pictures | None = None,
    *,
    base: str = "",
    live: bool = False,
    scripts: Sequence[str] = (),
) -> str:
    """The page of a run. `base` is the URL of the run folder, ending in a slash, or empty for a page inside of it.

    With `live`, the page may connect to the server that it comes from; `scripts` are URLs of further scripts there.
    """
    pictures = pictures or Pictures()
    shots = {shot.name: shot for shot in report.shots}
    worst = next((seam for seam in report.seams if seam.after == report.verdict.worst_seam), None)
    sections = [("verdict", "Verdict"), ("shots", "Storyboard")]
    sections[1:1] = [("films", "Films")] if report.films else []
    sections += [("seams", "Seams")] if report.seams else []
    sections += [("drift", "Drift")] if report.drifts else []
    links = Links(base, pictures)
    return rendered(
        "run.html",
        report=report,
        kind="Run",
        title=f"{report.project}: {report.verdict.condition}",
        sections=[*sections, ("cost", "Cost")],
        wide=False,
        live=live,
        scripts=scripts,
        pictures=pictures,
        storyboard=_storyboard(report.shots),
        seams=[
            (seam, shots[seam.before], shots[seam.after])
            for seam in sorted(report.seams, key=lambda seam: -seam.badness)
        ],
        worst=worst,
        drift=max(report.drifts, key=lambda one: one.distances[-1:], default=None),
        reused=sum(shot.reused for shot in report.shots),
        own_metrics=own_metrics(report.seams),
        file=links.file,
        fragment=fragment,
        strip=links.strip,
        seam_attributes=links.seam_attributes,
        has_pair=links.has_pair,
    )


def render_sweep(
    report: SweepReport,
    pictures: Mapping[str, Pictures] | None = None,
    *,
    base: str = "",
    live: bool = False,
    scripts: Sequence[str] = (),
) -> str:
    """The page of a sweep; `pictures` are those of its jobs, by the names of their folders. As `render_run`."""
    found = pictures or {}
    everywhere = [cell for cell in report.cells if len(cell.jobs) == len(report.jobs) > 1]
    names = {cell.shot.name for cell in everywhere}
    rows = [row for row in report.rows if row.name not in names]
    place_of = {job.number: place for place, job in enumerate(report.jobs)}
    labels = list(report.jobs[0].labels) if report.jobs else []
    metrics = sorted({name for job in report.jobs for name in job.metrics})
    multiples = _multiples(report, labels, metrics)
    sections = [("verdict", "Verdict"), ("matrix", "Matrix"), ("table", "Table"), ("cost", "Cost")]
    sections[1:1] = [("shared", "Shared")] if everywhere else []
    sections[-2:-2] = [("metrics", "Numbers")] if multiples else []
    return rendered(
        "sweep.html",
        report=report,
        kind="Sweep",
        title=f"{report.project or 'sweep'}: {len(report.jobs)} jobs, {report.verdict.condition}",
        sections=sections,
        wide=True,
        live=live,
        scripts=scripts,
        pictures=Pictures(),
        pictures_of=lambda folder: found.get(folder, Pictures()),
        shared=everywhere,
        rows=rows,
        loop_of=lambda job: place_of[job.number],
        labels=labels,
        metrics=metrics,
        multiples=multiples,
        sortable=["job", "state", "cost", *([report.objective] if report.objective else []), *metrics]
        + [f"key: {key}" for key in labels],
        states=list(dict.fromkeys(map(_state, report.jobs))),
        fine=sum(_state(job) in ("done", "degraded", "fine") for job in report.jobs),
        saved=sum(len(cell.jobs) - 1 for cell in report.cells),
        file=lambda path: base + quote(path),
        file_of=lambda folder, path: f"{base}{quote(folder)}/{quote(path)}",
        fragment=fragment,
        values_of=lambda job: json.dumps(_values(job, report.objective), ensure_ascii=False),
        text_of=_words,
    )


def content_security_policy(*, live: bool = False) -> str:
    """What a page may do: show media that are beside it, and nothing else. A server may send it as a header, too."""
    own = f"'sha256-{_digest('page.js')}'" + (" 'self'" if live else "")
    connect = "'self'" if live else "'none'"
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"img-src 'self' file:; media-src 'self' file:; connect-src {connect}; "
        f"script-src {own}; style-src 'sha256-{_digest('page.css')}'"
    )


def fragment(**where: object) -> str:
    """A link into the page, such as `#job=3&shot=hero/gulls`."""
    return "#" + urlencode({name: str(value) for name, value in where.items()}, safe="/", quote_via=quote)


# --- the run page --------------------------------------------------------------------------------------------------


def _storyboard(shots: Iterable[ShotView]) -> list[tuple[str, list[ShotView]]]:
    """By sequences; in a sequence what needs attention stays in its place, since a film is read in its order."""
    found: dict[str, list[ShotView]] = {}
    for shot in shots:
        found.setdefault(shot.sequence, []).append(shot)
    return list(found.items())


# --- the sweep page ------------------------------------------------------------------------------------------------


def _state(job: JobView) -> str:
    return str(job.verdict.condition) if job.verdict is not None else job.state


def _values(job: JobView, objective: str) -> dict[str, Any]:
    """What the jobs can be sorted and grouped by."""
    keys = {f"key: {key}": _sortable(value) for key, value in job.labels.items()}
    value = {objective: job.value} if objective else {}
    return {
        **job.metrics,
        **keys,
        **value,
        "cost": job.cost_usd,
        "state": _state(job),
        "job": job.number,
    }


def _sortable(value: str) -> float | str:
    try:
        return float(value) if len(value) < 30 and value.lower() not in ("nan", "inf", "-inf") else value
    except ValueError:
        return value


def _words(job: JobView) -> str:
    labels = " ".join(f"{key}={value}" for key, value in job.labels.items())
    return f"job {job.number} {_state(job)} {labels} {job.error[:200]}"


def _multiples(report: SweepReport, labels: Sequence[str], metrics: Sequence[str]) -> list[Markup]:
    from runner.report.html import charts

    found = []
    named = [*([report.objective] if report.objective and report.objective not in metrics else []), *metrics]
    for metric in named:
        for key in labels:
            points = [
                (job.labels[key] or "as it is", value)
                for job in report.jobs
                if (value := job.value if metric == report.objective else job.metrics.get(metric)) is not None
            ]
            if len({value for value, _ in points}) > 1 and len({number for _, number in points}) > 1:
                found.append(charts.multiple(metric, key, _in_order(points)))
    return found[:_MOST_MULTIPLES]


def _in_order(points: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Numbers by their size, other values as they come."""
    keys = [_sortable(value) for value, _ in points]
    if all(isinstance(key, float) for key in keys):
        return [point for _, point in sorted(zip(keys, points, strict=True))]
    return points


# --- templates -----------------------------------------------------------------------------------------------------


def rendered(template: str, **values: Any) -> str:
    """A template of `page/` with the style and the script of all pages, without secrets."""
    return outgoing(
        _environment()
        .get_template(template)
        .render(
            css=_markup("page.css"),
            js=_markup("page.js"),
            policy=content_security_policy(live=bool(values.get("live"))),
            **values,
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from runner.report.html import charts

    made = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        tone=lambda word: _TONE_OF.get(str(word), ""),
        seam_tone=lambda seam: "bad" if seam.badness > 0.6 else "warn" if seam.badness > 0.25 else "good",
        usd=lambda value: "unknown" if value is None else dollars(to_micros(value)),
        figure=lambda value: "" if value is None else f"{value:.4g}",
        plain=lambda value: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
        moment=lambda text: str(text)[:19].replace("T", " "),
        cut=lambda text, most: text if len(text) <= most else f"{text[: most - 1]}…",
        joined=how_joined,
    )
    made.globals.update(drift_chart=charts.drift, cost_chart=charts.cost, why_not=_why_not)
    return made


def _why_not(clip: ClipView | None, pictures: Pictures) -> str:
    """Why there is nothing to see."""
    if clip is None:
        return "no clip"
    if not clip.is_there:
        return "the clip is not in the folder any more"
    return pictures.broken.get(clip.sha256, "")


@cache
def _text(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


def _markup(name: str) -> Markup:
    from markupsafe import Markup

    return Markup(_text(name))


@cache
def _digest(name: str) -> str:
    return base64.b64encode(hashlib.sha256(_text(name).encode("utf-8")).digest()).decode("ascii")
