"""A sweep that files declare: `conf/sweep/NAME.yaml`, chosen by `+sweep=NAME`, and tables of variants.

    grid: {KEY: [VALUE, ...]}          every combination of the values
    jobs: [{KEY: VALUE, ...}, ...]     these jobs, each with every combination of the grid
    exclude: [{KEY: VALUE, ...}, ...]  leaves out the jobs that have all of these values
    from_file: variants.csv            a job for each row of a CSV file, or line of JSONL; columns are keys

A key is dotted, as on the command line. Such files are data: what a job takes from them counts as set by the file.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from omegaconf import DictConfig, OmegaConf

from runner.config import trust
from runner.config.catalogue import GROUPS
from runner.config.interpolations import literal
from runner.config.schema import SECTIONS
from runner.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.config.origins import Origins

KEYS: Final = ("grid", "jobs", "exclude", "from_file")
"""The keys of `sweep` that declare jobs."""
MOST_JOBS: Final = 10_000
_MOST_KEYS: Final = 200
"""Of one job: each is parsed as an override."""
_LARGEST_FILE: Final = 64 << 20
_LONGEST_CELL: Final = 1 << 20
_KEY: Final = re.compile(r"\+{0,2}[A-Za-z_]\w*(?:\.[\w-]+)*")
_NOT_SWEPT: Final = ("sweep", "trust", "plugins", "output")
_PROFILE: Final = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)*")
_PLAIN_CELL: Final = re.compile(r"-?\d+(?:\.\d+)?|true|false|null")
_NAME: Final = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value comes from that is not the user's: a file declares it, or a request to a server."""

    file: Path | None
    shown: str
    """For people: the file with a line, or with a row and a column."""


@dataclass(frozen=True, slots=True)
class Declared:
    """The jobs that files declare, as overrides, and where each override comes from."""

    jobs: tuple[tuple[str, ...], ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)


def read(base: DictConfig, folder: Path, origins: Origins) -> Declared | None:
    """What the section `sweep` of a composition declares; `None` where it declares nothing.

    Paths start from the working folder. Raises `ConfigError` with every problem.
    """
    section = base.get("sweep")
    raw: Any = OmegaConf.to_container(section, resolve=False) if isinstance(section, DictConfig) else {}
    given = {name: raw[name] for name in KEYS if raw.get(name) is not None}
    if not given:
        return None
    return _Reader(folder, origins).declared(given)


def without(config: DictConfig) -> None:
    """Take out of a job's configuration what declares all jobs."""
    section = config.get("sweep")
    if isinstance(section, DictConfig):
        for name in KEYS:
            if section.get(name) is not None:
                section[name] = None


