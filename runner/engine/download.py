"""The fourth step: streaming a finished clip into a private file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from runner.api import Result, State, Status
from runner.engine import kill_points
from runner.engine.plugin_calls import called
from runner.engine.sink import FileSink
from runner.engine.wait import poll_known, record_ready, reported_cost
from runner.errors import FetchFailed, PluginFailed, ShotError, TaskUnknown

if TYPE_CHECKING:
    from pathlib import Path

    from runner.engine.run_context import ShotJob
    from runner.store.attempt import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """A file that arrived, as it was announced."""

    path: Path
    sha256: str
    size: int
    """Bytes."""


class Refreshed(NamedTuple):
    """An attempt with the URLs that there are now."""

    attempt: Attempt
    gone: str = ""
    """Why the provider does not have the clip any more, where it states so."""
    cost: int | None = None
    """What the task cost then, in millionths of a US dollar."""


async def download(job: ShotJob, attempt: Attempt) -> Downloaded:
    """Fetch the clip of a finished task once. Raises `FetchFailed`, or `OutputError` where it cannot be written."""
    kill_points.reach("during_fetch")
    status = Status(state=State.SUCCEEDED, results=tuple(Result(url) for url, _ in attempt.results))
    limit_s = job.run.plan.project.limits.task_timeout_s
    sink = FileSink(job.run.folder.work / f"{attempt.token}.mp4")
    try:
        await called(job.call("fetch", limit_s), job.generator.fetch, status, sink)
    except TimeoutError as error:
        raise FetchFailed(
            "the clip did not arrive", where=job.planned.name, why=f"not complete within {limit_s:g} s"
        ) from error
    except PluginFailed as error:  # the clip is there, and may well arrive another time
        raise FetchFailed(error.what, where=error.where, why=error.why, hint=error.hint) from error
    finally:
        sink.close()
    sink.check()
    kill_points.reach("after_fetch")
    return Downloaded(path=sink.path, sha256=sink.sha256, size=sink.size)


async def refresh(job: ShotJob, attempt: Attempt) -> Refreshed:
    """Ask the provider for new URLs. The old ones are kept where it has none: they may still work."""
    try:
        status = await poll_known(job, attempt)
    except TaskUnknown as unknown:
        return Refreshed(attempt, unknown.line, attempt.cost)
    except ShotError:
        return Refreshed(attempt)
    if status.state is State.FAILED:
        reason = status.reason or "the provider reports that it failed"
        return Refreshed(attempt, reason, reported_cost(attempt, status))
    if status.state is State.SUCCEEDED and status.results:
        return Refreshed(await record_ready(job, attempt, status))
    return Refreshed(attempt)
