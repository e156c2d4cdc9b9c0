"""The plugin objects of one run: built when first needed, entered, and left at the end."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, cast

from runner.api import Context, SupportsDelete
from runner.engine.hosting import Hosting
from runner.engine.url_verification import UrlVerifier
from runner.errors import PluginError, RunnerError, UploadError
from runner.net import http
from runner.net.download import Downloads
from runner.planning.plan import uploader_capabilities

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from runner.api import Extractor, Generator, SupportsDelete, Uploader
    from runner.planning.plan import Plan


class Services:
    """An asynchronous context manager around everything that plugins hold open.

    `run` is what uploaders know the request by; empty is the plan's key.
    """

    def __init__(self, plan: Plan, work: Path, run: str = "") -> None:
        self._plan = plan
        self.run = run or plan.key
        self._work = work
        self._stack = AsyncExitStack()
        self._generators: dict[str, Generator] = {}
        self._extractor: Extractor | None = None
        self._hosting: Hosting | None = None
        self.deletes = False

    async def __aenter__(self) -> Services:
        """Build what the plan needs, before anything is asked of a provider."""
        try:
            self._http = await self._stack.enter_async_context(http.client())
            public = await self._stack.enter_async_context(http.client(public_only=True))
            self._download = Downloads(public, self._http)
            project = self._plan.project
            for planned in self._plan.shots:
                choice = planned.shot.generator
                if choice.label not in self._generators:
                    made = await self._made(
                        "generator", choice.spec.name, choice.spec.factory, choice.options
                    )
                    self._generators[choice.label] = cast("Generator", made)
            if any(planned.previous is not None for planned in self._plan.shots):
                spec = project.extractor.spec
                made = await self._made("extractor", spec.name, spec.factory, project.extractor.options)
                self._extractor = cast("Extractor", made)
            if self._plan.needs_uploader:
                host = project.uploader.spec
                made = await self._made("uploader", host.name, host.factory, project.uploader.options)
                caps = uploader_capabilities(project)
                self._hosting = Hosting(
                    uploader=cast("Uploader", made),
                    stranger=UrlVerifier(public=public, any=self._http, advice=caps.fetch_hint),
                    queue_s=project.limits.task_timeout_s,
                    verify=project.uploader.verify,
                    lifetime_hint=caps.lifetime_hint,
                )
                self.deletes = caps.delete
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def generator(self, label: str) -> Generator:
        return self._generators[label]

    @property
    def extractor(self) -> Extractor:
        assert self._extractor is not None, "the plan has no chain"
        return self._extractor

    @property
    def hosting(self) -> Hosting:
        assert self._hosting is not None, "the plan needs no pictures"
        return self._hosting

    async def clear_pictures(self) -> None:
        """Take away what this request hosted, where the uploader deletes. Raises `UploadError`."""
        try:
            await cast("SupportsDelete", self.hosting.uploader).delete()
        except RunnerError:
            raise
        except Exception as error:
            raise UploadError("the uploader broke off", why=f"{type(error).__name__}: {error}") from error

    async def _made(self, kind: str, name: str, factory: Any, options: Any) -> Any:
        work = self._work / f"{kind}-{name}-{len(self._generators)}"
        work.mkdir(exist_ok=True)
        log = logging.getLogger(f"runner.plugins.{name}")
        try:
            context = Context(work_dir=work, http=self._http, download=self._download, log=log, run=self.run)
            made = factory(options, context)
            if hasattr(made, "__aenter__"):
                made = await self._stack.enter_async_context(made)
        except RunnerError:
            raise
        except Exception as error:
            raise PluginError(
                f"{kind} {name} cannot be started", why=f"{type(error).__name__}: {error}"
            ) from error
        return made
