"""What the chosen generators cannot do, found before anything is spent. Nothing is contacted."""

from __future__ import annotations

import functools
from datetime import date
from typing import TYPE_CHECKING

from runner.api import GeneratorCapabilities, How, Objection, Reach, Span, UploaderCapabilities
from runner.config.project import Boundary
from runner.errors import MediaError
from runner.plan import asked, capabilities_of, uploader_capabilities
from runner.plugins import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runner.api import ShotRequest
    from runner.config.convert import Reader
    from runner.config.project import GivenImage
    from runner.plan import Plan, PlannedShot
    from runner.plugins import Registry


def check(plan: Plan, reader: Reader, *, today: date | None = None, hosts: Sequence[str] = ()) -> None:
    """Note in `reader` everything that the chosen generators cannot do. `hosts` are uploaders to recommend."""
    today = today or date.today()
    for planned in plan.shots:
        if not _check_model(planned, reader, today):
            continue
        for objection in objections(planned.capabilities, planned.request, who=planned.who):
            key = planned.shot.set_by(objection.key)
            reader.problem(key, objection.message, value=objection.value, allowed=objection.allowed)
        if planned.shot.image is not None and planned.capabilities.image:
            _check_picture(planned, planned.shot.image, reader)
    _check_reach(plan, reader, hosts)


def public_hosts(registry: Registry) -> list[str]:
    """The uploaders whose addresses can be fetched from anywhere, as far as they say so without options."""
    found = []
    for name in registry.names(Kind.UPLOADER):
        spec = registry.uploader(name)
        try:
            stated = spec.capabilities if spec is not None else None
            able = stated(spec.options()) if spec is not None and callable(stated) else stated
        except Exception:  # one with required options can say nothing before they are given
            continue
        if isinstance(able, UploaderCapabilities) and able.reach is Reach.PUBLIC:
            found.append(name)
    return found


def without_image(planned: PlannedShot) -> bool:
    """Whether a shot that should start from a picture can also be made from its prompt alone."""
    able = capabilities_of(planned.shot.generator, planned.request.model, How.TEXT)
    return able.text and not list(objections(able, planned.request, who=planned.who))


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


def _check_model(planned: PlannedShot, reader: Reader, today: date) -> bool:
    """Note what is wrong with the choice of the model; whether its values are worth checking."""
    able, shot = planned.capabilities, planned.shot
    who = planned.who
    if able.retired is not None and able.retired <= today:
        living = ", ".join(able.successors)
        reader.problem(
            shot.set_by("model"),
            f"{who} was retired on {able.retired}",
            value=planned.request.model,
            allowed=f"living models near it: {living}" if living else "",
        )
        return False
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
    return True


def _check_picture(planned: PlannedShot, given: GivenImage, reader: Reader) -> None:
    """A picture that the model cannot take would only show when the shots before it are paid for."""
    why = _unusable(given, planned.capabilities)
    if why:
        who = planned.who
        reader.problem(
            f"{planned.shot.at}.image", f"{who} cannot start from it", value=given.path.name, allowed=why
        )


def _unusable(given: GivenImage, able: GeneratorCapabilities) -> str:
    """Why the model takes the picture in no form; nothing where it does."""
    from runner import fitting

    if why := fitting.misfit(given.width, given.height, able):
        return why
    if fitting.takes(given.format, given.size, able):
        return ""
    return _no_form(given, able.image_formats, able.image_max_bytes)


@functools.lru_cache(maxsize=64)
def _no_form(given: GivenImage, formats: tuple[str, ...], max_bytes: int | None) -> str:
    """Tried by encoding it, once for all jobs of a sweep."""
    from runner import fitting
    from runner.media import picture

    able = GeneratorCapabilities(image_formats=formats, image_max_bytes=max_bytes)
    try:
        fitting.fitted(picture.read(given.path.read_bytes(), name=given.path.name), able)
    except MediaError as error:
        return error.why
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _check_reach(plan: Plan, reader: Reader, hosts: Sequence[str]) -> None:
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
                allowed=_advice(planned.shot.generator.spec.name, hosts),
            )


def _advice(generator: str, hosts: Sequence[str]) -> str:
    # The host that belongs to the generator comes first.
    names = sorted(hosts, key=lambda name: name != generator)
    chosen = " or ".join(f"uploader={name}" for name in names) or "an uploader with public addresses"
    return f"{chosen}; or a tunnel to this machine: uploader.public_base_url=https://..."


_FROM = {
    Reach.LOOPBACK: "on this machine only",
    Reach.NETWORK: "in this network only",
    Reach.PUBLIC: "public",
}
