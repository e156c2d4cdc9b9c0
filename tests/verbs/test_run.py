"""The main job, end to end, through the real command line."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from runner.media import frames, picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace

CHAIN = {"main": {"one": "a quiet lake", "two": "wind on the lake", "three": "rain on the lake"}}


def psnr(a: Any, b: Any) -> float:
    error = float(np.mean((np.asarray(a, np.float64) - np.asarray(b, np.float64)) ** 2))
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def counted(path: Path) -> tuple[int, float, float | None]:
    """(frames by decoding all of it, end of the image in seconds, end of the sound as the container has it)."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        shown = list(container.decode(video))
        rate = video.average_rate
        assert rate is not None
        end = float(shown[-1].time) + float(1 / Fraction(rate))
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return len(shown), end, None
        sound = container.streams.audio[0]
        assert sound.duration is not None
        assert sound.time_base is not None
        return len(shown), end, float((sound.duration + (sound.start_time or 0)) * sound.time_base)


def test_a_chain_becomes_a_film(workplace: Workplace) -> None:
    answer = workplace.run(workplace.project(CHAIN))
    assert answer.code == 0, answer.err
    (run,) = workplace.runs()
    made = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert made == {
        ".hydra/config.yaml",
        ".hydra/overrides.yaml",
        ".hydra/reproduce.yaml",
        "events.jsonl",
        "manifest.json",
        "run.json",
        "runner.log",
        "main/film.mp4",
        "main/timeline.otio",
        "main/frames/01_one_last.png",
        "main/frames/02_two_last.png",
        "main/shots/01_one.mp4",
        "main/shots/02_two.mp4",
        "main/shots/03_three.mp4",
    }
    assert run.parent.name == "film"
    assert str(run / "main" / "film.mp4").replace(str(workplace.path) + "/", "") in answer.out.replace(
        "\n", ""
    )


def test_each_shot_of_a_chain_starts_from_the_frame_handed_to_it(workplace: Workplace) -> None:
    workplace.run(workplace.project(CHAIN, shot={"resolution": "360p"}))
    (run,) = workplace.runs()
    for before, after in (("01_one", "02_two"), ("02_two", "03_three")):
        handed = picture.decode(picture.read((run / f"main/frames/{before}_last.png").read_bytes()))
        assert np.array_equal(handed, frames.last_frame(run / f"main/shots/{before}.mp4").rgb)
        assert psnr(handed, frames.first_frame(run / f"main/shots/{after}.mp4").rgb) > 35


def test_the_film_has_each_seam_frame_once_and_ends_with_its_sound(workplace: Workplace) -> None:
    workplace.run(workplace.project(CHAIN, shot={"duration_s": 1.0}))
    (run,) = workplace.runs()
    shown, picture_end, sound_end = counted(run / "main/film.mp4")
    assert shown == 3 * 8 - 2
    assert sound_end is not None
    assert abs(sound_end - picture_end) < 0.001


def test_the_same_request_into_two_roots_gives_the_same_bytes(workplace: Workplace) -> None:
    project = workplace.project(CHAIN)
    for root in ("a", "b"):
        assert workplace.run(project, f"output.root={root}").code == 0
    roots = [workplace.path / root for root in ("a", "b")]
    files = [
        {
            path.relative_to(root): path.read_bytes()
            for path in root.rglob("*")
            if path.suffix in (".mp4", ".png") or path.name == "manifest.json"
        }
        for root in roots
    ]
    assert len(files[0]) == 7
    assert files[0] == files[1]


def test_a_rerun_keeps_what_is_there(workplace: Workplace) -> None:
    project = workplace.project(CHAIN)
    workplace.run(project)
    (run,) = workplace.runs()
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.rglob("*.mp4")}
    manifest = (run / "manifest.json").read_bytes()
    answer = workplace.run(project)
    assert answer.code == 0
    assert answer.out.count("kept") == 3
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.rglob("*.mp4")} == before
    assert (run / "manifest.json").read_bytes() == manifest


def test_a_rerun_makes_again_what_was_damaged_and_only_that(workplace: Workplace) -> None:
    project = workplace.project(CHAIN)
    workplace.run(project)
    (run,) = workplace.runs()
    clip = run / "main/shots/02_two.mp4"
    whole = clip.read_bytes()
    clip.write_bytes(whole[:-10])
    manifest = (run / "manifest.json").read_bytes()
    assert workplace.run("verify", str(run)).code == 1
    answer = workplace.run(project)
    assert answer.code == 0, answer.err
    assert answer.out.count("kept") == 2
    assert clip.read_bytes() == whole
    assert (run / "manifest.json").read_bytes() == manifest
    assert workplace.run("verify", str(run)).code == 0


