"""Reading and writing YAML by libyaml, at a tenth of what PyYAML's own parser and OmegaConf's use of it cost.

What a file means stays OmegaConf's affair: its rules for numbers, dates and keys that stand twice are stated here for
PyYAML, and a test compares the two. Its tags that make path objects are not taken: a configuration has plain values.
Where libyaml is not there, or stumbles, PyYAML's parser is asked, so that errors and odd files are what they always
were. To go when OmegaConf reads by libyaml itself (2.4 does not).
"""

from __future__ import annotations

import contextlib
import pickle
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

import yaml
from omegaconf import OmegaConf

from runner.config import yaml_errors, yaml_limits
from runner.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_LIBYAML: Final = bool(getattr(yaml, "__with_libyaml__", False))
_TEXT: Final = "tag:yaml.org,2002:str"
_DATE: Final = "tag:yaml.org,2002:timestamp"
_NUMBER: Final = "tag:yaml.org,2002:float"
# As OmegaConf has it: PyYAML takes no exponent without a point and a sign.
_NUMBERS: Final = re.compile(
    r"""^(?:
         [-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
        |[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)
        |\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?
        |[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*
        |[-+]?\.(?:inf|Inf|INF)
        |\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)
_FLAGS: Final = frozenset(
    spelt
    for word in ("y", "yes", "n", "no", "true", "false", "on", "off")
    for spelt in (word, word.capitalize(), word.upper())
)
"""Words that older YAML reads as booleans: written in quotes."""

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
        known = _read[path] = state, value(path, read(path))
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
            if not isinstance(value, dict) or not value:
                return _dumped(value)
            # The jobs of a sweep differ in a section or two.
            return "".join(_section(pickle.dumps({key: inner})) for key, inner in value.items())
    return OmegaConf.to_yaml(OmegaConf.create(value))


def value(path: Path, written: str) -> Any:
    """What a text holds, by OmegaConf's rules; `path` is what errors call it.

    Raises `ConfigError` with the line where it is not YAML, or more than a file may hold.
    """
    yaml_limits.check(path, written, yaml.CSafeLoader if _LIBYAML else yaml.SafeLoader)
    if _LIBYAML:
        with contextlib.suppress(yaml.YAMLError, ValueError):
            return yaml.load(written, Loader=_loader(yaml.CSafeLoader))
    try:
        return yaml.load(written, Loader=_loader(yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise yaml_errors.explained(path, written, error) from error
    except RecursionError:  # libyaml stumbled before it came to the values
        raise yaml_limits.too_deep(path) from None


@lru_cache(maxsize=256)
def _section(pickled: bytes) -> str:
    return _dumped(pickle.loads(pickled))


def _dumped(value: Any) -> str:
    return str(
        yaml.dump(value, Dumper=_dumper(), default_flow_style=False, allow_unicode=True, sort_keys=False)
    )


@cache
def _loader(base: Any) -> Any:
    """A safe loader of PyYAML with OmegaConf's rules."""

    class Loader(base):  # type: ignore[misc]  # the base is chosen at run time
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = set()
            for key, _ in node.value:
                if key.tag == _TEXT and key.value in keys:
                    raise yaml.constructor.ConstructorError(
                        "while constructing a mapping",
                        node.start_mark,
                        f"found duplicate key {key.value}",
                        key.start_mark,
                    )
                keys.add(key.value if key.tag == _TEXT else None)
            made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
            return made

    Loader.add_implicit_resolver(_NUMBER, _NUMBERS, list("-+0123456789."))
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != _DATE]
        for first, found in Loader.yaml_implicit_resolvers.items()
    }
    return Loader


@cache
def _dumper() -> Any:
    class Dumper(yaml.CDumper):
        """Writes text that could be read as a number or a boolean in quotes, as OmegaConf does."""

    Dumper.add_representer(
        str,
        lambda dumper, text: dumper.represent_scalar(_TEXT, text, style="'" if _ambiguous(text) else None),
    )
    return Dumper


def _ambiguous(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text in _FLAGS
    return True
