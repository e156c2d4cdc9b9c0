"""The keys of `ci:`, as they may be typed, and what they come to."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator

from runner.config import trust
from runner.config.schema import NotNegative, Positive, Text  # noqa: TC001 - pydantic reads the annotations
from runner.redaction import is_secret, remember

if TYPE_CHECKING:
    from runner.config.convert import Reader

REPLAYED_KEY: Final = "replayed-without-a-key"
"""Stands for the key of a provider that is not asked."""


def _off(value: Any) -> Any:
    """YAML 1.1 reads an unquoted off as false."""
    return "off" if value is False else value


Mode = Annotated[Literal["off", "record", "replay"], BeforeValidator(_off)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CiKeys:
    """`ci:`."""

    mode: Mode = "off"
    """`record` keeps what providers and image hosts answer; `replay` answers from there, and sends nothing."""
    cassette: Text | None = None
    """The folder for that; `None` is cassettes/PROJECT."""
    max_mb: Positive = 200.0
    """The largest size of all recorded media."""
    max_file_mb: Positive = 50.0
    """The largest recorded file."""
    prune: bool = False
    """A replay that succeeds removes what it did not use."""
    max_cost: NotNegative | None = None
    """US dollars that `regression` may spend on takes; `None` is no limit but that of `budget`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ci:
    """Whether a run is recorded, or replayed. No part of any identity."""

    mode: Literal["off", "record", "replay"] = "off"
    cassette: Path = Path("cassettes")
    max_bytes: int = 200_000_000
    max_file_bytes: int = 50_000_000
    prune: bool = False
    max_cost: float | None = None

    @property
    def replays(self) -> bool:
        """Whether nothing is sent."""
        return self.mode == "replay"


def read(raw: Any, reader: Reader, folder: Path, slug: str) -> Ci:
    """What the section comes to, in a working `folder`. A file of that folder names no other place than in it."""
    keys = reader.read(CiKeys, raw, "ci")
    cassette = folder / (keys.cassette or f"cassettes/{slug}")
    place = reader.origins.untrusted("ci.cassette") if keys.cassette else ""
    if place and not trust.is_below(cassette, [folder]):
        reader.problem(
            "ci.cassette",
            "leads out of the working folder",
            value=keys.cassette,
            allowed="a folder below it; another one on the command line",
        )
    return Ci(
        mode=keys.mode,
        cassette=cassette,
        max_bytes=round(keys.max_mb * 1_000_000),
        max_file_bytes=round(keys.max_file_mb * 1_000_000),
        prune=keys.prune,
        max_cost=keys.max_cost,
    )


def mode_of(raw: Any) -> str:
    """The mode that a section asks for, before it has been read."""
    return str(raw.get("mode")) if isinstance(raw, dict) else ""


def without_keys(options: Any) -> Any:
    """The options of a plugin for a replay: a stand-in for each secret, and no file with one."""
    changed: dict[str, Any] = {}
    for one in dataclasses.fields(options):
        value = getattr(options, one.name)
        if one.metadata.get("secret"):
            changed[one.name] = REPLAYED_KEY
        elif isinstance(value, str) and one.name.endswith("_file") and is_secret(one.name):
            changed[one.name] = ""
    if REPLAYED_KEY in changed.values():
        remember(REPLAYED_KEY)
    return dataclasses.replace(options, **changed) if changed else options
