"""What the engine costs: a rerun of finished shots, and many chains against a provider that takes no time.

    python -m tests.benchmarks.engine [--chains 1000] [--shots 4]

Prints figures and ratios. The bare client makes the same HTTP calls (submit, poll, fetch) with asyncio and httpx, and
keeps nothing; the engine extracts, hosts, journals, checks, stores and names every clip besides.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from runner import cli, http
from runner.testing import PLUGINS
from runner.testing.fake_provider.client import running

if TYPE_CHECKING:
    import httpx

    from runner.testing.fake_provider.client import FakeProvider


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chains", type=int, default=1000)
    parser.add_argument("--shots", type=int, default=4)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "books", canned=True) as fake:
        os.chdir(folder)
        measure(fake, wanted.chains, wanted.shots)


def measure(fake: FakeProvider, chains: int, shots: int) -> None:
    total = chains * shots
    describe(fake, chains, shots)
    bare = timed(lambda: asyncio.run(bare_client(fake.base_url, chains, shots)))
    first = timed(run)
    assert fake.books().accepted == 2 * total, "each shot once by the bare client and once by the engine"
    again = timed(run)
    assert fake.books().accepted == 2 * total, "a rerun asks for nothing"
    print(f"{chains} chains of {shots} shots; CPU s of this process, per shot in ms")
    for name, seconds in (("bare client", bare), ("engine", first), ("rerun", again)):
        print(f"  {name:<12} {seconds:8.2f} s  {1000 * seconds / total:8.2f} ms")
    print(f"  engine / bare client  {first / bare:.1f}")
    print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


def describe(fake: FakeProvider, chains: int, shots: int) -> None:
    sequences = {
        f"chain{chain}": {"shots": {f"shot{shot}": {"prompt": f"{chain} {shot}"} for shot in range(shots)}}
        for chain in range(chains)
    }
    project = {
        "project": {"name": "many"},
        "shot": {"duration_s": 1.0},
        "generator": {"plugin": "fake", "base_url": fake.base_url, "price_usd": 0.1, "poll_s": 0.01},
        "limits": {"in_flight": 100},
        "film": {"join": False},
        "plugins": {"dirs": [str(PLUGINS)]},
        "sequences": sequences,
    }
    file = Path("conf/project/many.yaml")
    file.parent.mkdir(parents=True)
    file.write_text("# @package _global_\n" + yaml.safe_dump(project), encoding="utf-8")


def run() -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        code = cli.main(["+project=many", "--quiet"])
    lines = out.getvalue().splitlines()
    failed = [
        line
        for at, line in enumerate(lines)
        if any(one.startswith("x ") for one in lines[max(0, at - 4) : at + 1])
    ]
    assert code == 0, f"exit code {code}: {failed[:6]}"


async def bare_client(base_url: str, chains: int, shots: int) -> None:
    slots = asyncio.Semaphore(100)
    async with http.client() as client:
        await asyncio.gather(*(bare_chain(client, base_url, chain, shots, slots) for chain in range(chains)))


async def bare_chain(
    client: httpx.AsyncClient, base_url: str, chain: int, shots: int, slots: asyncio.Semaphore
) -> None:
    headers = {"Authorization": "Bearer bare"}
    for shot in range(shots):
        async with slots:
            body = {
                "name": f"{chain}/{shot}",
                "prompt": f"{chain} {shot}",
                "duration_s": 1.0,
                "token": f"{chain}-{shot}",
            }
            answer = await client.post(f"{base_url}/tasks", json=body, headers=headers)
            task = answer.json()["task_id"]
            while True:
                status = (await client.get(f"{base_url}/tasks/{task}", headers=headers)).json()
                if status["state"] == "succeeded":
                    break
                await asyncio.sleep(0.01)
            (await client.get(status["result_url"])).raise_for_status()


def timed(work: object) -> float:
    before = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - before


if __name__ == "__main__":
    main()
