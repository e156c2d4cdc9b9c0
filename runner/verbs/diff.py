"""`runner diff A B`: in what two runs differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.compare import runs
from runner.config import yaml_text
from runner.errors import ConfigError
from runner.redaction import hidden_value
from runner.verbs.arguments import Common, Parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class _Arguments(Common):
    first: Path
    second: Path


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "diff",
        "In what two runs differ: configuration, models, requests, clips and frames, seams, metrics, cost.\n"
        "The exit code is 0 whether they differ or not; --json is for scripts.",
        examples=("diff outputs/PROJECT/RUN outputs/PROJECT/OTHER", "diff RUN OTHER --json"),
    )
    parser.add_argument("first", type=Path, metavar="A", help="a run folder")
    parser.add_argument("second", type=Path, metavar="B", help="another one")
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Print the differences."""
    arguments = _parsed(words)
    configs = (_config(arguments.first), _config(arguments.second))
    found = runs.difference(arguments.first, arguments.second, configs)
    if arguments.as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_lines(found)))
    return 0


def _config(folder: Path) -> dict[str, Any]:
    """The composed configuration of a run, secrets hidden; empty where no file has it."""
    file = folder / ".hydra" / "config.yaml"
    if not file.is_file():
        return {}
    try:
        found: dict[str, Any] = hidden_value(yaml_text.mapping(file))
    except ConfigError:
        return {}
    return found


def _lines(found: dict[str, Any]) -> Iterator[str]:
    if found["config"]:
        yield "configuration"
        yield from _changes(found["config"], "  ")
    for name, fields in found["models"].items():
        yield f"what is known of {name}"
        yield from _changes(fields, "  ")
    for name, shot in found["shots"].items():
        if "only_in" in shot:
            yield f"{name}: only in {shot['only_in']}"
            continue
        yield f"{name}" + (": another request" if "key" in shot else ": the same request")
        for section in ("request", "outcome", "clip"):
            yield from _changes(shot.get(section, {}), "  ")
        if files := [kind.replace("_", " ") for kind in shot.get("files", {})]:
            yield f"  another {' and '.join(files)}"
        if "seam" in shot:
            yield from _changes({"seam": shot["seam"]}, "  ")
        yield from _changes(shot.get("metrics", {}), "  ")
        if "cost_usd" in shot:
            yield from _changes({"cost_usd": shot["cost_usd"]}, "  ")
    for name in found["films"]:
        yield f"another film{f' of {name}' if name else ''}"
    before, after = found["cost_usd"]
    if before != after:
        yield f"cost ${before:.3f} -> ${after:.3f}"
    if not any(found[name] for name in ("config", "models", "shots", "films")):
        yield "the runs are alike"


def _changes(fields: dict[str, list[Any]], indent: str) -> Iterator[str]:
    for name, (was, now) in fields.items():
        yield f"{indent}{name}  {_short(was)} -> {_short(now)}"


def _short(value: Any) -> str:
    text = "none" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
