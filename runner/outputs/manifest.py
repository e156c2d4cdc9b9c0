"""`manifest.json`: what was requested and what came of it. Two runs of one request write the same bytes.

Times, hosts, addresses and task ids belong into `run.json`.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from runner import __version__
from runner.api import HandOver
from runner.planning import model_facts
from runner.redaction import hidden_value
from runner.store import documents

if TYPE_CHECKING:
    from pathlib import Path

    from runner.config.schema import Continuity
    from runner.outputs.outcome import Artifact, RunOutcome, ShotOutcome
    from runner.planning.plan import PlannedSequence, PlannedShot

VERSION: Final = 2
NAME: Final = documents.MANIFEST


def text(outcome: RunOutcome) -> str:
    """The manifest of a run, as it is written."""
    return json.dumps(content(outcome), indent=2, ensure_ascii=False) + "\n"


def content(outcome: RunOutcome) -> dict[str, Any]:
    """What is in the manifest of a run."""
    plan = outcome.plan
    project = plan.project
    shots = {shot.planned.name: shot for shot in outcome.shots}
    films = {film.sequence.name: film for film in outcome.films if film.sequence is not None}
    found: dict[str, Any] = {
        "manifest_version": VERSION,
        "runner": __version__,
        "project": {"name": project.name, "description": project.description},
        "key": plan.key,
        "models": model_facts.of_plan(plan),
        "extractor": project.extractor.spec.name,
        "continuity_fallback": project.continuity.fallback,
        **_continuity(project.continuity),
        **_limits(outcome),
        "sequences": {
            sequence.name: {
                "shots": {planned.shot.name: _shot(shots[planned.name]) for planned in sequence.shots},
                **_drift(outcome, sequence),
                "film": _artifact(films[sequence.name].film),
            }
            for sequence in plan.sequences
        },
    }
    if outcome.whole_film is not None:
        found["film"] = _artifact(outcome.whole_film.film)
    return found


def _continuity(keys: Continuity) -> dict[str, Any]:
    """How shots were chained, where it is not as by default."""
    found: dict[str, Any] = {} if keys.hand_over == HandOver.LAST else {"hand_over": str(keys.hand_over)}
    if keys.correct.hand_over or keys.correct.film:
        found["correct"] = dataclasses.asdict(keys.correct)
    return found


def _limits(outcome: RunOutcome) -> dict[str, Any]:
    """By metric, from where on its number counts as bad: of those that any shot has a number of."""
    measured = {name for shot in outcome.shots for name in shot.metrics}
    found = {
        one.spec.name: {
            key: value for key, value in (("min", one.minimum), ("max", one.maximum)) if value is not None
        }
        for one in outcome.plan.project.metrics
        if one.spec.name in measured
    }
    found = {name: limits for name, limits in found.items() if limits}
    return {"metric_limits": found} if found else {}


def _drift(outcome: RunOutcome, sequence: PlannedSequence) -> dict[str, Any]:
    """The drift of each chain of two clips and more."""
    of_sequence = [one for one in outcome.drifts if one.sequence == sequence.name]
    return {"drift": [one.to_json() for one in of_sequence]} if of_sequence else {}


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder; `None` where there is none that can be used."""
    return documents.read_manifest(folder)


def artifacts(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Every file that a manifest lists, each with `path`, `sha256` and `bytes`."""
    listed = []
    for sequence in found["sequences"].values():
        for shot in sequence["shots"].values():
            listed += [shot[kind] for kind in ("clip", "first_frame") if shot.get(kind)]
            for one in shot.get("alternates", ()):
                listed += [one[kind] for kind in ("clip", "first_frame") if one.get(kind)]
        if sequence.get("film"):
            listed.append(sequence["film"])
    if found.get("film"):
        listed.append(found["film"])
    return listed


def request_of(planned: PlannedShot) -> dict[str, Any]:
    """A request as it is written down and shown, secrets hidden."""
    request = planned.request
    keys = {
        one.name: getattr(request, one.name)
        for one in dataclasses.fields(request)
        if "shot_key" in one.metadata
    }
    return {
        "generator": planned.shot.generator.spec.name,
        "model": request.model,
        "prompt": request.prompt,
        **keys,
        "seed": None if planned.seed_unsent else request.seed,
        "params": hidden_value(dict(request.params)),
    }


def _shot(outcome: ShotOutcome) -> dict[str, Any]:
    planned = outcome.planned
    entry: dict[str, Any] = {
        "key": planned.key,
        "ending": str(outcome.ending),
        "boundary": str(planned.shot.boundary),
        "input_mode": str(outcome.input_mode),
        **request_of(planned),
    }
    if planned.shot.graft:
        entry["graft"] = True
    if planned.previous is not None:
        entry["starts_from"] = planned.previous.shot.name
    if planned.shot.image is not None:
        entry["image"] = {"name": planned.shot.image.path.name, "sha256": planned.shot.image.sha256}
    if outcome.fallback:
        entry["fallback"] = outcome.fallback
    if outcome.adherence is not None:
        entry["adherence"] = dataclasses.asdict(outcome.adherence)
    if outcome.look is not None:
        entry["look"] = dataclasses.asdict(outcome.look)
    if outcome.metrics:
        entry["metrics"] = dict(outcome.metrics)
    if outcome.film_transform is not None:
        entry["film_transform"] = outcome.film_transform.to_json()
    if outcome.score is not None:
        entry["score"] = outcome.score
    if outcome.alternates:
        entry["alternates"] = [one.to_json() for one in outcome.alternates]
    if outcome.accepted:
        entry["accepted"] = True
    if outcome.rejected:
        entry["rejected"] = True
    if outcome.warnings:
        entry["warnings"] = list(outcome.warnings)
    if outcome.error is not None:
        entry["error"] = outcome.error.line
    if outcome.reason:
        entry["reason"] = outcome.reason
    entry["first_frame"] = _artifact(outcome.first_frame)
    entry["clip"] = _artifact(outcome.clip)
    return entry


def _artifact(artifact: Artifact | None) -> dict[str, Any] | None:
    if artifact is None:
        return None
    return {"path": artifact.path, "sha256": artifact.sha256, "bytes": artifact.bytes, **artifact.properties}
