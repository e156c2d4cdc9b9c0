"""`runner reproduce DIR`: a folder's run, made again from what is in it."""

from __future__ import annotations

import io
import json
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from media.join_clips import tone
from media.sounds import write_wav
from omegaconf import OmegaConf
from PIL import Image

from runner.config.interpolations import literal
from runner.outputs import description

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace

HARD = "a 100 % ${not} one: 'quoted' \"twice\", #7 \\${x} = 🎬 ünï\nsecond line"
STOCK = """
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from runner.api import Billing, GeneratorCapabilities, GeneratorSpec, Price, Result, State, Status, TaskRef, hookimpl

@dataclass(frozen=True)
class Options:
    pass

class Stock:
    def __init__(self, options, context):
        pass
    async def submit(self, request, token):
        return TaskRef(request.shot)
    async def poll(self, ref):
        return Status(state=State.SUCCEEDED, results=(Result("clip.mp4"),))
    async def fetch(self, status, sink):
        await sink.write(Path("clip.mp4").read_bytes())

@hookimpl
def runner_register():
    able = GeneratorCapabilities(billing=Billing(price=lambda request: Price(usd=Decimal(0))))
    return GeneratorSpec(name="stock", factory=Stock, options=Options, capabilities=able, key_version=1)
"""


def a_run(workplace: Workplace, *words: str) -> Path:
    """The folder of a run that went well."""
    before = set(workplace.runs())
    answer = workplace.run("-q", *words)
    assert answer.code == 0, answer.err + answer.out
    (folder,) = set(workplace.runs()) - before
    return folder


