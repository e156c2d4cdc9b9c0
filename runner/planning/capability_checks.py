"""What the chosen generators cannot do, found before anything is spent. Nothing is contacted."""

from __future__ import annotations

import functools
from dataclasses import fields
from datetime import date
from typing import TYPE_CHECKING, Final

from runner.api import (
    GeneratorCapabilities,
    HandOver,
    ImageInput,
    InputMode,
    Objection,
    Range,
    Reach,
    UploaderCapabilities,
)
from runner.config.project import Boundary
from runner.errors import MediaError
from runner.kinds import Kind
from runner.planning import image_fit
from runner.planning.identity import ROLES, Role
from runner.planning.plan import capabilities_of, stated_by, uploader_capabilities

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runner.api import ShotRequest
    from runner.config.convert import Reader
    from runner.config.project import GivenImage
    from runner.planning.plan import Plan, PlannedShot
    from runner.plugins import Registry


_LONGEST_QUEUE_S: Final = 1800.0
_GRACE_S: Final = 60.0


def check(plan: Plan, reader: Reader, *, today: date | None = None, hosts: Sequence[str] = ()) -> None:
    """Note in `reader` everything that the chosen generators cannot do. `hosts` are uploaders to recommend."""
    today = today or date.today()
    for planned in plan.shots:
        if not _check_model(planned, reader, today):
            continue
        for objection in objections(planned.capabilities, planned.request, who=planned.who):
            key = planned.shot.set_by(objection.key)
            reader.problem(key, objection.message, value=objection.value, allowed=objection.allowed)
        if planned.given is not None and planned.capabilities.image:
            _check_image(planned, planned.given, reader)
    _check_hosting(plan, reader, hosts)
    _check_hand_over(plan, reader)


def public_hosts(registry: Registry) -> list[str]:
    """The uploaders whose addresses can be fetched from anywhere, as far as they say so without options."""
    found = []
    for name in registry.names(Kind.UPLOADER):
        spec = registry.uploader(name)
        assert spec is not None, "the registry names it"
        stated = spec.capabilities
        try:
            caps = stated(spec.options()) if callable(stated) else stated
        except Exception:  # one with required options can say nothing before they are given
            continue
        if isinstance(caps, UploaderCapabilities) and caps.reach is Reach.PUBLIC:
            found.append(name)
    return found


def can_fall_back(planned: PlannedShot) -> bool:
    """Whether a shot that should start from an image can also be made from its prompt alone."""
    caps = capabilities_of(planned.shot.generator, planned.request.model, InputMode.TEXT)
    return caps.text and not list(objections(caps, planned.request, who=planned.who))


def objections(caps: GeneratorCapabilities, request: ShotRequest, *, who: str) -> Iterator[Objection]:
    """What `caps` do not allow in `request`."""
    cannot = f"{who} cannot make this"
    durations = caps.request.durations_s
    if isinstance(durations, Range):
        if not durations.low <= request.duration_s <= durations.high:
            allowed = f"{durations.low:g} to {durations.high:g} s"
            yield Objection("duration_s", cannot, request.duration_s, allowed)
    elif durations is not None and request.duration_s not in durations:
        allowed = ", ".join(f"{duration:g}" for duration in durations) + " s"
        yield Objection("duration_s", cannot, request.duration_s, allowed)
    for key, value, values in (
        ("aspect_ratio", request.aspect_ratio, caps.request.aspect_ratios),
        ("resolution", request.resolution, caps.request.resolutions),
    ):
        if values is not None and value.lower() not in {known.lower() for known in values}:
            yield Objection(key, cannot, value, ", ".join(values))
    longest = caps.request.prompt_max_chars
    if longest is not None and len(request.prompt) > longest:
        yield Objection(
            "prompt",
            f"is {len(request.prompt)} characters long with the project's style",
            allowed=f"{longest} characters for {who}",
        )
    for one in fields(request):
        value = getattr(request, one.name)
        optional = ROLES[one.name] is Role.UNLESS_DEFAULT and value != one.default
        if optional and one.name not in caps.request.keys:
            yield Objection(one.name, f"{who} does not take this key", value, "leave it out")
    if caps.request.objections is not None:
        own = caps.request.objections
        yield from stated_by(f"generator {who}", "objections", lambda: tuple(own(request)))


def _check_hand_over(plan: Plan, reader: Reader) -> None:
    policy, extractor = plan.project.continuity.hand_over, plan.project.extractor.spec
    if policy != HandOver.LAST and not extractor.offsets:
        message = f"extractor {extractor.name} reads the last frame only"
        reader.problem("continuity.hand_over", message, value=str(policy), allowed="last, or extractor=pyav")


