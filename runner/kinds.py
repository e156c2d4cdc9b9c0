"""The kinds of plugins: one row each. Registry, schema, validation, catalogue, conformance and `plugins` read this."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from runner.api import (
    Extractor,
    ExtractorSpec,
    Generator,
    GeneratorSpec,
    Metric,
    MetricSpec,
    Uploader,
    UploaderSpec,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(enum.StrEnum):
    """What a plugin can be. Where one of them is `chosen`, the value is the section of the configuration that does, and
    its group in `conf/`."""

    GENERATOR = "generator"
    EXTRACTOR = "extractor"
    UPLOADER = "uploader"
    METRIC = "metric"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind."""

    spec: type
    """What a plugin of this kind registers."""
    protocol: type
    """What the object offers that its factory builds."""
    keys: tuple[str, ...]
    """The keys of its section that every plugin of the kind has. All others are options of the plugin."""
    chosen: bool = True
    """Whether a section of the configuration chooses one; several of the others are in use at a time."""


KINDS: Final[Mapping[Kind, Row]] = MappingProxyType(
    {
        Kind.GENERATOR: Row(spec=GeneratorSpec, protocol=Generator, keys=("plugin", "model", "params")),
        Kind.EXTRACTOR: Row(spec=ExtractorSpec, protocol=Extractor, keys=("plugin",)),
        Kind.UPLOADER: Row(spec=UploaderSpec, protocol=Uploader, keys=("plugin", "verify")),
        Kind.METRIC: Row(spec=MetricSpec, protocol=Metric, keys=(), chosen=False),
    }
)


def kind_of(spec: object) -> Kind | None:
    """The kind that a specification registers; `None` for something else."""
    return next((kind for kind, row in KINDS.items() if type(spec) is row.spec), None)
