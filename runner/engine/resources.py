"""What a session owns once, for all of its runs."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from runner.memo import Memo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from runner.engine.limits import AccountLimits
    from runner.engine.plugin_objects import PluginObjects
    from runner.engine.seam_cuts import SeamCut
    from runner.engine.timing import Timing
    from runner.media.join import Samples
    from runner.media.measures.seam_frames import Ends
    from runner.store.interface import Journal, ObjectStore

P = ParamSpec("P")
T = TypeVar("T")

_AT_ONCE: Final = 2
_FILE_THREADS: Final = 2
_SEAMS: Final = 1000
"""Numbers of a seam take 200 bytes."""
_ENDS_BYTES: Final = 256 * 2**20
"""Of eight clips at 1080p."""
_SOUND_BYTES: Final = 64 * 2**20
"""Three minutes of sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Shared by all runs of a session."""

    root: Path
    """The outputs root."""
    work: Path
    """A private folder that is removed at the end of the session."""
    journal: Journal
    objects: ObjectStore
    plugins: PluginObjects
    limits: AccountLimits
    timing: Timing
    measuring: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    """For those who hold the frames of a clip, to measure them."""
    seams: Memo[SeamCut] = field(default_factory=lambda: Memo(_SEAMS))
    """Seams that were measured for a film: the films of a sweep share most of them."""
    ends: Memo[Ends] = field(default_factory=lambda: Memo(_ENDS_BYTES, lambda ends: ends.bytes))
    """Frames at both ends of clips that were just decoded, by the digest of the clip."""
    sounds: Memo[Samples] = field(default_factory=lambda: Memo(_SOUND_BYTES, lambda samples: samples.nbytes))
    """Decoded sound of clips, for the films of a sweep that have them in common."""
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    _files: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_FILE_THREADS, thread_name_prefix="files")
    )

    async def in_files_thread(self, work: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        """Run short work on the files of a root, in one of a few threads.

        Such work is Python for the most part: of hundreds of runs that start or end together, more threads would only
        take the interpreter from each other. What computes for long belongs to `asyncio.to_thread`.
        """
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            self._files, lambda: context.run(work, *args, **more)
        )

    def close(self) -> None:
        """Let the threads go, once they are idle."""
        self._files.shutdown(wait=False)

    def is_taken(self, key: str) -> bool:
        """Whether a run of this session is generating the clip."""
        return key in self._turns and self._turns[key].locked()

    @contextlib.asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Shots of this session that request the same clip take turns: the second one finds it stored."""
        async with self._turns.setdefault(key, asyncio.Lock()):
            yield
