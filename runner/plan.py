"""What will be asked for, shot by shot, under which key. Pure: nothing is contacted, nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from runner import identity
from runner.api import GeneratorCapabilities, Price, Reach, ShotRequest, Span, UploaderCapabilities
from runner.config.project import Boundary
from runner.errors import PluginError, RunnerError
from runner.naming import slug

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.api import JSON
    from runner.config.convert import Reader
    from runner.config.project import GeneratorChoice, Project, Shot
    from runner.plugins import Registry


T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedShot:
    """One shot as it will be asked for. `request.image` is filled in by the engine; `number` counts from 1.

    `previous` is the planned shot that this one chains from.
    """

    sequence: str
    number: int
    shot: Shot
    request: ShotRequest
    capabilities: GeneratorCapabilities
    identity: Mapping[str, JSON]
    key: str
    previous: PlannedShot | None

    @property
    def name(self) -> str:
        return f"{self.sequence}/{self.shot.name}"

    @property
    def price(self) -> Price | None:
        """What this shot is expected to cost; `None` when nobody knows."""
        tell = self.capabilities.price
        if tell is None:
            return None
        return _asked(
            f"generator {self.shot.generator.spec.name}", (Price, type(None)), lambda: tell(self.request)
        )

    @property
    def stem(self) -> str:
        """The file name of everything that belongs to this shot, without ending."""
        return f"{self.number:02d}_{self.shot.slug}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSequence:
    name: str
    slug: str
    shots: tuple[PlannedShot, ...]

    @property
    def chains(self) -> tuple[tuple[PlannedShot, ...], ...]:
        """The shots, split where one does not start from the one before: these parts can run side by side."""
        chains: list[list[PlannedShot]] = []
        for shot in self.shots:
            if shot.previous is None:
                chains.append([])
            chains[-1].append(shot)
        return tuple(tuple(chain) for chain in chains)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole run before it starts. `label` names the generators in it, for people."""

    project: Project
    sequences: tuple[PlannedSequence, ...]
    key: str
    label: str

    @property
    def shots(self) -> tuple[PlannedShot, ...]:
        return tuple(shot for sequence in self.sequences for shot in sequence.shots)

    @property
    def needs_uploader(self) -> bool:
        return any(shot.shot.boundary is not Boundary.CUT for shot in self.shots)


def make(project: Project, registry: Registry) -> Plan:
    """Plan every shot. Raises `PluginError` when a plugin's transform or capabilities fail."""
    sequences = []
    for sequence in project.sequences:
        planned: list[PlannedShot] = []
        for number, shot in enumerate(sequence.shots, start=1):
            chained = shot.boundary is Boundary.CHAIN and bool(planned)
            previous = planned[-1] if chained else None
            request = _transformed(_request(project, sequence.name, shot), registry)
            identifying = identity.fields(
                request,
                shot.generator,
                given=shot.image,
                previous=previous.key if previous else None,
                hand_over=project.continuity.hand_over,
            )
            planned.append(
                PlannedShot(
                    sequence=sequence.name,
                    number=number,
                    shot=shot,
                    request=request,
                    capabilities=capabilities_of(shot.generator, request.model),
                    identity=identifying,
                    key=identity.digest(identifying),
                    previous=previous,
                )
            )
        sequences.append(PlannedSequence(name=sequence.name, slug=sequence.slug, shots=tuple(planned)))
    keys = {sequence.name: {shot.shot.name: shot.key for shot in sequence.shots} for sequence in sequences}
    return Plan(
        project=project,
        sequences=tuple(sequences),
        key=identity.run_key(project, keys),
        label=_label(sequences),
    )


def check(plan: Plan, reader: Reader, *, today: date | None = None) -> None:
    """Note in `reader` everything that the chosen generators cannot do."""
    today = today or date.today()
    for planned in plan.shots:
        _check_model(planned, reader, today)
        _check_values(planned, reader)
    _check_reach(plan, reader)


def capabilities_of(choice: GeneratorChoice, model: str | None) -> GeneratorCapabilities:
    """What the chosen generator can do with this model."""
    stated = choice.spec.capabilities
    if isinstance(stated, GeneratorCapabilities):
        return stated
    whom = f"generator {choice.spec.name}"
    return _asked(whom, (GeneratorCapabilities,), lambda: stated(choice.options, model))


def uploader_capabilities(project: Project) -> UploaderCapabilities:
    """What the chosen image host can do."""
    stated = project.uploader.spec.capabilities
    if isinstance(stated, UploaderCapabilities):
        return stated
    whom = f"uploader {project.uploader.spec.name}"
    return _asked(whom, (UploaderCapabilities,), lambda: stated(project.uploader.options))


