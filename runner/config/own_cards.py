"""Model cards of the user's own: `conf/cards/GENERATOR/*.yaml` in the working folder.

They reach a generator by the options field that it marks with `runner.api.CARDS`. The generator checks what is in them.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.api import GeneratorSpec
from runner.config import trust
from runner.config.convert import listed, nearest
from runner.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.config.origins import Origins
    from runner.plugins import Registry


def files(generator: str, folder: Path) -> tuple[str, ...]:
    """The user's files of model cards for a generator. `folder` is the working folder."""
    return tuple(map(str, _yaml(folder / "conf/cards" / generator)))


def filled_in(spec: GeneratorSpec, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """`options` as they are given, with the user's files of model cards where the generator takes some.

    Files that the configuration names take the place of those in `conf/cards`; their paths start from `folder`.
    """
    name = _field(spec)
    if not name:
        return dict(options)
    named = options.get(name)
    if named is None:
        return {**options, name: files(spec.name, folder)}
    if isinstance(named, list):
        named = [str(folder / Path(one).expanduser()) if isinstance(one, str) else one for one in named]
    return {**options, name: named}


def outside(
    spec: GeneratorSpec, options: Mapping[str, Any], at: str, origins: Origins, folders: tuple[Path, ...]
) -> Iterator[Problem]:
    """Files of model cards that a file of the working folder names, and that lie in none of `folders`."""
    name = _field(spec)
    named = options.get(name) if name else None
    key = f"{at}.{name}"
    place = origins.untrusted(key) if isinstance(named, list) else ""
    for one in named if place and isinstance(named, list) else ():
        path = folders[0] / Path(one).expanduser() if isinstance(one, str) else None
        if path is not None and not trust.is_below(path, folders):
            message = "is outside of the project's folder"
            yield Problem(key=key, message=message, value=str(one), allowed="a file below it", source=place)


def misplaced(registry: Registry, folder: Path) -> Iterator[Problem]:
    """What lies in `conf/cards` and belongs to no generator: it would be ignored without a word."""
    cards = folder / "conf/cards"
    if not cards.is_dir():
        return
    specs = (one.spec for one in registry.registered.values() if isinstance(one.spec, GeneratorSpec))
    names = [spec.name for spec in specs if _field(spec)]
    for file in _yaml(cards):
        yield Problem(
            key=f"conf/cards/{file.name}",
            message="a file of model cards belongs in the folder of its generator",
            allowed=" or ".join(f"conf/cards/{name}/{file.name}" for name in names),
            source=str(file),
        )
    for entry in sorted(cards.iterdir()):
        if entry.is_dir() and entry.name not in names and _yaml(entry):
            guess = nearest(entry.name, names) or f"conf/cards/NAME/, where NAME is one of: {listed(names)}"
            message = "no generator of this name takes model cards"
            yield Problem(key=f"conf/cards/{entry.name}", message=message, allowed=guess, source=str(entry))


def _yaml(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        entry for entry in folder.iterdir() if entry.suffix in (".yaml", ".yml") and entry.is_file()
    )


def _field(spec: GeneratorSpec) -> str:
    """The options field for files of model cards; empty where the generator takes none."""
    return next((one.name for one in dataclasses.fields(spec.options) if one.metadata.get("cards")), "")
