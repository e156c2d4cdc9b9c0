"""Brings decoded frames to the size, orientation, sample format and colours of the film."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from av.filter import Graph

from runner.media.cropping import NOTHING, cropped_size
from runner.media.hdr import is_hdr, tone_mapping

from .plan import display_look

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import av

    from .clip import Clip
    from .encoder import Settings
    from .pieces import Look

_CLOCKWISE: Final = ((), ("transpose=clock",), ("hflip", "vflip"), ("transpose=cclock",))
_MATRICES: Final = {"rgb": "bt709"}  # the filter needs a name even where there is no matrix


def conform(frames: Iterable[av.VideoFrame], clip: Clip, settings: Settings) -> Iterator[av.VideoFrame]:
    """Yield each frame as the film needs it: itself where nothing is to be done, else a filtered copy."""
    if _fits(clip, settings):
        yield from frames
        return
    steps = _steps(clip, settings)
    graph: Graph | None = None
    shape: tuple[int, int, str] | None = None
    for number, frame in enumerate(frames):
        if shape != (frame.width, frame.height, frame.format.name):
            shape = (frame.width, frame.height, frame.format.name)
            graph = _graph(frame, steps)
        assert graph is not None
        frame.pts = number
        graph.vpush(frame)
        yield graph.vpull()


def _fits(clip: Clip, settings: Settings) -> bool:
    same_look = (clip.width, clip.height) == (settings.look.width, settings.look.height)
    same_samples = clip.pix_fmt == settings.pix_fmt and clip.colour == settings.colour
    return (
        same_look
        and same_samples
        and clip.crop == NOTHING
        and clip.turns == (0, False)
        and clip.sar in (None, 1)
    )


def _steps(clip: Clip, settings: Settings) -> list[str]:
    look = settings.look
    width, height = _inside(display_look(clip), look)
    scale = f"scale={width}:{height}:flags=lanczos+accurate_rnd+full_chroma_int"
    scale += f":in_color_matrix={_MATRICES.get(clip.matrix, clip.matrix)}:in_range={_range(clip.full_range)}"
    scale += f":out_color_matrix={settings.matrix}:out_range={_range(settings.full_range)}"
    if is_hdr(clip.colour.transfer) and not is_hdr(settings.colour.transfer):
        scale += f":{tone_mapping(clip.colour.transfer)}"
    left, top = (look.width - width) // 4 * 2, (look.height - height) // 4 * 2
    pad = f"pad={look.width}:{look.height}:{left}:{top}:color=black"
    clockwise, mirrored = clip.turns
    turns = (*(["hflip"] if mirrored else []), *_CLOCKWISE[clockwise])
    return [*_crop(clip), *turns, scale, f"format={settings.pix_fmt}", pad, "setsar=1"]


def _crop(clip: Clip) -> list[str]:
    if clip.crop == NOTHING:
        return []
    width, height = cropped_size(clip.width, clip.height, clip.crop)
    return [f"crop={width}:{height}:{clip.crop.left}:{clip.crop.top}:exact=1"]


def _inside(shown: Look, look: Look) -> tuple[int, int]:
    """The largest even size of the same shape that fits into the film's."""
    if shown.width * look.height >= shown.height * look.width:
        width, height = look.width, round(look.width * shown.height / shown.width / 2) * 2
    else:
        width, height = round(look.height * shown.width / shown.height / 2) * 2, look.height
    return min(look.width, max(2, width)), min(look.height, max(2, height))


def _range(full: bool) -> str:
    return "full" if full else "limited"


def _graph(frame: av.VideoFrame, steps: list[str]) -> Graph:
    graph = Graph()
    graph.threads = 1
    nodes = [
        graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
    ]
    for step in steps:
        name, _, arguments = step.partition("=")
        nodes.append(graph.add(name, arguments or None))
    nodes.append(graph.add("buffersink"))
    graph.link_nodes(*nodes).configure()
    return graph
