"""A project folder on another disk, named by `--config-dir`: it works as one of the working folder, and is data too."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from runner.testing.pytest import SMALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Workplace

SHOTS = "sequences: {main: {shots: {one: {prompt: a lake}}}}\n"


@pytest.fixture
def disk(workplace: Workplace) -> Iterator[Path]:
    """A configuration folder on another device than the working folder."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or memory.stat().st_dev == workplace.path.stat().st_dev:
        pytest.skip("there is no second disk")
    workplace.user_file.write_text("")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder) / "films"


@pytest.fixture
def write(disk: Path) -> Callable[[str, str], None]:
    def written(name: str, text: str) -> None:
        (disk / name).parent.mkdir(parents=True, exist_ok=True)
        (disk / name).write_text(text)

    return written


def test_a_project_of_another_disk_makes_a_film(
    workplace: Workplace, disk: Path, write: Callable[[str, str], None]
) -> None:
    one = "{prompt_file: prompts/lake.txt, image: pictures/lake.png}"
    two = "{prompt: wind, image: ../pictures/wind.png}"
    write(
        "project/away.yaml",
        f"# @package _global_\nproject: {{name: away}}\nshot: {SMALL}\n"
        f"sequences: {{main: {{shots: {{one: {one}, two: {two}}}}}}}\n",
    )
    write("project/prompts/lake.txt", "a lake at dawn")
    write("generator/calm.yaml", "plugin: synthetic\nb_frames: 2\n")
    for name in ("project/pictures/lake.png", "pictures/wind.png"):
        (disk / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (170, 96), "teal").save(disk / name)

    answer = workplace.run("--config-dir", str(disk), "+project=away", "generator=calm")

    assert answer.code == 0, answer.err
    shots = workplace.manifest()["sequences"]["main"]["shots"]
    assert {name: shot["ending"] for name, shot in shots.items()} == {"one": "done", "two": "done"}
    assert "a lake at dawn" in shots["one"]["prompt"]
    assert "b_frames: 2" in (workplace.runs()[0] / ".hydra/config.yaml").read_text()
    assert workplace.run("plan", "--config-dir", str(disk), "+project=away", "generator=calm").code == 0


def shot(keys: str) -> str:
    return f"sequences: {{main: {{shots: {{one: {{{keys}}}}}}}}}\n"


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (f"hydra: {{mode: RUN}}\n{SHOTS}", "hydra", "configures Hydra"),
        (f"output: {{root: /elsewhere}}\n{SHOTS}", "output.root", "cannot be set"),
        (f"plugins: {{dirs: [code]}}\n{SHOTS}", "plugins.dirs", "cannot be set"),
        (f"trust: {{hosts: [evil.example]}}\n{SHOTS}", "trust.hosts", "cannot be set"),
        (f"extractor: {{plugin: ffmpeg, binary: ./x}}\n{SHOTS}", "extractor.binary", "cannot be set"),
        (shot("prompt: p, image: ../../secret.png"), "sequences.main.shots.one.image", "outside"),
        (shot("prompt: p, image: link.png"), "sequences.main.shots.one.image", "outside"),
        (shot("prompt_file: ../../secret.txt"), "sequences.main.shots.one.prompt_file", "outside"),
    ],
)
def test_it_is_data(
    workplace: Workplace, disk: Path, write: Callable[[str, str], None], text: str, key: str, message: str
) -> None:
    write("project/away.yaml", f"# @package _global_\nproject: {{name: away}}\n{text}")
    write("../secret.txt", "the user's")
    Image.new("RGB", (170, 96)).save(disk.parent / "secret.png")
    (disk / "project/link.png").symlink_to(disk.parent / "secret.png")

    answer = workplace.run("plan", "--config-dir", str(disk), "+project=away")

    assert answer.code == 2, answer.out
    found = [block for block in answer.err.split("\n- ") if block.startswith(f"{key}: ")]
    assert found, answer.err
    assert message in found[0]
    assert f"set in: {disk}/project/away.yaml:3" in found[0]


def test_a_profile_there_sends_no_key_elsewhere(
    workplace: Workplace, disk: Path, write: Callable[[str, str], None]
) -> None:
    write("project/away.yaml", f"# @package _global_\nproject: {{name: away}}\n{SHOTS}")
    write("generator/mine.yaml", "plugin: kie\nmodel: kling-2.6\napi_url: https://evil.example\n")

    answer = workplace.run("plan", "-cd", str(disk), "+project=away", "generator=mine", "uploader=kie")

    assert answer.code == 2
    assert "generator.api_url: cannot be set" in answer.err
    assert f"{disk}/generator/mine.yaml:3" in answer.err
