"""The HTTP API: JSON in, JSON out."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runner.config import catalogue
from runner.errors import RunnerError
from runner.web import bodies, choices, openapi
from runner.web.problems import Refused
from runner.web.views import JobView, job_view, plan_view, project_view, run_view

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from runner.api import JSON
    from runner.report.model import RunReport
    from runner.web.jobs import Job
    from runner.web.serving import Service
    from runner.web.streams import Streams

_MOST_LISTED: Final = 1000


class Api:
    """The endpoints below `/api`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._jobs = service.jobs
        self._root = service.root

    def routes(self) -> list[Route]:
        return [
            Route("/api/create_videos", self.create_videos, methods=["POST"]),
            Route("/api/plan", self.plan, methods=["GET", "POST"]),
            Route("/api/projects", self.projects),
            Route("/api/jobs", self.list_jobs),
            Route("/api/jobs/{id}", self.job),
            Route("/api/jobs/{id}/events", self.job_events),
            Route("/api/jobs/{id}/cancel", self.cancel, methods=["POST"]),
            Route("/api/jobs/{id}/resume", self.resume, methods=["POST"]),
            Route("/api/runs", self.runs),
            Route("/api/runs/{folder:path}/events", self.run_events),
            Route("/api/runs/{folder:path}", self.run),
            Route("/api/choices", self.choose, methods=["POST"]),
            Route("/api/choices.csv", self.choices),
            Route("/api/changes", self.changes),
            Route("/api/openapi.json", self.document),
        ]

    async def create_videos(self, request: Request) -> Response:
        """Accept a request: 202 where something is to be done, 200 where the job was there and has ended."""
        job, is_new = await self._jobs.submit(await bodies.value(request))
        status = 202 if is_new or job.record.state.is_open else 200
        return _json(await self.view(job), status, {"location": f"/api/jobs/{job.record.id}"})

    async def plan(self, request: Request) -> Response:
        """What a request would do and cost; nothing is bought."""
        if request.method == "POST":
            content = await bodies.value(request)
        else:
            query = request.query_params
            content = {"project": query.get("project", ""), "overrides": query.getlist("override")}
        _, prepared = await self._jobs.prepare(content)
        return _json(plan_view(prepared))

    async def projects(self, request: Request) -> Response:
        found = await asyncio.to_thread(catalogue.choices, "project", self._service.folder)
        return JSONResponse([dataclasses.asdict(project_view(choice)) for choice in found])

    async def list_jobs(self, request: Request) -> Response:
        jobs = self._jobs.all()[:_MOST_LISTED]
        return JSONResponse([dataclasses.asdict(job_view(job)) for job in jobs])

    async def job(self, request: Request) -> Response:
        return _json(await self.view(self._job(request)))

    async def cancel(self, request: Request) -> Response:
        job = self._job(request)
        await self._jobs.cancel(job.record.id)
        return _json(await self.view(job))

    async def resume(self, request: Request) -> Response:
        job = await self._jobs.resume(self._job(request).record.id)
        return _json(await self.view(job), 202)

    async def job_events(self, request: Request) -> Response:
        """The events of a job's run, resumable by Last-Event-ID, until the job has ended."""
        job = self._job(request)

        def state() -> tuple[JSON, bool]:
            # Of this moment, and of the record before: what is read later may be newer, never older.
            ended = not job.record.state.is_open
            return dataclasses.asdict(job_view(job)), ended

        streams = self._streams()
        return streams.response(streams.of_run(lambda: self._folder_of(job), last_event(request), state))

    async def runs(self, request: Request) -> Response:
        found = (await asyncio.to_thread(self._root.runs))[:_MOST_LISTED]
        views = [run_view(run, self._root.relative(run.folder)) for run in found]
        return JSONResponse([dataclasses.asdict(view) for view in views])

    async def run(self, request: Request) -> Response:
        """The whole report of a run, as `python -m runner report --json` prints it."""
        report = await asyncio.to_thread(self._root.report, await self.folder(request))
        return JSONResponse(report.to_json())

    async def run_events(self, request: Request) -> Response:
        """The events of a run, whoever started it; resumable by Last-Event-ID, until it has ended."""
        folder = await self.folder(request)

        def state() -> tuple[JSON, bool]:
            now = self._root.state(folder)
            return {"state": now}, now != "running"

        streams = self._streams()
        return streams.response(streams.of_run(lambda: folder, last_event(request), state))

    async def changes(self, request: Request) -> Response:
        """A stream that says when anything below the root, or a job, is not as it was."""
        streams = self._streams()
        return streams.response(streams.of_changes(self._fingerprint, each_s=1.0))

    async def choose(self, request: Request) -> Response:
        """Accept, reject, star or unstar the clip of a shot."""
        chosen = choices.read(await bodies.value(request))
        return JSONResponse(await choices.keep(chosen, self._service))

    async def choices(self, request: Request) -> Response:
        """All choices of the root, as a table."""
        text = await asyncio.to_thread(choices.table, self._service)
        headers = {"content-disposition": 'attachment; filename="choices.csv"'}
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)

    async def document(self, request: Request) -> Response:
        return JSONResponse(openapi.document())

    async def view(self, job: Job) -> JobView:
        """A job with its shots, as far as its run folder tells."""
        return await asyncio.to_thread(self._view, job)

    async def folder(self, request: Request) -> Path:
        """The run folder that a URL names. Raises `Refused`."""
        found = await asyncio.to_thread(self._root.run_folder, request.path_params["folder"])
        if found is None:
            raise Refused(404, "there is no such run below the outputs root")
        return found

    def _view(self, job: Job) -> JobView:
        report = self.report_of(job)
        return job_view(job) if report is None else job_view(job, *report)

    def report_of(self, job: Job) -> tuple[str, RunReport] | None:
        """The run folder of a job, below the root, and its report; `None` before there is one. Blocking."""
        relative = self._jobs.folder_of(job)
        folder = self._root.run_folder(relative) if relative else None
        if folder is None:
            return None
        try:
            return relative, self._root.report(folder)
        except RunnerError:  # the run writes its first file at this moment
            return None

    def _folder_of(self, job: Job) -> Path | None:
        relative = self._jobs.folder_of(job)
        return self._root.run_folder(relative) if relative else None

    def _fingerprint(self) -> str:
        jobs = "".join(f"{job.record.id}{job.record.state}" for job in self._jobs.all())
        return f"{self._root.fingerprint()}{jobs}"

    def _job(self, request: Request) -> Job:
        job = self._jobs.get(request.path_params["id"])
        if job is None:
            raise Refused(404, "there is no such job")
        return job

    def _streams(self) -> Streams:
        if self._service.streams.is_full():
            raise Refused(503, "too many streams are open", "close some pages")
        return self._service.streams


def last_event(request: Request) -> int:
    """Where a client that comes back goes on: its header, or `?after=` for one that cannot set headers."""
    text = request.headers.get("last-event-id") or request.query_params.get("after", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0


def _json(view: Any, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(dataclasses.asdict(view), status_code=status, headers=headers)
