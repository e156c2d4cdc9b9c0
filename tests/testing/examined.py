"""Plugins in a few lines that break their contract in one place, and what the conformance suite said of them."""

from __future__ import annotations

import textwrap


def verdicts(answer):
    """{check: verdict} of the one plugin that was examined."""
    (checks,) = answer.json["plugins"].values()
    return {one["check"]: one["verdict"] for one in checks}


def failed(answer):
    """{check: why} of what failed, in one plugin."""
    (checks,) = answer.json["plugins"].values()
    return {one["check"]: one["why"] for one in checks if one["verdict"] == "failed"}


EXTRACTOR = """
from runner.api import ExtractorSpec, Frame, hookimpl
from runner.errors import MediaError

class Mine:
    def __init__(self, options, context):
        pass
    def extract(self, clip, policy):
        import av
        from runner.media.colour import to_rgb
        from runner.media.frames import last_frame
        {body}

@hookimpl
def runner_register():
    return ExtractorSpec(name="mine", factory=Mine)
"""

METRIC = """
from runner.api import MetricSpec, hookimpl

class Mine:
    def __init__(self, options, context):
        pass
    def measure(self, subject):
        {body}

@hookimpl
def runner_register():
    return MetricSpec(name="mine", factory=Mine, summary="a number")
"""

GENERATOR = """
import dataclasses
from decimal import Decimal
from runner.api import (
    Billing, GeneratorCapabilities, GeneratorSpec, Idempotency, ImageInput, Polling, Price, Range, Reach, RequestLimits,
    State, TaskRef, hookimpl,
)
from runner.errors import SubmitRefused
from runner.plugins.synthetic import SyntheticOptions

class Mine:
    def __init__(self, options, context):
        from runner.plugins.synthetic.generator import Synthetic
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
    {body}

@hookimpl
def runner_register():
    caps = GeneratorCapabilities(
        image=ImageInput(reach=Reach.LOOPBACK),
        billing=Billing(price=lambda request: Price(usd=Decimal("{usd}")), {billing}),
        {caps}
    )
    return GeneratorSpec(name="mine", factory=Mine, capabilities=caps)
"""

UPLOADER = """
import dataclasses
from runner.api import HostedImage, Reach, UploaderCapabilities, UploaderSpec, hookimpl
from runner.plugins.local_http import LocalHttpOptions

class Mine:
    def __init__(self, options, context):
        from runner.plugins.local_http.server import LocalHttp
        self.inner = LocalHttp(LocalHttpOptions(), context)
        self.first, self.servers = None, []
    async def __aenter__(self):
        await self.inner.__aenter__()
        return self
    async def __aexit__(self, *error):
        for server in self.servers:
            server.close()
        await self.inner.__aexit__(*error)
    async def put(self, image):
        {body}

@hookimpl
def runner_register():
    return UploaderSpec(name="mine", factory=Mine, capabilities=UploaderCapabilities(reach=Reach.LOOPBACK))
"""


def filled(template, body, *, usd="0", caps="", billing=""):
    depth = 8 if template is not GENERATOR else 4
    lines = textwrap.indent(textwrap.dedent(body).strip(), " " * depth).strip()
    return (
        template.format(body=lines, usd=usd, caps=caps, billing=billing)
        if "{usd}" in template
        else template.format(body=lines)
    )
