"""Puts files of unknown origin through everything that reads media, in a process of its own: it may crash, hang, or
eat the memory of the machine, and is measured.

Reads the path of a file a line; answers one JSON object a line.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT_S = 60
IMAGES = (".png", ".jpg", ".webp", ".heic", ".avif")


class Hangs(BaseException):
    """A step took too long. No `Exception`, so that nobody handles it."""


def steps(path: Path, extractors: dict[str, Any]) -> Iterator[tuple[str, Callable[[], object]]]:
    """What a run does with a clip that arrived, or with an image that is given."""
    from runner.api import HandOver
    from runner.media import frames, picture, probe, seam
    from runner.media.drift import drift
    from runner.media.join import Part, join
    from runner.media.survey import survey

    if path.suffix in IMAGES:
        yield "adopt", lambda: picture.decode(picture.adopt(path.read_bytes(), name=path.name).image)
        return

    def arrive() -> object:
        facts = probe.probe(path)
        seen = survey(path, facts.duration_s)
        drift(seen.stations)
        return seam.measure(seen.opening[0].copy(), seen.opening)

    yield "arrive", arrive
    yield "last frame", lambda: picture.encode(frames.last_frame(path).rgb)
    parts = [Part(path=path, end=-1), Part(path=path)]
    yield "join", lambda: join(parts, path.with_suffix(".joined.mp4"))
    for name, extractor in extractors.items():
        yield name, lambda extractor=extractor: extractor.extract(path, HandOver.LAST)


def tried(step: Callable[[], object]) -> str:
    """How a step ends: "fine", "refused", or what went wrong."""
    from runner.errors import RunnerError

    signal.alarm(LIMIT_S)
    try:
        step()
    except RunnerError as error:
        return "refused" if str(error) and error.exit_code in (1, 2) else f"says nothing: {error!r}"
    except Hangs:
        return "hangs"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    return "fine"


def own_peak_kb() -> int:
    """`ru_maxrss` would count the memory of the process that started this one."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def main() -> None:
    def late(number: int, frame: object) -> None:
        raise Hangs

    signal.signal(signal.SIGALRM, late)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libav's own messages
    from types import SimpleNamespace

    from runner import plugins

    registry = plugins.load([])
    context: Any = SimpleNamespace(log=logging.getLogger("test"), work_dir=Path())
    extractors = {}
    for name in sys.argv[1:]:
        spec = registry.extractor(name)
        assert spec is not None
        extractors[name] = spec.factory(spec.options(), context)
    for line in sys.stdin:
        path = Path(line.strip())
        started = time.monotonic()
        found = {name: tried(step) for name, step in steps(path, extractors)}
        with contextlib.suppress(OSError):
            path.with_suffix(".joined.mp4").unlink()
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        answer = {
            "found": found,
            "peak_kb": max(own_peak_kb(), children),
            "seconds": time.monotonic() - started,
        }
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main()
