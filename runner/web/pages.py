"""Pages for people: rendered here, readable without JavaScript, kept up to date by a script that fetches them again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from runner import store
from runner.config import catalogue
from runner.errors import JournalError
from runner.outputs.places import SWEEPS
from runner.store.attempt import Phase
from runner.store.interface import Filter
from runner.web import bodies, choices
from runner.web import requested as requests
from runner.web.problems import Refused
from runner.web.rendering import page
from runner.web.views import job_view, media_url, plan_view, quoted

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from runner.outputs.runs import Run
    from runner.report.model import RunReport
    from runner.web.endpoints import Api
    from runner.web.jobs import Job
    from runner.web.preparation import Prepared
    from runner.web.requested import Requested
    from runner.web.serving import Service

_SHOWN_JOBS: Final = 30
_SHOWN_RUNS: Final = 200
_HIGHEST_TAKE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Take:
    """A take of a shot that is paid for, or the next one."""

    number: int
    is_new: bool = False


class Pages:
    """The routes that are not below `/api`."""

    def __init__(self, service: Service, api: Api) -> None:
        self._service = service
        self._api = api
        self._root = service.root

    def routes(self) -> list[Route]:
        return [
            Route("/", self.index),
            Route("/plan", self.plan),
            Route("/jobs", self.submit, methods=["POST"]),
            Route("/jobs/{id}", self.job),
            Route("/jobs/{id}/cancel", self.cancel, methods=["POST"]),
            Route("/jobs/{id}/resume", self.resume, methods=["POST"]),
            Route("/choices", self.choose, methods=["POST"]),
            Route("/runs/{folder:path}/take", self.take),
            Route("/runs/{folder:path}", self.run),
            Route("/sweeps/{folder:path}", self.sweep),
        ]

    async def index(self, request: Request) -> Response:
        """Projects, jobs, runs and sweeps."""
        runs = await asyncio.to_thread(self._root.runs)
        projects = await asyncio.to_thread(catalogue.choices, "project", self._service.folder)
        alone = [run for run in runs if not _is_job(run)]
        sweeps = list(dict.fromkeys(run.folder.parent for run in runs if _is_job(run)))
        return page(
            "index.html",
            title=str(self._root.path.name),
            projects=projects,
            jobs=[job_view(job) for job in self._service.jobs.all()[:_SHOWN_JOBS]],
            runs=[self._row(run) for run in alone[:_SHOWN_RUNS]],
            more=max(0, len(alone) - _SHOWN_RUNS),
            sweeps=[self._sweep(folder, runs) for folder in sweeps[:_SHOWN_RUNS]],
            events="/api/changes",
        )

    async def run(self, request: Request) -> Response:
        """A run, as it is now."""
        folder = await self._api.folder(request)
        relative = self._root.relative(folder)
        report = await asyncio.to_thread(self._root.report, folder)
        job = self._service.jobs.get(report.key[:32])
        return await asyncio.to_thread(self._run_page, relative, report, job)

    async def job(self, request: Request) -> Response:
        """A job: its run as soon as there is one."""
        job = self._job(request)
        found = await asyncio.to_thread(self._api.report_of, job)
        if found is not None:
            return await asyncio.to_thread(self._run_page, *found, job)
        return page("job.html", title="Job", job=job_view(job), events=f"/api/jobs/{job.record.id}/events")

    async def sweep(self, request: Request) -> Response:
        """The jobs of a sweep, as they are now."""
        folder = await asyncio.to_thread(self._root.sweep_folder, request.path_params["folder"])
        if folder is None:
            raise Refused(404, "there is no such sweep below the outputs root")
        runs = [run for run in await asyncio.to_thread(self._root.runs) if run.folder.parent == folder]
        rows = [self._row(run) for run in sorted(runs, key=lambda run: run.folder.name)]
        return page(
            "sweep.html",
            folder=self._root.relative(folder),
            title=folder.name,
            sweep=self._sweep(folder, runs),
            rows=rows,
            events="/api/changes",
        )

    async def plan(self, request: Request) -> Response:
        """What a project would do and cost, with the button that starts it."""
        query = request.query_params
        lines = [line.strip() for line in query.get("overrides", "").splitlines()]
        content = {"project": query.get("project", ""), "overrides": [line for line in lines if line]}
        return await self._plan_page(content)

    async def take(self, request: Request) -> Response:
        """What a run with another take of one shot would do and cost."""
        folder = await self._api.folder(request)
        report = await asyncio.to_thread(self._root.report, folder)
        shot = report.shot(request.query_params.get("shot", ""))
        number = request.query_params.get("take", "")
        if shot is None or not number.isdecimal() or not 1 <= int(number[:9]) <= _HIGHEST_TAKE:
            raise Refused(
                404, "there is no such take", f"takes are 1 to {_HIGHEST_TAKE} of a shot of the run"
            )
        requested = await asyncio.to_thread(self._requested, report)
        return await self._plan_page(requested.with_take(shot.sequence, shot.shot, int(number)))

    async def submit(self, request: Request) -> Response:
        """Start what the page of a plan shows."""
        fields = await bodies.form(request)
        job, _ = await self._service.jobs.submit(bodies.loads(fields.get("request", "")))
        return _to(f"/jobs/{job.record.id}")

    async def cancel(self, request: Request) -> Response:
        job = await self._service.jobs.cancel(self._job(request).record.id)
        return _to(f"/jobs/{job.record.id}")

    async def resume(self, request: Request) -> Response:
        job = await self._service.jobs.resume(self._job(request).record.id)
        return _to(f"/jobs/{job.record.id}")

    async def choose(self, request: Request) -> Response:
        chosen = choices.read(await bodies.form(request))
        await choices.keep(chosen, self._service)
        return _to(f"/runs/{quoted(chosen.folder)}")

    # --- what pages show ------------------------------------------------------------------------------------------

    async def _plan_page(self, content: dict[str, Any]) -> Response:
        requested, prepared = await self._service.jobs.prepare(content)
        return page(
            "plan.html",
            title=f"Plan of {prepared.plan.project.name}",
            plan=plan_view(prepared),
            overrides=requested.overrides,
            request=json.dumps(requested.content),
            known=self._known(prepared),
        )

    def _known(self, prepared: Prepared) -> str:
        job = self._service.jobs.get(prepared.id)
        return str(job.record.state) if job is not None else ""

    def _run_page(self, relative: str, report: RunReport, job: Job | None) -> Response:
        view = None if job is None else job_view(job, relative, report)
        events = f"/api/jobs/{view.id}/events" if view is not None else f"/api/runs/{quoted(relative)}/events"
        return page(
            "run.html",
            title=report.project,
            folder=relative,
            report=report,
            job=view,
            stars={star.digest for star in self._service.files.stars()},
            takes=self._takes(report),
            events=events,
            url=lambda path: media_url(relative, path),
        )

    def _takes(self, report: RunReport) -> dict[str, list[_Take]]:
        """By the names of shots, the other takes that are paid for, and the number of a new one."""
        paid: dict[str, set[int]] = {}
        try:
            reader = store.read_journal(self._root.path)
            if reader is not None:
                with reader:
                    for one in reader.attempts(Filter(project=report.project, phases=[Phase.FETCHED])):
                        take = one.identity.get("take")
                        paid.setdefault(one.name, set()).add(take if isinstance(take, int) else 1)
        except JournalError:  # the report says so
            pass
        found = {}
        for shot in report.shots:
            known = paid.get(shot.name, set()) | {shot.take}
            others = [_Take(number=number) for number in sorted(known - {shot.take})]
            found[shot.name] = [*others, _Take(number=max(known) + 1, is_new=True)]
        return found

    def _requested(self, report: RunReport) -> Requested:
        """The request that a run was made from: that of its job, or the words of its command. Errors are those of
        `requested.read`, where a command holds what no request may."""
        job = self._service.jobs.get(report.key[:32])
        if job is not None:
            return requests.read(dict(job.record.request), self._service.folder)
        words = [word for word in report.overrides if not word.startswith("output.")]
        name = next((word for word in words if word.lstrip("+").startswith("project=")), "")
        overrides = [word for word in words if word != name]
        return requests.read(
            {"project": name.partition("=")[2], "overrides": overrides}, self._service.folder
        )

    def _row(self, run: Run) -> dict[str, Any]:
        folder = self._root.relative(run.folder)
        differs = [
            one
            for one in run.overrides
            if one.lstrip("+").partition("=")[0] not in ("project", "output.root")
        ]
        return {"run": run, "folder": folder, "url": f"/runs/{quoted(folder)}", "differs": " ".join(differs)}

    def _sweep(self, folder: Path, runs: list[Run]) -> dict[str, Any]:
        """A sweep in a line."""
        ours = [run for run in runs if run.folder.parent == folder]
        states: dict[str, int] = {}
        for run in ours:
            states[run.state] = states.get(run.state, 0) + 1
        costs = [run.cost_usd for run in ours if run.cost_usd is not None]
        relative = self._root.relative(folder)
        return {
            "name": folder.name,
            "url": f"/sweeps/{quoted(relative)}",
            "project": ours[0].project if ours else "",
            "jobs": len(ours),
            "states": states,
            "cost_usd": sum(costs) if costs else None,
        }

    def _job(self, request: Request) -> Job:
        job = self._service.jobs.get(request.path_params["id"])
        if job is None:
            raise Refused(404, "there is no such job")
        return job


def _to(url: str) -> Response:
    """Go on with a page, by GET."""
    return RedirectResponse(url, 303)


def _is_job(run: Run) -> bool:
    return run.folder.parent.parent.name == SWEEPS
