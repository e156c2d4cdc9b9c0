"""How fast the last frame is read, by each method that reads the right one.

python tests/benchmarks/extraction.py [--rounds 5] [--keep FOLDER]

Makes clips of 10 s and 60 s, 720p and 1080p, with short (12 frames) and long (250 frames) groups of
pictures. Each measurement is a process of its own that imports, then times one extraction; `pyav` and one
other method take turns, and the ratio is the median over those pairs, so that a busy machine slows both
alike. Memory is the peak of the process, plus that of the largest program it started.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # to run from a checkout that is not installed

RATE = 25
SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}
GROUPS = {"short": 12, "long": 250}
SECONDS = (10, 60)
OTHERS = ("ffmpeg_seek", "ffmpeg_reverse", "scikit_video", "pyav_full_decode")
FLAT = (
    1.3  # how much longer a clip six times as long may take, or how much more memory, and still count as flat
)
EVEN = 1.05  # a ratio up to this counts as "as fast as"


@dataclass(frozen=True)
class Measured:
    seconds: float
    mib: float
    digest: str


# --- in the measuring process
# ---------------------------------------------------------------------------------------


def measure(method: str, clip: Path) -> None:
    """Extract once and print what it took as JSON."""
    extract = _method(method)
    begin = time.perf_counter()
    try:
        rgb = extract(clip)
    except Exception as error:
        print(json.dumps({"error": getattr(error, "why", "") or str(error)}))
        return
    seconds = time.perf_counter() - begin
    kib = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(
        json.dumps(
            {"seconds": seconds, "mib": kib / 1024, "digest": hashlib.sha256(rgb.tobytes()).hexdigest()}
        )
    )


def _method(name: str) -> Any:
    from runner.api import HandOver
    from runner.plugins import ffmpeg, pyav, scikit_video

    if name == "pyav_full_decode":
        return _full_decode()
    module, options = {
        "pyav": (pyav, {}),
        "ffmpeg_seek": (ffmpeg, {"method": "seek"}),
        "ffmpeg_reverse": (ffmpeg, {"method": "reverse", "reverse_max_mib": 16384}),
        "scikit_video": (scikit_video, {}),
    }[name]
    spec = module.runner_register()
    extractor = spec.factory(spec.options(**options), None)  # type: ignore[arg-type]
    if name == "pyav":
        import runner.media.frames  # noqa: F401 - as the others, which import theirs when they are built
    return lambda clip: extractor.extract(clip, HandOver.LAST).rgb


def _full_decode() -> Any:
    import av

    from runner.media.colour import to_rgb

    def extract(clip: Path) -> Any:
        with av.open(str(clip)) as container:
            container.streams.video[0].thread_type = "AUTO"
            last = None
            for frame in container.decode(video=0):
                last = frame
            return to_rgb(last)

    return extract


# --- in the process that compares
# -----------------------------------------------------------------------------------


def run(method: str, clip: Path) -> Measured | str:
    """Measure in a process of its own; a text says why there is no result."""
    command = [sys.executable, __file__, "--measure", method, str(clip)]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout)
    return answer["error"] if "error" in answer else Measured(**answer)


def clips_in(folder: Path) -> dict[tuple[str, str, int], Path]:
    """Return where the clips are, by size, group of images and seconds."""
    return {
        (size, group, seconds): folder / f"{size}_{group}_{seconds}.mp4"
        for size in SIZES
        for group in GROUPS
        for seconds in SECONDS
    }


def make_clips(folder: Path) -> None:
    """Encode the 10 s clips that are not there yet, and repeat their packets for the longer ones."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = clips_in(folder)
    for size, (width, height) in SIZES.items():
        for group, gop in GROUPS.items():
            first = clips[size, group, SECONDS[0]]
            if not first.exists():
                print(f"making {first.name}", file=sys.stderr)
                _encode(first, width, height, gop)
            for seconds in SECONDS:
                if not clips[size, group, seconds].exists():
                    _repeat(first, clips[size, group, seconds], seconds // SECONDS[0])


def _encode(path: Path, width: int, height: int, gop: int) -> None:
    import av
    import numpy as np

    random = np.random.default_rng(7)
    blocks = (
        random.integers(0, 256, (height // 8 + 64, width // 8 + 64, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    )
    noise = random.integers(-6, 7, (height, width, 1), np.int16)
    with av.open(str(path), "w") as container:
        track = container.add_stream("libx264", rate=RATE)
        track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        track.codec_context.colorspace, track.codec_context.color_range = 1, 1
        track.options = {
            "g": str(gop),
            "keyint_min": str(gop),
            "sc_threshold": "0",
            "bf": "3",
            "preset": "veryfast",
        }
        for index in range(RATE * SECONDS[0]):
            x, y = index % 500, index % 300
            rgb = blocks[y : y + height, x : x + width].astype(np.int16) + np.roll(noise, 7 * index, 1)
            frame = av.VideoFrame.from_ndarray(np.clip(rgb, 0, 255).astype(np.uint8), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
            frame.pts, frame.time_base, frame.colorspace, frame.color_range = index, Fraction(1, RATE), 1, 1
            container.mux(track.encode(frame))
        container.mux(track.encode(None))


def _repeat(source: Path, target: Path, times: int) -> None:
    import av

    with av.open(str(target), "w") as out:
        for turn in range(times):
            with av.open(str(source)) as container:
                track = container.streams.video[0]
                if turn == 0:
                    copy = out.add_stream_from_template(track)
                offset = turn * track.duration
                for packet in container.demux(track):
                    if packet.dts is not None:
                        packet.pts += offset
                        packet.dts += offset
                        packet.stream = copy
                        out.mux(packet)


def compare(clip: Path, rounds: int) -> dict[str, tuple[list[Measured], list[Measured]] | str]:
    """Measure `pyav` and each other method in turns; as text why a method has no right result."""
    pairs: dict[str, tuple[list[Measured], list[Measured]] | str] = {}
    for other in OTHERS:
        ours: list[Measured] = []
        theirs: list[Measured] = []
        problem = ""
        for turn in range(rounds):
            order = ("pyav", other) if turn % 2 else (other, "pyav")
            found = {method: run(method, clip) for method in order}
            mine, its = found["pyav"], found[other]
            if isinstance(mine, str):
                raise SystemExit(f"pyav fails on {clip}: {mine}")
            if isinstance(its, str) or its.digest != mine.digest:
                problem = its if isinstance(its, str) else "gives another frame"
                break
            ours.append(mine)
            theirs.append(its)
        pairs[other] = problem or (ours, theirs)
    return pairs


def report(clips: dict[tuple[str, str, int], Path], rounds: int) -> None:
    """Print the tables and whether the claims hold."""
    slower: list[str] = []
    own: dict[tuple[str, str, int], tuple[float, float]] = {}
    print(f"{'clip':<18}{'method':<18}{'s':>8}{'MiB':>8}{'pyav/it':>9}   (range)")
    for (size, group, seconds), path in clips.items():
        name = f"{size} {group} {seconds} s"
        pairs = compare(path, rounds)
        ours = [mine for pair in pairs.values() if not isinstance(pair, str) for mine in pair[0]]
        own[size, group, seconds] = _medians(ours)
        print(
            f"{name:<18}{'pyav':<18}{own[size, group, seconds][0]:>8.3f}{own[size, group, seconds][1]:>8.0f}"
        )
        for other, pair in pairs.items():
            if isinstance(pair, str):
                print(f"{'':<18}{other:<18}no result: {pair}")
                continue
            ratios = sorted(mine.seconds / its.seconds for mine, its in zip(*pair, strict=True))
            ratio = statistics.median(ratios)
            its_s, its_mib = _medians(pair[1])
            print(
                f"{'':<18}{other:<18}{its_s:>8.3f}{its_mib:>8.0f}{ratio:>9.2f}   ({ratios[0]:.2f} to {ratios[-1]:.2f})"
            )
            if ratio > EVEN:
                slower.append(f"{name}: {other} ({ratio:.2f})")
    _claim("pyav is at least as fast as every other method on each clip", slower)
    grown: list[str] = []
    short, long = SECONDS
    for size in SIZES:
        for group in GROUPS:
            times, memory = (own[size, group, long][at] / own[size, group, short][at] for at in (0, 1))
            print(f"{size} {group}: {long} s / {short} s = {times:.2f} in time, {memory:.2f} in memory")
            if max(times, memory) > FLAT:
                grown.append(f"{size} {group}")
    _claim("its time and memory do not grow with the length of the clip", grown)


def _medians(measured: list[Measured]) -> tuple[float, float]:
    return statistics.median(m.seconds for m in measured), statistics.median(m.mib for m in measured)


def _claim(text: str, exceptions: list[str]) -> None:
    print(f"{text}: {'holds' if not exceptions else 'does not hold for ' + ', '.join(exceptions)}\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="pairs for each clip and method")
    parser.add_argument("--keep", type=Path, help="a folder to make the clips in, and find them again")
    parser.add_argument("--measure", nargs=2, metavar=("METHOD", "CLIP"), help=argparse.SUPPRESS)
    parser.add_argument("--make", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        make_clips(arguments.make)
        return
    if arguments.measure:
        measure(arguments.measure[0], Path(arguments.measure[1]))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        # In another process: the peak memory of a process starts at that of the one that started it.
        subprocess.run([sys.executable, __file__, "--make", str(folder)], check=True)
        report(clips_in(folder), arguments.rounds)


if __name__ == "__main__":
    main()
