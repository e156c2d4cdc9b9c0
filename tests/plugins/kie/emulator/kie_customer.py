"""A customer of the emulated API, who speaks plain HTTP to it; and a server that callbacks come to."""

from __future__ import annotations

import io
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import httpx
import numpy as np
from PIL import Image

DEADLINE_S = 20
ENDS = ("success", "fail")


class Customer:
    """One account's calls. Answers are the decoded bodies, with the HTTP status checked to be 200."""

    def __init__(self, emulator, key):
        self.emulator = emulator
        self.key = key
        # Nothing here is encrypted, and reading the certificates takes longer than a test.
        plain = {"timeout": DEADLINE_S, "trust_env": False, "verify": False}
        self.http = httpx.Client(base_url=emulator.url, headers={"Authorization": f"Bearer {key}"}, **plain)
        self.stranger = httpx.Client(**plain)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.http.close()
        self.stranger.close()

    def get(self, path, **query):
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path, body):
        answer = self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def credit(self):
        return self.get("/api/v1/chat/credit")["data"]

    def account(self):
        return self.emulator.books().account(self.key)

    def upload(self, data=None, name="frame.png", path="images/in"):
        """Send a picture and return its address."""
        answer = self.http.post(
            "/api/file-stream-upload",
            files={"file": (name, picture() if data is None else data)},
            data={"uploadPath": path, "fileName": name},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["downloadUrl"]

    def create(self, model="kling/v2-1-master-text-to-video", /, **given):
        """The whole answer to a creation; by default of a task that needs no picture."""
        if model == "kling/v2-1-master-text-to-video":
            given = {"prompt": "pour", "duration": "5", **given}
        return self.post("/api/v1/jobs/createTask", {"model": model, "input": given})

    def made(self, *args, **given):
        """The id of a new task."""
        answer = self.create(*args, **given)
        assert answer["code"] == 200, answer
        return answer["data"]["taskId"]

    def record(self, task):
        return self.get("/api/v1/jobs/recordInfo", taskId=task)

    def until(self, look, enough):
        """What `look` returns, once it is `enough`."""
        deadline = time.monotonic() + DEADLINE_S
        while not enough(found := look()):
            assert time.monotonic() < deadline, found
            time.sleep(0.01)
        return found

    def end(self, task):
        """The data of a task that has ended."""
        return self.until(lambda: self.record(task)["data"], lambda data: data["state"] in ENDS)

    def url(self, task):
        data = self.end(task)
        assert data["state"] == "success", data
        return json.loads(data["resultJson"])["resultUrls"][0]

    def clip(self, task):
        answer = self.stranger.get(self.url(task))
        assert answer.status_code == 200
        return Clip(answer.content)


class Clip:
    """A decoded clip."""

    def __init__(self, data):
        with av.open(io.BytesIO(data)) as container:
            video = container.streams.video[0]
            self.codec = video.codec_context.name
            self.size = (video.width, video.height)
            self.duration_s = container.duration / av.time_base
            self.frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video)]


class Receiver:
    """Takes callbacks. `statuses` are its answers, in order; 200 when they ran out."""

    def __init__(self):
        self.statuses = []
        self.got = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                receiver.got.append((body, dict(self.headers)))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def __enter__(self):
        self._serving.start()
        return self

    def __exit__(self, *failure):
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()

    def wait(self, count):
        """What came in, once it is so much."""
        deadline = time.monotonic() + DEADLINE_S
        while len(self.got) < count:
            assert time.monotonic() < deadline, self.got
            time.sleep(0.01)
        return self.got


def picture(width=256, height=144, format="PNG", seed=0):
    """A soft picture as bytes."""
    blots = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blots).resize((width, height), Image.Resampling.BICUBIC).save(buffer, format)
    return buffer.getvalue()


def pixels(data):
    with Image.open(io.BytesIO(data)) as opened:
        return np.asarray(opened.convert("RGB"))


def psnr(one, other):
    return 10 * np.log10(255**2 / max(1e-9, np.mean((one.astype(float) - other.astype(float)) ** 2)))
