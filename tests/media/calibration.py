"""Known-good and known-bad clips over several kinds of footage, and how far each is from the limit of each check.

python -m tests.media.calibration                          # on the seeds that the limits were chosen on
python -m tests.media.calibration --seeds 100-109          # on others; about a minute a seed
python -m tests.media.calibration --seeds 7 pan rain       # of these kinds of footage

A clip `before` ends, and the clip `after` starts from its last frame. `DEFECTS` spoil the second one, each in one way,
before it is encoded: its own check has to fail, and no other. What cannot be told apart in principle, and why, is in
`NOT_SEPARABLE`. The checks are those of a run: the bundled metrics of seams with their default budgets, the verdict on
the first frame, and the technical checks of a clip. Pictures go through H.264; sound is compared as samples, since an
encoder's own padding would hide the seam.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import av
import numpy as np
from PIL import Image

from runner import plugins
from runner.errors import MediaError
from runner.media import picture, probe, seam, seam_jumps, thresholds
from runner.media.measures import seam_frames
from runner.media.seam import Verdict
from runner.media.survey import survey
from tests.media.calibration_defects import DEFECTS, NOT_SEPARABLE, Made
from tests.media.calibration_footage import (
    AFTER,
    BEFORE,
    FOOTAGE,
    HEIGHT,
    RATE,
    SOUND,
    SOUND_RATE,
    WIDTH,
    decoded,
    hiss,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.api import MetricSpec, SeamSubject
    from tests.media.calibration_defects import Defect
    from tests.media.calibration_footage import Frames

FITTED: Final = (1, 2, 3)
"""The seeds of the footage that limits were chosen on. Tests take others."""
METRICS: Final = {
    "luma": "seam_luma_jump",
    "contrast": "seam_contrast_jump",
    "saturation": "seam_saturation_jump",
    "hue": "seam_hue_jump",
    "sharpness": "seam_sharpness_jump",
    "noise": "seam_noise_jump",
    "dropped": "seam_steps",
    "repeats": "seam_repeats",
    "click": "seam_click",
    "level": "seam_level_step_db",
}
"""The checks that are metrics with a budget."""


@lru_cache(maxsize=4)
def take(footage: str, seed: int) -> tuple[Any, ...]:
    return tuple(FOOTAGE[footage](100 * seed + list(FOOTAGE).index(footage)))


def written(path: Path, frames: Frames, crf: int) -> Path:
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as film:
        track = film.add_stream("libx264", rate=RATE, options={"crf": str(crf), "preset": "veryfast"})
        track.width, track.height, track.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        track.codec_context.thread_count = 1
        for number, rgb in enumerate(frames):
            levels = np.ascontiguousarray(np.rint(rgb).clip(0, 255).astype(np.uint8))
            frame = av.VideoFrame.from_ndarray(levels, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            film.mux(track.encode(frame))
        film.mux(track.encode(None))
    return path


@lru_cache(maxsize=4)
def before(footage: str, seed: int) -> tuple[bytes, Any]:
    """The file of the clip before the seam, and its last frame."""
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / "a.mp4", list(take(footage, seed)[:BEFORE]), 18)
        return path.read_bytes(), decoded(path)[-1]


@cache
def specs() -> Mapping[str, MetricSpec]:
    return {spec.name: spec for spec in plugins.load([]).metrics()}


@dataclass(frozen=True)
class Row:
    """How far a clip is from the limit of each check, in units of the limit: it fails above 0."""

    footage: str
    defect: Defect
    margins: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0

    @property
    def failed(self) -> set[str]:
        return {check for check, margin in self.margins.items() if margin > 0}

    @property
    def is_right(self) -> bool:
        return self.failed == ({self.defect.check} if self.defect.check else set())

    @property
    def why_not(self) -> str:
        """Why this row is not expected to be right; empty where it is."""
        return NOT_SEPARABLE.get((self.footage, self.defect.name), "")


def measured(footage: str, defect: Defect, folder: Path, seed: int) -> Row:
    """Spoil a clip, and measure it."""
    whole = list(take(footage, seed))
    sound = SOUND.get(footage, hiss)(seed)
    middle = len(sound) // 2
    made = defect.spoil(Made(whole, whole[BEFORE - 1 :][:AFTER], sound[middle:]))
    earlier, given = folder / "before.mp4", folder / "given.png"
    data, last = before(footage, seed)
    earlier.write_bytes(data)
    given.write_bytes(picture.encode(last).data)
    path = written(folder / "after.mp4", made.frames, made.crf)
    if made.kept < 1:
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * made.kept)])
    try:
        found = margins(path)
        subject = replace(
            seam_frames.seam(earlier, path, given),
            sound_before=sound[:middle],
            sound_after=made.sound,
            sound_rate=SOUND_RATE,
        )
    except MediaError:
        return Row(footage, defect, {"whole": 1.0}, seed)
    return Row(footage, defect, {**found, **of_seam(subject)}, seed)


def margins(path: Path) -> Mapping[str, float]:
    """What the technical checks say of a clip by itself."""
    seen = survey(path, probe.probe(path).duration_s)
    small = np.asarray(Image.fromarray(seen.stations[-1]).resize((64, 36)))
    low, high = np.percentile(small, (0.5, 99.5), axis=(0, 1))
    flat = 1 - float((high - low).max()) / thresholds.BLANK_RANGE
    black = seen.black or 0.0
    return {
        "whole": -1.0,
        "black": black / thresholds.BLACK_SHARE - 1,
        "frozen": -1.0
        if black >= thresholds.BLACK_SHARE
        else (seen.frozen or 0.0) / thresholds.FROZEN_SHARE - 1,
        "ending": max(1e-3, flat) if seam.blank(seen.stations.small[-1]) else min(0.0, flat),
    }


def of_seam(subject: SeamSubject) -> Mapping[str, float]:
    """What the verdict and the metrics say of a seam."""
    given, opening = subject.handed_over, subject.reduced_after
    found = seam.measure(given, opening)
    in_place = found.verdict in (Verdict.LOCKED, Verdict.REENCODED)
    along = not in_place and seam_jumps.is_along(given, opening)
    moved = max(abs(found.zoom - 1) / thresholds.REFRAMED_ZOOM, found.shift / thresholds.REFRAMED_SHIFT) * (
        found.verdict is Verdict.REFRAMED and not along
    )
    far = 1 - found.psnr_db / thresholds.REENCODED_DB
    ignored = found.verdict is Verdict.IGNORED and not along
    result = {"framing": moved - 1, "frame": max(1e-3, far) if ignored else min(0.0, far)}
    context: Any = None
    for check, name in METRICS.items():
        spec = specs()[name]
        value = spec.factory(spec.options(), context).measure(subject)
        assert spec.maximum is not None
        if value is not None:
            result[check] = value / spec.maximum - 1
    return result


def rows(footage: str, seed: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        for defect in DEFECTS:
            yield measured(footage, defect, Path(folder), seed)


# --- the table -----------------------------------------------------------------------------------------------


def lines(row: Row) -> Iterator[str]:
    """A row of the table, and where it is not as it should be, what else there is to say."""
    own = row.defect.check
    others = {check: margin for check, margin in row.margins.items() if check != own}
    near = max(others, key=others.__getitem__, default="")
    mine = f"{row.margins[own]:+7.2f}" if own in row.margins else f"{'unseen' if own else '':>7}"
    nearest = f"{near:<10} {others[near]:+5.2f}" if near else " " * 16
    mark = "ok" if row.is_right else "not separable" if row.why_not else "WRONG"
    name = f"{row.footage:<9} {row.seed:>3} {row.defect.name:<13}"
    yield f"{name} {own or '(good)':<10} {mine}  {nearest}  {mark}"
    if not row.is_right:
        yield f"{'':11}fails: {', '.join(sorted(row.failed)) or 'nothing'}. {row.why_not}"


def nearest(found: Sequence[Row]) -> Iterator[str]:
    """By check, how near the nearest clip is on either side of its limit."""
    right = [row for row in found if row.is_right]
    for check in sorted({one.check for one in DEFECTS if one.check}):
        bad = [row for row in right if row.defect.check == check]
        good = [row for row in right if row.defect.check != check and check in row.margins]
        least = min(bad, key=lambda row: row.margins[check], default=None)
        most = max(good, key=lambda row: row.margins[check], default=None)
        text = f"{check:<11}"
        for row in (least, most):
            text += (
                ""
                if row is None
                else f" {row.margins[check]:+6.2f} {row.footage}, {row.defect.name}".ljust(34)
            )
        yield text.rstrip()


def _seeds(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("footage", nargs="*", default=list(FOOTAGE), help=", ".join(FOOTAGE))
    parser.add_argument("--seeds", type=_seeds, default=list(FITTED), metavar="N-M")
    chosen = parser.parse_args()
    print("Distances to the limit, in units of the limit; a check fails above 0.")
    print(f"{'footage':<9} {'':>3} {'clip':<13} {'own check':<10} {'is at':>7}  {'nearest other':<16}")
    print("-" * 79)
    found: list[Row] = []
    for seed in chosen.seeds:
        for footage in chosen.footage:
            for row in rows(footage, seed):
                found.append(row)
                print("\n".join(lines(row)), flush=True)
    wrong = sum(not row.is_right and not row.why_not for row in found)
    print(f"\n{'check':<11} {'the least that fails':<33} the most that passes")
    print("\n".join(nearest(found)))
    print(f"\n{len(found)} rows; {len(NOT_SEPARABLE)} are listed as not separable, {wrong} are wrong.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
