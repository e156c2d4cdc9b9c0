"""`runner conformance NAME`: whether a plugin keeps its contract."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import textwrap
from typing import TYPE_CHECKING, Final

from runner.testing import conformance
from runner.verbs.arguments import Common, Parser, tracebacks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.testing.conformance import Result

_WIDTH: Final = 80
_INDENT: Final = " " * 11


class _Arguments(Common):
    words: list[str]
    spend: bool


def _parsed(words: Sequence[str]) -> tuple[_Arguments, str]:
    """The arguments, and the plugin's name among their words."""
    parser = Parser(
        "conformance",
        "Check whether a plugin keeps its contract. `plugins` lists the names.",
        examples=("conformance synthetic", "conformance NAME generator.KEY=VALUE --spend --json"),
    )
    parser.add_argument(
        "words", nargs="*", metavar="NAME", help="a plugin; KIND.KEY=VALUE sets an option of it"
    )
    parser.add_argument("--spend", action="store_true", help="also run the checks that cost money")
    arguments = parser.read(words, _Arguments())
    names = [word for word in arguments.words if "=" not in word]
    if len(names) != 1:
        parser.error("the name of one plugin is required")
    return arguments, names[0]


def main(words: Sequence[str]) -> int:
    """Check every plugin of the name; 1 when a check fails."""
    arguments, name = _parsed(words)
    targets = conformance.find(name, [word for word in arguments.words if "=" in word])
    show = _Printer()
    # What a plugin logs of the errors that are provoked here belongs to no one.
    logging.getLogger("runner.plugins").addHandler(logging.NullHandler())
    with tracebacks(arguments.debug):
        results = asyncio.run(
            conformance.examine(
                targets,
                spend=arguments.spend,
                tell=(lambda result: None) if arguments.as_json or arguments.quiet else show,
            )
        )
    failed = [one for one in results if one.verdict is conformance.Verdict.FAILED]
    if arguments.as_json:
        print(json.dumps(_as_json(results), indent=2, ensure_ascii=False))
    else:
        if arguments.quiet:
            for one in failed:
                show(one)
        counts = {verdict: sum(one.verdict is verdict for one in results) for verdict in conformance.Verdict}
        print(", ".join(f"{count} {verdict.lower()}" for verdict, count in counts.items() if count))
    return 1 if failed else 0


class _Printer:
    """Prints results as they come, under the name of their plugin."""

    def __init__(self) -> None:
        self._subject = ""

    def __call__(self, result: Result) -> None:
        if result.subject != self._subject:
            self._subject = result.subject
            print(result.subject)
        print(f"  {result.verdict:<7}  {result.check}")
        width = min(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns)
        for line in textwrap.wrap(
            result.why,
            max(40, width),
            initial_indent=_INDENT,
            subsequent_indent=_INDENT,
            break_long_words=False,  # paths are copied
            break_on_hyphens=False,
        ):
            print(line, flush=True)


def _as_json(results: list[Result]) -> dict[str, object]:
    subjects = dict.fromkeys(one.subject for one in results)
    return {
        "passed": all(one.verdict is not conformance.Verdict.FAILED for one in results),
        "plugins": {
            subject: [
                {"check": one.check, "verdict": one.verdict.lower(), "why": one.why}
                for one in results
                if one.subject == subject
            ]
            for subject in subjects
        },
    }
