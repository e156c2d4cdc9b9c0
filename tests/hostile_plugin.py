"""The text of a plugin of a working folder whose every word is an attack, around a generator that works."""

PLUGIN = """
import logging
from runner.api import *
from runner.errors import TaskFailed

runner_api_version = 2
EVIL = {evil!r}


class Hostile:
    def __init__(self, inner, mode):
        self.inner, self.mode = inner, mode

    async def __aenter__(self):
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self.inner.__aexit__(*error)

    async def submit(self, request, token):
        print("printed", EVIL)
        logging.getLogger("runner.plugins.hostile").warning("logged %s", EVIL)
        if self.mode == "raises":
            raise RuntimeError("raised " + EVIL)
        ref = await self.inner.submit(request, token)
        return TaskRef("task " + EVIL if self.mode == "task" else ref.id, ref.data)

    async def poll(self, ref):
        if self.mode == "fails":
            return Status(state=State.FAILED, reason="failed " + EVIL, cost_usd=0.0)
        status = await self.inner.poll(ref)
        return status

    async def fetch(self, status, sink):
        if self.mode == "url":
            from runner.errors import FetchFailed
            raise FetchFailed("no clip", where="http://127.0.0.1/" + EVIL, why=EVIL)
        await self.inner.fetch(status, sink)


def create(options, context):
    from runner.plugins.synthetic.generator import Synthetic
    from runner.plugins.synthetic.options import SyntheticOptions

    return Hostile(Synthetic(SyntheticOptions(), context), {mode!r})


@hookimpl
def runner_register():
    return GeneratorSpec(
        name="hostile",
        summary="summary " + EVIL.replace("\\n", " "),
        factory=create,
        capabilities=lambda options, model, mode: GeneratorCapabilities(
            image=ImageInput(reach=Reach.LOOPBACK), polling=Polling(interval_s=Range(0.05, 0.1))
        ),
    )
"""


def plugin(evil: str, mode: str = "") -> str:
    """The module, with `evil` in all that it says. `mode` is how it fails: raises, task, fails, url."""
    return PLUGIN.format(evil=evil, mode=mode)
