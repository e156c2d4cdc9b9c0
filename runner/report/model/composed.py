"""`.hydra/config.yaml` of a run folder: what was composed. A folder is data, and so is this file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from runner.config import yaml_limits
from runner.errors import ConfigError
from runner.report.model.loose import mapping, number
from runner.store.local import inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE: Final = ".hydra/config.yaml"
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(folder: Path) -> dict[str, Any]:
    """The composed configuration of a run; empty where there is none that can be used. Blocking."""
    path = folder / FILE
    try:
        text = inside.read_bytes(path, yaml_limits.MOST_BYTES).decode("utf-8")
        yaml_limits.check(path, text, _LOADER)
        found = yaml.load(text, Loader=_LOADER)
    except (OSError, ValueError, ConfigError, yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def drift_limit(composed: Mapping[str, Any]) -> float | None:
    """`continuity.max_drift`."""
    return number(mapping(composed, "continuity"), "max_drift")