def test_a_cut_and_a_picture_start_chains_of_their_own(workplace: Workplace) -> None:
    grey = picture.encode(np.full((96, 170, 3), 90, np.uint8))
    workplace.write("conf/project/still.png", grey.data)
    project = workplace.project(
        {
            "main": {
                "one": "a quiet lake",
                "two": {"prompt": "a hut", "boundary": "cut"},
                "three": {"prompt": "a still", "image": "still.png"},
            }
        }
    )
    answer = workplace.run(project)
    assert answer.code == 0, answer.err
    (run,) = workplace.runs()
    assert not list(run.rglob("frames/*"))
    shots = workplace.manifest()["sequences"]["main"]["shots"]
    assert [shots[name]["input_mode"] for name in ("one", "two", "three")] == ["text", "text", "image"]
    assert counted(run / "main/film.mp4")[0] == 3 * 4


def test_a_failed_shot_stops_its_own_chain_only(workplace: Workplace) -> None:
    project = workplace.project(
        {
            "bad": {"one": "a", "two": {"prompt": "b", "params": {"fail": "running"}}, "three": "c"},
            "good": {"one": "d", "two": "e"},
        }
    )
    answer = workplace.run(project)
    assert answer.code == 1
    shots = workplace.manifest()["sequences"]["bad"]["shots"]
    assert [shots[name]["ending"] for name in ("one", "two", "three")] == ["done", "failed", "skipped"]
    (run,) = workplace.runs()
    assert (run / "good/film.mp4").exists()
    assert not (run / "bad/film.mp4").exists()
    assert "bad/two" in answer.out
    assert "not joined: two, three missing" in answer.out


MISBEHAVIOURS = {
    "ignore_image": ("params", True, 1, "does not start from the frame it was given"),
    "reframe": ("params", 1.25, 0, "at another scale"),
    "repeat_first": ("params", 2, 0, "shows its first frame 2 times more"),
    "fade_to_black": ("params", True, 0, "ends in a single colour"),
    "drift_brightness": ("params", 70.0, 0, "levels brighter"),
    "drift_hue": ("params", 90.0, 0, "degrees of hue away"),
}


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_a_misbehaviour_that_leaves_a_clip_is_told(workplace: Workplace, name: str) -> None:
    _, value, code, text = MISBEHAVIOURS[name]
    shots = {"one": "a lake", "two": {"prompt": "a city", "params": {name: value}}}
    answer = workplace.run(
        workplace.project({"main": shots}, shot={"duration_s": 2.0, "resolution": "180p", "fps": 12})
    )
    assert answer.code == code, answer.err
    assert text in " ".join(answer.out.split())
    entry = workplace.manifest()["sequences"]["main"]["shots"]["two"]
    assert any(text in warning for warning in entry["warnings"])
    assert "warnings" not in workplace.manifest()["sequences"]["main"]["shots"]["one"]


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"fail": "submit"}, "refuse"),
        ({"fail": "running"}, "the task failed"),
        ({"fail": "after"}, "fetch"),
        ({"deliver": "truncated"}, "not a complete clip"),
        ({"deliver": "html"}, "HTML"),
        ({"deliver": "empty"}, "empty"),
        ({"deliver": "wrong_size"}, "did not arrive complete"),
    ],
)
def test_a_misbehaviour_that_leaves_no_clip_fails_the_shot_and_leaves_no_file(
    workplace: Workplace, params: dict[str, str], text: str
) -> None:
    answer = workplace.run(workplace.project({"main": {"one": {"prompt": "a", "params": params}}}))
    assert answer.code == 1
    assert text in " ".join(answer.out.split())
    assert "Traceback" not in answer.out + answer.err
    (run,) = workplace.runs()
    assert not [
        path
        for path in run.rglob("*")
        if path.suffix in (".mp4", ".part") or path.name.startswith((".work", ".part"))
    ]
    assert workplace.manifest()["sequences"]["main"]["shots"]["one"]["error"]


def test_a_generator_that_takes_too_long_is_given_up(workplace: Workplace) -> None:
    shot = {"prompt": "a", "params": {"latency_s": 600}}
    answer = workplace.run(workplace.project({"main": {"one": shot}}), "limits.task_timeout_s=0.3")
    assert answer.code == 1
    assert "limits.task_timeout_s" in answer.out


BROKEN_UPLOADER = """
from runner.api import Reach, UploaderCapabilities, UploaderSpec, hookimpl
from runner.errors import UploadError

class Broken:
    def __init__(self, options, context):
        pass
    async def put(self, image):
        raise UploadError("the host is full", why="quota")

@hookimpl
def runner_register():
    return UploaderSpec(name="broken", factory=Broken, capabilities=UploaderCapabilities(reach=Reach.PUBLIC))
"""


