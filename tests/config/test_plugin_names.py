# ruff: noqa: E501
"""Which plugin a name on the command line chooses: a profile's, a module's, or what a module registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Workplace

EXTRACTOR = """
from runner.api import ExtractorSpec, hookimpl
from runner.media import last_frame

class Mine:
    def extract(self, clip, policy):
        return last_frame(clip)

@hookimpl
def runner_register():
    return ExtractorSpec(name="my_frames", factory=lambda options, context: Mine(), summary="mine")
"""
FILM = {"main": {"one": "a lake", "two": "wind"}}


@pytest.mark.parametrize(
    "word", ["extractor=mine", "extractor=my_frames", "extractor.plugin=mine", "extractor.plugin=my_frames"]
)
def test_a_plugin_is_chosen_by_its_module_or_by_its_own_name(workplace: Workplace, word: str) -> None:
    workplace.write("plugins/mine.py", EXTRACTOR)

    answer = workplace.run(workplace.project(FILM), word)

    assert answer.code == 0, answer.err
    assert workplace.manifest()["extractor"] == "my_frames"


def test_both_names_are_one_request(workplace: Workplace) -> None:
    workplace.write("plugins/mine.py", EXTRACTOR)
    project = workplace.project(FILM)

    by_module, by_name = (
        workplace.run("plan", project, word, "--json").json
        for word in ("extractor=mine", "extractor=my_frames")
    )

    assert by_module["key"] == by_name["key"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("generator=my_frames", "my_frames is another kind of plugin: extractor=my_frames"),
        ("extractor=my_frame", "there is no extractor profile named my_frame"),
        ("extractor.plugin=my_frame", "did you mean my_frames?"),
    ],
)
def test_a_name_of_nothing_is_explained(workplace: Workplace, word: str, said: str) -> None:
    workplace.write("plugins/mine.py", EXTRACTOR)

    answer = workplace.run("plan", workplace.project(FILM), word)

    assert answer.code == 2
    assert said in answer.err


@pytest.mark.parametrize("word", ["extractor=mine", "extractor.plugin=my_frames"])
def test_a_module_that_registers_nothing_is_named(workplace: Workplace, word: str) -> None:
    workplace.write("plugins/mine.py", EXTRACTOR.replace("@hookimpl\n", ""))

    answer = workplace.run("plan", workplace.project(FILM), word)

    assert answer.code == 2
    assert "mine.py" in answer.err
    assert "registers nothing" in answer.err
    assert "@hookimpl" in answer.err


def test_a_misspelt_method_is_named_before_anything_is_made(workplace: Workplace) -> None:
    workplace.write("plugins/mine.py", EXTRACTOR.replace("def extract(", "def exract("))

    answer = workplace.run(workplace.project(FILM), "extractor=mine")

    assert answer.code != 0
    assert "extractor my_frames has no method `extract`" in answer.err + answer.out
    assert "rename exract to extract" in answer.err + answer.out
    assert not list((workplace.path / "outputs").rglob("*.mp4"))


BLOCKING = """
import time
from runner.api import HostedImage, Reach, UploaderCapabilities, UploaderSpec, hookimpl

class Slow:
    async def put(self, image):
        time.sleep(3)
        return HostedImage(url="http://127.0.0.1:9/x.png", reach=Reach.LOOPBACK)

@hookimpl
def runner_register():
    return UploaderSpec(name="slow", factory=lambda options, context: Slow(), capabilities=UploaderCapabilities(reach=Reach.LOOPBACK))
"""


def test_conformance_names_the_method_that_blocks_the_event_loop(workplace: Workplace) -> None:
    workplace.write("plugins/slow.py", BLOCKING)

    (results,) = workplace.run("conformance", "slow", "--json").json["plugins"].values()
    checks = {one["check"]: one for one in results}

    found = checks["leaves the event loop to others"]
    assert found["verdict"] == "failed"
    assert "plugin slow blocks the event loop in put" in found["why"]
    assert "slow.py:7" in found["why"]


def test_conformance_says_that_an_extractor_ignores_the_rotation(workplace: Workplace) -> None:
    frame = "frame = last_frame(clip); import dataclasses, numpy; return dataclasses.replace(frame, rgb=numpy.ascontiguousarray(numpy.rot90(frame.rgb, 2 if frame.rgb.shape[0] < 0 else self.turns(clip))))"
    text = EXTRACTOR.replace("return last_frame(clip)", frame) + (
        "\ndef turns(self, clip):\n    return {'rotated by 180 degrees': 2, 'rotated by 90 degrees': 1}.get(clip.stem, 0)\nMine.turns = turns\n"
    )
    workplace.write("plugins/mine.py", text)

    (results,) = workplace.run("conformance", "my_frames", "--json").json["plugins"].values()

    said = [one["why"] for one in results if one["verdict"] == "failed"]
    assert any("is not rotated as the clip says" in one for one in said), said
    assert not any("returned frame" in one for one in said), said
