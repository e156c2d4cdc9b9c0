"""How much joining by copying saves. Prints ratios; run it on an idle machine:

python tests/benchmarks/joining.py [--clips 8] [--seconds 10] [--size 1280x720]

Makes a chain of clips, without and with B-frames, joins each set, and encodes the same film again as a whole.
Each way runs in a process of its own; wall time and CPU are in seconds, memory is that process's peak in MiB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from runner.media.join import Part, join

FPS = 24


def make_clip(path: Path, seed: int, seconds: int, size: tuple[int, int], b_frames: int) -> None:
    """A moving, grainy image with a tone."""
    width, height = size
    random = np.random.default_rng(seed)
    rough = random.integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    whole = av.VideoFrame.from_ndarray(rough, "rgb24").reformat(2 * width, 2 * height).to_ndarray()
    grain = random.integers(-6, 7, (height, width, 1), dtype=np.int16)
    with av.open(str(path), "w") as film:
        options = {"preset": "veryfast", "crf": "20", "bf": str(b_frames)}
        track = film.add_stream("libx264", rate=FPS, options=options)
        track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        voice = film.add_stream("aac", rate=48_000, layout="stereo")
        for number in range(seconds * FPS):
            y, x = 2 * number % height, 3 * number % width
            shown = np.clip(
                whole[y : y + height, x : x + width] + np.roll(grain, 37 * number, axis=1), 0, 255
            )
            frame = av.VideoFrame.from_ndarray(shown.astype(np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            film.mux(track.encode(frame))
        film.mux(track.encode(None))
        for start in range(0, seconds * 48_000, 1024):
            wave = np.sin(2 * np.pi * 440 * np.arange(start, start + 1024) / 48_000) / 4
            sound = av.AudioFrame.from_ndarray(np.stack([wave, wave]).astype(np.float32), "fltp", "stereo")
            sound.sample_rate, sound.pts, sound.time_base = 48_000, start, Fraction(1, 48_000)
            film.mux(voice.encode(sound))
        film.mux(voice.encode(None))


def encode_all(clips: list[Path], target: Path) -> None:
    """What joining would be without copying: decode, leave out the repeated frames, encode as a whole."""
    with av.open(str(target), "w") as film:
        with av.open(str(clips[0])) as first:
            width, height = first.streams.video[0].width, first.streams.video[0].height
        track = film.add_stream("libx264", rate=FPS, options={"preset": "fast", "crf": "16"})
        track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        shown = 0
        for clip in clips:
            with av.open(str(clip)) as source:
                total = source.streams.video[0].frames - (clip is not clips[-1])
                source.streams.video[0].thread_type = "AUTO"
                for number, frame in enumerate(source.decode(video=0)):
                    if number == total:
                        break
                    frame.pts, frame.time_base, frame.pict_type = shown, Fraction(1, FPS), 0
                    film.mux(track.encode(frame))
                    shown += 1
        film.mux(track.encode(None))


def run_way(way: str, clips: list[Path], target: Path) -> None:
    """Do one thing in this process and print what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    method = "re-encoded as a whole"
    if way == "join":
        method = join([Part(path=clip, drop_last=clip is not clips[-1]) for clip in clips], target).method
    else:
        encode_all(clips, target)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    taken = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peak": peak}
    print(json.dumps({"method": method, **taken}))


def measure(way: str, clips: list[Path], target: Path) -> dict[str, float | str]:
    command = [sys.executable, __file__, "--way", way, "--target", str(target), *map(str, clips)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--target", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.way:
        run_way(chosen.way, chosen.paths, chosen.target)
        return
    width, height = (int(side) for side in chosen.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        for name, b_frames in (("no B-frames", 0), ("3 B-frames", 3)):
            clips = [Path(folder) / f"{name}-{seed}.mp4" for seed in range(chosen.clips)]
            for seed, clip in enumerate(clips):
                make_clip(clip, seed, chosen.seconds, (width, height), b_frames)
            whole, joined = (measure(way, clips, Path(folder) / f"{way}.mp4") for way in ("encode", "join"))
            print(f"{chosen.clips} clips of {chosen.seconds} s, {chosen.size}, {name}")
            for row in (whole, joined):
                numbers = "  ".join(f"{key} {row[key]:7.2f}" for key in ("wall", "cpu", "peak"))
                print(f"  {row['method']:28} {numbers}")
            ratios = [f"{key} {whole[key] / joined[key]:.1f}x" for key in ("wall", "cpu", "peak")]
            print(f"  less by {', '.join(ratios)}")


if __name__ == "__main__":
    main()
