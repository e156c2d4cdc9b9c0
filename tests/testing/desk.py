"""A client in front of the fake provider: the plugin `fake`, driven as the engine drives it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.api import Context, HostedImage, Reach, ShotRequest, State
from runner.errors import RunnerError
from runner.net import http
from runner.net.download import Downloads

if TYPE_CHECKING:
    from pathlib import Path

    from runner.testing.fake_provider.client import FakeProvider


@dataclass
class Sink:
    """Keeps what it is given."""

    data: bytearray = field(default_factory=bytearray)
    size: int | None = None

    def expect(self, size):
        self.size = size

    async def write(self, data):
        self.data += data


class Desk:
    """One account, and one connection pool. What a step raises is returned, since that is what tests look at."""

    def __init__(self, fake: FakeProvider, spec: Any, work_dir: Path, key: str) -> None:
        self.fake = fake
        self.spec = spec
        self.key = key
        self._loop = asyncio.Runner()
        self._context = self._loop.run(_context(work_dir))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._loop.run(self._context.http.aclose())
        self._loop.close()

    def do(self, *steps, **options):
        """Run `async (generator) -> value` one after the other; their values, or errors."""
        return self._loop.run(self._one_by_one(steps, self._generator(options)))

    def together(self, *steps, **options):
        """The same, all at once."""
        return self._loop.run(self._at_once(steps, self._generator(options)))

    def _generator(self, options):
        keys = {"base_url": self.fake.base_url, "api_key": self.key, "timeout_s": 5.0, **options}
        return self.spec.factory(self.spec.options(**keys), self._context)

    async def _one_by_one(self, steps, generator):
        return [await _outcome(step(generator)) for step in steps]

    async def _at_once(self, steps, generator):
        return await asyncio.gather(*(_outcome(step(generator)) for step in steps))

    def submit(self, shot="hero/pour", token="t1", **options):
        return self.do(submitting(shot, token), **options)[0]

    def poll(self, ref, **options):
        return self.do(lambda generator: generator.poll(ref), **options)[0]

    def find(self, token, **options):
        return self.do(lambda generator: generator.lookup(token), **options)[0]

    def end(self, ref):
        """Poll until the task ends; its last status."""
        return self.do(lambda generator: ended(generator, ref))[0]

    def fetch(self, status, **options):
        """The sink with the clip in it, or the error."""
        return self.do(lambda generator: fetched(generator, status), **options)[0]

    def books(self, **keys):
        """This account's counts."""
        return self.fake.books(**keys).accounts[self.key]


async def _context(work_dir):
    # Made inside the loop that will use it.
    client = http.client()
    return Context(
        work_dir=work_dir, http=client, download=Downloads(client, client), log=logging.getLogger("fake")
    )


async def _outcome(step):
    try:
        return await step
    except RunnerError as error:
        return error


def request(shot="hero/pour", **keys):
    sequence, _, name = shot.rpartition("/")
    image = keys.pop("image", None)
    return ShotRequest(
        **{
            "project": "film",
            "sequence": sequence,
            "shot": name,
            "prompt": "coffee",
            "model": None,
            "duration_s": 2.0,
            "aspect_ratio": "16:9",
            "resolution": "720p",
            "fps": 24.0,
            "seed": 1,
            "take": 1,
            "image": image and HostedImage(url=image, reach=Reach.LOOPBACK),
            **keys,
        }
    )


def submitting(shot="hero/pour", token="t1", **keys):
    return lambda generator: generator.submit(request(shot, **keys), token)


async def ended(generator, ref):
    async with asyncio.timeout(60):
        while (status := await generator.poll(ref)).state in (State.QUEUED, State.RUNNING):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return status


async def fetched(generator, status):
    sink = Sink()
    await generator.fetch(status, sink)
    return sink
