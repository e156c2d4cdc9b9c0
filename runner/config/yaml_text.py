"""Reading and writing YAML by libyaml, at a tenth of what PyYAML's own parser and OmegaConf's use of it cost.

What a file means stays OmegaConf's affair: its rules for numbers and for keys that stand twice are taken over. Where
libyaml is not there, or stumbles, PyYAML's parser is asked, so that errors and odd files are what they always were.
To go when OmegaConf reads by libyaml itself (2.4 does not).
"""

from __future__ import annotations

import contextlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import yaml
from omegaconf import OmegaConf
from omegaconf._utils import get_omega_conf_dumper, get_yaml_loader

if TYPE_CHECKING:
    from pathlib import Path

_LIBYAML: Final = bool(getattr(yaml, "__with_libyaml__", False))

# A composition reads each file several times over, and a sweep composes each job.
_read: dict[Path, tuple[object, Any]] = {}


def mapping(path: Path) -> dict[Any, Any] | None:
    """What a file holds, by OmegaConf's rules; `None` for all that is not plainly a mapping. Do not change it."""
    found = path.stat()
    state = (found.st_mtime_ns, found.st_size, found.st_ino)
    known = _read.get(path)
    if known is None or known[0] != state:
        known = _read[path] = state, _parsed(path)
    return known[1] if isinstance(known[1], dict) else None


def forget() -> None:
    """Read all files anew from here on."""
    _read.clear()


def nodes(text: str) -> yaml.Node | None:
    """The nodes of a document, each with its line. Raises `yaml.YAMLError`."""
    try:
        found: yaml.Node | None = yaml.compose(text, Loader=yaml.CSafeLoader if _LIBYAML else yaml.SafeLoader)
    except yaml.YAMLError:
        found = yaml.compose(text, Loader=yaml.SafeLoader)
    return found


def text(value: Any) -> str:
    """A plain value as OmegaConf writes it."""
    if _LIBYAML:
        # Bytes of a command line that are no text are PyYAML's to escape.
        with contextlib.suppress(yaml.YAMLError, ValueError):
            return str(
                yaml.dump(
                    value, Dumper=_dumper(), default_flow_style=False, allow_unicode=True, sort_keys=False
                )
            )
    return OmegaConf.to_yaml(OmegaConf.create(value))


def _parsed(path: Path) -> Any:
    if not _LIBYAML:
        return None
    try:
        # OmegaConf's loader is a safe one.
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_loader())
    except (yaml.YAMLError, ValueError):
        return None


@cache
def _loader() -> Any:
    class Loader(yaml.CSafeLoader, get_yaml_loader()):  # type: ignore[misc]  # a class that a function makes
        """OmegaConf's loader, fed by libyaml's parser."""

    return Loader


@cache
def _dumper() -> Any:
    class Dumper(yaml.CDumper, get_omega_conf_dumper()):  # type: ignore[misc]
        """OmegaConf's dumper, written out by libyaml."""

    return Dumper
