"""What the API answers: values of plain JSON kinds, from which its OpenAPI document is made as well."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runner.money import to_usd
from runner.planning.estimate import micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.config.catalogue import Choice
    from runner.outputs.runs import Run
    from runner.report.model import RunReport
    from runner.web.jobs import Job
    from runner.web.preparation import Prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectView:
    """A project that a request may name."""

    name: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedShotView:
    """A shot as it will be requested."""

    name: str
    """SEQUENCE/SHOT."""
    key: str
    """Its identity, 64 hex digits."""
    generator: str
    model: str
    take: int
    standing: str
    """`to do`, `paid already`, `running`, `outcome unknown`, `lost`, or `paid, its file is missing`."""
    price_usd: float | None
    """US dollars, if it is to be done; `None` is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """What a request will do and cost."""

    id: str
    """Of the job that it would be."""
    project: str
    shots: tuple[PlannedShotView, ...]
    to_spend_usd: float
    """US dollars: the prices that are known of the shots that are to do."""
    at_worst_usd: float
    """The same with all further takes that `continuity.on_ignored=retry` may add."""
    unpriced: int
    """How many shots that are to do have no known price."""
    budget_usd: float | None
    """US dollars: what all runs of the request may spend, by its own budget and the server's; `None` is no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobShotView:
    """A shot of a job, as far as it got."""

    name: str
    """SEQUENCE/SHOT."""
    state: str
    """`waiting`, what it is at (such as `submitted`), or how it ended (`done`, `failed`, `held`, `unknown`, ...)."""
    progress: float | None = None
    """0 to 1."""
    reused: bool = False
    cost_usd: float | None = None
    clip: str = ""
    """Where the clip is served; empty where there is none."""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemView:
    """What went wrong, or what a job waits for."""

    message: str
    where: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A job."""

    id: str
    state: str
    """`queued`, `running`, `finished`, `failed`, `cancelled`, or `waiting` (for the user)."""
    project: str
    created: str
    """ISO 8601, in UTC."""
    ended: str | None = None
    exit_code: int | None = None
    """That of the same run on the command line."""
    cost_usd: float | None = None
    """US dollars at risk in all runs of the request, reservations included; `None` is unknown."""
    problems: tuple[ProblemView, ...] = ()
    folder: str = ""
    """The run folder below the outputs root; empty before there is one."""
    shots: tuple[JobShotView, ...] = ()
    """Empty in lists, and before there is a run folder."""
    films: tuple[str, ...] = ()
    """Where the films are served."""
    links: dict[str, str] = field(default_factory=dict)
    """`self`, `events`, `cancel`, `resume`, and `page` for a browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run folder of the outputs root, whoever made it."""

    folder: str
    """Below the outputs root."""
    project: str
    state: str
    """`running`, `finished`, `failed` or `stopped`."""
    started: str
    """ISO 8601, in UTC."""
    shots_done: int
    shots: int | None
    cost_usd: float | None
    overrides: tuple[str, ...]
    events: str
    """Where its events are streamed."""


def project_view(choice: Choice) -> ProjectView:
    return ProjectView(name=choice.name, about=choice.about)


def plan_view(prepared: Prepared) -> PlanView:
    plan, expected = prepared.plan, prepared.expected
    return PlanView(
        id=prepared.id,
        project=plan.project.name,
        shots=tuple(
            PlannedShotView(
                name=shot.name,
                key=shot.key,
                generator=shot.shot.generator.spec.name,
                model=shot.request.model or "",
                take=shot.request.take,
                standing=str(expected.standing[shot.key]),
                price_usd=to_usd(micros(shot)),
            )
            for shot in plan.shots
        ),
        to_spend_usd=to_usd(expected.to_spend),
        at_worst_usd=to_usd(expected.at_worst),
        unpriced=expected.unpriced,
        budget_usd=plan.project.budget.max_cost,
    )


def job_view(job: Job, folder: str = "", report: RunReport | None = None) -> JobView:
    """A job; `folder` is that of its run below the root, and `report` what is in there."""
    record, at = job.record, f"/api/jobs/{job.record.id}"
    cost = record.cost_usd
    if report is not None and cost is None:
        cost = report.cost.spent_usd
    return JobView(
        id=record.id,
        state=str(record.state),
        project=_project(job, report),
        created=_time(record.created),
        ended=None if record.ended is None else _time(record.ended),
        exit_code=record.exit_code,
        cost_usd=cost,
        problems=tuple(
            ProblemView(message=one.message, where=one.where, hint=one.hint) for one in record.problems
        ),
        folder=folder or job.record.folder,
        shots=_shots(folder, report),
        films=tuple(
            media_url(folder, film.clip.path)
            for film in (report.films if report is not None else ())
            if film.clip is not None and film.clip.is_there
        ),
        links={
            "self": at,
            "events": f"{at}/events",
            "cancel": f"{at}/cancel",
            "resume": f"{at}/resume",
            "page": f"/jobs/{record.id}",
        },
    )


def run_view(run: Run, folder: str) -> RunView:
    return RunView(
        folder=folder,
        project=run.project,
        state=str(run.state),
        started=run.started.isoformat(timespec="seconds"),
        shots_done=run.done,
        shots=run.shots,
        cost_usd=run.cost_usd,
        overrides=run.overrides,
        events=f"/api/runs/{quoted(folder)}/events",
    )


def media_url(folder: str, path: str) -> str:
    """Where a file of a run folder is served."""
    return f"/files/{quoted(f'{folder}/{path}')}"


def quoted(path: str) -> str:
    """A path below the root in a URL."""
    from urllib.parse import quote

    return quote(path)


def _shots(folder: str, report: RunReport | None) -> tuple[JobShotView, ...]:
    return tuple(
        JobShotView(
            name=shot.name,
            state=shot.ending,
            progress=shot.progress,
            reused=shot.reused,
            cost_usd=shot.cost_usd,
            clip=media_url(folder, shot.clip.path) if shot.clip is not None and shot.clip.is_there else "",
            error=shot.error or shot.reason,
        )
        for shot in (report.shots if report is not None else ())
    )


def _project(job: Job, report: RunReport | None) -> str:
    if report is not None:
        return report.project
    if job.prepared is not None:
        return job.prepared.plan.project.name
    asked: Any = job.record.request.get("project")
    name = asked.get("name") if isinstance(asked, dict) else asked
    return name if isinstance(name, str) else ""


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def names(choices: Sequence[Choice]) -> list[str]:
    """The names of choices, in order."""
    return [choice.name for choice in choices]
