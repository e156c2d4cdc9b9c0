"""`runner conformance NAME`: whether a plugin keeps its contract."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import textwrap
from typing import TYPE_CHECKING, Final

from runner.errors import UsageError
from runner.testing import conformance

if TYPE_CHECKING:
    from runner.cli import Flags
    from runner.testing.conformance import Result

_WIDTH: Final = 80
_INDENT: Final = " " * 11


def main(flags: Flags) -> int:
    """Check every plugin of the name; 1 when a check fails."""
    names = [word for word in flags.rest if "=" not in word and not word.startswith("-")]
    unknown = [word for word in flags.rest if word.startswith("-") and word != "--spend"]
    if len(names) != 1 or unknown:
        raise UsageError(
            f"there is no option {unknown[0]} here"
            if unknown
            else "conformance takes the name of one plugin",
            hint="python -m runner conformance NAME [generator.KEY=VALUE ...] [--spend] [--json]; "
            "python -m runner plugins  lists the names",
        )
    targets = conformance.find(names[0], [word for word in flags.rest if "=" in word])
    show = _Printer()
    # What a plugin logs of the errors that are provoked here belongs to no one.
    logging.getLogger("runner.plugins").addHandler(logging.NullHandler())
    results = asyncio.run(
        conformance.examine(
            targets,
            spend="--spend" in flags.rest,
            tell=(lambda result: None) if flags.as_json or flags.quiet else show,
        )
    )
    failed = [one for one in results if one.verdict is conformance.Verdict.FAILED]
    if flags.as_json:
        print(json.dumps(_as_json(results), indent=2, ensure_ascii=False))
    else:
        if flags.quiet:
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
            result.why, max(40, width), initial_indent=_INDENT, subsequent_indent=_INDENT
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
