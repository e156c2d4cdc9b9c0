"""`runner init NAME`: a project file to start from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.config import catalogue
from runner.errors import OutputError, UsageError
from runner.naming import LONGEST, slug, slugs
from runner.outgoing import one_line
from runner.verbs.arguments import Common, Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

TEMPLATE: Final = """\
# @package _global_
# What `--help` says about this project.
project:
  name: {name}
  style: Soft evening light, 35mm. # added to every prompt

shot: # what every shot starts from
  duration_s: 6 # all bundled generators make 6 s
  aspect_ratio: "16:9" # in quotes: YAML reads 16:9 as a number; or "9:16"
  resolution: 720p # kie_minimax and kie_hailuo need 768p; kie_hailuo starts its chains from images alone
  # seed: 7 # for models that take one

sequences: # one film each; their clips are generated side by side
  harbour:
    shots:
      boats: # the first shot starts from its prompt, or from an image
        prompt: Fishing boats come home
        # image: pictures/harbour.jpg # beside this file
      gulls: # a chain by default: starts from the last frame of boats
        prompt: Gulls follow them in
        # prompt_file: prompts/gulls.txt # in place of prompt: a text file beside this file
        # take: 2 # another clip for the same request
      lamp:
        boundary: cut # starts from its prompt alone
        prompt: A lamp is lit on the quay
"""
"""A project that every bundled generator profile accepts, but for what its comments say."""

_NOT_TEXT: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""Words that YAML, or an override, does not read as text."""


class _Arguments(Common):
    name: str


def main(words: Sequence[str]) -> int:
    """Write conf/project/NAME.yaml. Never overwrites a file."""
    parser = Parser(
        "init",
        "Write conf/project/NAME.yaml: a commented project to start from. No file is overwritten.",
        examples=("init my_film",),
    )
    parser.add_argument("name", metavar="NAME", help="letters, digits, - and _; it begins with a letter")
    name = parser.read(words, arguments := _Arguments()).name
    _check(name)
    file = Path("conf", "project", f"{name}.yaml")
    _write(file, TEMPLATE.format(name=name))
    commands = [f"python -m runner plan +project={name}", f"python -m runner +project={name}"]
    if arguments.as_json:
        print(json.dumps({"file": str(file), "next": commands}, indent=2))
    else:
        print(f"wrote {file}; edit it as you like")
        print("\n".join(f"  next: {command}" for command in commands))
    return 0


def _check(name: str) -> None:
    """Refuse what is no name on every disk, in YAML and on the command line. Raises `UsageError`."""
    plain = name.lower()
    if (
        not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name)
        or slugs([plain])[plain] != plain
        or plain in _NOT_TEXT
    ):
        better = slug(name.removesuffix(".yaml").replace(" ", "_"))
        better = better if re.match(r"[a-z]|$", better) else f"film_{better}"[:LONGEST]
        # What is a word of YAML or of Windows as it is gets a word more.
        better = f"{better}_film"[:LONGEST] if better in {"", plain, *_NOT_TEXT} else better
        raise UsageError(
            f"{_shown(name)} cannot be a project's name",
            why=f"a name has letters from a to z, digits, - and _, begins with a letter, and has at most {LONGEST}",
            hint=f"python -m runner init {better.strip('_')}",
        )
    for choice in catalogue.choices("project", Path()):
        if choice.name.lower() == plain:
            raise UsageError(
                f"there is a project named {choice.name} already",
                where=str(choice.file),
                why="no file is overwritten",
                hint=f"see it: python -m runner plan +project={choice.name}; or choose another name",
            )


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError as error:
        raise UsageError(
            "there is something of that name already",
            where=error.filename,
            why="no file is overwritten",
            hint="choose another name, or move that away",
        ) from error
    except OSError as error:
        raise OutputError(
            "the project cannot be written", where=str(file), why=error.strerror or str(error)
        ) from error


def _shown(name: str) -> str:
    shown = one_line(name)
    return repr(shown if len(shown) <= 60 else f"{shown[:57]}...")
