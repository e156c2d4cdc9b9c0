"""What a YAML file may hold at the most: read event by event, so that a hostile file costs no more than a large one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import yaml

from runner.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES: Final = 1_000_000
MOST_VALUES: Final = 10_000
"""Names and values; those behind an alias count as often as they stand there. OmegaConf takes 0.1 ms for each."""
_BYTES_EACH: Final = 8
"""Of a larger file each value has so many: a film of thousands of shots is long, a trap is dense."""
MOST_LEVELS: Final = 40
LONGEST_NUMBER: Final = 1_000
_NUMBER: Final = re.compile(r"[-+]?\.?[0-9][-+0-9_.:a-fA-FxXoO]*")


def check(path: Path, text: str, loader: type[yaml.SafeLoader | yaml.CSafeLoader]) -> None:
    """Raise `ConfigError` for the text of a file with too many values, or with values too deep inside each other.

    A file that is no YAML passes: whoever parses it says what is wrong.
    """
    open_values: list[
        tuple[str | None, int]
    ] = []  # of each open mapping or list: its anchor, the count at its start
    size_of: dict[str, int] = {}
    values, most = 0, max(MOST_VALUES, len(text) // _BYTES_EACH)
    try:
        for event in yaml.parse(text, Loader=loader):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent):
                if any(anchor == event.anchor for anchor, _ in open_values):
                    raise ConfigError(
                        "a value of a YAML file holds itself",
                        where=f"{path}:{line}",
                        why=f"*{event.anchor} stands inside of &{event.anchor}",
                        hint="write the value out",
                    )
                values += size_of.get(event.anchor or "", 1)
            elif isinstance(event, yaml.ScalarEvent):
                values += 1
                if event.anchor is not None:
                    size_of[event.anchor] = 1
                if event.implicit[0] and len(event.value) > LONGEST_NUMBER and _NUMBER.fullmatch(event.value):
                    raise ConfigError(
                        "a number of a YAML file is too long",
                        where=f"{path}:{line}",
                        why=f"it has {len(event.value):,} digits",
                        hint="put it in quotes where it is a text",
                    )
            elif isinstance(event, yaml.CollectionStartEvent):
                open_values.append((event.anchor, values))
                values += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, before = open_values.pop()
                if anchor is not None:
                    size_of[anchor] = values - before
            if len(open_values) > MOST_LEVELS:
                raise too_deep(path, line)
            if values > most:
                raise _too_much(path, line, f"it holds more than {most:,} names and values")
    except yaml.YAMLError:
        return


def too_large(path: Path) -> ConfigError:
    """The error for a file of more than `MOST_BYTES`."""
    return _too_much(path, 1, f"it is larger than {MOST_BYTES // 1_000_000} MB")


def too_deep(path: Path, line: int = 1) -> ConfigError:
    """The error for a file with values too deep inside each other."""
    return _too_much(path, line, f"its values are more than {MOST_LEVELS} levels deep")


def _too_much(path: Path, line: int, why: str) -> ConfigError:
    return ConfigError(
        "a configuration file is too large",
        where=f"{path}:{line}",
        why=why,
        hint="divide the film into several projects",
    )
