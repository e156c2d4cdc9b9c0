"""What composing and planning a sweep costs, against Hydra; and a rerun of one that is finished.

    python -m tests.benchmarks.sweep                   # 1,000 jobs: a minute, and four for the films
    python -m tests.benchmarks.sweep --jobs 100 --films 20

CPU time of this process for each job. Hydra's figure is the median of 20 of the same jobs through `hydra.compose`;
its basic sweeper and launcher compose each job twice. The films are those of the bundled generator at 64 lines; of the
rerun the whole process is measured, and the time of a process with two jobs, just after, is taken off.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import hydra

import runner
from runner import bundle
from runner.planning.estimate import estimate
from runner.planning.preparation import plan_jobs
from runner.planning.sharing import sharing

PROJECT = "+project=ad_campaign"
ONE_SHOT = ("+project=one_shot", "shot.duration_s=1", "shot.resolution=64p")
ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    wanted = parser.parse_args()
    for name, words in (
        ("values", [PROJECT, seeds(wanted.jobs)]),
        (
            "profiles x values",
            [PROJECT, "generator=synthetic,kie_wan", "uploader=kie", seeds(wanted.jobs // 2)],
        ),
    ):
        began = time.process_time()
        jobs = runner.compose_sweep(words)
        each = (time.process_time() - began) * 1000 / len(jobs)
        by_hydra = statistics.median(alone(job.overrides) for job in jobs[:: max(len(jobs) // 20, 1)])
        print(
            f"{len(jobs)} jobs, {name}: {each:.2f} ms a job; Hydra {by_hydra:.1f} ms, ratio {by_hydra / each:.0f}"
        )
    began = time.process_time()
    plans: Any = plan_jobs(jobs)
    sharing(plans, estimate(*plans), {})
    print(f"plans and their tree: {(time.process_time() - began) * 1000 / len(jobs):.2f} ms a job")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")
    with tempfile.TemporaryDirectory() as folder:
        run(folder, wanted.films)
        more = wanted.films - 2
        each = [(run(folder, wanted.films) - run(folder, 2)) * 1000 / more for _ in range(wanted.rounds)]
    print(
        f"rerun of {wanted.films} finished jobs: {statistics.median(each):.1f} ms a job, by the clock"
        f" ({min(each):.1f} to {max(each):.1f})"
    )


def seeds(count: int) -> str:
    return f"shot.seed={','.join(map(str, range(count)))}"


def alone(overrides: tuple[str, ...]) -> float:
    """Milliseconds of CPU that Hydra takes for one job."""
    with hydra.initialize_config_dir(str(bundle.folder("conf").absolute()), version_base="1.3"):
        began = time.process_time()
        hydra.compose("config", list(overrides))
        return (time.process_time() - began) * 1000


def run(folder: str, count: int) -> float:
    """Seconds of the clock."""
    began = time.monotonic()
    words = ("-q", "-m", *ONE_SHOT, seeds(count))
    subprocess.run(
        [sys.executable, "-m", "runner", *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
    )
    return time.monotonic() - began


if __name__ == "__main__":
    main()
