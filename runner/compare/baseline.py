"""What shots were like over their takes: read from run folders, kept in one file, and compared with later ones.

A file stands alone: it has the numbers of every take with what made it, the directions and limits of the metrics, and a
small picture of each shot, so that neither clips nor plugins are needed to compare with it.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import math
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from runner import __version__
from runner.errors import MediaError, UsageError
from runner.outputs import manifest
from runner.store import documents
from runner.store.local import durable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from runner.api import MetricSpec

VERSION: Final = 1
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CLIP: Final = ("width", "height", "fps", "frames", "duration_s", "black", "frozen", "ends_blank")
_PICTURE: Final = (240, 240)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFacts:
    """What there is to know of a metric."""

    level: str
    unit: str
    better: Literal["higher", "lower"]
    version: int
    minimum: float | None = None
    maximum: float | None = None
    matters: float | None = None

    @classmethod
    def of(cls, spec: MetricSpec) -> MetricFacts:
        """Those of a registered metric."""
        names = ("level", "unit", "better", "version", "minimum", "maximum", "matters")
        return cls(**{name: getattr(spec, name) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One clip of a shot, or why there is none."""

    key: str
    take: int = 1
    seed: int | None = None
    ending: str = "done"
    error: str = ""
    """Why there is no clip."""
    clip: str = ""
    """Its digest; empty for none."""
    generator: str = ""
    model: str = ""
    verdict: str = ""
    """Of its seam: `locked`, `reencoded`, `reframed` or `ignored`; empty for none."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    """Of its file: width, height, fps, duration_s, audio (whether there is sound), black, frozen, ends_blank."""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shots:
    """Shots with their takes: a baseline, or what is compared with one."""

    project: str
    takes: Mapping[str, tuple[Take, ...]]
    """By SEQUENCE/SHOT."""
    metrics: Mapping[str, MetricFacts]
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """A small JPEG of each shot: its first frame, and the one in its middle."""
    problems: tuple[str, ...] = ()
    """Run folders that cannot be used, with why."""
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What was known of each model, by generator, model and input mode: the facts of its card."""
    made_by: str = __version__


def of_runs(folders: Sequence[Path], specs: Iterable[MetricSpec], *, pictures: bool = True) -> Shots:
    """The takes that run folders have; a clip that several runs share counts once. Raises `UsageError` for no run."""
    takes: dict[str, dict[str, Take]] = {}
    found_pictures: dict[str, bytes] = {}
    problems, projects = [], []
    models: dict[str, Mapping[str, Any]] = {}
    for folder in folders:
        read = manifest.read(folder)
        if read is None:
            problems.append(f"{folder}: there is no manifest that can be used; the run did not finish")
            continue
        projects.append(str(read["project"]["name"]))
        models |= _models(read.get("models"))
        for sequence, content in read["sequences"].items():
            for shot, entry in content["shots"].items():
                name, take = f"{sequence}/{shot}", _take(entry)
                of_shot = takes.setdefault(name, {})
                if take.clip or take.key not in of_shot:
                    of_shot[take.key] = take
                if pictures and take.clip and name not in found_pictures:
                    with contextlib.suppress(MediaError, OSError):
                        found_pictures[name] = _picture(folder / entry["clip"]["path"])
    if not projects and not problems:
        raise UsageError("there is no run to read")
    if len(set(projects)) > 1:
        raise UsageError("these are runs of several projects", why=", ".join(sorted(set(projects))))
    return Shots(
        project=projects[0] if projects else "",
        takes={name: _in_order(of_shot.values()) for name, of_shot in takes.items()},
        metrics={spec.name: MetricFacts.of(spec) for spec in specs},
        pictures=found_pictures,
        problems=tuple(problems),
        models=models,
    )


