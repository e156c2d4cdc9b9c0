"""What a session owns once, for all of its runs: journal, object store, HTTP clients, plugin objects, limits, leases."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from runner.api import Context, ExtractorSpec, GeneratorSpec, UploaderSpec
from runner.engine.hosting import Hosting
from runner.engine.url_verification import UrlVerifier
from runner.errors import PluginError, RunnerError
from runner.planning.plan import uploader_capabilities

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from runner.api import Extractor, Generator, PluginSpec
    from runner.config.project import ExtractorChoice, GeneratorChoice, Project
    from runner.engine.limits import AccountLimits
    from runner.engine.timing import Timing
    from runner.net.download import Downloads
    from runner.store.interface import Journal, ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Shared by all runs of a session. Plugin objects are built when they are first needed."""

    root: Path
    """The outputs root."""
    work: Path
    """A private folder that is removed at the end of the session."""
    journal: Journal
    objects: ObjectStore
    limits: AccountLimits
    timing: Timing
    http: httpx.AsyncClient
    public_http: httpx.AsyncClient
    """Connects to public addresses only."""
    downloads: Downloads
    stack: AsyncExitStack
    """Leaves the plugin objects at the end of the session."""
    _made: dict[tuple[int, str, str], tuple[PluginSpec, Any]] = field(default_factory=dict)
    _hosting: dict[tuple[int, str, str], Hosting] = field(default_factory=dict)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    _building: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def generator(self, choice: GeneratorChoice) -> Generator:
        """The generator object of a choice, one per spec and options. Raises `PluginError`."""
        return cast("Generator", await self._object(choice.spec, choice.options))

    async def extractor(self, choice: ExtractorChoice) -> Extractor:
        """The extractor object of a choice."""
        return cast("Extractor", await self._object(choice.spec, choice.options))

    async def hosting(self, project: Project, run: str) -> Hosting:
        """Image hosting by the project's uploader. An uploader that deletes has an object for each run."""
        choice, caps = project.uploader, uploader_capabilities(project)
        of_run = run if caps.delete else ""
        settings = f"{choice.options!r} {choice.verify} {project.limits.task_timeout_s}"
        at = (id(choice.spec), settings, of_run)
        known = self._hosting.get(at)
        if known is not None:
            return known
        made = Hosting(
            uploader=await self._object(choice.spec, choice.options, of_run),
            verifier=UrlVerifier(
                public=self.public_http,
                any=self.http,
                hint=caps.fetch_hint,
                limit_s=self.timing.verification_s,
            ),
            timing=self.timing,
            queue_s=project.limits.task_timeout_s,
            verify=choice.verify,
            deletes=caps.delete,
            lifetime_hint=caps.lifetime_hint,
        )
        return self._hosting.setdefault(at, made)

    @contextlib.asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Shots of this session that request the same clip take turns: the second one finds it stored."""
        async with self._turns.setdefault(key, asyncio.Lock()):
            yield

    async def _object(self, spec: PluginSpec, options: Any, run: str = "") -> Any:
        # A spec of a plugin may hold what has no hash; it is kept beside the object, so that its id stays its own.
        at = (id(spec), repr(options), run)
        async with self._building:
            if at not in self._made:
                self._made[at] = (spec, await self._build(spec, options, run))
        return self._made[at][1]

    async def _build(self, spec: PluginSpec, options: Any, run: str) -> Any:
        kind = _kind(spec)
        work = self.work / f"{kind}-{spec.name}-{len(self._made)}"
        log = logging.getLogger(f"runner.plugins.{spec.name}")
        try:
            work.mkdir(parents=True, exist_ok=True)
            context = Context(work_dir=work, http=self.http, download=self.downloads, log=log, run=run)
            made = spec.factory(options, context)
            if hasattr(made, "__aenter__"):
                made = await self.stack.enter_async_context(made)
        except RunnerError:
            raise
        except Exception as error:
            log.exception("%s %s cannot be started", kind, spec.name)
            raise PluginError(
                f"{kind} {spec.name} cannot be started", why=f"{type(error).__name__}: {error}"
            ) from error
        return made


def _kind(spec: PluginSpec) -> str:
    match spec:
        case GeneratorSpec():
            return "generator"
        case ExtractorSpec():
            return "extractor"
        case UploaderSpec():
            return "uploader"