def _check_model(planned: PlannedShot, reader: Reader, today: date) -> bool:
    """Note what is wrong with the choice of the model; whether its values are worth checking."""
    caps, shot = planned.capabilities, planned.shot
    who = planned.who
    if caps.lifecycle.retired is not None and caps.lifecycle.retired <= today:
        living = ", ".join(caps.lifecycle.successors)
        reader.problem(
            shot.set_by("model"),
            f"{who} was retired on {caps.lifecycle.retired}",
            value=planned.request.model,
            allowed=f"living models near it: {living}" if living else "",
        )
        return False
    if shot.boundary is Boundary.CUT and not caps.text:
        reader.problem(
            f"{shot.at}.boundary",
            f"{who} makes no clip from a prompt alone",
            value="cut",
            allowed="image, chain",
        )
    if shot.boundary is not Boundary.CUT and caps.image is None:
        # A generator without models is most often one that its author tries out.
        own = "; or in the plugin: capabilities with image=ImageInput(), as None is the default"
        default = "" if planned.request.model else own
        reader.problem(
            f"{shot.at}.boundary",
            f"{who} takes no first frame",
            value=str(shot.boundary),
            allowed=f"cut{default}",
        )
    return True


def _check_image(planned: PlannedShot, given: GivenImage, reader: Reader) -> None:
    """Note an image that the model cannot take: it would fail only after the shots before it are paid for."""
    why = _unusable(given, planned.capabilities)
    if why:
        reader.problem(
            f"{planned.shot.at}.image" if planned.shot.image is not None else "continuity.anchor",
            f"{planned.who} cannot start from it",
            value=given.path.name,
            allowed=why,
        )


def _unusable(given: GivenImage, caps: GeneratorCapabilities) -> str:
    """Why the model takes the image in no form; nothing where it does."""
    limits = caps.image
    if limits is None:
        return "it takes no first frame"
    if why := image_fit.misfit(given.width, given.height, limits):
        return why
    if image_fit.takes(given.format, given.size, limits):
        return ""
    return _no_form(given, limits)


@functools.lru_cache(maxsize=64)
def _no_form(given: GivenImage, limits: ImageInput) -> str:
    """Tried by encoding it, once for all jobs of a sweep."""
    try:
        image_fit.fitted(given.adopt(), limits)
    except MediaError as error:
        return error.why
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _check_hosting(plan: Plan, reader: Reader, hosts: Sequence[str]) -> None:
    """A model that cannot fetch its image fails, or is paid for without continuity: say so before."""
    caps, name = uploader_capabilities(plan.project), plan.project.uploader.spec.name
    for planned in plan.shots:
        image = planned.capabilities.image
        if planned.shot.boundary is Boundary.CUT or image is None or image.inline:
            continue
        generator, needed = planned.shot.generator.spec.name, image.reach
        trouble = ""
        if caps.reach < needed:
            trouble = _FROM[caps.reach]
        elif needed is Reach.PUBLIC and not caps.https:
            trouble = "not HTTPS, which a hosted model needs"
        if trouble:
            reader.problem(
                "uploader.plugin",
                f"{generator} cannot fetch images from {name}, whose URLs are {trouble}",
                value=name,
                allowed=_others(generator, name, hosts, caps)
                + ("" if planned.request.model else _REACH_DEFAULT),
            )
        queue_s = plan.project.limits.task_timeout_s
        if caps.lifetime_s is not None and not outlives(caps.lifetime_s, queue_s):
            reader.problem(
                "uploader.plugin",
                f"the URLs of {name} are served for {caps.lifetime_s:g} s, and a task may wait "
                f"{needed_lifetime_s(queue_s):g} s before its image is fetched",
                value=name,
                allowed=f"{caps.lifetime_hint or 'a longer life'}; or a lower limits.task_timeout_s",
            )


def needed_lifetime_s(queue_s: float) -> float:
    """How many seconds an address has to live where a task may wait `queue_s` before its image is fetched."""
    return min(queue_s, _LONGEST_QUEUE_S)


def outlives(lifetime_s: float, queue_s: float) -> bool:
    """Whether an address that lives so many seconds is there for all tasks, give or take what it took to make it."""
    return lifetime_s > 0 and lifetime_s + _GRACE_S >= needed_lifetime_s(queue_s)


def _others(generator: str, chosen: str, hosts: Sequence[str], caps: UploaderCapabilities) -> str:
    """Image hosts that would do, the generator's own first, or a way to make the chosen one public."""
    names = sorted((name for name in hosts if name != chosen), key=lambda name: name != generator)
    others = " or ".join(f"uploader={name}" for name in names)
    ways = [others, caps.reach_hint] if others or caps.reach_hint else ["an uploader with public HTTPS URLs"]
    return "; or ".join(way for way in ways if way)


_REACH_DEFAULT: Final = "; or in the generator's plugin: ImageInput(reach=...), which is PUBLIC by default"
_FROM = {
    Reach.LOOPBACK: "on this machine only",
    Reach.NETWORK: "in this network only",
    Reach.PUBLIC: "public",
}
