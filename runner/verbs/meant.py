"""What people type and mean: a project by its name or file, and verbs of other programs."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from runner.config.convert import nearest
from runner.errors import UsageError
from runner.redaction import hidden_override
from runner.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Sequence

_OTHER_WORDS: Final = {
    "check": "doctor",
    "cost": "plan",
    "create": "init",
    "estimate": "plan",
    "ls": "list",
    "new": "init",
    "runs": "list",
    "server": "serve",
    "show": "open",
    "status": "list",
    "web": "serve",
}
"""Words for which this program has another verb."""
_RUNS: Final = frozenset({"continue", "execute", "generate", "make", "render", "resume", "start"})
"""Words for the run itself, which has no verb."""


def corrected(word: str, projects: Sequence[str], verb: str) -> str:
    """An override as Hydra takes it, where a project is named by its file, without +, or with letters like é.

    A `verb`, other than the run itself, takes the name of a project alone as well. Raises `UsageError` for a word that
    is no override.
    """
    key, equals, value = word.partition("=")
    if key.lstrip("+") == "project" and equals:
        names = [project_of(one, projects) for one in value.split(",")]
        return f"+project={','.join(map(_quoted, names))}" if None not in names else word
    if key == "objective" and equals:
        return f"sweep.{word}"
    if equals or word.startswith("~"):
        return word
    name = project_of(word, projects)
    if name is not None and verb:
        return f"+project={_quoted(name)}"
    raise _no_override(word, name, projects, verb)


def project_of(text: str, projects: Sequence[str]) -> str | None:
    """The project that a name, or the path of its file, stands for; `None` where there is none."""
    plain = unicodedata.normalize("NFC", text.strip("'\""))
    path = PurePosixPath(plain.replace("\\", "/"))
    # `conf/project/film.yaml` is what a shell completes, from this folder or from further up.
    name = path.as_posix().rpartition("conf/project/")[2] if path.suffix in (".yaml", ".yml") else plain
    name = re.sub(r"\.ya?ml$", "", name)
    return next((one for one in projects if unicodedata.normalize("NFC", one) == name), None)


def _quoted(name: str | None) -> str:
    name = name or ""
    return name if re.fullmatch(r"[\w./-]+", name, re.ASCII) else f"'{name}'"


def _no_override(word: str, project: str | None, projects: Sequence[str], verb: str) -> UsageError:
    shown = hidden_override(word)
    shown = shown if len(shown) <= 100 else f"{shown[:97]}..."
    it_is = f"python -m runner {verb} ".replace("  ", " ")
    if project is not None:
        return UsageError(f"{shown} is a project", hint=f"{it_is}+project={project}")
    if word in VERBS:
        hint = f"python -m runner {word}, and then the overrides"
        return UsageError(f"the verb {word} has to come first", hint=hint)
    if word in _OTHER_WORDS:
        meant = _OTHER_WORDS[word]
        return UsageError(
            f"there is no verb {word}", why=f"{meant}: {VERBS[meant]}", hint=f"python -m runner {meant}"
        )
    if word in _RUNS:
        why = "a run, and going on with one, needs none"
        return UsageError(f"there is no verb {word}", why=why, hint="python -m runner +project=NAME")
    if word.endswith((".yaml", ".yml")):
        name = Path(word).stem
        if Path(word).is_file():
            hint = f"move it to conf/project/{name}.yaml, then: {it_is}+project={name}"
        else:
            hint = f"python -m runner init {name}  writes conf/project/{name}.yaml"
        return UsageError(
            f"{shown} is no project's file",
            why=f"a project is chosen by its name, of a file in conf/project; {nearest(name, projects)}".rstrip(
                "; "
            ),
            hint=hint,
        )
    return UsageError(
        f"cannot use the word {shown!r}",
        why=(nearest(word, [*VERBS, "run", *projects]) or f"a verb is one of {', '.join(VERBS)};")
        + " an override is KEY=VALUE, a text with spaces in quotes: KEY='some words'",
        hint="python -m runner --help",
    )
