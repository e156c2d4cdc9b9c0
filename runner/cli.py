"""The command line: verbs, exit codes, and how an error is shown. Imports nothing heavy to print text."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner import __version__, interrupts
from runner.errors import RunnerError, UsageError
from runner.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_INTERRUPTED: Final = 130

_USAGE: Final = """\
runner - films from YAML, every shot starting where the one before it ended

  python -m runner +project=NAME [OVERRIDE ...]    make the films of a project
  python -m runner -m +project=NAME KEY=A,B ...    sweep: one run for each value
  python -m runner VERB [...]
"""

_OPTIONS: Final = """\
Options
  -q, --quiet      no progress          --json    answer for a script
  -m, --multirun   sweep                --debug   show where an error came from
  --cfg job        print the composed configuration, run nothing
  --version        --help

Overrides
  shot.seed=7      sequences.hero.shots.pour.prompt='steam rises'      output.root=DIR
Exit codes
  0 fine - 1 a shot failed - 2 configuration or usage - 3 an unknown outcome waits
  for a person - 4 the budget stopped it - 130 interrupted"""


@dataclass(frozen=True, slots=True)
class Flags:
    """What the person asked of the program itself. `rest` is for the verb, or for Hydra."""

    rest: tuple[str, ...]
    quiet: bool = False
    debug: bool = False
    as_json: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # Names and prompts are any Unicode; a terminal or a pipe may have fewer signs.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if argv is None else argv)
    flags = _flags(words)
    if not words:
        _print(_help())
        return 2
    try:
        with interrupts.watched():
            return _interruptible(words, flags)
    except RunnerError as error:
        if flags.debug:
            raise
        print(f"runner: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("runner: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (| head): nothing left to say, and nobody to say it to.
        sys.stderr.close()
        return 0
    except OSError as error:
        if flags.debug or error.filename is not None:
            raise
        # Without a file's name it is our own output that cannot be written.
        print(f"runner: the output cannot be written: {error.strerror}", file=sys.stderr)
        print("  next: make room, then run the same command again: what is done is kept", file=sys.stderr)
        return 1


def _interruptible(words: list[str], flags: Flags) -> int:
    try:
        return _dispatch(words, flags)
    except Exception:
        # What breaks because of an interrupt is the interrupt.
        if interrupts.seen() and not flags.debug:
            raise KeyboardInterrupt from None
        raise


def _flags(words: list[str]) -> Flags:
    own = {"-q", "--quiet", "--debug", "--json"}
    return Flags(
        rest=tuple(word for word in words if word not in own),
        quiet="-q" in words or "--quiet" in words,
        debug="--debug" in words,
        as_json="--json" in words,
    )


def _dispatch(words: list[str], flags: Flags) -> int:
    # Our own flags may stand before the verb, too.
    first = flags.rest[0] if flags.rest else words[0]
    if first in VERBS:
        rest = flags.rest[1:]
        if "--help" in rest or "-h" in rest:
            # A verb with options of its own tells of them.
            tell = getattr(importlib.import_module(f"runner.verbs.{first}"), "help_text", None)
            _print(tell(rest) if tell is not None else _help())
            return 0
        flags = Flags(rest, flags.quiet, flags.debug, flags.as_json)
    elif "--help" in words or "-h" in words:
        _print(_help())
        return 0
    elif first == "--version":
        print(__version__)
        return 0
    if first in VERBS:
        module = importlib.import_module(f"runner.verbs.{first}")
        return int(module.main(flags))
    if flags.as_json:
        raise UsageError("a run has no --json", why="it writes manifest.json and run.json into its folder")
    from runner.verbs import run

    return run.main(flags)


def _help() -> str:
    """What one can type: the verbs, the projects and the profiles there are."""
    from runner.config import catalogue

    lines = [_USAGE, "Verbs"]
    lines += [f"  {verb:<11} {about}" for verb, about in VERBS.items()]
    lines += ["", "Projects (+project=...)"]
    projects = catalogue.choices("project")
    width = max((len(choice.name) for choice in projects), default=0)
    lines += [f"  {choice.name:<{width}}  {_cut(choice.about, 76 - width)}" for choice in projects]
    lines += [""]
    for group in catalogue.GROUPS:
        lines.append(f"{group}=...  {', '.join(choice.name for choice in catalogue.choices(group))}")
    lines += ["", _OPTIONS]
    return "\n".join(lines)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _print(text: str) -> None:
    print(text)


def entry() -> None:
    """The console script and `python -m runner`."""
    code = main()
    if code == EXIT_INTERRUPTED:
        # An interrupt inside an `exec` of text (dataclasses do that) makes CPython end by SIGINT, whatever
        # exit code is asked for. Everything that needs closing was closed on the way here.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)
