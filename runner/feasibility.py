"""What the chosen generators cannot do, found before anything is spent. Pure: nothing is contacted."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from runner.api import How, Objection, Reach, Span
from runner.config.project import Boundary
from runner.plan import asked, capabilities_of, uploader_capabilities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.api import GeneratorCapabilities, ShotRequest
    from runner.config.convert import Reader
    from runner.plan import Plan, PlannedShot


def check(plan: Plan, reader: Reader, *, today: date | None = None) -> None:
    """Note in `reader` everything that the chosen generators cannot do."""
    today = today or date.today()
    for planned in plan.shots:
        _check_model(planned, reader, today)
        for objection in objections(planned.capabilities, planned.request, who=_who(planned)):
            key = planned.shot.set_by(objection.key)
            reader.problem(key, objection.message, value=objection.value, allowed=objection.allowed)
    _check_reach(plan, reader)


def without_image(planned: PlannedShot) -> bool:
    """Whether a shot that should start from a picture can also be made from its prompt alone."""
    able = capabilities_of(planned.shot.generator, planned.request.model, How.TEXT)
    return able.text and not list(objections(able, planned.request, who=_who(planned)))


def objections(able: GeneratorCapabilities, request: ShotRequest, *, who: str) -> Iterator[Objection]:
    """What `able` does not allow in `request`."""
    cannot = f"{who} cannot make this"
    durations = able.durations_s
    if isinstance(durations, Span):
        if not durations.low <= request.duration_s <= durations.high:
            allowed = f"{durations.low:g} to {durations.high:g} s"
            yield Objection("duration_s", cannot, request.duration_s, allowed)
    elif durations is not None and request.duration_s not in durations:
        allowed = ", ".join(f"{duration:g}" for duration in durations) + " s"
        yield Objection("duration_s", cannot, request.duration_s, allowed)
    for key, value, values in (
        ("aspect_ratio", request.aspect_ratio, able.aspect_ratios),
        ("resolution", request.resolution, able.resolutions),
    ):
        if values is not None and value.lower() not in {known.lower() for known in values}:
            yield Objection(key, cannot, value, ", ".join(values))
    longest = able.prompt_max_chars
    if longest is not None and len(request.prompt) > longest:
        yield Objection(
            "prompt",
            f"is {len(request.prompt)} characters long with the project's style",
            allowed=f"{longest} characters for {who}",
        )
    if able.objections is not None:
        own = able.objections
        yield from asked(who, (tuple,), lambda: tuple(own(request)))


def _who(planned: PlannedShot) -> str:
    of_model = f" with model {planned.request.model}" if planned.request.model else ""
    return f"{planned.shot.generator.spec.name}{of_model}"


def _check_model(planned: PlannedShot, reader: Reader, today: date) -> None:
    able, shot = planned.capabilities, planned.shot
    who = _who(planned)
    if able.retired is not None and able.retired <= today:
        living = ", ".join(able.successors)
        reader.problem(
            shot.set_by("model"),
            f"{who} was retired on {able.retired}",
            value=planned.request.model,
            allowed=f"living models near it: {living}" if living else "",
        )
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
