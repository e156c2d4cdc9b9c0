"""`manifest.json`: what was requested and what came of it. Two runs of one request write the same bytes.

Times, hosts, addresses and task ids belong into `run.json`.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from runner import __version__
from runner.redaction import hidden_value
from runner.store import documents

if TYPE_CHECKING:
    from pathlib import Path

    from runner.outputs.outcome import Artifact, RunOutcome, ShotOutcome
    from runner.planning.plan import PlannedShot

VERSION: Final = 2
NAME: Final = documents.MANIFEST


def text(outcome: RunOutcome) -> str:
    """The manifest of a run, as it is written."""
    plan = outcome.plan
    project = plan.project
    shots = {shot.planned.name: shot for shot in outcome.shots}
    films = {film.sequence.name: film for film in outcome.films}
    content = {
        "manifest_version": VERSION,
        "runner": __version__,
        "project": {"name": project.name, "description": project.description},
        "key": plan.key,
        "extractor": project.extractor.spec.name,
        "continuity_fallback": project.continuity.fallback,
        "sequences": {
            sequence.name: {
                "shots": {planned.shot.name: _shot(shots[planned.name]) for planned in sequence.shots},
                "film": _artifact(films[sequence.name].film),
            }
            for sequence in plan.sequences
        },
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder; `None` where there is none that can be used."""
    return documents.read_manifest(folder)


def artifacts(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Every file that a manifest lists, each with `path`, `sha256` and `bytes`."""
    listed = []
    for sequence in found["sequences"].values():
        for shot in sequence["shots"].values():
            listed += [shot[kind] for kind in ("clip", "first_frame") if shot.get(kind)]
        if sequence.get("film"):
            listed.append(sequence["film"])
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
    if planned.previous is not None:
        entry["starts_from"] = planned.previous.shot.name
    if planned.shot.image is not None:
        entry["image"] = {"name": planned.shot.image.path.name, "sha256": planned.shot.image.sha256}
    if outcome.fallback:
        entry["fallback"] = outcome.fallback
    if outcome.adherence is not None:
        entry["adherence"] = dataclasses.asdict(outcome.adherence)
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
