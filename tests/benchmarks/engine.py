"""What the engine costs: a paid shot, a finished one, and what memory many of them take.

    python -m tests.benchmarks.engine                      # 1,000 chains of 4 shots: about 5 minutes
    python -m tests.benchmarks.engine --chains 100         # a quick look

The provider is the fake one in a process of its own: it takes no time, and has one canned clip (64x36, 4 frames) for
all. Each row is a process of its own, after its imports and a first small run; figures are its CPU time, user and
system, all threads. Films are not joined.

Paid shots, each row against the one that it is fair to compare with:

- *bare client*: asyncio and `runner.net.http` (httpx over aiohttp's connections), 100 at a time. It submits, polls
  and fetches over HTTP just as the engine does, and keeps nothing. *httpx as it comes* is the same with httpx's own
  connections.
- *orchestration*: the whole command (compose, validate, plan, claims, journal, budget, limits, image host, store, run
  folder, events, manifest, summary), but nobody looks at an image: what decodes, encodes and compares images is
  replaced by ready answers.
- *bare client with media*: the bare client, which also decodes the clip it got once, to see that it is whole, takes the
  last frame and makes a PNG of it: what no chain can do without.
- *the engine*: the whole command. Besides that it probes the clip, measures its drift, and compares its first frame
  with the one handed over. The canned clip does not start where it ends, so each seam is searched for in full: the
  dearest case.

Finished shots: one sequence of 1,000 in a process of its own, from its start to its end. Python's start and the imports
are what a project of one shot takes, and shown apart. Nothing is asked of the provider. The digests of all clips are in
it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from runner.testing.fake_provider.client import running
from tests.benchmarks.engine_parts import PAID, describe

_ROOT: Final = Path(__file__).parents[2]
_FINISHED: Final = 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chains", type=int, default=1000)
    parser.add_argument("--shots", type=int, default=4)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paid(folder, wanted.chains, wanted.shots)
        finished(folder)
    pictures()


def paid(folder: Path, chains: int, shots: int) -> None:
    total = chains * shots
    print(f"{chains} chains of {shots} shots; CPU of a paid shot, peak memory of the process")
    cost: dict[str, float] = {}
    for part, (name, of) in PAID.items():
        with running(folder / f"{part}.books", canned=True) as fake:
            done = process("paid", part, fake.base_url, str(chains), str(shots), cwd=fresh(folder, part))
            assert fake.books().accepted == total + done["warmed_up"], "each shot once"
        cost[part] = done["cpu_s"] * 1000 / total
        ratio = ", ".join(f"{cost[part] / cost[other]:.1f} x {PAID[other][0]}" for other in of)
        print(f"  {name:<24} {cost[part]:7.2f} ms  {done['peak_mib']:5} MiB  {ratio}".rstrip())
    print(f"  {'media alone':<24} {cost['engine'] - cost['orchestration']:7.2f} ms")


def finished(folder: Path) -> None:
    print(f"rerun of {_FINISHED} finished shots: the whole process")
    cpu_s = {}
    for shots in (1, _FINISHED):
        place = fresh(folder, f"finished{shots}")
        with running(folder / f"finished{shots}.books", canned=True) as fake:
            describe(fake.base_url, 1, shots, place)
            command(place)
            assert fake.books().accepted == shots
            cpu_s[shots] = min(command(place) for _ in range(3))
            assert fake.books().accepted == shots, "a rerun asks for nothing"
    print(f"  start, and one shot      {cpu_s[1]:7.2f} s")
    print(f"  {_FINISHED} shots              {cpu_s[_FINISHED]:7.2f} s")
    print(f"  a shot more              {(cpu_s[_FINISHED] - cpu_s[1]) * 1000 / (_FINISHED - 1):7.2f} ms")


def pictures() -> None:
    print("pictures: CPU of one step, one after the other")
    for size, costs in process("pictures").items():
        told = ", ".join(f"{name} {ms:.2f}" for name, ms in costs.items())
        print(f"  {size}: {told} ms")


def command(folder: Path) -> float:
    """CPU seconds of `python -m runner` in a folder."""
    before = os.times()
    subprocess.run(
        [sys.executable, "-m", "runner", "+project=many", "--quiet"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def process(*words: str, cwd: Path | None = None) -> Any:
    """What a part printed as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.engine_parts", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(done.stdout)


def fresh(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir()
    return place


if __name__ == "__main__":
    main()
