"""What decoding may take: a small file can claim frames of any size, and hold dozens of them at once.

How many frames a decoder holds is the stream's to say, and a hostile one says what it likes. So large frames are
decoded by one thread, for one clip at a time, and the process is measured after each frame.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.errors import NotAVideo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.codec.context import CodecContext
    from av.video.codeccontext import VideoCodecContext

MAX_PIXELS: Final = 36_000_000
"""8192x4352. Larger frames are refused."""
LARGE: Final = 9_000_000
"""Pixels of a frame above which memory counts: a little more than 4K."""
_MOST: Final = 800 << 20
"""Bytes that the process may have while a clip of large frames is decoded."""
_LEAST_GROWTH: Final = 200 << 20
"""Bytes that such a clip may take in any case, in a process that is large for other reasons."""
_STATM: Final = Path("/proc/self/statm")

_one_at_a_time = threading.RLock()


def is_large(context: CodecContext | VideoCodecContext) -> bool:
    """Whether the frames of a track are so large that their memory counts."""
    return getattr(context, "width", 0) * getattr(context, "height", 0) > LARGE


@contextlib.contextmanager
def bounded(context: VideoCodecContext) -> Iterator[Callable[[], None]]:
    """Call what this yields after each decoded frame. It raises `NotAVideo` where the clip takes too much memory.

    Waits while another thread decodes large frames.
    """
    if not is_large(context):
        yield _nothing
        return
    with _one_at_a_time:
        gc.collect()  # frames of the clip before may be in a cycle with the error about it
        most = max(_MOST, _resident() + _LEAST_GROWTH)

        def check() -> None:
            if _resident() > most:
                raise NotAVideo(
                    "this video is too large",
                    why=f"with its frames of {context.width}x{context.height} the process takes more than "
                    f"{most >> 20} MiB of memory",
                    hint="request a lower resolution",
                )

        yield check


def _nothing() -> None:
    """Frames of ordinary size are not worth measuring."""


def _resident() -> int:
    """Bytes of memory that the process has now, or where that cannot be told, the most that it ever had."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return _peak()


def _peak() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
