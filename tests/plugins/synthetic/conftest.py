"""A studio: the generator as the engine would drive it, and a loopback host for first frames."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import httpx
import numpy as np
import pytest
from runner.plugins.synthetic import SyntheticOptions
from runner.plugins.synthetic.generator import Synthetic

from runner.api import Context, HostedImage, Reach, ShotRequest, State
from runner.media import picture
from runner.net.download import Downloads


@dataclass
class Sink:
    """Keeps what it is given."""

    data: bytearray = field(default_factory=bytearray)
    size: int | None = None

    def expect(self, size):
        self.size = size

    async def write(self, data):
        assert self.size is not None, "the size is announced before the first byte"
        self.data += data


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: float = 100.0

    def __call__(self):
        return self.now


class Host:
    """An image host on the loopback interface. `pages` maps a path to status, content type and body."""

    def __init__(self):
        self.pages, self.asked = {}, []
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):  # the name that http.server calls
                host.asked.append(self.path)
                status, kind, body = host.pages.get(self.path.partition("?")[0], (404, "text/html", b"gone"))
                self.send_response(status)
                if kind:
                    self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.root = f"http://127.0.0.1:{self.server.server_address[1]}"

    def put(self, rgb, format="png"):
        made = picture.encode(rgb, format)
        return self.page("/first", 200, made.mime, made.data)

    def page(self, path, status, kind, body):
        self.pages[path] = (status, kind, body)
        return HostedImage(url=self.root + path, reach=Reach.LOOPBACK)

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


async def until(generator, ref, wanted):
    """Poll until a status is the wanted one, as the engine does."""
    async with asyncio.timeout(60):
        while not wanted(status := await generator.poll(ref)):  # noqa: ASYNC110  # a provider can only be polled
            await asyncio.sleep(0.002)
    return status


async def finished(generator, ref):
    """Poll until the task is done."""
    return await until(generator, ref, lambda status: status.state not in (State.QUEUED, State.RUNNING))


def pictures(clip):
    """Every frame as RGB, uint8, by the clip's own colour tags."""
    with av.open(io.BytesIO(clip)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def psnr(first, second):
    error = np.mean((first.astype(float) - second) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-6))


class Studio:
    """Makes clips. `request` fills in what a test does not care about; the rest drives the generator."""

    sink, clock = Sink, Clock
    until, finished = staticmethod(until), staticmethod(finished)
    pictures, psnr = staticmethod(pictures), staticmethod(psnr)

    def __init__(self, folder, host):
        self.folder, self.host = folder, host

    def request(self, prompt="a quiet sea at dawn", **changes):
        values = {
            "project": "p",
            "sequence": "hero",
            "shot": "opening",
            "prompt": prompt,
            "model": None,
            "duration_s": 0.5,
            "aspect_ratio": "16:9",
            "resolution": "144p",
            "fps": 24.0,
            "seed": 1,
            "take": 1,
        }
        return ShotRequest(**(values | changes))

    def run(self, play, *, clock=None, **options):
        """Run `await play(generator)` inside an entered generator, and return what it returns."""

        async def inside():
            async with httpx.AsyncClient() as http:
                context = Context(
                    work_dir=self.folder,
                    http=http,
                    download=Downloads(http, http),
                    log=logging.getLogger("synthetic"),
                )
                extra = {} if clock is None else {"clock": clock}
                async with Synthetic(SyntheticOptions(**options), context, **extra) as generator:
                    return await play(generator)

        return asyncio.run(inside())

    def make(self, request, **options):
        """The bytes of a clip."""

        async def play(generator):
            status = await finished(generator, await generator.submit(request, "token"))
            assert status.state is State.SUCCEEDED, status.reason
            sink = Sink()
            await generator.fetch(status, sink)
            return bytes(sink.data)

        return self.run(play, **options)

    def end(self, request, **options):
        """The last status of a task."""

        async def play(generator):
            return await finished(generator, await generator.submit(request, "token"))

        return self.run(play, **options)


@pytest.fixture
def host():
    host = Host()
    yield host
    host.close()


@pytest.fixture
def studio(tmp_path, host):
    return Studio(tmp_path, host)


@pytest.fixture(scope="session")
def still():
    """An image with an edge in it, 256x144; its colours are soft, since video halves their resolution."""
    y, x = np.mgrid[0:144, 0:256].astype(float)
    red = 120 + 100 * np.sin(x / 40)
    green = 110 + 90 * np.cos(y / 30)
    blue = 90 + 60 * np.sin((x + y) / 50)
    disc = np.where((x - 90) ** 2 + (y - 60) ** 2 < 900, 40.0, 0.0)
    return np.clip(np.stack((red, green, blue), -1) + disc[..., None], 0, 255).astype(np.uint8)
