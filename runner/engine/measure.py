"""After a shot is made: its metrics. Each number is measured once for a subject, and is in the journal then.

What goes wrong here is a warning: the clip is paid for, and as good as it was.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import math
from typing import TYPE_CHECKING, Final

from runner.api import EventKind
from runner.engine.plugin_calls import Call, measured
from runner.errors import RunnerError
from runner.store.interface import Measurement, subject_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from runner.api import MetricSpec, Subject
    from runner.config.project import MetricChoice
    from runner.engine.run_context import RunContext
    from runner.outputs.outcome import ShotOutcome

_log = logging.getLogger(__name__)
_NONE: Final = math.inf
"""Stands in the journal for a metric that has no number for a subject."""


async def number_of(
    run: RunContext, outcome: ShotOutcome, before: ShotOutcome | None, choice: MetricChoice
) -> tuple[float | None, list[str]]:
    """One number of a shot, `None` where it has none, and why it cannot be measured. Raises only cancellations."""
    found = _subjects(run, outcome, before).get(choice.spec.level)
    if found is None:
        return None, []
    numbers, problems = await _safely(run, outcome, *found, [choice])
    return numbers.get(choice.spec.name), problems


async def with_metrics(run: RunContext, outcome: ShotOutcome, before: ShotOutcome | None) -> ShotOutcome:
    """The outcome with its numbers, and with a warning for each that is out of its budget or cannot be measured.

    `before` is the outcome of the shot that it chains from. Raises only cancellations.
    """
    numbers: dict[str, float] = {}
    warnings: list[str] = []
    for level, (subject, read) in _subjects(run, outcome, before).items():
        choices = [one for one in run.plan.project.metrics if one.spec.level == level]
        found, problems = await _safely(run, outcome, subject, read, choices)
        numbers |= found
        warnings += problems
        warnings += _out_of_budget(choices, found)
    if outcome.reused:  # of other shots, all warnings are reported together
        for warning in warnings:
            run.bus.shot_event(EventKind.SHOT_WARNED, outcome.planned, warning)
    metrics = dict(sorted(numbers.items()))
    return dataclasses.replace(outcome, metrics=metrics, warnings=(*outcome.warnings, *warnings))


def _subjects(
    run: RunContext, outcome: ShotOutcome, before: ShotOutcome | None
) -> dict[str, tuple[str, Callable[[], Subject]]]:
    """By level: what it is called in the journal, and how it is read."""
    levels = {choice.spec.level for choice in run.plan.project.metrics}
    clip, folder = outcome.clip, run.folder.path
    found: dict[str, tuple[str, Callable[[], Subject]]] = {}
    if clip is None:
        return found

    def clip_subject() -> Subject:
        from runner.media.measures import reading

        return reading.clip(folder / clip.path)

    def seam_subject() -> Subject:
        from runner.media.measures import seam_frames

        assert previous is not None
        assert frame is not None
        paths = (folder / one.path for one in (previous, clip, frame))
        ends = run.resources.ends
        return seam_frames.seam(
            *paths,
            trim=outcome.trim_before,
            of_before=ends.known(previous.sha256),
            of_after=ends.known(clip.sha256),
        )

    if "clip" in levels:
        found["clip"] = (subject_of(clip.sha256), clip_subject)
    previous, frame = before.clip if before is not None else None, outcome.first_frame
    # A shot that starts from its chain's anchor goes on from no clip.
    if "seam" in levels and previous is not None and frame is not None and not outcome.planned.reanchored:
        found["seam"] = (subject_of(clip.sha256, previous.sha256), seam_subject)
    return found


async def _safely(
    run: RunContext,
    outcome: ShotOutcome,
    subject: str,
    read: Callable[[], Subject],
    choices: list[MetricChoice],
) -> tuple[dict[str, float], list[str]]:
    """`_numbers`, where an error is one of the problems."""
    try:
        return await _numbers(run, outcome, subject, read, choices)
    except Exception as error:
        if not isinstance(error, RunnerError):  # a bug of ours must not cost the clip, either
            _log.error("%s cannot be measured", outcome.planned.name, exc_info=error)
        line = error.line if isinstance(error, RunnerError) else f"{type(error).__name__}: {error}"
        level = choices[0].spec.level
        return {}, [f"the metrics of this {level} cannot be measured: {line}"]


async def _numbers(
    run: RunContext,
    outcome: ShotOutcome,
    subject: str,
    read: Callable[[], Subject],
    choices: list[MetricChoice],
) -> tuple[dict[str, float], list[str]]:
    """Numbers by name, from the journal where they are there, and what could not be measured."""
    journal = run.resources.journal
    async with run.resources.turn(f"metrics of {subject}"):
        stored = {(one.metric, one.version): one.value for one in await journal.measurements([subject])}
        known = {one.spec.name: stored.get((one.spec.name, one.spec.version)) for one in choices}
        missing = [
            one.spec for one in choices if known[one.spec.name] is None and one.spec.name not in run.slow
        ]
        found: dict[str, float] = {}
        problems: list[str] = []
        if missing:
            async with run.resources.measuring:
                found, problems = await _measured(run, outcome, await asyncio.to_thread(read), missing)
            await journal.add_measurements(
                [
                    Measurement(
                        subject=subject, metric=spec.name, version=spec.version, value=found[spec.name]
                    )
                    for spec in missing
                    if spec.name in found
                ]
            )
    both = {**{name: value for name, value in known.items() if value is not None}, **found}
    return {name: value for name, value in both.items() if math.isfinite(value)}, problems


async def _measured(
    run: RunContext, outcome: ShotOutcome, subject: Subject, specs: Iterable[MetricSpec]
) -> tuple[dict[str, float], list[str]]:
    timing, planned = run.resources.timing, outcome.planned
    found: dict[str, float] = {}
    problems: list[str] = []
    for spec in specs:
        call = Call(
            f"metric {spec.name}",
            "measure",
            planned.name,
            limit_s=timing.measure_s,
            remind=lambda message: run.bus.shot_event(EventKind.SHOT_PROGRESS, planned, message),
            remind_s=timing.remind_s,
        )
        try:
            value = await measured(call, await run.resources.plugins.metric(spec), subject)
        except RunnerError as error:
            problems.append(error.line)
        except TimeoutError:
            run.slow.add(spec.name)
            problems.append(
                f"metric {spec.name} took longer than {timing.measure_s:g} s: it is left out of this run"
            )
        else:
            found[spec.name] = _NONE if value is None else value
    return found, problems


def _out_of_budget(choices: Iterable[MetricChoice], numbers: Mapping[str, float]) -> list[str]:
    warnings = []
    for choice in choices:
        value, spec = numbers.get(choice.spec.name), choice.spec
        if value is None:
            continue
        unit = f" {spec.unit}" if spec.unit else ""
        key = f"metrics.budgets.{spec.name}"
        if choice.minimum is not None and value < choice.minimum:
            warnings.append(f"{spec.name} is {value:g}{unit}, less than {key}.min={choice.minimum:g}")
        if choice.maximum is not None and value > choice.maximum:
            warnings.append(f"{spec.name} is {value:g}{unit}, more than {key}.max={choice.maximum:g}")
    return warnings
