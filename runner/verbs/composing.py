"""The arguments of a verb that composes a configuration: overrides, and options about the composition."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from runner.config import catalogue, launching, user_file
from runner.config.compose import Composed, PrimaryConfig, compose, compose_sweep, search, written
from runner.errors import UsageError
from runner.verbs import meant
from runner.verbs.arguments import COMMON, PROGRAM, Common, Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE: Final = Path()
_RUNNERS: Final = re.compile(
    r"[+~]*hydra\.(run\.dir|sweep\.(dir|subdir)|output_subdir|job\.chdir|mode)(?==|$)"
)


class Composing(Common):
    """What a verb with a configuration was given."""

    words: list[str]
    multirun: bool
    sweeps: bool
    cfg: str | None
    resolve: bool
    package: str
    config_name: str
    config_dir: Path | None

    @property
    def primary(self) -> PrimaryConfig:
        return PrimaryConfig(
            name=self.config_name, folder=self.config_dir, user_file=user_file.of_environment()
        )

    @property
    def folder(self) -> Path:
        """The working folder."""
        return _HERE

    def composed(self) -> Composed:
        """The one configuration that is named."""
        return compose(self.words, _HERE, self.primary)

    def jobs(self) -> tuple[Composed, ...]:
        """The configurations of all jobs of a sweep, or the one configuration."""
        return compose_sweep(self.words, _HERE, self.primary) if self.multirun else (self.composed(),)

    def search(self) -> launching.Search:
        """What the jobs of a search have in common."""
        return search(self.words, _HERE, self.primary)

    def printed(self) -> bool:
        """Whether only the configuration was asked for, which is printed then."""
        if self.cfg is None:
            return False
        print(written(self.words, _HERE, self.primary, resolve=self.resolve, package=self.package), end="")
        return True


C = TypeVar("C", bound=Composing)


def parser(verb: str, description: str, *, examples: Sequence[str], sweeps: bool = True) -> Parser:
    """A parser of overrides and of the options that go with them; -m is refused unless the verb `sweeps`."""
    found = Parser(verb, description, examples=examples)
    add = found.add_argument
    add(
        "words",
        nargs="*",
        metavar="OVERRIDE",
        help="+project=NAME, KEY=VALUE such as shot.seed=7, GROUP=NAME such as generator=synthetic",
    )
    exclusive = found.add_mutually_exclusive_group()
    sweep = "sweep: one job for each value of A,B" if sweeps else argparse.SUPPRESS
    exclusive.add_argument("-m", "--multirun", action="store_true", help=sweep)
    exclusive.add_argument(
        "-c", "--cfg", choices=("job",), metavar="job", help="print the composed configuration, run nothing"
    )
    found.set_defaults(sweeps=sweeps)
    add("--resolve", action="store_true", help="with --cfg: interpolations replaced by their values")
    add("-p", "--package", default="", metavar="KEY", help="with --cfg: only this part")
    add(
        "-cn", "--config-name", default="config", metavar="NAME", help="another primary file than config.yaml"
    )
    add("-cd", "--config-dir", type=Path, metavar="DIR", help="look for files there, too")
    return found


def read(of: Parser, words: Sequence[str], into: C) -> C:
    """`into` with what `words` say, common mistakes corrected or refused as `UsageError`."""
    arguments = of.read(words, into)
    if arguments.cfg is None and (arguments.resolve or arguments.package):
        of.error("--resolve and --package need --cfg job")
    if arguments.multirun and not arguments.sweeps:
        of.error("this verb takes one configuration, not a sweep")
    projects = [choice.name for choice in catalogue.choices("project", _HERE)]
    verb = of.prog.removeprefix(PROGRAM).strip()
    grid = launching.chosen(arguments.words).is_grid
    arguments.words = [meant.corrected(_checked(word, grid=grid), projects, verb) for word in arguments.words]
    return arguments


def command(words: Sequence[str]) -> list[str]:
    """The words to type again for the same run."""
    return [word for word in words if word not in COMMON]


def _checked(word: str, *, grid: bool) -> str:
    name = word.partition("=")[0]
    if found := _RUNNERS.match(word):
        if found.group(1) == "mode":
            raise UsageError("hydra.mode cannot be set", hint="a sweep is requested with -m")
        raise UsageError(
            f"{name} cannot be set",
            why="a run names its folder after what it makes, so that the same request finds it again",
            hint="choose where all folders go with output.root=DIR",
        )
    if grid and name.lstrip("+~").startswith("hydra.sweeper"):
        raise UsageError(
            f"{name} cannot be set here",
            why="on the command line a sweep is its values",
            hint="-m shot.seed=1,2",
        )
    return word
