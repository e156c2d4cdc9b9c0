"""In what two runs differ: configuration, requests, files, seams, numbers, cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runner.compare.baseline import numbers
from runner.errors import UsageError
from runner.outputs import manifest
from runner.store import documents

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VERSION: Final = 1
_REQUEST: Final = (
    *("boundary", "generator", "model", "prompt", "negative_prompt", "duration_s", "aspect_ratio"),
    *("resolution", "fps", "seed", "take", "params", "image", "starts_from"),
)
_CLIP: Final = ("width", "height", "fps", "frames", "duration_s", "audio")
_OUTCOME: Final = ("ending", "input_mode", "fallback", "accepted", "error")


def difference(first: Path, second: Path, configs: tuple[Any, Any]) -> dict[str, Any]:
    """Each field that differs, as `[first, second]`; empty sections are what is alike.

    `configs` are the composed configurations. Raises `UsageError` for a folder that is no run.
    """
    before, after = _read(first), _read(second)
    costs = [_costs(folder) for folder in (first, second)]
    old, new = _shots(before), _shots(after)
    shots = {}
    for name in dict.fromkeys([*old, *new]):
        if name not in old or name not in new:
            shots[name] = {"only_in": str(second if name in new else first)}
            continue
        found = _of_shot(old[name], new[name])
        cost = [one.get(name) for one in costs]
        if (cost[0] or 0) != (cost[1] or 0):
            found["cost_usd"] = cost
        if found:
            shots[name] = found
    return {
        "diff_version": VERSION,
        "runs": [str(first), str(second)],
        "keys": [before["key"], after["key"]],
        "config": _fields(_flat(configs[0]), _flat(configs[1])),
        "models": _models(before, after),
        "shots": shots,
        "films": _fields(_films(before), _films(after)),
        "cost_usd": [_total(one) for one in costs],
    }


def _of_shot(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if old["key"] != new["key"]:
        found["key"] = [old["key"], new["key"]]
    request = _fields(_flat(_part(old, _REQUEST)), _flat(_part(new, _REQUEST)))
    outcome = _fields(_part(old, _OUTCOME), _part(new, _OUTCOME))
    files = {
        kind: digests
        for kind in ("first_frame", "clip")
        if (digests := [(one.get(kind) or {}).get("sha256") for one in (old, new)])[0] != digests[1]
    }
    clip = _fields(_part(old.get("clip") or {}, _CLIP), _part(new.get("clip") or {}, _CLIP))
    seams = [(one.get("adherence") or {}).get("verdict") for one in (old, new)]
    metrics = _fields(numbers(old.get("metrics")), numbers(new.get("metrics")))
    sections = (("request", request), ("outcome", outcome), ("files", files), ("clip", clip))
    found |= {name: section for name, section in (*sections, ("metrics", metrics)) if section}
    if seams[0] != seams[1]:
        found["seam"] = seams
    return found


def _read(folder: Path) -> dict[str, Any]:
    found = manifest.read(folder)
    if found is None:
        why = f"there is no {manifest.NAME} in it that can be used"
        raise UsageError("this is not a run folder", where=str(folder), why=why)
    return found


def _shots(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{sequence}/{shot}": entry
        for sequence, content in found["sequences"].items()
        for shot, entry in content["shots"].items()
    }


def _models(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """By model that both runs use: what was known of it in each, where that differs."""
    old, new = (found.get("models") or {} for found in (before, after))
    found = {name: _fields(old[name], new[name]) for name in old if name in new}
    return {name: fields for name, fields in found.items() if fields}


def _films(found: Mapping[str, Any]) -> dict[str, Any]:
    films = {name: (content.get("film") or {}).get("sha256") for name, content in found["sequences"].items()}
    return films | ({"": found["film"]["sha256"]} if found.get("film") else {})


def _costs(folder: Path) -> dict[str, float | None]:
    """What each shot cost in the run that is recorded; `None` is unknown, or nothing then."""
    shots = (documents.read_run(folder) or {}).get("shots") or {}
    return {name: one.get("cost_usd") for name, one in shots.items() if isinstance(one, dict)}


def _total(costs: Mapping[str, float | None]) -> float:
    return round(sum(cost or 0.0 for cost in costs.values()), 6)


def _part(found: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: found[name] for name in names if found.get(name) is not None}


def _fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {
        name: [old.get(name), new.get(name)]
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    }


def _flat(value: Any, at: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {
            name: leaf
            for key, inner in value.items()
            for name, leaf in _flat(inner, f"{at}.{key}" if at else str(key)).items()
        }
    return {at: value} if at else {}
