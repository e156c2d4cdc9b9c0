"""Hydra's and OmegaConf's exceptions in our words: what is wrong, what there is, what to type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.config import catalogue
from runner.config.convert import listed, nearest
from runner.config.redact import hidden_override
from runner.config.schema import SECTIONS
from runner.errors import ConfigError, RunnerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


def explained(error: Exception, argv: Sequence[str]) -> Exception:
    """The error to show instead of `error`; itself where it is one of ours, or a bug."""
    import yaml
    from hydra.errors import HydraException, MissingConfigException, OverrideParseException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, RunnerError):
        return error
    if isinstance(error, MissingConfigException):
        return _missing(error.missing_cfg_file or "", error.options or (), str(error))
    if isinstance(error, OverrideParseException):
        return _unparsed(error.override, str(error.__cause__ or error))
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        return _not_composed(error, argv)
    if isinstance(error, yaml.YAMLError):
        return ConfigError("a YAML file cannot be read", why=str(error).replace("\n", " "))
    if isinstance(error, UnicodeDecodeError):
        return ConfigError("a YAML file is not UTF-8 text", why=str(error))
    return error


def _missing(path: str, options: Sequence[str], text: str) -> ConfigError:
    group, _, name = path.rpartition("/")
    if group == "project":
        projects = [choice.name for choice in catalogue.choices("project")]
        return ConfigError(
            f"there is no project named {name}",
            why=" ".join(filter(None, (nearest(name, projects), f"there are: {listed(projects)}"))),
            hint="choose one with +project=NAME, or write conf/project/NAME.yaml",
        )
    if group:
        hint = f"choose one with {group}=NAME, or write conf/{group}/{name}.yaml"
        why = " ".join(filter(None, (nearest(name, options), f"there are: {listed(options)}")))
        return ConfigError(f"there is no {group} profile named {name}", why=why, hint=hint)
    return ConfigError("a configuration file is missing", why=text.replace("\n", " "))


def _unparsed(override: str, reason: str) -> UsageError:
    from runner.verbs import VERBS

    shown = hidden_override(override)
    shown = shown if len(shown) <= 100 else f"{shown[:97]}..."
    if "=" not in override and not override.startswith("~"):
        projects = [choice.name for choice in catalogue.choices("project")]
        if override in projects:
            return UsageError(f"{shown} is a project", hint=f"python -m runner +project={shown}")
        guess = nearest(override, [*VERBS, *projects])
        return UsageError(
            f"cannot use the word {shown!r}",
            why=guess or f"a word is a verb ({', '.join(VERBS)}) or an override KEY=VALUE",
            hint="python -m runner --help",
        )
    key = override.partition("=")[0]
    return UsageError(
        f"cannot read the override {shown}",
        why=reason.splitlines()[0],
        hint=f"put text with spaces, commas or signs in two kinds of quotes: {key}='\"...\"'",
    )


def _not_composed(error: Exception, argv: Sequence[str]) -> ConfigError:
    text = str(error)
    if cause := error.__cause__:
        text = f"{text} {cause}"
    found = re.search(r"Could not (?:override|append|delete)[^']*'([^'=]+)", text)
    if found:
        key = found.group(1).strip("+~ ")
        groups = [*catalogue.GROUPS, "project"]
        if key in groups or key.partition("@")[0] in groups:
            return ConfigError(f"cannot choose {key} this way", why=_first_line(text), hint=_how(key))
        head, dot, rest = key.partition(".")
        guess = nearest(head, [*SECTIONS, *groups])
        allowed = f"the sections are {', '.join(SECTIONS)}"
        right = guess.removeprefix("did you mean ").rstrip("?")
        return ConfigError(
            f"there is no key {key}",
            why=f"did you mean {right}{dot}{rest}?" if guess else allowed,
            hint="python -m runner --cfg job +project=NAME  shows every key there is",
        )
    return ConfigError("the configuration cannot be composed", why=_first_line(text))


def _how(key: str) -> str:
    if key == "project":
        return "python -m runner +project=NAME, once"
    group, at, _ = key.partition("@")
    return f"+{key}=NAME adds one, {group}=NAME changes the default" if at else f"write {group}=NAME, without a sign"


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[:2])
