"""Three plugins of an author's own that work: a generator, an extractor and an uploader, over bundled ones."""

from __future__ import annotations

GENERATOR = """
import time
from decimal import Decimal
from runner.api import *


class Mine:
    def __init__(self, options, context):
        from runner.plugins.synthetic.generator import Synthetic
        from runner.plugins.synthetic.options import SyntheticOptions

        self.inner = Synthetic(SyntheticOptions(), context)

    async def __aenter__(self):
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self.inner.__aexit__(*error)

    async def submit(self, request, token):
        return await self.inner.submit(request, token)

    async def poll(self, ref):
        return await self.inner.poll(ref)

    async def fetch(self, status, sink):
        await self.inner.fetch(status, sink)


@hookimpl
def runner_register():
    return GeneratorSpec(
        name="my_clips",
        summary="made in an afternoon",
        factory=Mine,
        capabilities=GeneratorCapabilities(
            image=ImageInput(reach=Reach.LOOPBACK),
            polling=Polling(interval_s=Range(0.05, 0.1)),
            billing=Billing(price=lambda request: Price(usd=Decimal(0))),
        ),
    )
"""
EXTRACTOR = """
import time
from runner.api import *


class Mine:
    def __init__(self, options, context):
        pass

    def extract(self, clip, policy):
        from runner.media import last_frame

        return last_frame(clip)


@hookimpl
def runner_register():
    return ExtractorSpec(name="my_frames", summary="made in an afternoon", factory=Mine)
"""
UPLOADER = """
import time
from runner.api import *


class Mine:
    def __init__(self, options, context):
        from runner.plugins.local_http import LocalHttpOptions
        from runner.plugins.local_http.server import LocalHttp

        self.inner = LocalHttp(LocalHttpOptions(), context)

    async def __aenter__(self):
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self.inner.__aexit__(*error)

    async def put(self, image):
        return await self.inner.put(image)


@hookimpl
def runner_register():
    return UploaderSpec(
        name="my_images",
        summary="made in an afternoon",
        factory=Mine,
        capabilities=UploaderCapabilities(reach=Reach.LOOPBACK, https=False),
    )
"""
