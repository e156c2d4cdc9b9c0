"""The parts that `engine` measures, each run in a process of its own: it prints CPU seconds and peak memory as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import httpx
import numpy as np
import yaml

from runner import cli
from runner.api import Frame
from runner.config import user_file
from runner.engine import clip as clip_steps
from runner.engine.validate import ValidClip
from runner.media import frames, picture, probe, seam
from runner.media.drift import drift
from runner.media.survey import survey
from runner.net import http
from runner.store.clip_record import ClipFile, ColourDrift, SeamAdherence
from runner.testing import PLUGINS
from runner.testing.provider import drawing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.engine.download import Downloaded

PAID: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "bare": ("bare client", ()),
    "httpx": ("httpx as it comes", ()),
    "orchestration": ("orchestration", ("bare", "httpx")),
    "bare_media": ("bare client with media", ()),
    "engine": ("the engine", ("bare_media",)),
}
"""Part: its name, and the parts that it is compared with."""

_AT_ONCE: Final = 100
_WARM_UP: Final = (2, 2)
_CLIP: Final = ClipFile(
    bytes=0,
    codec="h264",
    width=64,
    height=36,
    fps="4",
    frames=4,
    duration_s=1.0,
    audio=None,
    drift=ColourDrift(luma=0.0, chroma=0.0, hue_deg=0.0),
)
_ADHERENCE: Final = SeamAdherence(verdict="locked", psnr_db=41.0, repeats=0, zoom=1.0, doubled=True)


def paid(part: str, base_url: str, chains: int, shots: int) -> dict[str, float]:
    work = _WORK[part]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        work(base_url, *_WARM_UP)
    before = time.process_time()
    work(base_url, chains, shots)
    cpu_s = time.process_time() - before
    return {
        "cpu_s": cpu_s,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "warmed_up": _WARM_UP[0] * _WARM_UP[1],
    }


# --- the engine ---------------------------------------------------------------------------------------------------


def describe(base_url: str, chains: int, shots: int, folder: Path) -> None:
    """Write a project of many chains."""
    project = {
        "project": {"name": "many"},
        "shot": {"duration_s": 1.0},
        "generator": {"plugin": "fake", "price_usd": 0.1, "poll_s": 0.01},
        "limits": {"in_flight": _AT_ONCE},
        "film": {"join": False},
        "sequences": {
            f"chain{chain}": {
                "shots": {f"shot{shot}": {"prompt": f"{chain} {shot}"} for shot in range(shots)}
            }
            for chain in range(chains)
        },
    }
    file = folder / "conf" / "project" / "many.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("# @package _global_\n" + yaml.safe_dump(project), encoding="utf-8")
    own = folder / "user.yaml"
    own.write_text(
        yaml.safe_dump({"generator": {"base_url": base_url}, "plugins": {"dirs": [str(PLUGINS)]}}),
        encoding="utf-8",
    )
    os.environ[user_file.VARIABLE] = str(own)


def engine(base_url: str, chains: int, shots: int) -> None:
    describe(base_url, chains, shots, Path.cwd())
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = cli.main(["+project=many", "--quiet"])
    assert code == 0, f"exit code {code}: {out.getvalue()[-2000:]}"


def orchestration(base_url: str, chains: int, shots: int) -> None:
    with nobody_looks():
        engine(base_url, chains, shots)


@contextlib.contextmanager
def nobody_looks() -> Iterator[None]:
    """Ready answers instead of all work on pictures."""
    rgb = np.zeros((36, 64, 3), np.uint8)
    frame, still = Frame(rgb=rgb, time_s=0.75, method="none"), picture.encode(rgb)

    def validated(arrived: Downloaded, planned: Any, checks: Any, given: Any) -> ValidClip:
        return ValidClip(
            clip=dataclasses.replace(_CLIP, bytes=arrived.size),
            adherence=None if given is None else _ADHERENCE,
            warnings=(),
        )

    with (
        patch.object(clip_steps, "validate", validated),
        patch.object(frames, "last_frame", lambda path: frame),
        patch.object(picture, "encode", lambda rgb, format="png": still),
        patch.object(picture, "decode", lambda encoded: rgb),
    ):
        yield


# --- clients that keep nothing ------------------------------------------------------------------------------------


def bare(base_url: str, chains: int, shots: int) -> None:
    asyncio.run(client(http.client, base_url, chains, shots))


def as_it_comes(base_url: str, chains: int, shots: int) -> None:
    asyncio.run(client(lambda: httpx.AsyncClient(timeout=60), base_url, chains, shots))


def bare_media(base_url: str, chains: int, shots: int) -> None:
    asyncio.run(client(http.client, base_url, chains, shots, last_frame_of))


def last_frame_of(clip: bytes) -> bytes:
    """What a chain cannot do without, as directly as it can be had."""
    import av

    with av.open(io.BytesIO(clip)) as container:
        shown = list(container.decode(video=0))
    return picture.encode(shown[-1].to_ndarray(format="rgb24")).data


async def client(
    make: Callable[[], httpx.AsyncClient],
    base_url: str,
    chains: int,
    shots: int,
    then: Callable[[bytes], object] | None = None,
) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)
    headers = {"Authorization": "Bearer bare"}

    async def shot(asking: httpx.AsyncClient, name: str) -> None:
        body = {"name": name, "prompt": name, "duration_s": 1.0, "token": name}
        answer = await asking.post(f"{base_url}/tasks", json=body, headers=headers)
        task = answer.json()["task_id"]
        async with asyncio.timeout(600):
            while True:
                status = (await asking.get(f"{base_url}/tasks/{task}", headers=headers)).json()
                if status["state"] == "succeeded":
                    break
                await asyncio.sleep(0.01)
        clip = (await asking.get(status["result_url"])).raise_for_status().content
        if then is not None:
            await asyncio.to_thread(then, clip)

    async def chain(asking: httpx.AsyncClient, number: int) -> None:
        for at in range(shots):
            async with slots:
                await shot(asking, f"{number}/{at}")

    async with make() as asking:
        await asyncio.gather(*(chain(asking, number) for number in range(chains)))


# --- images -----------------------------------------------------------------------------------------------------


def pictures() -> dict[str, dict[str, float]]:
    """CPU milliseconds of each step on a clip, for the canned clip and a larger one."""
    sizes = {"64x36, 4 frames": (64, 36), "1280x720, 4 frames": (1280, 720)}
    with tempfile.TemporaryDirectory() as folder:
        return {
            name: steps(Path(folder) / f"{width}.mp4", width, height)
            for name, (width, height) in sizes.items()
        }


def steps(clip: Path, width: int, height: int) -> dict[str, float]:
    clip.write_bytes(drawing.make(drawing.tiny("canned", 1.0, size=(width, height)), None, None))
    seen, frame = survey(clip, 1.0), frames.last_frame(clip)
    still, opening = picture.encode(frame.rgb), list(seen.opening)
    return {
        "probe": timed(lambda: probe.probe(clip)),
        "decode": timed(lambda: survey(clip, 1.0)),
        "drift": timed(lambda: drift(seen.stations)),
        "last frame": timed(lambda: frames.last_frame(clip)),
        "PNG": timed(lambda: picture.encode(frame.rgb)),
        "PNG read": timed(lambda: picture.decode(still)),
        "seam locked": timed(lambda: seam.measure(opening[0], opening)),
        "seam searched": timed(lambda: seam.measure(np.roll(opening[0], width // 10, axis=1), opening)),
    }


def timed(work: Callable[[], object], times: int = 20) -> float:
    work()
    before = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - before) * 1000 / times


_WORK: Final = {
    "bare": bare,
    "httpx": as_it_comes,
    "orchestration": orchestration,
    "bare_media": bare_media,
    "engine": engine,
}

if __name__ == "__main__":
    if sys.argv[1] == "pictures":
        found: Any = pictures()
    else:
        found = paid(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    print(json.dumps(found))
