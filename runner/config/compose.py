"""Composition by Hydra: search path, open sections, and what a sweep adds. All of Hydra is behind this
module, `hydra_files` and `hydra_errors`.

Verbs that need a configuration hand a function to `each_job`; it is called once, or with `-m` once per job of the
sweep, with everything known about that composition.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner import bundle
from runner.config import catalogue, hydra_files, yaml_text
from runner.config.hydra_errors import explained
from runner.config.origins import Origins
from runner.config.schema import SECTIONS
from runner.errors import ConfigError, Problem, UsageError
from runner.redaction import hidden_override, hidden_value, hidden_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# What differs between two sweeps that ask for the same clips.
_NOT_A_SWEEPS_IDENTITY: Final = ("hydra", "output", "limits", "uploader", "plugins")

_TAKES_A_VALUE: Final = (
    *(
        "--cfg",
        "-c",
        "--package",
        "-p",
        "--config-path",
        "-cp",
        "--config-name",
        "-cn",
        "--config-dir",
        "-cd",
    ),
    "--experimental-rerun",
)

# The run makes its own folders and logs: it knows their names only after the configuration is checked.
_OWN_FOLDERS: Final = (
    "hydra.run.dir=.",
    "hydra.output_subdir=null",
    "hydra.sweep.dir=${runner_sweep:}",
    "hydra.sweep.subdir=.",
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepJob:
    """A job's place in its sweep. `sweep_key` is 64 hex digits.

    `overrides` are those in which the jobs differ, with secrets hidden.
    """

    number: int
    overrides: tuple[str, ...]
    sweep_key: str
    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """One composed configuration. `text` is its YAML as written, with secrets hidden and interpolations kept.

    Paths in it that are relative start from `folder`, the working folder.
    """

    config: dict[str, Any]
    text: str
    overrides: tuple[str, ...]
    origins: Origins
    job: SweepJob | None
    folder: Path = Path()

    @property
    def shown_overrides(self) -> list[str]:
        return [hidden_override(override) for override in self.overrides]


def each_job(argv: Sequence[str], task: Callable[[Composed], int]) -> list[int]:
    """Compose `argv` and call `task` for it, or for each job of a sweep; the list of what it returned.

    The list is empty when Hydra answered by itself (`--cfg job`, shell completion). Raises `ConfigError` for what
    cannot be composed. What `task` raises ends a sweep, and is raised again here.
    """
    import hydra

    call = _Call(tuple(argv), task)
    call.prepare()
    before = sys.argv
    sys.argv = [sys.argv[0], *(argv if call.only_hydra else _ordered(argv))]
    # Hydra would print its own words and exit; ours come from the exception.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    decorate = hydra.main(version_base="1.3", config_path=str(bundle.folder("conf")), config_name="config")
    try:
        with tempfile.TemporaryDirectory(prefix="runner-sweep-") as scratch:
            call.scratch = scratch
            with _shown_safely(argv):
                decorate(call.once)()
        if call.error is not None:
            raise call.error
    except SystemExit as error:
        # Hydra has said what is wrong with its options.
        if error.code not in (0, None):
            raise UsageError("these options cannot be used", hint="python -m runner --help") from None
    except Exception as error:
        raise explained(error, argv) from error
    finally:
        sys.argv = before
    return call.codes


class _Call:
    """One invocation of Hydra, and what is learnt along the way."""

    def __init__(self, argv: tuple[str, ...], task: Callable[[Composed], int]) -> None:
        self.argv = argv
        self.task = task
        self.codes: list[int] = []
        self.error: Exception | None = None
        self.scratch = ""
        self.sweep_key = ""
        self.sweep_project = ""

    @property
    def only_hydra(self) -> bool:
        return any(word in ("-sc", "--shell-completion") for word in self.argv)

    @property
    def shared(self) -> set[str]:
        """The overrides that all jobs have, written as a sweep writes them."""
        from hydra.core.override_parser.overrides_parser import OverridesParser

        words = [word for word in self.argv if not word.startswith("-")]
        parsed = OverridesParser.create().parse_overrides(words)
        return {
            f"{override.get_key_element()}={override.get_value_element_as_str()}"
            for override in parsed
            if not override.is_sweep_override()
        }

    def prepare(self) -> None:
        from hydra.core.config_store import ConfigStore
        from hydra.core.plugins import Plugins

        store = ConfigStore.instance()
        store.store(name="open_sections", node=_open_sections())
        for group, name in catalogue.selectable_plugins():
            store.store(group=group, name=name, node={"plugin": name})
        Plugins.instance().register(hydra_files.config_source())
        Plugins.instance().register(hydra_files.search_path())
        yaml_text.forget()
        OmegaConf.register_new_resolver("runner_sweep", self._sweep, replace=True, use_cache=False)

    def _sweep(self, *, _root_: DictConfig) -> str:
        """Where Hydra may leave its sweep files. Asked first with the configuration that all jobs share."""
        if not self.sweep_key:
            shared: Any = OmegaConf.to_container(_root_, resolve=False)
            overrides = [
                override
                for override in shared["hydra"]["overrides"]["task"]
                if override.lstrip("+~").partition("=")[0].partition(".")[0] not in _NOT_A_SWEEPS_IDENTITY
            ]
            for section in _NOT_A_SWEEPS_IDENTITY:
                shared.pop(section, None)
            request = json.dumps([shared, sorted(overrides)], sort_keys=True, default=str)
            self.sweep_key = hashlib.sha256(request.encode("utf-8", "surrogatepass")).hexdigest()
            named = shared.get("project") or {}
            self.sweep_project = str(named.get("name") or "") if isinstance(named, dict) else ""
        return self.scratch

    def once(self, config: DictConfig) -> None:
        """Hand one composition to the task. Nothing is raised: Hydra would print its own words first."""
        if self.error is not None:
            return
        try:
            self.codes.append(self.task(self._composed(config)))
        except Exception as error:
            self.error = error

    def _composed(self, config: DictConfig) -> Composed:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        facts = HydraConfig.get()
        # As they were typed: an interpolation in an override is not resolved within Hydra's own section.
        typed: Any = OmegaConf.to_container(facts.overrides.task, resolve=False)
        overrides = tuple(str(override) for override in typed)
        origins = Origins(overrides, hydra_files.Layers(str(facts.job.config_name), overrides))
        job = None
        if facts.mode == RunMode.MULTIRUN:
            shared = self.shared
            job = SweepJob(
                number=int(facts.job.num),
                overrides=tuple(hidden_override(one) for one in overrides if one not in shared),
                sweep_key=self.sweep_key,
                project=self.sweep_project,
            )
        return Composed(
            config=_plain(config, origins),
            text=yaml_text.text(hidden_value(OmegaConf.to_container(config, resolve=False))),
            overrides=overrides,
            origins=origins,
            job=job,
        )


def _ordered(argv: Sequence[str]) -> list[str]:
    """Overrides first, then options: Hydra's own parser takes no overrides after an option."""
    words: list[str] = []
    options: list[str] = []
    rest = iter(argv)
    for word in rest:
        if not word.startswith("-"):
            words.append(word)
            continue
        options.append(word)
        if word in _TAKES_A_VALUE:
            options += [value for value in [next(rest, None)] if value is not None]
    return [*words, *_OWN_FOLDERS, *options]


