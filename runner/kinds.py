"""The kinds of plugins: one row each. Registry, schema, validation, catalogue, conformance and `plugins` read this."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from runner.api import Extractor, ExtractorSpec, Generator, GeneratorSpec, Uploader, UploaderSpec

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(enum.StrEnum):
    """What a plugin can be. The value is the section of the configuration, and its group in `conf/`."""

    GENERATOR = "generator"
    EXTRACTOR = "extractor"
    UPLOADER = "uploader"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind."""

    spec: type
    """What a plugin of this kind registers."""
    protocol: type
    """What the object offers that its factory builds."""
    keys: tuple[str, ...]
    """The keys of its section that every plugin of the kind has. All others are options of the plugin."""


KINDS: Final[Mapping[Kind, Row]] = MappingProxyType(
    {
        Kind.GENERATOR: Row(spec=GeneratorSpec, protocol=Generator, keys=("plugin", "model", "params")),
        Kind.EXTRACTOR: Row(spec=ExtractorSpec, protocol=Extractor, keys=("plugin",)),
        Kind.UPLOADER: Row(spec=UploaderSpec, protocol=Uploader, keys=("plugin", "verify")),
    }
)


def kind_of(spec: object) -> Kind | None:
    """The kind that a specification registers; `None` for something else."""
    return next((kind for kind, row in KINDS.items() if type(spec) is row.spec), None)
