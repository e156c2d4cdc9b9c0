"""What will be requested, shot by shot, under which key. Pure: nothing is contacted, nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple, ParamSpec, TypeVar

from runner import contract
from runner.api import GeneratorCapabilities, ImageInput, InputMode, ShotRequest, UploaderCapabilities
from runner.config import prompts
from runner.config.project import Boundary
from runner.errors import PluginError, RunnerError
from runner.naming import slug
from runner.planning import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runner.api import JSON, Event, Price
    from runner.config.compose import Composed, SweepJob
    from runner.config.project import GeneratorChoice, GivenImage, Project, Shot
    from runner.plugins import Registry


CORRECTION: Final = 1
"""The version of how colours are matched: `runner.media.colour_match.VERSION`, which is slow to import."""
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedShot:
    """One shot as it will be requested. `request.image` is filled in by the engine; `number` counts from 1.

    `previous` is the planned shot that this one chains from. `key` is that of its `identity`, or of the shot whose clip
    was grafted here.
    """

    sequence: str
    number: int
    shot: Shot
    request: ShotRequest
    capabilities: GeneratorCapabilities
    identity: Mapping[str, JSON]
    key: str
    previous: PlannedShot | None
    reanchored: bool = False
    """It starts from the anchor of its chain, and not from the shot before it: `continuity.reanchor_every`. `previous`
    is then the first shot of the chain, or `None` where the anchor is an image."""
    anchor: GivenImage | None = None
    """The image that it starts from in that case."""
    retakes: tuple[PlannedShot, ...] = ()
    """The further takes that are paid for where a clip ignores its first frame, in their order."""
    candidates: tuple[PlannedShot, ...] = ()
    """The further takes of a beam, in their order."""
    is_candidate: bool = False
    """Its clip is one of several: which of them the film has is decided when they are there."""

    @property
    def name(self) -> str:
        return f"{self.sequence}/{self.shot.name}"

    @property
    def given(self) -> GivenImage | None:
        """The image of the user's that it starts from."""
        return self.shot.image or self.anchor

    @property
    def continues(self) -> bool:
        """Whether it starts from a frame of the shot right before it."""
        return self.previous is not None and not self.reanchored

    @property
    def who(self) -> str:
        """The generator, with its model where it has one."""
        of_model = f" with model {self.request.model}" if self.request.model else ""
        return f"{self.shot.generator.spec.name}{of_model}"

    @property
    def image_input(self) -> ImageInput:
        """How its first frame is sent. A generator that states nothing gets what the API's defaults say."""
        return self.capabilities.image or ImageInput()

    @property
    def seed_unsent(self) -> bool:
        """Whether a seed is requested that the model does not take."""
        return self.request.seed is not None and not self.capabilities.request.seed

    @property
    def price(self) -> Price | None:
        """What this shot is expected to cost; `None` is unknown."""
        price = self.capabilities.billing.price
        if price is None:
            return None
        return stated_by(f"generator {self.shot.generator.spec.name}", "price", price, self.request)

    @property
    def stem(self) -> str:
        """The file name of everything that belongs to this shot, without extension."""
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
            if shot.previous is None and not shot.reanchored:
                chains.append([])
            chains[-1].append(shot)
        return tuple(tuple(chain) for chain in chains)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole run before it starts."""

    project: Project
    sequences: tuple[PlannedSequence, ...]
    key: str
    """Of the whole request, 64 hex digits."""
    label: str
    """Names the generators in it, for people."""
    composed: Composed | None = None
    """The configuration that it was made from."""
    observers: tuple[tuple[str, Callable[[Event], object]], ...] = ()
    """The plugins that observe events, by name."""

    @property
    def job(self) -> SweepJob | None:
        """Its place in a sweep."""
        return self.composed.job if self.composed is not None else None

    @property
    def scope(self) -> str:
        """Whose budget pays: the sweep's that it belongs to, or its own."""
        return self.job.sweep_key if self.job is not None else self.key

    @property
    def shots(self) -> tuple[PlannedShot, ...]:
        return tuple(shot for sequence in self.sequences for shot in sequence.shots)

    @property
    def needs_uploader(self) -> bool:
        return any(
            shot.shot.boundary is not Boundary.CUT and not shot.image_input.inline for shot in self.shots
        )


def make(project: Project, registry: Registry) -> Plan:
    """Plan every shot. Raises `PluginError` when a plugin's transform or capabilities fail."""
    sequences = []
    for sequence in project.sequences:
        planned: list[PlannedShot] = []
        chain: list[PlannedShot] = []
        for number, shot in enumerate(sequence.shots, start=1):
            if shot.boundary is not Boundary.CHAIN:
                chain.clear()
            place = _place(project, sequence.name, number, chain)
            first = _planned(project, registry, shot, place)
            retakes = tuple(
                _planned(project, registry, further, place) for further in _further_takes(project, shot)
            )
            further = 1 if shot.graft else project.beam.takes
            candidates = tuple(
                _planned(project, registry, _take(shot, more), place) for more in range(1, further)
            )
            planned.append(replace(first, retakes=retakes, candidates=candidates))
            chain.append(planned[-1])
        sequences.append(PlannedSequence(name=sequence.name, slug=sequence.slug, shots=tuple(planned)))
    keys = {sequence.name: {shot.shot.name: shot.key for shot in sequence.shots} for sequence in sequences}
    return Plan(
        project=project,
        sequences=tuple(sequences),
        key=identity.run_key(project, keys),
        label=_label(sequences),
    )


