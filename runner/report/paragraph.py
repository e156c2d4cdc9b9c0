"""Text for a terminal of any width: prose is broken between words, what is to be copied stays on its line."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Final

from runner.errors import ConfigError

if TYPE_CHECKING:
    from rich.text import Text

    from runner.errors import RunnerError
    from runner.report.console import Console

_NARROWEST: Final = 40
_TO_COPY: Final = re.compile(r"""python -m runner|['"]""")
"""What stands in a next step that is to be copied."""


def folded(text: str, width: int, *, indent: int = 2) -> str:
    """A text whose lines are no longer than `width`; what goes on is indented more than its line by `indent`.

    Words are not broken, and a next step that is to be copied stays on its line.
    """
    lines: list[str] = []
    for line in text.split("\n"):
        start = len(line) - len(line.lstrip())
        to_copy = line.lstrip().startswith(("next:", "python -m runner")) and _TO_COPY.search(line)
        if len(line) <= width or to_copy:
            lines.append(line)
        else:
            lines += textwrap.wrap(
                line,
                max(width, _NARROWEST),
                subsequent_indent=" " * (start + indent),
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines)


def show(console: Console, text: str, *, style: str = "", head: Text | str = "", indent: int = 2) -> None:
    """Print one paragraph after a `head`, its further lines indented. Paths, addresses and names are not broken."""
    from rich.text import Text

    lines = textwrap.wrap(
        f"{head}{text}",
        max(console.width, _NARROWEST),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    shown = Text("\n".join(lines), style=style)
    if isinstance(head, Text):
        shown.stylize(head.style, 0, len(head.plain.rstrip()))
    console.print(shown, soft_wrap=True)


def show_error(console: Console, head: str, error: RunnerError, *, style: str) -> None:
    """Print what happened, where and why, and what to do next."""
    from rich.text import Text

    show(console, f"{head}{error.what}", style=style)
    if isinstance(error, ConfigError):
        for problem in error.problems:
            console.print(Text(f"  - {problem}", style=style), soft_wrap=True)
    for label, text in error.labelled:
        block = f"  {label}: {text}"
        if label == "next":
            console.print(Text(folded(block, console.width), style=style), soft_wrap=True)
        else:
            show(console, block, style=style, indent=4)
