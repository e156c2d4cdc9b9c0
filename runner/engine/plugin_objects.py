"""The plugin objects of a session: one for each spec and options, built when it is first needed, left at the end."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from runner import contract
from runner.api import Context
from runner.engine.hosting import Hosting
from runner.engine.plugin_calls import Call, called, failed, shielded
from runner.engine.url_verification import UrlVerifier
from runner.errors import PluginError, PluginFailed, RunnerError
from runner.kinds import Kind, kind_of
from runner.net import http
from runner.net.download import Downloads
from runner.planning.plan import uploader_capabilities

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    import httpx

    from runner.api import (
        Extractor,
        Generator,
        GeneratorCapabilities,
        Metric,
        MetricSpec,
        PluginSpec,
        Uploader,
    )
    from runner.cassette import Tape
    from runner.config.project import ExtractorChoice, GeneratorChoice, Project, UploaderChoice
    from runner.engine.timing import Timing


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginObjects:
    """Builds generators, extractors, uploaders and metrics, with the HTTP clients that they share."""

    stack: AsyncExitStack
    """Leaves the objects at the end of the session."""
    work: Path
    """A private folder."""
    timing: Timing
    http: httpx.AsyncClient
    public_http: httpx.AsyncClient
    """Connects to public addresses only."""
    tape: Tape | None = None
    """What the clients record, or replay."""
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    """The session's, as it was opened."""
    _made: dict[tuple[int, str, str], tuple[PluginSpec, Any]] = field(default_factory=dict)
    _hosting: dict[tuple[int, str, str], Hosting] = field(default_factory=dict)
    _checked: set[tuple[int, tuple[type, ...]]] = field(default_factory=set)
    _building: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def opened(
        cls, stack: AsyncExitStack, work: Path, timing: Timing, tape: Tape | None = None
    ) -> PluginObjects:
        """With HTTP clients that `stack` closes after it has left the objects, and that record or replay a `tape`."""
        client = await stack.enter_async_context(http.client(wire=tape))
        public = await stack.enter_async_context(http.client(public_only=True, wire=tape))
        return cls(stack=stack, work=work, timing=timing, http=client, public_http=public, tape=tape)

    async def generator(self, choice: GeneratorChoice) -> Generator:
        """The generator object of a choice. Raises `PluginError`."""
        return cast("Generator", await self._object(choice.spec, choice.options))

    async def promising(self, choice: GeneratorChoice, capabilities: GeneratorCapabilities) -> None:
        """Build the generator of a choice, and check that it has what its capabilities promise, once for all runs.

        Raises `PluginError`.
        """
        generator, promised = await self.generator(choice), contract.promised(capabilities)
        if (id(generator), promised) not in self._checked:
            contract.check_methods(Kind.GENERATOR, choice.spec.name, generator, promised)
            self._checked.add((id(generator), promised))

    async def extractor(self, choice: ExtractorChoice) -> Extractor:
        """The extractor object of a choice. Raises `PluginError`."""
        return cast("Extractor", await self._object(choice.spec, choice.options))

    async def metric(self, spec: MetricSpec) -> Metric:
        """The object of a metric, with its default options. Raises `PluginError`."""
        return cast("Metric", await self._object(spec, spec.options()))

    async def hosting(self, project: Project, run: str) -> Hosting:
        """Image hosting by the project's uploader. An uploader that deletes has an object for each `run`."""
        choice, caps = project.uploader, uploader_capabilities(project)
        of_run = run if caps.delete else ""
        settings = f"{choice.options!r} {choice.verify} {project.limits.task_timeout_s}"
        at = (id(choice.spec), settings, of_run)
        known = self._hosting.get(at)
        if known is not None:
            return known
        uploader = await self._uploader(choice, of_run)
        contract.check_methods(Kind.UPLOADER, choice.spec.name, uploader, contract.promised(caps))
        made = Hosting(
            uploader=uploader,
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
            on_hosted=self.tape.hosted if self.tape is not None else None,
        )
        return self._hosting.setdefault(at, made)

    async def _uploader(self, choice: UploaderChoice, run: str) -> Uploader:
        """The uploader; what one with a client of its own returns is recorded, or replayed without it."""
        if self.tape is None or not choice.spec.own_client:
            return cast("Uploader", await self._object(choice.spec, choice.options, run))
        if self.tape.replays:
            return self.tape.uploader(choice.spec.name, None)
        return self.tape.uploader(choice.spec.name, await self._object(choice.spec, choice.options, run))

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
            if hasattr(made, "__aenter__"):
                made = await _entered(self.stack, kind, spec.name, made, self.timing)
            contract.check_methods(kind, spec.name, made)
        except PluginFailed as error:
            raise _not_started(kind, spec.name, error.why) from error
        except TimeoutError as error:
            raise _not_started(kind, spec.name, f"not within {self.timing.start_s:g} s") from error
        except RunnerError:
            raise
        except Exception as error:
            broken = failed(Call(f"{kind} {spec.name}", "__init__"), error)
            raise _not_started(kind, spec.name, broken.why) from error
        return made


def _not_started(kind: Kind, name: str, why: str) -> PluginError:
    hint = f"python -m runner conformance {name}  looks for such mistakes"
    return PluginError(f"{kind} {name} cannot be started", why=why, hint=hint)


async def _entered(stack: AsyncExitStack, kind: Kind, name: str, made: Any, timing: Timing) -> Any:
    """Enter an object, and leave it with the session. A plugin that cannot be left keeps no clip from anyone."""
    entering = Call(f"{kind} {name}", "__aenter__", limit_s=timing.start_s)
    entered = await called(entering, made.__aenter__)

    async def leave(*error: Any) -> None:
        leaving = Call(f"{kind} {name}", "__aexit__", limit_s=timing.start_s)
        try:
            await called(leaving, made.__aexit__, *error)
        except TimeoutError:
            _log.error("%s %s was not left within %g s", kind, name, timing.start_s)
        except RunnerError as error_of_plugin:
            _log.error("%s %s is not left cleanly: %s", kind, name, error_of_plugin.line)

    stack.push_async_exit(leave)
    return entered
