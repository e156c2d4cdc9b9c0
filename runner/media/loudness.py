"""How loud a sound is to people: integrated loudness by ITU-R BS.1770 (EBU R 128), through ffmpeg's filter."""

from __future__ import annotations

import contextlib
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import av
import numpy as np
from av.filter import Graph

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_RATE: Final = 48_000
_SILENT: Final = -69.0
"""LUFS at and below which the filter has measured nothing: its gate is at -70."""
_KEY: Final = "lavfi.r128.I"


def integrated(blocks: Iterable[NDArray[np.float32]]) -> float | None:
    """The integrated loudness in LUFS of blocks of shape (2, samples) at 48 kHz.

    `None` is silence, or less than the 0.4 s that the measure needs.
    """
    graph = Graph()
    source = graph.add_abuffer(
        format="fltp", sample_rate=_RATE, layout="stereo", time_base=Fraction(1, _RATE)
    )
    meter = graph.add("ebur128", "metadata=1:framelog=quiet")
    sink = graph.add("abuffersink")
    graph.link_nodes(source, meter, sink).configure()
    place, found = 0, -math.inf
    for block in blocks:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = _RATE, place, Fraction(1, _RATE)
        place += block.shape[1]
        graph.push(frame)
        found = _last(graph, found)
    graph.push(None)
    found = _last(graph, found)
    return found if found > _SILENT else None


def _last(graph: Graph, found: float) -> float:
    with contextlib.suppress(av.BlockingIOError, av.EOFError):
        while True:
            stated = graph.pull().metadata.get(_KEY)
            found = float(stated) if stated is not None else found
    return found