class _Place(NamedTuple):
    """Where a shot stands."""

    sequence: str
    number: int
    previous: PlannedShot | None
    reanchored: bool = False
    anchor: GivenImage | None = None


def _place(project: Project, sequence: str, number: int, chain: Sequence[PlannedShot]) -> _Place:
    """Where the next shot of a chain stands; a chain without shots begins there."""
    if not chain:
        return _Place(sequence, number, None)
    every = project.continuity.reanchor_every
    on_grid = every is not None and len(chain) % every == 0
    if on_grid and project.anchor is not None:
        return _Place(sequence, number, None, reanchored=True, anchor=project.anchor)
    # The second shot starts from the first one's frame as it is.
    if on_grid and len(chain) > 1:
        return _Place(sequence, number, chain[0], reanchored=True)
    return _Place(sequence, number, chain[-1])


def _planned(project: Project, registry: Registry, shot: Shot, place: _Place) -> PlannedShot:
    request = _transformed(shot.request, registry)
    how = InputMode.TEXT if shot.boundary is Boundary.CUT else InputMode.IMAGE
    caps = capabilities_of(shot.generator, request.model, how)
    if caps.model is not None:
        request = replace(request, model=caps.model)
    # A seed that the model does not take changes nothing: with another one it is the same request.
    identifying = identity.fields(
        replace(
            request,
            seed=request.seed if caps.request.seed else None,
            prompt=prompts.identifying(request.prompt, shot.stopped_before),
        ),
        shot.generator,
        given=shot.image or place.anchor,
        previous=place.previous.key if place.previous else None,
        hand_over=project.continuity.hand_over,
        correction=_correction(project) if place.previous else None,
    )
    return PlannedShot(
        sequence=place.sequence,
        number=place.number,
        shot=shot,
        request=request,
        capabilities=caps,
        identity=identifying,
        key=shot.graft or identity.digest(identifying),
        previous=place.previous,
        reanchored=place.reanchored,
        anchor=place.anchor,
    )


def _correction(project: Project) -> JSON:
    """What decides how the colours of a hand-over frame are changed; `None` where they are not."""
    keys = project.continuity.correct
    if not keys.hand_over:
        return None
    anchor = project.anchor.sha256 if project.anchor is not None else "first clip"
    return {"version": CORRECTION, "strength": keys.strength, "anchor": anchor}


def _further_takes(project: Project, shot: Shot) -> Iterator[Shot]:
    """What is requested, one after the other, while clips ignore their first frame: as if the user typed the take."""
    keys = project.continuity
    if keys.on_ignored == "retry" and shot.boundary is not Boundary.CUT and not shot.graft:
        for more in range(1, keys.retries + 1):
            yield _take(shot, more)


def _take(shot: Shot, more: int) -> Shot:
    """A later take of a shot, as if the user typed it."""
    return replace(shot, request=replace(shot.request, take=shot.request.take + more))


def capabilities_of(choice: GeneratorChoice, model: str | None, how: InputMode) -> GeneratorCapabilities:
    """What the chosen generator can do with this model."""
    stated = choice.spec.capabilities
    if isinstance(stated, GeneratorCapabilities):
        return stated
    whom = f"generator {choice.spec.name}"
    return stated_by(whom, "capabilities", stated, choice.options, model, how)


def uploader_capabilities(project: Project) -> UploaderCapabilities:
    """What the chosen image host can do."""
    stated = project.uploader.spec.capabilities
    if isinstance(stated, UploaderCapabilities):
        return stated
    whom = f"uploader {project.uploader.spec.name}"
    return stated_by(whom, "capabilities", stated, project.uploader.options)


def stated_by(whom: str, what: str, statement: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a plugin states about itself. Raises `PluginError` where it fails, or states something else."""
    try:
        stated = statement(*args, **kwargs)
    except RunnerError:
        raise
    except Exception as error:
        raise PluginError(
            f"{whom} failed to state its {what}",
            where=contract.place_of(error) or contract.place(statement),
            why=f"{type(error).__name__}: {error}",
            hint=f"python -m runner conformance {whom.split()[1]}  looks for such mistakes",
        ) from error
    contract.check_stated(whom, what, stated, contract.place(statement))
    return stated


def _transformed(request: ShotRequest, registry: Registry) -> ShotRequest:
    """Fold the plugins' transforms over a request, in pluggy's order."""
    for name, transform in registry.transforms():
        try:
            result = transform(request)
        except Exception as error:
            raise PluginError(
                f"plugin {name} failed to transform a request",
                where=f"{request.sequence}/{request.shot}",
                why=f"{type(error).__name__}: {error}",
            ) from error
        if result is None:
            continue
        if not isinstance(result, ShotRequest):
            raise PluginError(
                f"plugin {name} transforms a request into {type(result).__name__}",
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
