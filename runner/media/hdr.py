"""High dynamic range: PQ and HLG images become what a standard screen shows of them, by libswscale's tone mapping."""

from __future__ import annotations

import threading
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from av.filter import Graph

if TYPE_CHECKING:
    import av

PQ: Final = 16
HLG: Final = 18
_TRANSFERS: Final = {PQ: "smpte2084", HLG: "arib-std-b67"}
"""By their numbers in ITU-T H.273: the names that libswscale's filter has for them."""
_TICK: Final = Fraction(1, 25)
_of_thread = threading.local()


def is_hdr(transfer: int) -> bool:
    """Whether a transfer characteristic (ITU-T H.273) is one of high dynamic range."""
    return transfer in _TRANSFERS


def named(transfer: int) -> str:
    """What people call a transfer of high dynamic range; empty for others."""
    return {PQ: "PQ", HLG: "HLG"}.get(transfer, "")


def tone_mapping(transfer: int) -> str:
    """Options of the `scale` filter that turn BT.2020 images of this transfer into BT.709."""
    source = f"in_primaries=bt2020:in_transfer={_TRANSFERS[transfer]}"
    return f"{source}:out_primaries=bt709:out_transfer=bt709:intent=perceptual"


def to_sdr(frame: av.VideoFrame, *, full_range: bool) -> av.VideoFrame:
    """An HDR frame as 4:4:4 BT.709 of limited range; a frame that is none, as it is."""
    if not is_hdr(frame.color_trc):
        return frame
    kind = (frame.width, frame.height, frame.format.name, frame.color_trc, full_range)
    if getattr(_of_thread, "kind", None) != kind:
        _of_thread.kind, _of_thread.graph = kind, _graph(frame, full_range=full_range)
    graph: Graph = _of_thread.graph
    graph.vpush(frame)
    return graph.vpull()


def _graph(frame: av.VideoFrame, *, full_range: bool) -> Graph:
    graph = Graph()
    graph.threads = 1
    options = f"in_color_matrix=bt2020:in_range={'full' if full_range else 'limited'}"
    options += f":out_color_matrix=bt709:out_range=limited:{tone_mapping(frame.color_trc)}"
    graph.link_nodes(
        graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or _TICK
        ),
        graph.add("scale", f"{options}:flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"),
        graph.add("format", "yuv444p"),
        graph.add("buffersink"),
    ).configure()
    return graph
