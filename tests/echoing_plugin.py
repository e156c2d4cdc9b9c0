"""The text of a plugin that says its key wherever it can say anything, in every form; the generator in it works."""

PLUGIN = """
import base64
import logging
import os
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from runner.api import *
from runner.errors import Busy, FetchFailed, PollFailed, SubmitRefused, SubmitUnknown, TaskUnknown

runner_api_version = 2
MODE = {mode!r}


@dataclass(frozen=True)
class Options:
    api_key: str = field(default="", metadata=SECRET)
    api_key_file: str = field(default="", metadata=TRANSPORT)
    api_url: str = field(default="", metadata=TRANSPORT)
    title: str = field(default="", metadata=TRANSPORT)


def everywhere(key):
    raw = key.encode()
    forms = [key, quote(key, safe=""), quote(key), raw.hex(), repr(key), key.replace("/", "\\\\/")]
    forms += [base64.b64encode(b"x" * n + raw).decode() for n in range(3)]
    forms += [base64.urlsafe_b64encode(b"user:" + raw).decode(), f"https://me:{{key}}@host/?key={{quote(key)}}&x=1"]
    return f"X-Key: {{' '.join(forms)}} and cut off {{key[:10]}}... {{key[:14]}}"


class Echoing:
    def __init__(self, inner, options):
        self.inner = inner
        self.key = options.api_key
        if options.api_key_file:
            from runner.providers import ApiKey
            self.key = ApiKey(provider="x", variable="X_KEY", file=options.api_key_file).read()
        self.key = self.key or os.environ.get("ECHO_API_KEY", "") or options.api_url.rpartition("=")[2] or "nothing"
        self.says = everywhere(self.key)

    async def __aenter__(self):
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self.inner.__aexit__(*error)

    async def submit(self, request, token):
        print(self.says)
        logging.getLogger("runner.plugins.echoing").warning("sent %s", self.says)
        if MODE == "refused":
            raise SubmitRefused(self.says, why=self.says, where=self.says, hint=self.says)
        if MODE == "unknown":
            raise SubmitUnknown(self.says, why=self.says)
        if MODE == "bug":
            raise RuntimeError(self.says)
        ref = await self.inner.submit(replace(request, params={{}}), token)
        self.ids = getattr(self, "ids", {{}})
        self.ids[ref.id] = {{"url": self.says, "key": self.key, "of": dict(ref.data)}}
        return TaskRef(f"{{self.key}}-1" if MODE == "task" else ref.id, self.ids[ref.id])

    async def poll(self, ref):
        assert ref.data == self.ids[ref.id], "it is polled with what it returned"
        if MODE == "gone":
            raise TaskUnknown(self.says)
        if MODE == "failed":
            return Status(state=State.FAILED, reason=self.says, cost_usd=0)
        self.polls = getattr(self, "polls", 0) + 1
        if self.polls % 2:
            raise PollFailed(f"not now, {{self.key[:12]}}", why=self.says)
        status = await self.inner.poll(ref)
        results = tuple(Result(f"{{one.url}}?key={{quote(self.key)}}") for one in status.results)
        return Status(state=status.state, progress=status.progress, results=results, reason=self.says)

    async def fetch(self, status, sink):
        url, _, query = status.results[0].url.partition("?")
        assert query == f"key={{quote(self.key)}}", "it is fetched from the URL that was returned"
        if MODE == "lost":
            raise FetchFailed(self.says, why=f"{{url}}?{{query}}", status=404)
        await self.inner.fetch(Status(state=State.SUCCEEDED, results=(Result(url),)), sink)


def create(options, context):
    from runner.plugins.synthetic.generator import Synthetic
    from runner.plugins.synthetic.options import SyntheticOptions

    return Echoing(Synthetic(SyntheticOptions(), context), options)


@hookimpl
def runner_register():
    return GeneratorSpec(
        name="echoing",
        summary="says its key",
        options=Options,
        factory=create,
        account=lambda options: options.api_key,
        capabilities=lambda options, model, mode: GeneratorCapabilities(
            image=ImageInput(reach=Reach.LOOPBACK),
            polling=Polling(interval_s=Range(0.05, 0.1)),
            billing=Billing(price=lambda request: Price(usd=0.25)),
        ),
    )
"""


def plugin(mode: str = "") -> str:
    """The module. `mode` is what goes wrong: refused, unknown, bug, task, gone, failed, lost; else nothing does."""
    return PLUGIN.format(mode=mode)
