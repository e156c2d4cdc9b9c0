"""What the user should know of a plan that can be carried out: seeds that change nothing, images of another shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.planning.plan import Plan, PlannedShot

_SAME_SHAPE: Final = 0.03
_BARELY_S: Final = 0.5
"""A film is about as long as its shots were asked to be."""


def notes(plan: Plan) -> tuple[str, ...]:
    """One line for each thing worth knowing."""
    return (*_seeds(plan), *_images(plan), *_shapes(plan), *_turns(plan), *_lengths(plan))


def _images(plan: Plan) -> Iterator[str]:
    """What is changed in given images before they are handed on."""
    for planned in plan.shots:
        given = planned.shot.image
        for note in given.notes if given is not None else ():
            yield f"{planned.name} starts from {given.path.name if given else ''}: {note}"


def _seeds(plan: Plan) -> Iterator[str]:
    """The generators and models that get a seed and take none.

    Such a seed is no part of a shot's identity: requests that differ in nothing else are one request, paid for once.
    """
    unsent: dict[str, list[PlannedShot]] = {}
    for planned in plan.shots:
        if planned.seed_unsent:
            unsent.setdefault(planned.who, []).append(planned)
    for who, shots in unsent.items():
        take = max(shot.request.take for shot in shots) + 1
        yield (
            f"{who} takes no seed: {_listed(shots)} not sent, and changes nothing; another clip of the same request is "
            f"another take of the shot: take={take}"
        )


def _listed(shots: list[PlannedShot]) -> str:
    seeds = sorted({planned.request.seed for planned in shots if planned.request.seed is not None})
    if len(seeds) > 3:
        return f"each of {len(seeds)} seeds is"
    return f"seed {seeds[0]} is" if len(seeds) == 1 else f"each of the seeds {', '.join(map(str, seeds))} is"


def _shapes(plan: Plan) -> Iterator[str]:
    """Given images whose shape is not that of their shot: some models follow the image, others crop or pad it."""
    for planned in plan.shots:
        given, ratio = planned.shot.image, planned.request.aspect_ratio
        if given is None:
            continue
        width, _, height = ratio.partition(":")
        if abs(given.width / given.height / (int(width) / int(height)) - 1) > _SAME_SHAPE:
            yield (
                f"{planned.name} is {ratio} and starts from {given.path.name}, which is {given.width}x{given.height}: "
                "the model may crop it, pad it, or take its shape"
            )


def _turns(plan: Plan) -> Iterator[str]:
    """Shots that start from a frame of another shape: what was paid for then cannot fit at the seam."""
    for planned in plan.shots:
        before = planned.previous
        if before is None or _same_shape(before.request.aspect_ratio, planned.request.aspect_ratio):
            continue
        yield (
            f"{planned.name} is {planned.request.aspect_ratio} and starts from the last frame of {before.shot.name}, "
            f"which is {before.request.aspect_ratio}: the image jumps at this seam; boundary: cut starts it afresh"
        )


def _same_shape(one: str, other: str) -> bool:
    ratios = [int(width) / int(height) for width, height in (text.split(":") for text in (one, other))]
    return abs(ratios[0] / ratios[1] - 1) <= _SAME_SHAPE


def _lengths(plan: Plan) -> Iterator[str]:
    """Films that get longer than they may be, and narration that does not fit in."""
    film = plan.project.film
    if not film.keys.join:
        return
    seconds = {
        sequence.name: sum(shot.request.duration_s for shot in sequence.shots) for sequence in plan.sequences
    }
    films = {f"the film of {name}": length for name, length in seconds.items()}
    finals = films
    if film.keys.order:
        finals = {"the film of the whole run": sum(seconds.get(name, 0.0) for name in film.keys.order)}
        films |= finals
    card_s = film.end_card.keys.duration_s - film.end_card.keys.fade_s if film.end_card is not None else 0.0
    most, narration = film.keys.max_duration_s, film.narration
    for name, length in films.items():
        whole = length + (card_s if name in finals else 0.0)
        if most is not None and whole > most:
            yield f"{name} will be about {whole:g} s long, {whole - most:g} s more than film.max_duration_s={most:g}"
        if narration is None or narration.duration_s is None or name not in finals:
            continue
        ends_s = narration.keys.start_s + narration.duration_s
        if film.audio in ("music", "mix") and ends_s > whole + _BARELY_S:
            yield f"{name} ends after about {whole:g} s, its narration after {ends_s:.1f} s: the rest is cut off"
