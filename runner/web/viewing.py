"""Reports of runs and sweeps with their media, and the files of pages."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from runner import store
from runner.errors import RunnerError
from runner.report import html, pictures
from runner.report.model import read_sweep
from runner.web.browsing import Root, media_type
from runner.web.problems import Refused
from runner.web.views import quoted

if TYPE_CHECKING:
    from starlette.requests import Request

    from runner.report.model import RunReport

_HERE: Final = Path(__file__).parent
_STATIC: Final = {"live.js": "text/javascript", "style.css": "text/css"}
_SANDBOX: Final = "default-src 'none'; sandbox; frame-ancestors 'none'"


class Viewing:
    """The routes of reports and files."""

    def __init__(self, root: Root) -> None:
        self._root = root
        # Pictures are made by one thread, whoever asks: the others are the session's.
        self._making = asyncio.Lock()

    def routes(self) -> list[Route]:
        return [
            Route("/reports/{folder:path}", self.report),
            Route("/files/{path:path}", self.file),
            Route("/static/{name}", static),
            Route("/favicon.ico", no_icon),
        ]

    async def report(self, request: Request) -> Response:
        """The whole report of a run or a sweep, with media from here. Made anew: a report.html of the root is not
        ours to show."""
        relative = request.path_params["folder"]
        run = await asyncio.to_thread(self._root.run_folder, relative)
        sweep = None if run is not None else await asyncio.to_thread(self._root.sweep_folder, relative)
        async with self._making:
            if run is not None:
                text = await asyncio.to_thread(self._report_of_run, run)
            elif sweep is not None:
                text = await asyncio.to_thread(self._report_of_sweep, sweep)
            else:
                raise Refused(404, "there is no such run or sweep below the outputs root")
        policy = f"{html.content_security_policy()}; frame-ancestors 'none'"
        return HTMLResponse(text, headers={"content-security-policy": policy})

    async def file(self, request: Request) -> Response:
        """A file of a run folder, or any part of it. No page is made of it."""
        path = await asyncio.to_thread(self._root.file, request.path_params["path"])
        if path is None:
            raise Refused(404, "there is no such file below the outputs root")
        headers = {"content-security-policy": _SANDBOX, "cache-control": "private, no-cache"}
        return FileResponse(path, media_type=media_type(path), headers=headers)

    def _report_of_run(self, folder: Path) -> str:
        report = self._root.report(folder)
        base = f"/files/{quoted(self._root.relative(folder))}/"
        return html.render_run(report, self._pictures(folder, report), base=base)

    def _report_of_sweep(self, folder: Path) -> str:
        report = read_sweep(folder)
        found = {job.folder: pictures.find(folder / job.folder) for job in report.jobs if job.folder}
        return html.render_sweep(report, found, base=f"/files/{quoted(self._root.relative(folder))}/")

    def _pictures(self, folder: Path, report: RunReport) -> pictures.Pictures:
        """The pictures of a run, made where they are not there. Of one that goes on only those that are there."""
        if report.state != "running":
            with contextlib.suppress(RunnerError, OSError):  # a page without pictures says as much
                store.check_store(self._root.path)
                store.check_folder(self._root.path, folder)
                pictures.make(folder, report)
        return pictures.find(folder)


async def static(request: Request) -> Response:
    """The style sheet and the script."""
    name = request.path_params["name"]
    if name not in _STATIC:
        raise Refused(404, "there is no such file")
    headers = {"cache-control": "private, max-age=60"}
    return FileResponse(_HERE / "static" / name, media_type=_STATIC[name], headers=headers)


async def no_icon(request: Request) -> Response:
    """Browsers ask for one."""
    return Response(status_code=204)
