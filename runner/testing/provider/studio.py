"""Has clips drawn, each once, in threads of its own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from runner.testing.provider import drawing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runner.api import EncodedImage

P = ParamSpec("P")
T = TypeVar("T")

_WORKERS: Final = 2


class Studio:
    """Keeps clips in `folder`, under what they depend on: what is there already is not drawn again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="draw")
        self._drawn: dict[str, asyncio.Future[Path]] = {}

    async def run(self, work: Callable[P, T], *args: P.args, **keys: P.kwargs) -> T:
        """What blocking work returns."""
        return await asyncio.wrap_future(self._pool.submit(work, *args, **keys))

    async def clip(
        self, look: drawing.Look, first: EncodedImage | None = None, last: EncodedImage | None = None
    ) -> Path:
        """A clip from `first` to `last`, where they are given. Raises `MediaError` for an image that is damaged."""
        key = look.key(*(None if one is None else one.data for one in (first, last)))
        path = self.folder / f"{key}.mp4"
        if key not in self._drawn:
            drawn = asyncio.ensure_future(self.run(_draw, look, first, last, path))
            self._drawn[key] = drawn
            drawn.add_done_callback(
                lambda done: self._drawn.pop(key) if done.cancelled() or done.exception() else None
            )
        return await asyncio.shield(self._drawn[key])

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _draw(look: drawing.Look, first: EncodedImage | None, last: EncodedImage | None, path: Path) -> Path:
    from runner.media import picture

    if not path.exists():
        start, end = (None if one is None else picture.decode(one) for one in (first, last))
        written = path.with_suffix(".part")
        written.write_bytes(drawing.make(look, start, end))
        written.replace(path)
    return path
