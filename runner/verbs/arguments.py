"""What all verbs have in common on the command line: flags, help, and mistakes told as `UsageError`."""

from __future__ import annotations

import argparse
import contextlib
import logging
import re
import shutil
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from runner.errors import UsageError
from runner.outgoing import LogFormatter
from runner.report.paragraph import folded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROGRAM: Final = "python -m runner"

COMMON: Final = ("-q", "--quiet", "--json", "--debug")
"""The flags that every verb takes, before or after its name."""


class Common(argparse.Namespace):
    """The parsed words of a verb. Each verb declares its own arguments in a subclass."""

    quiet: bool
    as_json: bool
    debug: bool


@contextlib.contextmanager
def tracebacks(debug: bool) -> Iterator[None]:
    """With `debug`, show on standard error the traceback of a plugin that broke; otherwise only the logs of runs have
    it, and the handler of last resort of `logging` does not."""
    handler = logging.StreamHandler() if debug else logging.NullHandler()
    log = logging.getLogger("runner" if debug else "runner.engine.plugin_calls")
    handler.setLevel(logging.ERROR)
    handler.setFormatter(LogFormatter())
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


A = TypeVar("A", bound=Common)


class Parser(argparse.ArgumentParser):
    """Options and words in any order. `examples` are whole commands without `python -m runner`."""

    def __init__(self, verb: str, description: str, *, examples: Sequence[str]) -> None:
        super().__init__(
            prog=f"{PROGRAM} {verb}".rstrip(),
            description=folded(description, shutil.get_terminal_size().columns, indent=0),
            epilog="\n".join(["examples:", *(f"  {PROGRAM} {example}" for example in examples)]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.add_argument("-q", "--quiet", action="store_true", help="no progress")
        self.add_argument("--json", action="store_true", dest="as_json", help="print JSON, for a script")
        self.add_argument("--debug", action="store_true", help="show the traceback of an error")

    def read(self, words: Sequence[str], into: A) -> A:
        """`into` with what `words` say. Raises `UsageError`; `SystemExit` after `--help` was printed."""
        _, unknown = self.parse_known_intermixed_args(list(words), into)
        if unknown:
            self._refuse(unknown[0].partition("=")[0])
        return into

    def error(self, message: str) -> NoReturn:
        verb = self.prog.removeprefix(PROGRAM).strip()
        raise UsageError(f"{verb}: {message}" if verb else message, hint=f"{self.prog} --help")

    def _refuse(self, option: str) -> NoReturn:
        from runner.config.convert import nearest

        known = re.findall(r"(?<![\w-])--?[a-z][a-z-]*", self.format_help())
        raise UsageError(
            f"there is no option {option}", why=nearest(option, known), hint=f"{self.prog} --help"
        )
