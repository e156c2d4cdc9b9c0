"""What a terminal shows after the bytes that a program wrote to it."""

from __future__ import annotations

import re
from typing import Final

_PARTS: Final = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|(\r)|(\n)|([^\r\n\x1b]+)")


def screen(written: str) -> list[str]:
    """The lines on the screen, colours left out, all blank lines too. The terminal is wide enough for every line.

    Knows only what a progress display needs. Raises `ValueError` for any other control sequence.
    """
    lines, row, column, at = [""], 0, 0, 0
    while at < len(written):
        part = _PARTS.match(written, at)
        if part is None:
            raise ValueError(f"an escape sequence that is not known: {written[at : at + 20]!r}")
        at = part.end()
        argument, command, carriage_return, line_feed, text = part.groups()
        if carriage_return:
            column = 0
        elif line_feed:
            row += 1
            column = 0
            lines += [""] * (row + 1 - len(lines))
        elif text is not None:
            if not text.isprintable():
                raise ValueError(f"control characters in {text!r}")
            line = lines[row].ljust(column)
            lines[row] = line[:column] + text + line[column + len(text) :]
            column += len(text)
        elif (argument, command) == ("2", "K"):
            lines[row] = ""
        elif command == "A":
            row = max(0, row - int(argument or 1))
        elif command != "m" and argument != "?25":  # a colour; the cursor shown and hidden
            raise ValueError(f"an escape sequence that is not known: {part.group()!r}")
    return [line.rstrip() for line in lines if line.strip()]
