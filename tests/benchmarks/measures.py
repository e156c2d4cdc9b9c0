"""What a seam of 1080p costs to compare: our SSIM, PSNR and CIEDE2000 against scikit-image's.

python tests/benchmarks/measures.py [--rounds 5]

Both measure the same two images in one process, in turns; the ratio is the median over those pairs, of the processor's
time. The last lines compare with decoding it: all that a run measures by default of a clip of 5 s that chains from
another, and reading it once more for metrics of clips.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # to run from a checkout that is not installed

sys.path.insert(0, str(ROOT / "plugins"))

from basic_metrics import runner_register  # type: ignore[import-not-found]  # noqa: E402

from runner.api import NoOptions  # noqa: E402
from runner.media import probe, seam  # noqa: E402
from runner.media.drift import drift  # noqa: E402
from runner.media.look import look, mean_colour  # noqa: E402
from runner.media.measures import pairs, reading, seam_frames  # noqa: E402
from runner.media.survey import survey  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SIZE = (1920, 1080)
SECONDS, RATE = 5, 24
NO_CONTEXT: Any = None
"""What our metrics need of the runner."""


def image(number: int) -> NDArray[np.uint8]:
    """A soft texture that moves, with grain."""
    width, height = SIZE
    x, y = np.meshgrid(np.arange(width) + 3 * number, np.arange(height))
    waves = [128 + 90 * np.sin(x / 60 + turn) * np.cos(y / (45 + 10 * turn)) for turn in range(3)]
    grain = np.random.default_rng(number).normal(0, 3, (height, width, 1))
    return np.clip(np.stack(waves, axis=2) + grain, 0, 255).astype(np.uint8)


def processor_s(work: Callable[[], Any]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def reference() -> dict[str, Callable[[Any, Any], float]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from skimage import color, metrics
    return {
        "SSIM": lambda a, b: float(
            metrics.structural_similarity(pairs.luma(a), pairs.luma(b), data_range=255)
        ),
        "PSNR": lambda a, b: float(metrics.peak_signal_noise_ratio(a, b, data_range=255)),
        "CIEDE2000": lambda a, b: float(color.deltaE_ciede2000(color.rgb2lab(a), color.rgb2lab(b)).mean()),
    }


def seams(rounds: int) -> None:
    ours = {"SSIM": pairs.ssim, "PSNR": pairs.psnr_db, "CIEDE2000": pairs.delta_e}
    theirs = reference()
    a, b = image(0), image(1)
    totals: list[tuple[float, float]] = [(0.0, 0.0)] * rounds
    for name, own in ours.items():
        own(a, b)  # tables are made once
        found = []
        for at in range(rounds):
            one = (
                processor_s(lambda own=own: own(a, b)),  # type: ignore[misc]
                processor_s(lambda name=name: theirs[name](a, b)),  # type: ignore[misc]
            )
            found.append(one)
            totals[at] = (totals[at][0] + one[0], totals[at][1] + one[1])
        show(name, found)
    show("all three", totals)


def show(name: str, found: list[tuple[float, float]]) -> None:
    own, other = (statistics.median(times) * 1000 for times in zip(*found, strict=True))
    ratio = statistics.median(ours / theirs for ours, theirs in found)
    print(f"{name:<10}  ours {own:7.1f} ms   scikit-image {other:7.1f} ms   ratio {ratio:.3f}")


def clips(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        before, after, given = (Path(folder) / name for name in ("before.mp4", "after.mp4", "given.png"))
        film(before, 0)
        film(after, SECONDS * RATE - 1)
        Image.fromarray(image(SECONDS * RATE - 1)).save(given)
        kept = seam_frames.Ends.of(survey(before, SECONDS))
        works = {
            "measuring": partial(measured, before, after, given, kept),
            "later": partial(measured, before, after, given, None),
            "reading again": partial(reading.clip, after),
        }
        for name, work in works.items():
            found = np.array(
                [(processor_s(work), processor_s(partial(decode, after))) for _ in range(rounds)]
            )
            own, other = np.median(found, axis=0)
            ratio = np.median(found[:, 0] / found[:, 1])
            print(
                f"{name:<14} a clip of {SECONDS} s {own:.2f} s  decoding it {other:.2f} s  ratio {ratio:.2f}"
            )


def measured(before: Path, after: Path, given: Path, earlier: seam_frames.Ends | None) -> None:
    """What a run does with a clip that arrived: its checks, its adherence, and the metrics of its seam.

    `earlier` is what the run has of the clip before, which it measured just so.
    """
    with Image.open(given) as still:
        first = np.asarray(still.convert("RGB"))
    facts = probe.probe(after)
    seen = survey(after, facts.duration_s)
    small = seen.stations.small
    drift(small)
    look(seen.stations, small)
    mean_colour(seen.first.small)
    mean_colour(seen.last.small)
    seam.blank(small[-1])
    seam.measure(first, seen.opening, seen.opening.small)
    subject = seam_frames.seam(before, after, given, of_before=earlier, of_after=seam_frames.Ends.of(seen))
    for spec in runner_register():
        if spec.level == "seam":
            metric: Any = spec.factory(NoOptions(), NO_CONTEXT)
            metric.measure(subject)


def film(path: Path, first: int) -> None:
    with av.open(str(path), "w") as made:
        track = made.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        track.width, track.height, track.pix_fmt = *SIZE, "yuv420p"
        for number in range(SECONDS * RATE):
            frame = av.VideoFrame.from_ndarray(image(first + number), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            made.mux(track.encode(frame))
        made.mux(track.encode(None))


def decode(path: Path) -> None:
    with av.open(str(path)) as film:
        film.streams.video[0].thread_type = "AUTO"
        for _ in film.decode(video=0):
            pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    seams(arguments.rounds)
    clips(arguments.rounds)
