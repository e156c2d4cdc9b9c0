"""The plugin objects of a session: one for each spec and options, built when it is first needed, left at the end."""

from __future__ import annotations

import asyncio
import contextvars
import difflib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from runner.api import Context
from runner.engine.hosting import Hosting
from runner.engine.plugin_calls import shielded
from runner.engine.url_verification import UrlVerifier
from runner.errors import PluginError, RunnerError
from runner.kinds import kind_of, required_methods
from runner.net import http
from runner.net.download import Downloads
from runner.planning.plan import uploader_capabilities

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    import httpx

    from runner.api import Extractor, Generator, PluginSpec
    from runner.config.project import ExtractorChoice, GeneratorChoice, Project
    from runner.engine.timing import Timing
    from runner.kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginObjects:
    """Builds generators, extractors and uploaders, with the HTTP clients that they share."""

    stack: AsyncExitStack
    """Leaves the objects at the end of the session."""
    work: Path
    """A private folder."""
    timing: Timing
    http: httpx.AsyncClient
    public_http: httpx.AsyncClient
    """Connects to public addresses only."""
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    """The session's, as it was opened."""
    _made: dict[tuple[int, str, str], tuple[PluginSpec, Any]] = field(default_factory=dict)
    _hosting: dict[tuple[int, str, str], Hosting] = field(default_factory=dict)
    _building: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def opened(cls, stack: AsyncExitStack, work: Path, timing: Timing) -> PluginObjects:
        """With HTTP clients that `stack` closes, after it has left the objects."""
        client = await stack.enter_async_context(http.client())
        public = await stack.enter_async_context(http.client(public_only=True))
        return cls(stack=stack, work=work, timing=timing, http=client, public_http=public)

    async def generator(self, choice: GeneratorChoice) -> Generator:
        """The generator object of a choice. Raises `PluginError`."""
        return cast("Generator", await self._object(choice.spec, choice.options))

    async def extractor(self, choice: ExtractorChoice) -> Extractor:
        """The extractor object of a choice. Raises `PluginError`."""
        return cast("Extractor", await self._object(choice.spec, choice.options))

    async def hosting(self, project: Project, run: str) -> Hosting:
        """Image hosting by the project's uploader. An uploader that deletes has an object for each `run`."""
        choice, caps = project.uploader, uploader_capabilities(project)
        of_run = run if caps.delete else ""
        settings = f"{choice.options!r} {choice.verify} {project.limits.task_timeout_s}"
        at = (id(choice.spec), settings, of_run)
        known = self._hosting.get(at)
        if known is not None:
            return known
        made = Hosting(
            uploader=await self._object(choice.spec, choice.options, of_run),
            name=choice.spec.name,
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

    async def _object(self, spec: PluginSpec, options: Any, run: str = "") -> Any:
        # A spec of a plugin may hold what has no hash; it is kept beside the object, so that its id stays its own.
        at = (id(spec), repr(options), run)
        async with self._building:
            if at not in self._made:
                # A plugin that is being entered is not to be cancelled half way: it might leave a socket open.
                # It belongs to no run: what it starts, such as a server, is there for all of them.
                built = asyncio.create_task(self._build(spec, options, run), context=self.context)
                self._made[at] = (spec, await shielded(built))
        return self._made[at][1]

    async def _build(self, spec: PluginSpec, options: Any, run: str) -> Any:
        kind = kind_of(spec)
        assert kind is not None, "the registry takes no other specs"
        work = self.work / f"{kind}-{spec.name}-{len(self._made)}"
        log = logging.getLogger(f"runner.plugins.{spec.name}")
        try:
            work.mkdir(parents=True, exist_ok=True)
            context = Context(
                work_dir=work,
                http=self.http,
                download=Downloads(self.public_http, self.http),
                log=log,
                run=run,
            )
            made: Any = spec.factory(options, context)
            _check_methods(kind, spec.name, made)
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


def _check_methods(kind: Kind, name: str, made: object) -> None:
    """Raise `PluginError` where the object lacks a method: a misspelt one would only show when it is called."""
    missing = [method for method in required_methods(kind) if not callable(getattr(made, method, None))]
    if missing:
        own = [one for one in dir(made) if not one.startswith("__")]
        similar = difflib.get_close_matches(missing[0], own, 1, 0.7)
        has = f"; it has {similar[0]}" if similar else ""
        raise PluginError(
            f"{kind} {name} has no method `{missing[0]}`",
            why=f"{type(made).__name__} should have {', '.join(required_methods(kind))}{has}",
            hint=f"rename {similar[0]} to {missing[0]}" if similar else "see runner.api for what each does",
        )