def write(shots: Shots, path: Path) -> None:
    """Write a baseline. Raises `OSError`."""
    measured = {name for takes in shots.takes.values() for take in takes for name in take.metrics}
    content = {
        "baseline_version": VERSION,
        "runner": shots.made_by,
        "project": shots.project,
        "models": shots.models,
        "metrics": {name: asdict(facts) for name, facts in sorted(shots.metrics.items()) if name in measured},
        "shots": {
            name: {
                "takes": [asdict(take) for take in takes],
                "picture": base64.b64encode(shots.pictures[name]).decode()
                if name in shots.pictures
                else None,
            }
            for name, takes in shots.takes.items()
        },
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    durable.write_whole(path, text.encode("utf-8", "replace"))


def read(path: Path) -> Shots:
    """A baseline. It may be anybody's. Raises `UsageError`."""
    raw = documents.read_json(path)
    try:
        version = raw["baseline_version"]
        if version != VERSION:
            raise UsageError(
                "this baseline has another format",
                where=str(path),
                why=f"its version is {version!r}, this program reads {VERSION}",
                hint="python -m runner baseline create DIR... -o FILE",
            )
        return Shots(
            project=str(raw["project"]),
            takes={
                str(name): tuple(_stored(one) for one in content["takes"])
                for name, content in raw["shots"].items()
            },
            metrics={
                str(name): MetricFacts(**facts)
                for name, facts in raw["metrics"].items()
                if _NAME.fullmatch(name) and facts["better"] in ("higher", "lower")
            },
            pictures={
                str(name): base64.b64decode(content["picture"])
                for name, content in raw["shots"].items()
                if content.get("picture")
            },
            models=_models(raw.get("models")),
            made_by=str(raw["runner"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            "this is no baseline",
            where=str(path),
            why=repr(error),
            hint="python -m runner baseline create DIR... -o FILE",
        ) from error


def _models(raw: Any) -> dict[str, Mapping[str, Any]]:
    """The facts of models in a document that may be anybody's."""
    return {name: facts for name, facts in (raw or {}).items() if isinstance(facts, dict)}


def numbers(raw: Any) -> dict[str, float]:
    """The metrics of a document that may be anybody's: what is no number under a name is left out."""
    return {
        name: float(value)
        for name, value in (raw.items() if isinstance(raw, dict) else ())
        if isinstance(value, (int, float))
        and not isinstance(value, bool)
        and _NAME.fullmatch(name)
        and math.isfinite(value)
    }


def _stored(raw: Any) -> Take:
    return Take(**{**raw, "metrics": numbers(raw["metrics"]), "properties": _properties(raw["properties"])})


def _take(entry: Mapping[str, Any]) -> Take:
    clip, seam = entry.get("clip"), entry.get("adherence")
    seed, take = entry.get("seed"), entry.get("take")
    properties = {} if not clip else {**_properties(clip), "audio": clip.get("audio") is not None}
    return Take(
        key=entry["key"],
        take=take if isinstance(take, int) else 1,
        seed=seed if isinstance(seed, int) else None,
        ending=entry["ending"],
        error="" if clip else str(entry.get("error") or entry.get("reason") or entry["ending"])[:500],
        clip=clip["sha256"] if clip else "",
        generator=str(entry.get("generator") or ""),
        model=str(entry.get("model") or ""),
        verdict=str(seam.get("verdict", "")) if isinstance(seam, dict) else "",
        properties=properties,
        metrics=numbers(entry.get("metrics")),
    )


def _properties(raw: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: raw[name] for name in (*_CLIP, "audio") if raw.get(name) is not None}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, (str if name == "fps" else (int, float)))
    }


def _in_order(takes: Iterable[Take]) -> tuple[Take, ...]:
    return tuple(sorted(takes, key=lambda one: (-1 if one.seed is None else one.seed, one.take, one.key)))


def _picture(clip: Path) -> bytes:
    """The first frame of a clip and the one in its middle, small, side by side. Raises `MediaError`."""
    from PIL import Image

    from runner.media import probe
    from runner.media.survey import survey

    seen = survey(clip, probe.probe(clip).duration_s)
    frames = [Image.fromarray(one) for one in (seen.opening[0], seen.stations[len(seen.stations) // 2])]
    for one in frames:
        one.thumbnail(_PICTURE)
    pair = Image.new(
        "RGB", (sum(one.width for one in frames) + 2, max(one.height for one in frames)), "white"
    )
    pair.paste(frames[0], (0, 0))
    pair.paste(frames[1], (frames[0].width + 2, 0))
    out = io.BytesIO()
    pair.save(out, "JPEG", quality=80)
    return out.getvalue()
