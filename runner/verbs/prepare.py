"""From a composed configuration to a plan: the way that every verb with a configuration goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runner import plugins
from runner.config import catalogue, schema, validate
from runner.config.convert import Reader, nearest
from runner.errors import ConfigError, PluginError, UsageError
from runner.planning import capability_checks, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.config.compose import Composed
    from runner.planning.plan import Plan
    from runner.plugins import Registry

_HYDRA_FLAGS: Final = (
    *("--cfg", "-c", "--resolve", "--package", "-p", "--multirun", "-m", "--info", "-i"),
    *("--shell-completion", "-sc", "--hydra-help", "--experimental-rerun", "--run", "-r"),
    *("--config-name", "-cn", "--config-dir", "-cd", "--config-path", "-cp"),
)
_OUR_FLAGS: Final = ("--quiet", "--debug", "--json", "--help", "--version")
_OUR_FOLDERS: Final = re.compile(r"[+~]*hydra\.(run\.dir|sweep\.(dir|subdir)|output_subdir|job\.chdir)=")


def checked(words: Sequence[str]) -> list[str]:
    """The words for Hydra, with what people mistype mended or refused."""
    projects = {choice.name for choice in catalogue.choices("project")}
    mended = []
    for word in words:
        if word.startswith("-") and word.partition("=")[0] not in _HYDRA_FLAGS:
            guess = nearest(word.partition("=")[0], [*_HYDRA_FLAGS, *_OUR_FLAGS])
            raise UsageError(f"there is no option {word}", why=guess, hint="python -m runner --help")
        if _OUR_FOLDERS.match(word):
            raise UsageError(
                f"{word.partition('=')[0]} cannot be set",
                why="a run names its folder after what it makes, so that the same request finds it again",
                hint="choose where all folders go with output.root=DIR",
            )
        name, equals, value = word.partition("=")
        if name == "project" and equals and set(value.split(",")) <= projects:
            word = f"+{word}"
        mended.append(word)
    return mended


class Preparation:
    """Plans compositions, loading plugins once for all jobs that name the same folders."""

    def __init__(self) -> None:
        self._registry: Registry | None = None
        self._of: schema.PluginKeys | None = None

    def plan(self, composed: Composed) -> tuple[Plan, Registry]:
        """The plan of one composition. Raises `ConfigError` with all problems there are, or `PluginError`."""
        registry = self._load(composed)
        registry.require_whole()
        project, reader = validate.read(composed, registry)
        if project is None:
            raise problems(reader)
        try:
            planned = plan.make(project, registry)
            capability_checks.check(planned, reader, hosts=capability_checks.public_hosts(registry))
        except ConfigError as error:
            # Problems in model cards stand beside those of the configuration.
            reader.problems += (one for one in error.problems if one not in reader.problems)
            if not error.problems:
                raise
        except PluginError:
            # On a draft with known problems a plugin may well trip; those come first.
            if not reader.problems:
                raise
        if reader.problems:
            raise problems(reader)
        return planned, registry

    def _load(self, composed: Composed) -> Registry:
        keys = Reader(composed.origins).read(schema.PluginKeys, composed.config.get("plugins"), "plugins")
        if self._registry is None or keys != self._of:
            self._registry, self._of = plugins.load(keys.dirs, keys.block), keys
        return self._registry


def problems(reader: Reader) -> ConfigError:
    """One error for all problems."""
    found = tuple(reader.problems)
    count = "a problem" if len(found) == 1 else f"{len(found)} problems"
    return ConfigError(f"the configuration has {count}; nothing was started", found)
