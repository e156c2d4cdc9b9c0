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

from runner.config import yaml_errors, yaml_limits
from runner.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_LIBYAML: Final = bool(getattr(yaml, "__with_libyaml__", False))

# A composition reads each file several times over, and a sweep composes each job.
_read: dict[Path, tuple[object, Any]] = {}


def read(path: Path) -> str:
    """The text of a file, without a byte order mark. Raises `ConfigError` where it is not UTF-8, or too large."""
    with path.open("rb") as opened:
        raw = opened.read(yaml_limits.MOST_BYTES + 1)
    if len(raw) > yaml_limits.MOST_BYTES:
        raise yaml_limits.too_large(path)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise yaml_errors.not_utf8(path, raw, error) from error


def mapping(path: Path) -> dict[Any, Any]:
    """What a file holds, by OmegaConf's rules; nothing where it is empty. Do not change it.

    Raises `ConfigError` with the line where it is not YAML, or not a mapping.
    """
    found = path.stat()
    state = (found.st_mtime_ns, found.st_size, found.st_ino)
    known = _read.get(path)
    if known is None or known[0] != state:
        known = _read[path] = state, _parsed(path)
    if known[1] is None:
        return {}
    if not isinstance(known[1], dict):
        kind = "a list" if isinstance(known[1], list) else "plain text"
        raise ConfigError(
            "a configuration file holds keys and values",
            where=f"{path}:1",
            why=f"this one holds {kind}",
            hint="write KEY: VALUE lines; conf/README.md shows a whole file",
        )
    return known[1]


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
    written = read(path)
    yaml_limits.check(path, written, yaml.CSafeLoader if _LIBYAML else yaml.SafeLoader)
    if _LIBYAML:
        with contextlib.suppress(yaml.YAMLError, ValueError):
            return yaml.load(written, Loader=_loader())  # OmegaConf's loader is a safe one
    try:
        return yaml.load(written, Loader=get_yaml_loader())
    except yaml.YAMLError as error:
        raise yaml_errors.explained(path, written, error) from error
    except RecursionError:  # libyaml stumbled before it came to the values
        raise yaml_limits.too_deep(path) from None


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
