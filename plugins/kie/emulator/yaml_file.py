"""Reading what describes KIE's models: YAML files that belong to the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import TypeAdapter

T = TypeVar("T")


def read_yaml(file: Path, adapter: TypeAdapter[T]) -> T:
    """The values of a file. Raises `ValidationError` for an unknown key or a value of another type."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return adapter.validate_python(yaml.load(file.read_bytes(), Loader=loader))
