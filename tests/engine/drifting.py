"""A generator whose clips get lighter by a known amount from their first frame to their last: the drift of a chain."""

from __future__ import annotations

PLUGIN = '''
import io
import itertools
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import av
import numpy as np

from runner.api import *
from runner.media import decode_image
from runner.media.lab import from_lab, to_lab

FRAMES = 6


@dataclass(frozen=True)
class Options:
    drift: float = 0.0


def drawn(prompt):
    """Blocks in muted colours."""
    blocks = np.random.default_rng(7).integers(80, 130, (9, 16, 3))
    return np.kron(blocks, np.ones((10, 10, 1)))


def encoded(frames):
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=12, options={"qp": "2", "preset": "veryfast", "bf": "0"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = 1
        context.color_range = 1
        for number, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24")
            frame = frame.reformat(format="yuv444p", dst_colorspace=1, src_color_range=2, dst_color_range=1)
            frame.pts, frame.time_base = number, Fraction(1, 12)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return memory.getvalue()


class Drifting:
    def __init__(self, options, context):
        self.options = options
        self.clips = {}

    async def submit(self, request, token):
        first = drawn(request.prompt) if request.image is None else decode_image(request.image)
        lab = to_lab(first)
        steps = [self.options.drift * step / (FRAMES - 1) for step in range(FRAMES)]
        frames = [np.rint(from_lab(lab + np.array([step, 0, 0]))).astype(np.uint8) for step in steps]
        self.clips[token] = encoded(frames)
        return TaskRef(token)

    async def poll(self, ref):
        return Status(state=State.SUCCEEDED, results=(Result("memory:"),), cost_usd=Decimal(0))

    async def fetch(self, status, sink):
        await sink.write(self.clips[next(reversed(self.clips))])


@hookimpl
def runner_register():
    return GeneratorSpec(
        name="drifting",
        factory=Drifting,
        options=Options,
        capabilities=GeneratorCapabilities(
            image=ImageInput(inline_max_bytes=10_000_000, formats=("png",)),
            polling=Polling(interval_s=Range(0.01, 0.02)),
            billing=Billing(price=lambda request: Price(usd=Decimal(0))),
        ),
    )
'''