def test_a_failed_upload_falls_back_to_the_prompt_and_says_so_everywhere(workplace: Workplace) -> None:
    workplace.write("plugins/broken.py", BROKEN_UPLOADER)
    answer = workplace.run(workplace.project(CHAIN), "uploader=broken")
    assert answer.code == 0
    shots = workplace.manifest()["sequences"]["main"]["shots"]
    assert [shots[name]["input_mode"] for name in shots] == ["text", "text", "text"]
    assert shots["two"]["fallback"] == "the host is full: quota"
    # Before the table: such a film is not the one that was requested.
    said = "! main/two, main/three were generated from their prompts alone"
    assert " ".join(answer.out.split()).startswith(said)
    assert "no continuity" in answer.err
    (run,) = workplace.runs()
    assert "shot_fell_back" in (run / "runner.log").read_text()
    assert counted(run / "main/film.mp4")[0] == 3 * 4


def test_without_fallback_a_failed_upload_stops_the_chain(workplace: Workplace) -> None:
    workplace.write("plugins/broken.py", BROKEN_UPLOADER)
    answer = workplace.run(workplace.project(CHAIN), "uploader=broken", "continuity.fallback=none")
    assert answer.code == 1
    shots = workplace.manifest()["sequences"]["main"]["shots"]
    assert [shots[name]["ending"] for name in shots] == ["done", "failed", "skipped"]
    assert "the host is full" in answer.out


def test_an_observer_that_raises_cannot_disturb_a_run(workplace: Workplace) -> None:
    workplace.write(
        "plugins/nosy.py",
        "from runner.api import hookimpl\n@hookimpl\ndef runner_event(event):\n    raise RuntimeError('nosy')\n",
    )
    answer = workplace.run(workplace.project({"main": {"one": "a"}}))
    assert answer.code == 0
    (run,) = workplace.runs()
    assert "nosy" in (run / "runner.log").read_text()


def test_events_are_one_json_object_a_line_in_order(workplace: Workplace) -> None:
    workplace.run(workplace.project({"main": {"one": "a", "two": "b"}}))
    (run,) = workplace.runs()
    kinds = [json.loads(line)["kind"] for line in (run / "events.jsonl").read_text().splitlines()]
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_finished"
    assert kinds.count("shot_finished") == 2
    assert kinds.index("shot_uploading") > kinds.index("shot_finished")


def test_shots_of_different_size_and_rate_join(workplace: Workplace) -> None:
    shots = {
        "one": {"prompt": "a", "resolution": "120p", "fps": 8, "duration_s": 1.0},
        "two": {"prompt": "b", "resolution": "120p", "fps": 8, "duration_s": 1.0, "boundary": "cut"},
        "three": {"prompt": "c", "resolution": "96p", "fps": 12, "duration_s": 0.5, "boundary": "cut"},
    }
    answer = workplace.run(workplace.project({"main": shots}))
    assert answer.code == 0, answer.err
    (run,) = workplace.runs()
    shown, picture_end, sound_end = counted(run / "main/film.mp4")
    assert shown == 20
    assert picture_end == pytest.approx(2.5)
    assert sound_end == pytest.approx(2.5, abs=0.001)


def test_an_output_root_that_cannot_be_written_is_told(workplace: Workplace) -> None:
    workplace.write("outputs", "a file in the way")
    answer = workplace.run(workplace.project({"main": {"one": "a"}}))
    assert answer.code == 2
    assert "output.root" in answer.err
    assert workplace.run("-m", "+project=film", "shot.seed=1,2").code == 2


def test_the_config_yaml_of_another_program_is_left_alone(workplace: Workplace) -> None:
    workplace.write("conf/config.yaml", "db: mysql\nport: 3\n")
    answer = workplace.run(workplace.project({"main": {"one": "a"}}), "shot.seed=3")
    assert answer.code == 0, answer.err


def test_names_in_any_script_become_files(workplace: Workplace) -> None:
    project = workplace.project(
        {"花茶 🌸": {"../../etc": "a", "Öffnung/zu": "b", "🔥": {"prompt": "c", "boundary": "cut"}}}
    )
    answer = workplace.run(project)
    assert answer.code == 0, answer.err
    (run,) = workplace.runs()
    assert workplace.run("verify", str(run)).code == 0
    outside = [path for path in workplace.path.rglob("*.mp4") if not path.is_relative_to(run)]
    assert outside == []
    assert len(list(run.rglob("shots/*.mp4"))) == 3
