"""Toy's API on this machine, for tests and demonstrations. It fetches first frames and draws clips."""

import asyncio

import aiohttp
from aiohttp import web

from runner.media import picture
from runner.testing.provider import drawing


class Emulator:
    def __init__(self):
        self.tasks, self.ids, self.clips, self.drawing = {}, {}, {}, set()
        self.app = web.Application()
        self.app.router.add_post("/v1/videos", self.create)
        self.app.router.add_get("/v1/videos/{id}", self.show)
        self.app.router.add_get("/clips/{id}", self.deliver)

    async def create(self, request):
        body, token = await request.json(), request.headers["Idempotency-Key"]
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            return web.json_response({"error": "no key"}, status=401)
        if not 1 <= body["seconds"] <= 10:
            return web.json_response({"error": "seconds: 1 to 10"}, status=422)
        if token not in self.ids:
            image = None
            if "first_frame" in body:
                async with aiohttp.ClientSession() as http, http.get(body["first_frame"]) as answer:
                    image = await answer.read()
            id = self.ids[token] = f"task-{len(self.ids)}"
            self.tasks[id] = {"state": "running", "cost_usd": body["seconds"] / 100, "body": body}
            url = f"http://{request.host}/clips/{id}"
            self.drawing.add(asyncio.create_task(self.draw(id, body, image, url)))
        return web.json_response({"id": self.ids[token]}, status=201)

    async def draw(self, id, body, image, url):
        seed = str(body.get("seed"))
        look = drawing.tiny(body["prompt"], body["seconds"], body["ratio"], seed=seed)
        first = None if image is None else picture.decode(picture.read(image))
        self.clips[id] = await asyncio.to_thread(drawing.make, look, first, None)
        self.tasks[id].update(state="succeeded", url=url)

    async def show(self, request):
        task = self.tasks.get(request.match_info["id"])
        return web.json_response(task, status=200 if task else 404)

    async def deliver(self, request):
        return web.Response(body=self.clips[request.match_info["id"]], content_type="video/mp4")


def main(words):
    web.run_app(Emulator().app, host="127.0.0.1", port=int(words[-1]))
    return 0