def description_of(folder: Path) -> dict[str, object]:
    found = yaml.safe_load((folder / description.FILE).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_clips_that_are_paid_for_are_reused_in_the_root_of_the_folder(workplace: Workplace) -> None:
    folder = a_run(workplace, workplace.project({"main": {"one": "a lake", "two": "wind"}}))

    answer = workplace.run("reproduce", "-q", str(folder))

    assert answer.code == 0, answer.err
    assert "reproduced, 4 files are all the same (2 of 2 clips reused)" in answer.out
    assert workplace.runs() == [folder]


def test_prompt_files_images_and_hard_texts_are_in_the_folder(workplace: Workplace) -> None:
    picture = io.BytesIO()
    Image.effect_noise((96, 54), 60).convert("RGBA").save(picture, "PNG")
    image = workplace.write("conf/project/cup of tea.PNG", picture.getvalue())
    text = workplace.write("conf/project/prompts/wind.txt", f"{HARD}\r\n")
    shots = {
        "1": literal(HARD),
        "two": {"prompt_file": "prompts/wind.txt"},
        "three": {"prompt": "x", "image": image.name},
    }
    film = workplace.project(
        {"main": shots}, project={"name": "film", "style": "warm light"}, shot={"background": "red"}
    )
    folder = a_run(workplace, film)
    assert "nothing to remove" in workplace.run("gc", "--now").out
    image.unlink()
    text.unlink()
    shutil.rmtree(workplace.path / "conf")
    moved = workplace.path / "elsewhere"
    shutil.move(folder, moved)

    answer = workplace.run("reproduce", "-q", "--json", str(moved), "output.root=again")

    assert answer.code == 0, answer.err + answer.out
    (found,) = answer.json
    assert found["differences"] == []
    assert found["compared"] == 5  # three clips, a hand-over frame, a film
    assert found["reproduced_in"].startswith("again/")


def test_the_anchor_of_a_chain_is_in_the_folder(workplace: Workplace) -> None:
    picture = io.BytesIO()
    Image.effect_noise((96, 54), 60).convert("RGB").save(picture, "PNG")
    image = workplace.write("conf/project/wall.png", picture.getvalue())
    film = workplace.project(
        {"main": {"one": "a lake", "two": "wind"}},
        continuity={"anchor": image.name, "reanchor_every": 1, "on_ignored": "warn"},
    )
    folder = a_run(workplace, film)
    image.unlink()

    answer = workplace.run("reproduce", "-q", "--json", str(folder), "output.root=again")

    assert answer.code == 0, answer.err + answer.out
    assert answer.json[0]["differences"] == []


def test_a_job_of_a_sweep_is_reproduced_alone(workplace: Workplace) -> None:
    film = workplace.project({"main": {"one": "a lake"}})
    assert workplace.run("-q", "-m", film, "shot.seed=1,2").code == 0
    second = next(run for run in workplace.runs() if run.name.startswith("01_"))

    answer = workplace.run("reproduce", "-q", "--json", str(second))

    assert answer.code == 0, answer.err + answer.out
    again = json.loads((workplace.path / answer.json[0]["reproduced_in"] / "run.json").read_text("utf-8"))
    assert again["key"] == json.loads((second / "run.json").read_text("utf-8"))["key"]
    assert "shot" in description_of(second)


def test_all_jobs_of_a_sweep_are_reproduced(workplace: Workplace) -> None:
    film = workplace.project({"main": {"one": "a lake"}})
    assert workplace.run("-q", "-m", film, "shot.seed=1,2,3").code == 0
    (sweep,) = (workplace.path / "outputs/film/sweeps").glob("seed-*")

    answer = workplace.run("reproduce", "-q", str(sweep), "output.root=again")

    assert answer.code == 0, answer.err + answer.out
    assert "3 of 3 runs are reproduced" in answer.out
    assert len(list((workplace.path / "again").rglob("film.mp4"))) == 3


def test_a_beam_chooses_the_same_again(workplace: Workplace) -> None:
    film = workplace.project({"main": {"one": "a lake", "two": "wind"}})
    folder = a_run(workplace, film, "beam.takes=2", "beam.score=sharpness")

    answer = workplace.run("reproduce", "-q", "--json", str(folder), "output.root=again")

    assert answer.code == 0, answer.err + answer.out
    assert answer.json[0]["differences"] == []
    assert answer.json[0]["compared"] == 4


def test_what_differs_is_named(workplace: Workplace) -> None:
    workplace.write("plugins/stock.py", STOCK)
    made = a_run(workplace, workplace.project({"main": {"one": "a lake"}}, shot={"seed": None}))
    clip = made / "main/shots/01_one.mp4"
    workplace.write("clip.mp4", clip.read_bytes())
    folder = a_run(workplace, workplace.project({"main": {"one": "a lake"}}), "generator=stock")
    other = a_run(workplace, workplace.project({"main": {"one": "a storm"}}))
    workplace.write("clip.mp4", (other / "main/shots/01_one.mp4").read_bytes())

    answer = workplace.run("reproduce", "-q", str(folder), "output.root=again")

    assert answer.code == 1
    assert "not reproduced, 2 of 2 files differ" in answer.out
    assert "main/one clip: was" in answer.out
    assert "main film: was" in answer.out


def test_another_request_is_not_run(workplace: Workplace) -> None:
    folder = a_run(workplace, workplace.project({"main": {"one": "a lake", "two": "wind"}}))
    file = folder / description.FILE
    file.write_text(file.read_text("utf-8").replace("prompt: a lake", "prompt: a sea"), "utf-8")

    answer = workplace.run("reproduce", "-q", str(folder), "output.root=again")

    assert answer.code == 1
    assert "another request; nothing was started" in answer.out
    assert "main/one prompt: was a lake, is a sea" in answer.out
    assert "main/two key" in answer.out
    assert not (workplace.path / "again").exists()
    (found,) = workplace.run("reproduce", "--json", str(folder)).json
    assert found["differences"][0] == {"name": "main/one prompt", "was": "a lake", "now": "a sea"}
    assert found["exit_code"] == 1


def test_a_key_comes_from_the_environment_again(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIE_API_KEY", "kie-secret-0123456789")
    film = workplace.project({"main": {"one": "a lake"}})

    folder = a_run(
        workplace,
        film,
        "uploader=kie",
        "+generators.spare.plugin=kie",
        "+generators.spare.api_key=abc-typed-secret",
    )

    found = description_of(folder)
    assert found["uploader"] == {"plugin": "kie", "api_key": '${oc.env:KIE_API_KEY,""}'}
    assert found["generators"] == {"spare": {"plugin": "kie"}}
    assert workplace.run("reproduce", "-q", str(folder)).code == 0


@pytest.mark.parametrize(
    ("added", "named"),
    [
        ("hydra: {run: {dir: /tmp/x}}", "hydra"),
        ("film: {_target_: os.system}", "_target_"),
        ("project: {name: '${oc.env:HOME}'}", "environment variable"),
        ("plugins: {dirs: [evil]}", "plugins.dirs"),
        ("output: {root: /tmp/elsewhere}", "output.root"),
        ("generator: {plugin: kie, api_url: 'http://evil.example'}", "generator.api_url"),
    ],
)
def test_the_folder_is_data(workplace: Workplace, added: str, named: str) -> None:
    folder = a_run(workplace, workplace.project({"main": {"one": "a lake"}}))
    section = added.partition(":")[0]
    kept = {key: value for key, value in description_of(folder).items() if key != section}
    (folder / description.FILE).write_text(f"{yaml.safe_dump(kept)}\n{added}\n", "utf-8")
    words = [] if section == "output" else ["output.root=again"]

    answer = workplace.run("reproduce", "-q", str(folder), *words)

    if section == "output":  # the root that the folder lies in counts
        assert answer.code == 0
        assert not (workplace.path / "elsewhere").exists()
        return
    assert answer.code == 2, answer.out
    assert named in answer.err
    assert not (workplace.path / "again").exists()


def test_folders_that_cannot_be_reproduced(workplace: Workplace) -> None:
    nothing = workplace.run("reproduce", str(workplace.path))
    assert nothing.code == 2
    assert "this is not a run folder" in nothing.err

    folder = a_run(workplace, workplace.project({"main": {"one": "a lake"}}))
    lone = workplace.path.parent / f"{workplace.path.name}-lone"
    shutil.copytree(folder, lone)
    rootless = workplace.run("reproduce", str(lone))
    assert rootless.code == 2
    assert "output.root=DIR" in rootless.err

    record = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").unlink()
    unfinished = workplace.run("reproduce", str(folder))
    assert unfinished.code == 2
    assert "this run did not finish" in unfinished.err
    (folder / "manifest.json").write_bytes(record)

    (folder / description.FILE).unlink()
    older = workplace.run("reproduce", str(folder))
    assert older.code == 2
    assert "does not hold what it was composed from" in older.err

    workplace.write("conf/reproduce.yaml", "defaults: [open_sections, _self_]\nproject: {name: other}\n")
    shadowed = workplace.run("reproduce", str(lone), "output.root=again")
    assert shadowed.code == 2
    assert "in the way" in shadowed.err


@given(st.text() | st.text("a\\${}: "))
def test_a_text_is_read_back_as_it_is(text: str) -> None:
    assert OmegaConf.to_container(OmegaConf.create({"a": literal(text)}), resolve=True) == {"a": text}


def test_music_and_the_end_card_are_kept_and_used_again(workplace: Workplace) -> None:
    write_wav(workplace.path / "music.wav", tone(1, 310, 44_100))
    write_wav(workplace.path / "voice.wav", tone(1, 930, 44_100))
    Image.new("RGB", (64, 32), (200, 40, 40)).save(workplace.path / "card.png")
    film = {"music": {"file": "music.wav", "gain_db": -6}, "narration": "voice.wav", "end_card": "card.png"}
    folder = a_run(workplace, workplace.project({"main": {"one": "a lake", "two": "wind"}}, film=film))
    made = (folder / "main/film.mp4").read_bytes()
    for name in ("music.wav", "voice.wav", "card.png", "conf/project/film.yaml"):
        (workplace.path / name).unlink()
    (folder / "main/film.mp4").unlink()

    answer = workplace.run("reproduce", str(folder))

    assert answer.code == 0, answer.err + answer.out
    assert (folder / "main/film.mp4").read_bytes() == made
    section = description_of(folder)["film"]
    assert isinstance(section, dict)
    assert section["music"]["file"] == "inputs/film_music.wav"
    assert (section["narration"], section["end_card"]) == (
        "inputs/film_narration.wav",
        "inputs/film_end_card.png",
    )
