"""Hydra's and OmegaConf's exceptions in our words: what is wrong, what there is, what to type."""

from __future__ import annotations

import os
import re
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from runner.config import catalogue
from runner.config.convert import listed, nearest
from runner.config.launching import EXTRAS
from runner.config.schema import SECTIONS, SWITCHES
from runner.errors import ConfigError, RunnerError, UsageError
from runner.redaction import hidden_override, hidden_text, scrubbed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


_LONGEST_NAME: Final = 200


def explained(error: Exception, words: Sequence[str], folder: Path) -> Exception:
    """The error to show instead of `error`; itself where it is one of ours, or a bug.

    `words` are the overrides and `folder` the working folder of the composition.
    """
    from hydra.errors import HydraException, MissingConfigException, OverrideParseException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, RunnerError):
        here = f"{folder.absolute()}/"
        error.where = error.where.removeprefix(here)
        if isinstance(error, ConfigError):
            error.problems = tuple(
                replace(one, source=one.source.removeprefix(here)) for one in error.problems
            )
        return error
    if isinstance(error, MissingConfigException):
        return _missing(scrubbed(error.missing_cfg_file or ""), error.options or (), str(error), folder)
    if isinstance(error, OverrideParseException):
        return _unparsed(error.override, hidden_text(str(error.__cause__ or error), words))
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        text = f"{error} {error.__cause__}" if error.__cause__ else str(error)
        return _not_composed(hidden_text(text, words))
    if isinstance(error, ValueError) and "Config group override" in str(error):
        return UsageError("a group is chosen by the name of one of its files", hint="python -m runner --help")
    if isinstance(error, (ValueError, TypeError, AssertionError)) and _is_hydras(error):
        return _not_composed(hidden_text(str(error), words))
    return error


def _is_hydras(error: Exception) -> bool:
    """Whether Hydra raised an error: it has no class of its own for much of what may be wrong in a defaults list."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"{os.sep}hydra{os.sep}" in last.filename


def _missing(path: str, options: Sequence[str], text: str, folder: Path) -> ConfigError:
    group, _, name = path.rpartition("/")
    for conf in catalogue.conf_folders(folder):
        if len(name) < _LONGEST_NAME and (conf / f"{path}.yml").is_file():
            return ConfigError(f"{conf / path}.yml is not read", hint=f"rename it to {name}.yaml")
    if group == "project":
        projects = [choice.name for choice in catalogue.choices("project", folder)]
        # From another folder than that of the project there is nothing to be seen of it.
        looked = dict.fromkeys([folder.absolute() / "conf", *catalogue.conf_folders(folder)])
        places = " and ".join(
            f"{conf / group}{'' if (conf / group).is_dir() else ' (there is no such folder)'}"
            for conf in looked
        )
        return ConfigError(
            f"there is no project named {name}",
            where=f"looked in {places}",
            why=" ".join(filter(None, (nearest(name, projects), f"there are: {listed(projects)}"))),
            hint="choose one with +project=NAME, or write one: python -m runner init NAME",
        )
    if group in EXTRAS:
        there = f"there are: {listed(options)}"
        if extra := EXTRAS[group].get(name):
            return ConfigError(
                f"{group}={name} is not installed", why=there, hint=f"pip install 'film-runner[{extra}]'"
            )
        default = "runner, the default," if group == "hydra/launcher" else "basic, the default,"
        why = " ".join(filter(None, (nearest(name, options), there)))
        hint = f"leave it out: {default} is right for most sweeps"
        return ConfigError(f"there is no {group} named {name}", why=why, hint=hint)
    if group.startswith("hydra"):
        return ConfigError(f"there is no {group} named {name}", why=f"there are: {listed(options)}")
    if group:
        hint = f"choose one with {group}=NAME, or write conf/{group}/{name}.yaml"
        why = " ".join(filter(None, (nearest(name, options), f"there are: {listed(options)}")))
        return ConfigError(f"there is no {group} profile named {name}", why=why, hint=hint)
    return ConfigError("a configuration file is missing", why=text.replace("\n", " "))


def _unparsed(override: str, reason: str) -> UsageError:
    shown = hidden_override(override)
    shown = shown if len(shown) <= 100 else f"{shown[:97]}..."
    if "=" not in override and not override.startswith("~"):
        return UsageError(
            f"cannot use the word {shown!r}", why="an override is KEY=VALUE", hint="python -m runner --help"
        )
    key, _, value = override.partition("=")
    what = f"cannot read the override {shown}"
    if not re.fullmatch(r"[+~]*[\w.@/:$-]+", key, re.ASCII):
        why = "a key on the command line is made of ASCII letters, digits, - and _"
        return UsageError(what, why=why, hint="change a name with other signs in the project's file")
    why = reason.splitlines()[0].removeprefix("LexerNoViableAltException: ")
    if not value.isascii():
        why = "text in other scripts needs quotes"
    elif why in override:
        why = "a quote or a bracket is not closed, or a sign needs quotes"
    hint = f"put text with spaces, commas or signs in two kinds of quotes: {key}='\"...\"'"
    return UsageError(what, why=why, hint=hint)


def _not_composed(text: str) -> RunnerError:
    if found := re.search(r"Ambiguous value for argument '(.*?)'\s*1\.", text, re.DOTALL):
        key = found.group(1).partition("=")[0]
        return UsageError(
            f"{key} is given several values",
            why="that is a sweep, which needs -m; a list stands in [brackets], text with a comma in quotes",
            hint=f"-m {key}=A,B, or {key}=[A,B], or {key}='\"A, B\"'",
        )
    if found := re.search(r"Multiple values for ([\w/@.]+)\.", text):
        return UsageError(f"{found.group(1)} is chosen more than once", hint="choose one, or several with -m")
    if found := re.search(r"An item is already at '([^']+)'", text):
        return UsageError(f"{found.group(1)} is there already", hint="write it without +, or with ++")
    if found := re.search(r"Could not delete[^']*'([^']+)' does not exist", text):
        return UsageError(
            f"there is no {found.group(1)} to take away", hint="python -m runner plan +project=NAME"
        )
    found = re.search(r"Could not (?:override|append)[^']*'([^'=]+)", text)
    if found:
        key = found.group(1).strip("+~ ")
        groups = [*catalogue.GROUPS, "project"]
        if key in groups or key.partition("@")[0] in groups:
            return ConfigError(f"cannot choose {key} this way", why=_first_line(text), hint=_how(key))
        head, dot, rest = key.partition(".")
        if head == "hydra":
            return ConfigError(
                f"there is no key {key}", why="the chosen sweeper or launcher has no such option"
            )
        guess = nearest(head, [*SECTIONS, *SWITCHES, *groups])
        allowed = f"the sections are {', '.join(SECTIONS)}"
        right = guess.removeprefix("did you mean ").rstrip("?")
        return ConfigError(
            f"there is no key {key}",
            why=f"did you mean {right}{dot}{rest}?" if guess and right != head else allowed,
            hint="python -m runner --cfg job +project=NAME  shows every key there is",
        )
    return ConfigError("the configuration cannot be composed", why=_first_line(text))


def _how(key: str) -> str:
    if key == "project":
        return "python -m runner +project=NAME, once"
    group, at, _ = key.partition("@")
    return (
        f"+{key}=NAME adds one, {group}=NAME changes the default"
        if at
        else f"write {group}=NAME, without a sign"
    )


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[:2])
