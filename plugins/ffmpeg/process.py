"""One run of the ffmpeg program, and what it says."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from runner.api import harmless_environment

_TIME_BASE: Final = re.compile(rb"showinfo.*config in time_base: (\d+)/(\d+)")
_PTS: Final = re.compile(rb"showinfo.* pts: *(-?\d+) ")
_SIZE: Final = re.compile(rb"showinfo.* s:(\d+)x(\d+) ")
_TOLD_LINES: Final = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """`rgb` is what it wrote. `last_s` is the time of the last frame that passed the `showinfo` filter, `size` its
    width and height. `failure` says why the run is not to be trusted, and is empty if it is."""

    rgb: bytes
    last_s: Fraction | None
    failure: str
    size: tuple[int, int] | None = None


def run(command: list[str], timeout_s: float) -> Answer:
    """Run ffmpeg and wait for it, at most `timeout_s` seconds. Never raises for what the program does."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            env=harmless_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(b"", None, f"ffmpeg took longer than {timeout_s:g} s")
    except OSError as error:
        return Answer(b"", None, f"ffmpeg cannot be run: {error}")
    if done.returncode:
        return Answer(b"", None, f"ffmpeg ended with code {done.returncode}: {_last_lines(done.stderr)}")
    base = _TIME_BASE.search(done.stderr)
    times = _PTS.findall(done.stderr)
    if base is None or not times:
        return Answer(done.stdout, None, "")
    sizes = _SIZE.findall(done.stderr)
    size = (int(sizes[-1][0]), int(sizes[-1][1])) if sizes else None
    return Answer(done.stdout, int(times[-1]) * Fraction(int(base[1]), int(base[2])), "", size)


def _last_lines(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", errors="replace").strip().splitlines()
    return " | ".join(line.strip() for line in lines[-_TOLD_LINES:])
