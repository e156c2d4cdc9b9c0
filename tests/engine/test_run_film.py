"""The film of a run: what is left out at its seams, what is laid under it, and when it is made anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from media.join_clips import SAMPLES_PER_S, heard, tone
from media.sounds import write_wav
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Answer, Workplace

CHAIN = {"main": {"one": "a quiet lake", "two": "wind on the lake", "three": "rain"}}
TWO = {
    "hero": {"one": "a quiet lake", "two": "wind on the lake"},
    "product": {"still": "a cup", "last": {"prompt": "a table", "boundary": "cut"}},
}
SHOT = {"duration_s": 1.0, "fps": 24}


def counted(path: Path) -> int:
    with av.open(str(path)) as film:
        return sum(1 for _ in film.decode(video=0))


def made(workplace: Workplace, project: str, *words: str) -> tuple[Answer, dict[str, Any]]:
    answer = workplace.run(project, *words)
    assert answer.code == 0, answer.out + answer.err
    return answer, manifest(workplace)


def manifest(workplace: Workplace) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (workplace.path / "outputs/film/latest/manifest.json").read_text(encoding="utf-8")
    )
    return found


@pytest.fixture
def folder(workplace: Workplace) -> Path:
    return workplace.path / "outputs/film/latest"


@pytest.mark.parametrize("repeats", [0, 1, 3, 7])
def test_what_a_clip_repeats_is_left_out_and_recorded(
    workplace: Workplace, folder: Path, repeats: int
) -> None:
    generator = {"plugin": "synthetic", "repeat_first": repeats}

    _, found = made(workplace, workplace.project(CHAIN, shot=SHOT, generator=generator))

    film = found["sequences"]["main"]["film"]
    assert [seam["into"] for seam in film["seams"]] == ["main/two", "main/three"]
    assert {seam["overlap"] for seam in film["seams"]} == {1 + repeats}
    assert {seam["trimmed"] for seam in film["seams"]} == {1 + repeats}
    assert all(seam["jump_before"] < 0.5 * seam["jump_after"] for seam in film["seams"])
    assert counted(folder / "main/film.mp4") == film["frames"] == 3 * 24 - 2 * (1 + repeats)
    assert sum(part["frames"] for part in film["parts"]) == film["frames"]
    assert len(heard(folder / "main/film.mp4")) == film["frames"] * SAMPLES_PER_S // 24


def test_a_clip_that_ignores_its_frame_loses_nothing(workplace: Workplace, folder: Path) -> None:
    generator = {"plugin": "synthetic", "ignore_image": True}

    _, found = made(workplace, workplace.project(CHAIN, shot=SHOT, generator=generator))

    film = found["sequences"]["main"]["film"]
    assert counted(folder / "main/film.mp4") == 3 * 24
    assert [seam["overlap"] for seam in film["seams"]] == [0, 0]
    assert all(seam["jump_after"] > 1.5 for seam in film["seams"])


def test_a_film_is_made_anew_only_when_it_would_be_another_one(workplace: Workplace, folder: Path) -> None:
    project = workplace.project(CHAIN, shot=SHOT)
    made(workplace, project)
    first = manifest(workplace)
    again = workplace.run(project)

    assert "film joined" not in again.out + again.err
    assert manifest(workplace) == first

    # What an older version left says nothing of how it was made.
    old = json.loads((folder / "manifest.json").read_text())
    entry = old["sequences"]["main"]["film"]
    for key in ("made_with", "parts", "seams"):
        entry.pop(key)
    entry["joined_from"] = [{"sha256": one["sha256"], "drop_last": True} for one in entry["joined_from"]]
    (folder / "manifest.json").write_text(json.dumps(old))
    joined = workplace.run(project)
    assert "film joined" in joined.out + joined.err
    assert manifest(workplace) == first


def test_keys_that_change_the_film_move_it_into_another_folder_and_pay_for_nothing(
    workplace: Workplace,
) -> None:
    project = workplace.project(CHAIN, shot=SHOT)
    made(workplace, project)
    plain = manifest(workplace)

    _, found = made(workplace, project, "film.fade=6", "film.fade_at=all")

    assert len(workplace.runs()) == 2
    assert found["key"] != plain["key"]
    assert found["sequences"]["main"]["film"]["frames"] == plain["sequences"]["main"]["film"]["frames"] - 12
    assert [shot["key"] for shot in found["sequences"]["main"]["shots"].values()] == [
        shot["key"] for shot in plain["sequences"]["main"]["shots"].values()
    ]


def test_a_length_that_is_advised_moves_nothing(workplace: Workplace) -> None:
    project = workplace.project(CHAIN, shot=SHOT)
    made(workplace, project)

    answer, _ = made(workplace, project, "film.max_duration_s=2")

    assert len(workplace.runs()) == 1
    assert "3 s long, 1 s more than film.max_duration_s=2" in " ".join(answer.out.split())


def test_one_film_of_several_sequences(workplace: Workplace, folder: Path) -> None:
    project = workplace.project(TWO, shot=SHOT, film={"order": ["product", "hero"]})

    answer, found = made(workplace, project)

    film = found["film"]
    assert [part["shot"] for part in film["parts"]] == [
        "product/still",
        "product/last",
        "hero/one",
        "hero/two",
    ]
    assert counted(folder / "film.mp4") == film["frames"] == 4 * 24 - 1
    assert "film of the whole run: " in answer.out
    assert workplace.run("verify", str(folder)).code == 0
    (folder / "film.mp4").write_bytes(b"another")
    assert workplace.run("verify", str(folder)).code == 1


def test_sequences_that_fade_into_each_other(workplace: Workplace, folder: Path) -> None:
    project = workplace.project(TWO, shot=SHOT, film={"order": ["hero", "product"], "between": "fade"})

    _, found = made(workplace, project)

    assert [part["fade"] for part in found["film"]["parts"]] == [0, 0, 12, 0]
    assert counted(folder / "film.mp4") == 4 * 24 - 1 - 12


def test_a_missing_shot_is_said_of_the_film_of_the_run(workplace: Workplace, folder: Path) -> None:
    project = workplace.project(TWO, shot=SHOT, film={"order": ["hero", "product"]})

    answer = workplace.run(project, "budget.max_shots=3", "budget.partial=true")

    assert answer.code == 4
    assert ", the whole run: shots are missing" in " ".join(answer.out.split())
    assert not (folder / "film.mp4").exists()
    assert manifest(workplace)["film"] is None


def tones(path: Path, *hertz: int) -> list[float]:
    """How strong each tone is in a whole film."""
    sound = heard(path)
    place = np.arange(len(sound)) / SAMPLES_PER_S
    return [float(2 * np.abs((sound * np.exp(-2j * np.pi * one * place)).mean())) for one in hertz]


@pytest.fixture
def sounds(workplace: Workplace) -> None:
    write_wav(workplace.path / "music.wav", 0.5 * tone(1, 310, 44_100))
    write_wav(workplace.path / "voice.wav", 0.5 * tone(1, 930, 44_100))


@pytest.mark.usefixtures("sounds")
@pytest.mark.parametrize("audio", [None, "mix", "music", "clips", "none"])
def test_what_is_heard(workplace: Workplace, folder: Path, audio: str | None) -> None:
    film = {"music": {"file": "music.wav", "duck_db": 0}, "narration": "voice.wav", "audio": audio}

    _, found = made(workplace, workplace.project(CHAIN, shot=SHOT, film=film))

    facts = found["sequences"]["main"]["film"]
    assert facts["audio"] is (audio != "none")
    if audio == "none":
        return
    music, voice = tones(folder / "main/film.mp4", 310, 930)
    assert (music > 0.05, voice > 0.03) == ((audio != "clips"),) * 2
    assert len(heard(folder / "main/film.mp4")) == facts["frames"] * SAMPLES_PER_S // 24


@pytest.mark.usefixtures("sounds")
def test_music_belongs_to_the_film_of_the_run_where_there_is_one(workplace: Workplace, folder: Path) -> None:
    film = {"music": "music.wav", "audio": "music", "order": ["hero", "product"]}

    made(workplace, workplace.project(TWO, shot=SHOT, film=film))

    assert tones(folder / "film.mp4", 310)[0] > 0.05
    assert tones(folder / "hero/film.mp4", 310)[0] < 0.03


@pytest.mark.usefixtures("sounds")
def test_other_music_makes_another_film(workplace: Workplace) -> None:
    project = workplace.project(CHAIN, shot=SHOT, film={"music": "music.wav"})
    _, first = made(workplace, project)
    write_wav(workplace.path / "music.wav", 0.5 * tone(1, 500, 44_100))

    _, second = made(workplace, project)

    assert first["sequences"]["main"]["film"]["sha256"] != second["sequences"]["main"]["film"]["sha256"]
    assert len(workplace.runs()) == 2


def test_a_film_ends_with_its_card(workplace: Workplace, folder: Path) -> None:
    Image.new("RGB", (300, 100), (220, 40, 40)).save(workplace.path / "card.png")
    film = {"end_card": {"image": "card.png", "duration_s": 1, "fade_s": 0.25}}

    _, found = made(workplace, workplace.project(CHAIN, shot=SHOT, film=film))

    facts = found["sequences"]["main"]["film"]
    assert facts["parts"][-1] == {"shot": None, "start": 0, "end": 24, "frames": 24, "fade": 6}
    with av.open(str(folder / "main/film.mp4")) as opened:
        shown = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
    assert len(shown) == facts["frames"] == 3 * 24 - 2 + 24 - 6
    height, width = shown[-1].shape[:2]
    assert np.abs(shown[-1][height // 2, width // 2].astype(int) - (220, 40, 40)).max() < 8


def test_a_film_goes_no_further_than_the_frame_that_was_handed_over(
    workplace: Workplace, folder: Path
) -> None:
    """What is seen last of a clip is what the next one starts from: the frames after it are left out."""
    project = workplace.project(CHAIN, shot=SHOT, continuity={"hand_over": "offset:3"})

    _, found = made(workplace, project)

    film = found["sequences"]["main"]["film"]
    assert [seam["overlap"] for seam in film["seams"]] == [1, 1]
    assert [part["end"] for part in film["parts"]] == [20, 20, 24]
    assert counted(folder / "main/film.mp4") == film["frames"] == 3 * 24 - 2 * (3 + 1)
    assert [one.get("trim_before", 0) for one in film["joined_from"]] == [0, 3, 3]


def test_a_film_corrects_the_colours_of_clips_that_drift(workplace: Workplace) -> None:
    generator = {"plugin": "synthetic", "drift_brightness": 6.0}
    project = workplace.project(CHAIN, shot=SHOT, generator=generator)
    _, plain = made(workplace, project)

    _, found = made(workplace, project, "continuity.correct.target=film", "continuity.correct.strength=1.0")

    film, as_it_is = (one["sequences"]["main"]["film"] for one in (found, plain))
    assert ["transform" in one for one in film["joined_from"]] == [False, True, True]
    assert film["notes"][:2] == [
        "the pictures of 02_two.mp4 are changed",
        "the pictures of 03_three.mp4 are changed",
    ]
    assert film["frames"] == as_it_is["frames"]
    assert film["sha256"] != as_it_is["sha256"]
