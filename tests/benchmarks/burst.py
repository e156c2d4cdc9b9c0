"""A hundred chains at once against KIE's limit of 20 creations in 10 s: no 429, and how near to the limit.

    python -m tests.benchmarks.burst                # about a minute; --chains N for another number

The provider is the emulator, a process of its own that counts in an exact sliding window. A run that keeps to the limit
perfectly creates 20 tasks at once and 20 more every 10 s; the figure is the creations after the first 20 over what the
limit allows in the time that they took.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from itertools import pairwise
from pathlib import Path

from runner.plugins.kie.emulator.client import running

COUNT, PER_S = 20, 10.0
ROOT = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chains", type=int, default=100)
    chains = parser.parse_args().chains
    with (
        tempfile.TemporaryDirectory() as folder,
        running(
            "--task-seconds", "1", "--fps", "4", "--max-short-side", "64", "--credits", "100000"
        ) as emulator,
    ):
        _write(Path(folder), chains)
        began = time.monotonic()
        done = subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "runner",
                    "+project=burst",
                    "generator=kie",
                    "uploader=kie",
                    "--quiet",
                ),
                f"generator.api_url={emulator.url}",
                f"uploader.upload_url={emulator.url}",
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "KIE_API_KEY": emulator.key},
            capture_output=True,
            text=True,
            check=False,
        )
        took_s = time.monotonic() - began
        account = emulator.books().account(emulator.key)
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:])
        return done.returncode
    times = sorted(account.creation_times)
    steady = len(times) - COUNT
    spread_s = times[-1] - times[0]
    # The last stretch is counted up to its first creation: what comes in one burst is allowed as one.
    allowed = COUNT / PER_S * _steps(times) * PER_S
    print(f"{len(times)} creations in {spread_s:.1f} s, the whole run {took_s:.1f} s")
    print(f"refused with 429: {account.refusals.get('429', 0)}")
    print(f"most in any {PER_S:g} s: {_most(times)}")
    print(f"after the first {COUNT}: {steady} of {allowed:.1f} allowed in that time, {steady / allowed:.1%}")
    return 0


def _write(folder: Path, chains: int) -> None:
    file = folder / "conf" / "project" / "burst.yaml"
    file.parent.mkdir(parents=True)
    head = """\
        # @package _global_
        # Many chains.
        project: {name: burst}
        shot: {duration_s: 4, resolution: 480p, aspect_ratio: "16:9"}
        sequences:
        """
    lines = [f"  chain{number}: {{shots: {{only: {{prompt: image {number}}}}}}}" for number in range(chains)]
    file.write_text("\n".join([textwrap.dedent(head).rstrip(), *lines, ""]), encoding="utf-8")


def _most(times: list[float]) -> int:
    return max(sum(start <= one < start + PER_S for one in times) for start in times)


def _steps(times: list[float]) -> float:
    """How many windows passed between the first creation and the one that began the last burst."""
    starts = [times[0], *(after for before, after in pairwise(times) if after - before > PER_S / 4)]
    return (starts[-1] - times[0]) / PER_S


if __name__ == "__main__":
    sys.exit(main())
