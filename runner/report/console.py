"""Rich's console: the text that it prints is `outgoing`, the colours and cursor moves are its own."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

from rich.console import Console as RichConsole

from runner.printable import outgoing, raw_stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import ConsoleOptions, RenderableType
    from rich.segment import Segment


class Console(RichConsole):
    """A console without highlighting on standard output, or on standard error."""

    def __init__(self, *, stderr: bool = False, file: IO[str] | None = None) -> None:
        super().__init__(
            file=file or raw_stream(sys.stderr if stderr else sys.stdout), highlight=False, markup=False
        )

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Every piece of text passes here."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=outgoing(segment.text))