class _Reader:
    """Reads the section, and collects what is wrong with it."""

    def __init__(self, folder: Path, origins: Origins) -> None:
        self._folder = folder
        self._origins = origins
        self._problems: list[Problem] = []
        self._places: dict[str, Place] = {}

    def declared(self, given: Mapping[str, Any]) -> Declared:
        grid = self._grid(given.get("grid", {}))
        rows = [*self._jobs(given.get("jobs", []), "sweep.jobs"), *self._table(given.get("from_file"))]
        excluded = self._jobs(given.get("exclude", []), "sweep.exclude", overrides=False)
        self._raise()
        count = max(len(rows), 1)
        for _, values in grid:
            count *= len(values)
        if count > MOST_JOBS:
            raise ConfigError(f"the sweep has {count:,} jobs", why=f"at most {MOST_JOBS:,} can be declared")
        jobs = []
        for row in rows or [{}]:
            for chosen in itertools.product(*(values for _, values in grid)):
                job = {**row, **dict(zip((key for key, _ in grid), chosen, strict=True))}
                if not any(one.items() <= job.items() for one in excluded):
                    jobs.append(tuple(job.values()))
        if not jobs:
            raise ConfigError("the sweep has no job", hint="give `sweep.grid` or `sweep.jobs` a value")
        return Declared(tuple(jobs), self._places)

    def _raise(self) -> None:
        if self._problems:
            raise ConfigError("the sweep cannot be used; nothing was started", tuple(self._problems))

    def _grid(self, raw: Any) -> list[tuple[str, list[str]]]:
        if not isinstance(raw, dict):
            self._problem("sweep.grid", "should be a mapping", "KEY: [VALUE, VALUE]")
            return []
        if self._is_too_much(raw, "sweep.grid", self._place("sweep.grid")):
            return []
        found = []
        for key, values in raw.items():
            at = f"sweep.grid.{key}"
            if not isinstance(values, list) or not values:
                self._problem(at, "should be a list of values", "[VALUE, VALUE]")
                continue
            place = self._place(at)
            overrides = [self._override(str(key), value, place, at) for value in values]
            found.append((str(key), [one for one in overrides if one is not None]))
        return found

    def _jobs(self, raw: Any, at: str, *, overrides: bool = True) -> list[dict[str, str]]:
        if not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
            self._problem(at, "should be a list of mappings", "[{KEY: VALUE}, {KEY: VALUE}]")
            return []
        place = self._place(at)
        return [self._job(one, place, f"{at}.{number}", keep=overrides) for number, one in enumerate(raw)]

    def _job(self, raw: Mapping[Any, Any], place: Place, at: str, *, keep: bool = True) -> dict[str, str]:
        found: dict[str, str] = {}
        if self._is_too_much(raw, at, place):
            return found
        for key, value in raw.items():
            override = self._override(str(key), value, place, at, keep=keep)
            if override is not None:
                found[str(key)] = override
        return found

    def _is_too_much(self, raw: Mapping[Any, Any], at: str, place: Place) -> bool:
        if len(raw) > _MOST_KEYS:
            self._problem(at, f"a job sets {len(raw):,} keys", f"at most {_MOST_KEYS}", place)
        return len(raw) > _MOST_KEYS

    def _override(self, key: str, value: Any, place: Place, at: str, *, keep: bool = True) -> str | None:
        """The override that sets a value; `None`, and a problem, for a key that no file may sweep."""
        name = key.lstrip("+")
        section = name.partition(".")[0]
        if not _KEY.fullmatch(key) or section not in (*SECTIONS, *GROUPS) or section in _NOT_SWEPT:
            self._problem(at, f"cannot sweep {key[:80]!r}", "a dotted key, such as shot.seed", place)
            return None
        if name in (*GROUPS, "project") and not isinstance(value, dict):
            if not isinstance(value, str) or not _PROFILE.fullmatch(value) or ".." in value.split("/"):
                self._problem(at, f"{str(value)[:80]!r} is no profile", "the name of a profile", place)
                return None
            written = f"{key}={value}"
        else:
            try:
                written = f"{key}={in_grammar(value)}"
            except ValueError as error:
                self._problem(at, f"{key} has a value that cannot be swept", str(error), place)
                return None
        if keep:
            self._places.setdefault(written, place)
        return written

    # --- tables ---------------------------------------------------------------------------------------------------

    def _table(self, named: Any) -> list[dict[str, str]]:
        """The jobs of a file with a row for each. Blocking."""
        if named is None:
            return []
        at = "sweep.from_file"
        if not isinstance(named, str) or not named:
            self._problem(at, "should be the path of a .csv or .jsonl file")
            return []
        file = self._folder / Path(named).expanduser()
        if (setter := self._origins.untrusted(at)) and not trust.is_below(file, (self._folder,)):
            allowed = "a file below the working folder, or another one on the command line"
            self._problems.append(
                Problem(key=at, message="lies outside", value=named, allowed=allowed, source=setter)
            )
            return []
        try:
            if not file.is_file() or file.stat().st_size > _LARGEST_FILE:
                why = "there is no such file" if not file.exists() else "it is no table of at most 64 MiB"
                raise ConfigError("the table of a sweep cannot be read", where=str(file), why=why)
            text = file.read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error.strerror)
            raise ConfigError("the table of a sweep cannot be read", where=str(file), why=why) from error
        rows = _json_lines(text, named) if file.suffix in (".jsonl", ".ndjson") else _csv_rows(text, named)
        found: list[dict[str, str]] = []
        for number, row in rows:
            if len(found) >= MOST_JOBS:
                raise ConfigError(
                    f"{named} has more than {MOST_JOBS:,} rows", hint="split it into several sweeps"
                )
            job: dict[str, str] = {}
            if self._is_too_much(row, at, Place(file.absolute(), f"{named}, row {number}")):
                break
            for key, value in row.items():
                place = Place(file.absolute(), f"{named}, row {number}, column {key}")
                override = self._override(str(key), value, place, at)
                if override is not None:
                    job[str(key)] = override
            found.append(job)
            if len(self._problems) > 20:
                break
        if not found:
            self._problem(at, f"{named} has no rows", "a line of keys, then a row for each job")
        return found

    def _place(self, at: str) -> Place:
        shown = self._origins.of(at)
        return Place(self._origins.file_of(at) or self._folder.absolute() / "sweep", shown)

    def _problem(self, key: str, message: str, allowed: str = "", place: Place | None = None) -> None:
        source = place.shown if place is not None else self._origins.of(key)
        self._problems.append(Problem(key=key, message=message, allowed=allowed, source=source))


