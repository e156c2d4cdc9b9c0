"""How much joining by copying saves. Prints ratios; run it on an idle machine:

python tests/benchmarks/joining.py [--clips 8] [--seconds 10] [--size 1920x1080]

Makes a chain of clips, without and with B-frames, and makes a film of each set in several ways:

ffmpeg re-encode     the ffmpeg program's concat filter, all of it encoded again: what most scripts do
encode               the same through PyAV, without the repeated frames
concat copy          the ffmpeg program's concat demuxer with -c copy: the least there is to do, and no seam is right
join                 what the runner does: each seam's repeated frame left out, sound faded over
join, overlap 3      the same where each clip repeats three frames: it is encoded again up to its next key frame
join, dissolve 12    the same with dissolves of half a second

Each way runs in a process of its own; wall time and CPU are in seconds, after its imports and with those of programs it
calls, memory is that process's peak in MiB. `encoded` are the frames that were encoded again.
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
import imageio_ffmpeg
import numpy as np

from runner.media.join import Part, join

FPS = 24
RE_ENCODE, COPY = "ffmpeg re-encode", "concat copy"
WAYS = (RE_ENCODE, COPY, "encode", "join", "join, overlap 3", "join, dissolve 12")


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


def by_program(clips: list[Path], target: Path, *, copy: bool) -> None:
    """The two ways of the ffmpeg program, which leave nothing out at a seam."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
    if copy:
        listed = target.with_suffix(".txt")
        listed.write_text("".join(f"file '{clip}'\n" for clip in clips))
        command += ["-f", "concat", "-safe", "0", "-i", str(listed), "-c", "copy"]
    else:
        inputs = "".join(f"[{number}:v][{number}:a]" for number in range(len(clips)))
        for clip in clips:
            command += ["-i", str(clip)]
        command += ["-filter_complex", f"{inputs}concat=n={len(clips)}:v=1:a=1[v][a]"]
        command += ["-map", "[v]", "-map", "[a]", "-c:v", "libx264", "-preset", "fast", "-crf", "16"]
    subprocess.run([*command, str(target)], check=True)


def parts(way: str, clips: list[Path]) -> list[Part]:
    """What the runner makes of a chain whose clips repeat one frame or three, or are cuts that dissolve."""
    if way == "join, dissolve 12":
        return [Part(path=clip, fade=12) for clip in clips]
    start = 3 if way == "join, overlap 3" else 0
    return [
        Part(
            path=clip,
            start=start if number else 0,
            end=-1 if not start and number + 1 < len(clips) else None,
            crossfade_s=0.02,
        )
        for number, clip in enumerate(clips)
    ]


def run_way(way: str, clips: list[Path], target: Path) -> None:
    """Do one thing in this process and print what it took."""
    wall, before = time.perf_counter(), cpu_seconds()
    encoded = len(clips) * _frames(clips[0])
    if way.startswith("join"):
        encoded = join(parts(way, clips), target).reencoded_frames
    elif way == "encode":
        encode_all(clips, target)
    else:
        by_program(clips, target, copy=way == COPY)
        encoded = 0 if way == COPY else encoded
    taken = {
        "wall": time.perf_counter() - wall,
        "cpu": cpu_seconds() - before,
        "peak": max(peak_of_this_process(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024,
        "encoded": encoded,
    }
    print(json.dumps(taken))


def cpu_seconds() -> float:
    """Of this process and of the programs it called."""
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, both))


def peak_of_this_process() -> int:
    """KiB. getrusage would count the memory of the process that started this one."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def _frames(clip: Path) -> int:
    with av.open(str(clip)) as film:
        return film.streams.video[0].frames


def measure(way: str, clips: list[Path], target: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--way", way, "--target", str(target), *map(str, clips)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--size", default="1920x1080")
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
            clips = [Path(folder) / f"b{b_frames}-{seed}.mp4" for seed in range(chosen.clips)]
            for seed, clip in enumerate(clips):
                make_clip(clip, seed, chosen.seconds, (width, height), b_frames)
            print(f"{chosen.clips} clips of {chosen.seconds} s, {chosen.size}, {name}", flush=True)
            rows: dict[str, dict[str, float]] = {}
            for way in WAYS:
                rows[way] = measure(way, clips, Path(folder) / "film.mp4")
                if COPY in rows:
                    show(rows, (RE_ENCODE, COPY) if way == COPY else (way,))


def show(rows: dict[str, dict[str, float]], ways: tuple[str, ...]) -> None:
    """Print these rows, with what they are of the slowest way and of the least there is to do."""
    for way in ways:
        row = rows[way]
        numbers = "  ".join(f"{key} {row[key]:7.2f}" for key in ("wall", "cpu", "peak"))
        print(f"  {way:18} {numbers}  encoded {row['encoded']:5.0f}", end="")
        print(f"  {rows[RE_ENCODE]['cpu'] / row['cpu']:6.1f}x less than re-encode", end="")
        print(f"  {row['cpu'] / rows[COPY]['cpu']:6.1f}x of copy", flush=True)


if __name__ == "__main__":
    main()
