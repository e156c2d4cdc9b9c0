"""A plugin author's hour: three plugins that work, the usual mistakes in each, and what a run and `conformance` say.

The messages name the plugin, its file, what is wrong and what to do; both say the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.engine.author import EXTRACTOR, GENERATOR, UPLOADER
from tests.engine.desk import TWO

if TYPE_CHECKING:
    from tests.conftest import Workplace

PLUGINS = {
    "generator=my_clips": GENERATOR,
    "extractor=my_frames": EXTRACTOR,
    "uploader=my_images": UPLOADER,
}
POLL = "return await self.inner.poll(ref)"
PUT = "return await self.inner.put(image)"
LAST = "return last_frame(clip)"


@dataclass(frozen=True)
class Mistake:
    """`wrong` in place of `right`, and what is said of it."""

    chosen: str
    right: str
    wrong: str
    run: str
    """What a run says, and so does `conformance`."""
    line: str = ""
    """A part of the line that is named."""
    step: str = ""
    """What to do next."""
    code: int = 2
    """The exit code of the run: 2 where nothing was started."""


MISTAKES = {
    # a method that returns something else
    "generator returns": Mistake(
        "generator=my_clips",
        POLL,
        "return (await self.inner.poll(ref)).state",
        "generator my_clips returned a State from poll: poll ({file}:{line}) should return a Status",
        "async def poll",
        "see runner.api",
        1,
    ),
    "extractor returns": Mistake(
        "extractor=my_frames",
        LAST,
        "return last_frame(clip).rgb",
        "extractor my_frames returned a ndarray from extract: extract ({file}:{line}) should return a Frame",
        "def extract",
        "see runner.api",
        1,
    ),
    "uploader returns": Mistake(
        "uploader=my_images",
        PUT,
        "return (await self.inner.put(image)).url",
        "uploader my_images returned a str from put: put ({file}:{line}) should return a HostedImage",
        "async def put",
        "see runner.api",
        1,
    ),
    # a method that is misspelt
    "generator misspells": Mistake(
        "generator=my_clips",
        "async def fetch(",
        "async def fetsch(",
        "generator my_clips has no method `fetch`: Mine should have submit, poll, fetch; it has fetsch",
        "class Mine",
        "rename fetsch to fetch",
    ),
    "extractor misspells": Mistake(
        "extractor=my_frames",
        "def extract(",
        "def exract(",
        "extractor my_frames has no method `extract`: Mine should have extract; it has exract",
        "class Mine",
        "rename exract to extract",
    ),
    "uploader misspells": Mistake(
        "uploader=my_images",
        "async def put(",
        "async def putt(",
        "uploader my_images has no method `put`: Mine should have put; it has putt",
        "class Mine",
        "rename putt to put",
    ),
    # a method that is called in another way than it is written for
    "generator lacks an argument": Mistake(
        "generator=my_clips",
        "async def submit(self, request, token)",
        "async def submit(self, request)",
        "generator my_clips has a method `submit` that cannot be called: it is called with (request, token)",
        "async def submit",
        "change it to: async def submit(self, request, token)",
    ),
    "extractor is asynchronous": Mistake(
        "extractor=my_frames",
        "    def extract(",
        "    async def extract(",
        "extractor my_frames has a method `extract` that cannot be called: it runs in a thread",
        "async def extract",
        "change it to: def extract(self, clip, policy)",
    ),
    "uploader is not asynchronous": Mistake(
        "uploader=my_images",
        f"    async def put(self, image):\n        {PUT}",
        "    def put(self, image):\n        return 'https://example.org/a.png'",
        "uploader my_images returned a str at once from put: put ({file}:{line}) should be `async def`",
        "def put",
        "see runner.api",
        1,
    ),
    # an exception
    "generator raises": Mistake(
        "generator=my_clips",
        POLL,
        "return ref.state",
        "generator my_clips failed in poll: AttributeError: 'TaskRef' object has no attribute 'state', at "
        "{file}:{line}",
        "return ref.state",
        "",
        1,
    ),
    "extractor raises": Mistake(
        "extractor=my_frames",
        LAST,
        "return last_frame(clip)[0]",
        "extractor my_frames failed in extract: TypeError: 'Frame' object is not subscriptable, at {file}:{line}",
        "return last_frame",
        "",
        1,
    ),
    "uploader raises": Mistake(
        "uploader=my_images",
        PUT,
        "return {}['url']",
        "uploader my_images failed in put: KeyError: 'url', at {file}:{line}",
        "return {}",
        "",
        1,
    ),
    # a declaration that is no such thing
    "generator states": Mistake(
        "generator=my_clips",
        "image=ImageInput(reach=Reach.LOOPBACK)",
        "image=True",
        "generator my_clips states a GeneratorCapabilities whose image is True as its capabilities: "
        "it should be a GeneratorCapabilities whose image is an ImageInput or None",
        "@hookimpl",
        "change it",
    ),
    "generator promises": Mistake(
        "generator=my_clips",
        "billing=Billing(",
        "billing=Billing(lookup=True, ",
        "generator my_clips has no method `lookup`: its capabilities state Billing(lookup=True)",
        "class Mine",
        "write it, or leave Billing(lookup=True) out",
    ),
    "generator prices": Mistake(
        "generator=my_clips",
        "Price(usd=Decimal(0))",
        "Price(usd='0')",
        "generator my_clips states a Price whose usd is '0' as its price: "
        "it should be a Price whose usd is a Decimal or an int or a float",
        "billing=",
        "see runner.api",
    ),
    "extractor states": Mistake(
        "extractor=my_frames",
        "factory=Mine",
        "factory=Mine, options={'level': 1}",
        "plugin mine registers options that are not a dataclass: extractor my_frames has options={'level': 1}",
        "@hookimpl",
        "fix it, or leave it out: plugins.block=[mine]",
    ),
    "uploader states": Mistake(
        "uploader=my_images",
        "reach=Reach.LOOPBACK,",
        "reach='public',",
        "uploader my_images states an UploaderCapabilities whose reach is 'public' as its capabilities: "
        "it should be an UploaderCapabilities whose reach is a Reach",
        "@hookimpl",
        "change it",
    ),
    "uploader promises": Mistake(
        "uploader=my_images",
        "https=False",
        "https=False, delete=True",
        "uploader my_images has no method `delete`: its capabilities state UploaderCapabilities(delete=True)",
        "class Mine",
        "write it, or leave UploaderCapabilities(delete=True) out",
    ),
}


def one_line(text: str) -> str:
    """Without what an error in several lines has between its parts."""
    return " ".join(text.replace(" why: ", ": ").split())


def parts(said: str, file: object, line: int) -> list[str]:
    """What happened and why: a run says where between the two."""
    return said.replace("{file}", str(file)).replace("{line}", str(line)).split(": ", 1)


@pytest.mark.parametrize("chosen", PLUGINS)
def test_the_plugin_without_a_mistake_is_fine(workplace: Workplace, chosen: str) -> None:
    workplace.write("plugins/mine.py", PLUGINS[chosen])

    run = workplace.run(workplace.project(TWO), chosen)
    checked = workplace.run("conformance", chosen.partition("=")[2])

    assert run.code == 0, run.err
    assert checked.code == 0, checked.out


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_run_and_conformance_say_the_same_of_a_mistake(workplace: Workplace, mistake: Mistake) -> None:
    text = PLUGINS[mistake.chosen]
    assert mistake.right in text
    text = text.replace(mistake.right, mistake.wrong, 1)
    file = workplace.write("plugins/mine.py", text)
    line = next(at for at, one in enumerate(text.splitlines(), 1) if mistake.line in one)

    run = workplace.run(workplace.project(TWO), mistake.chosen)
    checked = workplace.run("conformance", mistake.chosen.partition("=")[2], "--spend")

    said, examined = one_line(run.out + run.err), one_line(checked.out + checked.err)
    assert run.code == mistake.code, said
    assert checked.code in (1, 2), examined
    for part in (*parts(mistake.run, file, line), f"{file}:{line}", mistake.step):
        assert part in said
        assert part in examined
    assert "the runner itself failed" not in said
    assert "Traceback" not in said + examined
    assert not list((workplace.path / "outputs").rglob("02_two.mp4"))
    if mistake.code == 2:
        assert not list((workplace.path / "outputs").rglob("*.mp4"))


@pytest.mark.parametrize(
    ("chosen", "right", "method"),
    [("generator=my_clips", POLL, "poll"), ("uploader=my_images", PUT, "put")],
)
def test_conformance_names_a_method_that_blocks_the_event_loop(
    workplace: Workplace, chosen: str, right: str, method: str
) -> None:
    text = PLUGINS[chosen].replace(right, f"time.sleep(2.5); {right}")
    file = workplace.write("plugins/mine.py", text)
    line = next(at for at, one in enumerate(text.splitlines(), 1) if "time.sleep" in one)

    checked = one_line(workplace.run("conformance", chosen.partition("=")[2]).out)

    assert f"plugin mine blocks the event loop in {method}, at {file}:{line}" in checked
    assert "use an asynchronous client, or asyncio.to_thread" in checked


@pytest.mark.parametrize("chosen", ["generator=my_clips", "extractor=my_frames", "uploader=my_images"])
def test_a_plugin_that_cannot_be_built_is_named_with_its_line(workplace: Workplace, chosen: str) -> None:
    text = PLUGINS[chosen].replace("context):\n", "context):\n        options.level\n", 1)
    file = workplace.write("plugins/mine.py", text)
    line = next(at for at, one in enumerate(text.splitlines(), 1) if "options.level" in one)

    run = workplace.run(workplace.project(TWO), chosen)
    checked = workplace.run("conformance", chosen.partition("=")[2])

    assert run.code == 2
    assert f"{chosen.replace('=', ' ')} cannot be started" in run.err
    assert "Traceback" not in run.err
    for said in (run.err, one_line(checked.out)):
        assert f"AttributeError: 'NoOptions' object has no attribute 'level', at {file}:{line}" in said


@pytest.mark.parametrize("words", [("conformance", "my_images"), ("doctor", "uploader=my_images")])
def test_with_debug_the_traceback_of_a_plugin_is_shown_by_verbs_too(
    workplace: Workplace, words: tuple[str, ...]
) -> None:
    file = workplace.write("plugins/mine.py", PLUGINS["uploader=my_images"].replace(PUT, "return {}['url']"))
    project = () if words[0] == "conformance" else (workplace.project(TWO),)

    plain = workplace.run(*words, *project)
    debug = workplace.run(*words, *project, "--debug")

    assert plain.code == debug.code == 1
    assert "Traceback" not in plain.err
    assert f'File "{file}", line ' in debug.err


def test_a_plugin_named_like_a_bundled_one_is_not_examined_in_its_place(workplace: Workplace) -> None:
    workplace.write("plugins/pyav.py", PLUGINS["extractor=my_frames"])

    checked = workplace.run("conformance", "pyav")

    assert checked.code == 2
    assert "there are two plugins named pyav" in checked.err
