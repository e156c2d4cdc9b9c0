"""rich's console, behind the filter of `runner.outgoing`.

The standard streams show the codes of colours and cursors as text, since anyone may print them. This console filters
what it is given before it adds codes of its own, and writes to the stream beneath. Another console than this one has
its colours shown as text: nothing is printed unfiltered by mistake.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich import console
from rich.text import Text

from runner.outgoing import beneath, outgoing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import ConsoleOptions, RenderableType
    from rich.segment import Segment


class Console(console.Console):
    """A console on standard output, or on standard error. Text is printed as it is: there is no markup."""

    def __init__(self, *, stderr: bool = False) -> None:
        stream = beneath(sys.stderr if stderr else sys.stdout)
        super().__init__(file=stream, stderr=stderr, highlight=False, markup=False, emoji=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        # Text is filtered whole, before it is broken into lines; then whatever else there is that makes segments.
        for segment in super().render(_filtered(renderable), options):
            yield segment if segment.control else segment._replace(text=outgoing(segment.text))


def _filtered(renderable: RenderableType) -> RenderableType:
    if isinstance(renderable, str):
        return outgoing(renderable)
    if isinstance(renderable, Text) and (plain := outgoing(renderable.plain)) != renderable.plain:
        renderable = renderable.copy()
        renderable.plain = plain
    return renderable
