"""Model cards of the user's own: `conf/cards/GENERATOR/*.yaml` in the working folder.

They reach a generator by the options field that it marks with `runner.api.CARDS`. What is in them, the generator checks.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from runner.config.convert import listed, nearest
from runner.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from runner.api import GeneratorSpec


def files(generator: str, folder: Path) -> tuple[str, ...]:
    """The user's files of model cards for a generator. `folder` is the working folder."""
    return tuple(str(file) for file in sorted((folder / "conf/cards" / generator).glob("*.yaml")))


def filled_in(spec: GeneratorSpec, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """`options` as they are given, with the user's files of model cards where the generator takes some."""
    name = _field(spec)
    cards = files(spec.name, folder) if name and name not in options else ()
    return {**options, name: cards} if cards else dict(options)


def misplaced(specs: Sequence[GeneratorSpec], folder: Path) -> Iterator[Problem]:
    """What lies in `conf/cards` and belongs to no generator: it would be ignored without a word."""
    cards = folder / "conf/cards"
    if not cards.is_dir():
        return
    names = [spec.name for spec in specs if _field(spec)]
    for entry in sorted(cards.iterdir()):
        if entry.is_dir() and entry.name not in names and any(entry.glob("*.yaml")):
            guess = nearest(entry.name, names) or f"conf/cards/NAME/, where NAME is one of: {listed(names)}"
            message = "no generator of this name takes model cards"
            yield Problem(key=f"conf/cards/{entry.name}", message=message, allowed=guess, source=str(entry))
        elif entry.is_file() and entry.suffix in (".yaml", ".yml"):
            yield Problem(
                key=f"conf/cards/{entry.name}",
                message="a file of model cards belongs in the folder of its generator",
                allowed=" or ".join(f"conf/cards/{name}/{entry.name}" for name in names),
                source=str(entry),
            )


def _field(spec: GeneratorSpec) -> str:
    """The options field for files of model cards; empty where the generator takes none."""
    return next((one.name for one in dataclasses.fields(spec.options) if one.metadata.get("cards")), "")