@contextlib.contextmanager
def _shown_safely(argv: Sequence[str]) -> Iterator[None]:
    """Where Hydra prints a configuration, print it without its secrets."""
    if not any(word.partition("=")[0] in ("--cfg", "-c") for word in argv):
        yield
        return
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        yield
    print(hidden_yaml(printed.getvalue()), end="")


def _open_sections() -> DictConfig:
    """Empty sections that take any key, so that an override needs no `+` and all typos are reported together."""
    root = OmegaConf.create({section: {} for section in SECTIONS})
    for section in SECTIONS:
        OmegaConf.set_struct(root[section], False)
    return root


def _plain(config: DictConfig, origins: Origins) -> dict[str, Any]:
    try:
        plain = _named(OmegaConf.to_container(config, resolve=True, throw_on_missing=False))
    except OmegaConfBaseException:
        problems = tuple(_unresolved(config, "", origins))
        if not problems:
            raise
        raise ConfigError("the configuration refers to what is not there", problems) from None
    assert isinstance(plain, dict)
    return plain


def _unresolved(node: DictConfig | ListConfig, at: str, origins: Origins) -> Iterator[Problem]:
    for key in range(len(node)) if isinstance(node, ListConfig) else list(node):
        name = f"{at}.{key}" if at else str(key)
        if OmegaConf.is_missing(node, key):
            continue
        try:
            inner = node[key]
        except OmegaConfBaseException as error:
            yield Problem(key=name, message=str(error).splitlines()[0], source=origins.of(name))
            continue
        if OmegaConf.is_config(inner) and not OmegaConf.is_interpolation(node, key):
            yield from _unresolved(inner, name, origins)


def _named(value: Any) -> Any:
    """Keys as text: YAML reads the name 1 as a number, an override does not, and both mean the same shot."""
    if isinstance(value, list):
        return [_named(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    named: dict[Any, Any] = {}
    for key, inner in value.items():
        name = str(key) if isinstance(key, (int, float)) and not isinstance(key, bool) else key
        named[name] = _merged(named.get(name), _named(inner))
    return named


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: _merged(old.get(key), value) for key, value in new.items()}
    return new
