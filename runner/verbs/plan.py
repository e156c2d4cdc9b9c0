"""`runner plan`: what a run would do, and what it would cost."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from runner.api import HandOver
from runner.money import dollars, to_usd
from runner.outputs import evidence, grafts, places
from runner.outputs.manifest import request_of
from runner.planning.adherence import profiles_of
from runner.planning.advisories import notes
from runner.planning.estimate import Estimate, Standing, by_root, estimate, micros
from runner.planning.identity import ROLES, Role
from runner.planning.plan import Plan
from runner.planning.preparation import Registries, plan_jobs
from runner.planning.sharing import sharing
from runner.redaction import scrubbed
from runner.report import paragraph, shared_shots
from runner.report.fallbacks import few, retakes
from runner.report.headway import earlier_durations
from runner.report.money import ahead_line
from runner.verbs import composing
from runner.verbs.composing import Composing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.planning.plan import PlannedShot


def _parsed(words: Sequence[str]) -> Composing:
    parser = composing.parser(
        "plan",
        "Show what a run would do and cost, shot by shot. Nothing is executed.",
        examples=(
            "plan +project=ad_campaign",
            "plan +project=ad_campaign generator=kie uploader=kie --json",
            "plan -m +project=ad_campaign shot.seed=1,2",
        ),
    )
    return composing.read(parser, words, Composing())


def main(words: Sequence[str]) -> int:
    """Print the plan of each job."""
    arguments = _parsed(words)
    if arguments.printed():
        return 0
    planned = plan_jobs(arguments.jobs(), Registries())
    plans = [plan for plan in planned if isinstance(plan, Plan)]  # others are left out by sweep.skip_invalid
    for plan in plans:
        evidence.check(plan)
        grafts.check(plan)
    if arguments.multirun:
        return _sweep(plans, left_out=len(planned) - len(plans), as_json=arguments.as_json)
    (plan,) = plans
    expected = estimate(plan)
    described = describe(plan, expected)
    if arguments.as_json:
        print(json.dumps(described, indent=2, ensure_ascii=False))
    else:
        _show(plan, expected, described)
    return 0


def _sweep(plans: Sequence[Plan], *, left_out: int, as_json: bool) -> int:
    """Print what the jobs share, and what all of them together will cost; for each outputs root by itself."""
    documents = []
    for root, of_root in by_root(plans).items():
        expected = estimate(*of_root)
        found = sharing(of_root, expected, earlier_durations(of_root))
        if as_json:
            jobs = [describe(plan, expected.of(plan)) for plan in of_root]
            more = {"root": str(root), "left_out": left_out, "jobs": jobs}
            documents.append({**shared_shots.described(found, expected), **more})
        else:
            notes = dict.fromkeys(note for plan in of_root for note in _notes(plan, expected.of(plan)))
            shared_shots.show(of_root, found, expected, tuple(notes), left_out=left_out)
    if as_json:
        print(json.dumps(documents[0] if len(documents) == 1 else documents, indent=2, ensure_ascii=False))
    return 0


def describe(plan: Plan, expected: Estimate) -> dict[str, Any]:
    """The plan as a script would read it. `to_spend_usd` leaves out `unpriced` shots."""
    return {
        "project": plan.project.name,
        "key": plan.key,
        "folder": str(places.path_for(plan)),
        "to_do": expected.to_do,
        "to_spend_usd": to_usd(expected.to_spend),
        "unpriced": expected.unpriced,
        "at_worst_usd": to_usd(expected.at_worst),
        **_beam(plan, expected),
        "notes": _notes(plan, expected),
        "adherence": [profile.to_json() for profile in profiles_of([plan])],
        "sequences": {
            sequence.name: [_shot(shot, expected) for shot in sequence.shots] for sequence in plan.sequences
        },
    }


def _beam(plan: Plan, expected: Estimate) -> dict[str, Any]:
    keys = plan.project.beam
    return {"beam": {**asdict(keys), "at_most": len(expected.beam)}} if keys.is_on else {}


def _shot(planned: PlannedShot, expected: Estimate) -> dict[str, Any]:
    price = micros(planned)
    as_of = planned.price.as_of if planned.price else None
    return {
        "shot": planned.shot.name,
        "key": planned.key,
        "standing": expected.standing[planned.key],
        "price_usd": to_usd(price),
        "price_as_of": as_of.isoformat() if as_of else None,
        "boundary": str(planned.shot.boundary),
        "starts_from": starts_from(planned),
        **request_of(planned),
    }


def starts_from(planned: PlannedShot) -> str | None:
    """What the first frame of a shot is, in words; `None` for a cut."""
    if planned.previous is not None:
        return f"last frame of {planned.previous.shot.name}"
    if planned.shot.image is not None:
        return planned.shot.image.path.name
    return None


def _show(plan: Plan, expected: Estimate, described: dict[str, Any]) -> None:
    from rich.text import Text
    from rich.tree import Tree

    from runner.report.console import Console

    console = Console()
    seconds = sum(shot.request.duration_s for shot in plan.shots)
    tree = Tree(Text(f"{plan.project.name}: {_shots(plan.shots)}, {seconds:g} s", style="bold"))
    for sequence in plan.sequences:
        branch = tree.add(Text(f"{sequence.name}  ({_shots(sequence.shots)})", style="bold"))
        for planned in sequence.shots:
            branch.add(_line(planned, expected.standing[planned.key], console.width - 14))
    console.print(tree)
    console.print(Text(ahead_line(expected), style="bold"))
    if dates := _price_dates(plan):
        console.print(f"prices as of {dates}")
    console.print(Text(f"folder  {described['folder']}", overflow="fold"))
    console.print(
        f"extractor {plan.project.extractor.spec.name}, uploader {plan.project.uploader.spec.name}, "
        f"fallback {plan.project.continuity.fallback}"
    )
    if plan.project.continuity.hand_over != HandOver.LAST:
        console.print(f"handed over: {plan.project.continuity.hand_over}, not the last frame")
    if plan.project.beam.is_on:
        paragraph.show(console, _beam_line(plan, expected))
    for profile in profiles_of([plan]):
        paragraph.show(console, profile.line, style="yellow" if profile.often_ignores else "")
    for note in _notes(plan, expected):
        paragraph.show(console, f"! {note}", style="yellow")


def _beam_line(plan: Plan, expected: Estimate) -> str:
    keys = plan.project.beam
    best = "the best one goes on" if keys.keep == 1 else f"the best {keys.keep} go on"
    left = f"at most {len(expected.beam)} more requests, {dollars(expected.at_worst)}"
    return f"beam: {keys.takes} takes of each shot, {best}, by {keys.score}; {left}"


def _notes(plan: Plan, expected: Estimate) -> list[str]:
    """What a person should know before the run, beyond what is asked for."""
    found = list(notes(plan))
    if expected.fallbacks:
        names = few([shot.name for shot in plan.shots if shot.key in expected.fallbacks])
        takes = retakes(plan, expected.fallbacks)
        found.append(
            f"generated from their prompts alone by an earlier run: {names}; to regenerate them: {takes}"
        )
    return found


def _price_dates(plan: Plan) -> str:
    """From when the prices are; nothing where none has a date."""
    prices = [shot.price for shot in plan.shots]
    dates = sorted({price.as_of for price in prices if price is not None and price.as_of is not None})
    return " to ".join(str(date) for date in (dates[:1] + dates[-1:] if len(dates) > 1 else dates))


def _shots(shots: Sequence[PlannedShot]) -> str:
    return "1 shot" if len(shots) == 1 else f"{len(shots)} shots"


def _line(planned: PlannedShot, standing: Standing, width: int) -> Any:
    from rich.text import Text

    request, price = planned.request, micros(planned)
    start = starts_from(planned) or "prompt alone"
    model = f" {request.model}" if request.model else ""
    seed = "" if request.seed is None else f", seed {request.seed}"
    seed += " (not sent)" if planned.seed_unsent else ""
    take = "" if request.take == 1 else f", take {request.take}"
    cost = "price unknown" if price is None else "free" if price == 0 else dollars(price)
    text = Text(overflow="fold")
    text.append(f"{planned.number:02d} {planned.shot.name}", style="cyan")
    text.append(f"  {planned.shot.boundary}", style="bold")
    text.append(f" from {start}  ")
    text.append(f"{standing}, {cost}\n", style="green" if standing is Standing.PAID else "yellow")
    asked = f"{request.duration_s:g} s, {request.aspect_ratio}, {request.resolution}, {request.fps:g} fps{seed}{take}"
    who, key = f"{planned.shot.generator.spec.name}{model}", f"key {planned.key[:8]}"
    one_line = len(who) + len(asked) + len(key) + 4 <= width
    text.append(f"   {who}, {asked}, {key}\n" if one_line else f"   {who}, {key}\n   {asked}\n", style="dim")
    for name, value in further_keys(planned):
        text.append(f"   {name}: {_cut(scrubbed(str(value)), width)}\n", style="dim")
    text.append(f"   {_cut(scrubbed(request.prompt), width)}", style="italic")
    return text


def further_keys(planned: PlannedShot) -> list[tuple[str, object]]:
    """The keys of a shot that few shots have, where this one has them."""
    found = ((one.name, getattr(planned.request, one.name), one.default) for one in fields(planned.request))
    rare = {name for name, role in ROLES.items() if role is Role.UNLESS_DEFAULT}
    return [(name, value) for name, value, default in found if name in rare and value != default]


def _cut(text: str, width: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 3]}..."