def _asked(whom: str, kinds: tuple[type, ...], capabilities: Callable[[], T]) -> T:
    try:
        stated = capabilities()
        if not isinstance(stated, kinds):
            raise TypeError(f"it returns {type(stated).__name__}, and should return {kinds[0].__name__}")
        return stated
    except RunnerError:
        raise
    except Exception as error:
        raise PluginError(
            f"{whom} fails to say what it can do", why=f"{type(error).__name__}: {error}"
        ) from error


def _request(project: Project, sequence: str, shot: Shot) -> ShotRequest:
    return ShotRequest(
        project=project.name,
        sequence=sequence,
        shot=shot.name,
        prompt=shot.prompt,
        model=shot.model,
        duration_s=shot.duration_s,
        aspect_ratio=shot.aspect_ratio,
        resolution=shot.resolution,
        fps=shot.fps,
        seed=shot.seed,
        take=shot.take,
        params=shot.params,
    )


def _transformed(request: ShotRequest, registry: Registry) -> ShotRequest:
    """Fold the plugins' transforms over a request, in the order in which the plugins were loaded."""
    for hook in registry.manager.hook.runner_transform.get_hookimpls():
        try:
            result = hook.function(request)
        except Exception as error:
            raise PluginError(
                f"plugin {hook.plugin_name} fails to transform a request",
                where=f"{request.sequence}/{request.shot}",
                why=f"{type(error).__name__}: {error}",
            ) from error
        if result is None:
            continue
        if not isinstance(result, ShotRequest):
            raise PluginError(
                f"plugin {hook.plugin_name} transforms a request into {type(result).__name__}",
                why="runner_transform returns a ShotRequest, or None",
            )
        request = result
    return request


def _label(sequences: Sequence[PlannedSequence]) -> str:
    generators: dict[str, None] = {}
    for sequence in sequences:
        for shot in sequence.shots:
            model = shot.request.model
            generators[f"{shot.shot.generator.spec.name} {model or ''}".strip()] = None
    return slug(" ".join(generators), longest=40) or "run"


def _check_model(planned: PlannedShot, reader: Reader, today: date) -> None:
    able, shot = planned.capabilities, planned.shot
    of_model = f" with model {planned.request.model}" if planned.request.model else ""
    who = f"{shot.generator.spec.name}{of_model}"
    if able.retired is not None and able.retired <= today:
        key = shot.set_by("model")
        reader.problem(key, f"{who} was retired on {able.retired}", value=planned.request.model)
    if shot.boundary is Boundary.CUT and not able.text:
        reader.problem(
            f"{shot.at}.boundary",
            f"{who} makes no clip from a prompt alone",
            value="cut",
            allowed="image, chain",
        )
    if shot.boundary is not Boundary.CUT and not able.image:
        reader.problem(
            f"{shot.at}.boundary", f"{who} takes no first frame", value=str(shot.boundary), allowed="cut"
        )


def _check_values(planned: PlannedShot, reader: Reader) -> None:
    able, request, shot = planned.capabilities, planned.request, planned.shot
    who = shot.generator.spec.name
    durations = able.durations_s
    if isinstance(durations, Span):
        if not durations.low <= request.duration_s <= durations.high:
            allowed = f"{durations.low:g} to {durations.high:g} s"
            reader.problem(
                shot.set_by("duration_s"),
                f"{who} cannot make this",
                value=request.duration_s,
                allowed=allowed,
            )
    elif durations is not None and request.duration_s not in durations:
        allowed = ", ".join(f"{duration:g}" for duration in durations) + " s"
        reader.problem(
            shot.set_by("duration_s"), f"{who} cannot make this", value=request.duration_s, allowed=allowed
        )
    for key, value, values in (
        ("aspect_ratio", request.aspect_ratio, able.aspect_ratios),
        ("resolution", request.resolution, able.resolutions),
    ):
        if values is not None and value not in values:
            reader.problem(
                shot.set_by(key), f"{who} cannot make this", value=value, allowed=", ".join(values)
            )
    longest = able.prompt_max_chars
    if longest is not None and len(request.prompt) > longest:
        reader.problem(
            f"{shot.at}.prompt",
            f"is {len(request.prompt)} characters long with the project's style",
            allowed=f"{longest} characters for {who}",
        )


def _check_reach(plan: Plan, reader: Reader) -> None:
    """A hosted model cannot fetch a picture from this machine: say so before it is paid to fail."""
    reach = uploader_capabilities(plan.project).reach
    for planned in plan.shots:
        needed = planned.capabilities.image_reach
        if planned.shot.boundary is not Boundary.CUT and planned.capabilities.image and reach < needed:
            name = plan.project.uploader.spec.name
            reader.problem(
                "uploader.plugin",
                f"{planned.shot.generator.spec.name} cannot fetch pictures from {name}, "
                f"whose addresses are {_FROM[reach]}",
                value=name,
                allowed="an uploader with public addresses, or uploader.public_base_url=https://... of a tunnel",
            )


_FROM = {
    Reach.LOOPBACK: "on this machine only",
    Reach.NETWORK: "in this network only",
    Reach.PUBLIC: "public",
}
