"""The command line: verbs, exit codes, and how an error is shown. Imports nothing heavy to print text."""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner import __version__, interrupts, outgoing, redaction
from runner.errors import RunnerError
from runner.outgoing import one_line
from runner.report.paragraph import folded
from runner.verbs import VERBS
from runner.verbs.arguments import COMMON

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_INTERRUPTED: Final = 130

_DRY_RUN: Final = "--dry-run"

_USAGE: Final = """\
runner - films from YAML: a shot starts where the last ended

  python -m runner +project=NAME [OVERRIDE ...]
    make the films of a project
  python -m runner -m +project=NAME KEY=A,B ...
    sweep: one run for each value
  python -m runner VERB [...]
    VERB --help shows its options
"""

_OPTIONS: Final = """\
Options
  -q, --quiet        no progress
  -m, --multirun     sweep
  --cfg job          print the configuration, run nothing
  -cd DIR            look for configuration files there, too
  --json             print JSON, for a script
  --debug            show the traceback of an error
  -sc install=bash   shell completion
  --version, --help

Overrides
  shot.seed=7
  output.root=DIR
  sequences.hero.shots.pour.prompt='steam rises'

Exit codes
  0    fine
  1    a shot failed, or got worse
  2    configuration or usage
  3    an unknown outcome waits for you
  4    the budget stopped it
  5    undecided: too few takes
  130  interrupted"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. All that it prints passes the filter of `runner.outgoing`."""
    for stream in map(outgoing.beneath, (sys.stdout, sys.stderr)):
        # Names and prompts are any Unicode; a terminal or a pipe may have fewer signs.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    redaction.remember_environment()
    with outgoing.filtered_streams():
        return _main(list(sys.argv[1:] if argv is None else argv))


def _main(words: list[str]) -> int:
    debug = "--debug" in words
    try:
        with interrupts.watched():
            return _interruptible(words, debug)
    except SystemExit as end:
        # argparse ends so once it has printed what --help shows.
        return end.code if isinstance(end.code, int) else 0
    except RunnerError as error:
        if debug:
            raise
        _print_error(f"runner: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        print("runner: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (| head): nothing left to say, and nobody to say it to.
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE) and not debug:
            print("runner: too many files are open", file=sys.stderr)
            print("  next: raise the limit (ulimit -n), then rerun the same command", file=sys.stderr)
            return 2
        if debug or error.filename is not None:
            raise
        # Without a file's name it is our own output that cannot be written.
        print(f"runner: the output cannot be written: {error.strerror}", file=sys.stderr)
        print("  next: make room, then rerun the same command: finished shots are kept", file=sys.stderr)
        return 1


def _interruptible(words: list[str], debug: bool) -> int:
    try:
        return _dispatch(words)
    except Exception:
        # What breaks because of an interrupt is the interrupt.
        if interrupts.seen() and not debug:
            raise KeyboardInterrupt from None
        raise


def _dispatch(words: list[str]) -> int:
    if not words:
        _print(_help())
        return 2
    # The common flags may stand before the verb, too.
    at = next((at for at, word in enumerate(words) if word not in COMMON), 0)
    if words[at] == "run":  # is what is done without a verb
        words = [*words[:at], *words[at + 1 :]]
        at = min(at, max(len(words) - 1, 0))
    if _DRY_RUN in words and (words[at] == "plan" or words[at] not in VERBS):
        # Nothing is executed, as is asked for.
        words = ["plan", *(word for word in words if word not in (_DRY_RUN, "plan"))]
        at = 0
    if not words or words[at] == "help":
        _print(_help())
        return 0 if words else 2
    if words[at] in VERBS:
        verb = importlib.import_module(f"runner.verbs.{words[at]}")
        return int(verb.main([*words[:at], *words[at + 1 :]]))
    if "--help" in words or "-h" in words:
        _print(_help())
        return 0
    if words[at] in ("--version", "version"):
        print(__version__)
        return 0
    from runner.verbs import run

    return run.main(words)


def _help() -> str:
    """What one can type: the verbs, the projects and the profiles there are."""
    from runner.config import catalogue

    columns = shutil.get_terminal_size().columns
    lines = [_USAGE, "Verbs"]
    lines += [folded(f"  {verb:<11}  {about}", columns, indent=13) for verb, about in VERBS.items()]
    lines += ["", "Projects (+project=...)"]
    projects = catalogue.choices("project", Path())
    width = max((len(choice.name) for choice in projects), default=0)
    lines += [
        f"  {one_line(choice.name):<{width}}  {_cut(choice.about, max(20, columns - 4 - width))}"
        for choice in projects
    ]
    lines += [""]
    for group in catalogue.GROUPS:
        names = ", ".join(one_line(choice.name) for choice in catalogue.choices(group, Path()))
        lines.append(folded(f"{group}=...  {names}", columns))
    lines += ["", _OPTIONS]
    return "\n".join(lines)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _print_error(text: str) -> None:
    """To a terminal broken between words; a log or a program gets each part in one line."""
    if outgoing.beneath(sys.stderr).isatty():
        text = folded(text, shutil.get_terminal_size().columns)
    print(text, file=sys.stderr)


def _print(text: str) -> None:
    print(text)


def entry() -> None:
    """The console script and `python -m runner`."""
    # For good: what ends the process is printed by Python itself.
    outgoing.filter_streams()
    code = main()
    if code == EXIT_INTERRUPTED:
        # An interrupt inside an `exec` of text (dataclasses do that) makes CPython end by SIGINT, whatever
        # exit code is asked for. Everything that needs closing was closed on the way here.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)