def _csv_rows(text: str, named: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a CSV file, counted from 1 below the line of keys. An empty cell leaves its key alone."""
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        keys = [key.strip() for key in next(rows, [])]
        if len(set(keys)) < len(keys):
            raise ConfigError(f"{named} has a column twice", where=named, why=", ".join(keys))
        for number, cells in enumerate(rows, 1):
            if len(cells) > len(keys):
                raise ConfigError(
                    f"{named} has a row with {len(cells)} cells, and {len(keys)} columns",
                    where=f"{named}, row {number}",
                    hint="put a text with a comma into double quotes",
                )
            if any(cells):
                yield number, {key: _cell(one) for key, one in zip(keys, cells, strict=False) if one}
    except csv.Error as error:
        raise ConfigError(f"{named} is no CSV file", where=named, why=str(error)) from error
    finally:
        csv.field_size_limit(limit)


def _json_lines(text: str, named: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConfigError(
                f"{named} has a line that is no JSON", where=f"{named}, row {number}", why=str(error)[:200]
            ) from error
        if not isinstance(row, dict):
            raise ConfigError(
                f"{named} has a line that is no JSON object",
                where=f"{named}, row {number}",
                hint='{"shot.seed": 1}',
            )
        yield number, {key: literal(value) for key, value in row.items()}


def _cell(cell: str) -> Any:
    """A cell's value: numbers, `true`, `false` and `null` as YAML has them; all else is text as it stands."""
    return json.loads(cell) if _PLAIN_CELL.fullmatch(cell) and not _is_padded(cell) else literal(cell)


def _is_padded(cell: str) -> bool:
    digits = cell.lstrip("-")
    return len(digits) > 1 and digits[0] == "0" and digits[1] != "."


def in_grammar(value: Any) -> str:
    """A value as the grammar of overrides has it. Raises `ValueError` for one that it does not have."""
    from hydra.core.override_parser.types import Quote, QuotedString

    if isinstance(value, str):
        return str(QuotedString(text=value, quote=Quote.single).with_quotes())
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, list):
        return f"[{','.join(map(in_grammar, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(_pair(str(key), one) for key, one in value.items()) + "}"
    raise ValueError("a text, a number, true, false, null, a list or a mapping")


def _pair(key: str, value: Any) -> str:
    if not _NAME.fullmatch(key):
        raise ValueError("names in a mapping are words")
    return f"{key}:{in_grammar(value)}"
