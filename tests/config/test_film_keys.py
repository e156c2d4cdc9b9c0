"""The section `film:`: files are found as images are, and every mistake is said before anything is paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from media.join_clips import tone
from media.sounds import write_wav
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Answer, Workplace

SHOTS = {"hero": {"one": "a lake"}, "product": {"cup": "a cup"}}


def planned(workplace: Workplace, film: dict[str, Any], *words: str) -> Answer:
    return workplace.run("plan", workplace.project(SHOTS, film=film), *words)


def said(answer: Answer) -> str:
    return " ".join((answer.out + answer.err).split())


def music(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_wav(path, tone(1, rate=44_100))


@pytest.mark.parametrize("place", ["conf/project/music.wav", "music.wav", "conf/project/sounds/music.wav"])
def test_music_lies_beside_the_project_or_in_the_working_folder(workplace: Workplace, place: str) -> None:
    music(workplace.path / place)
    name = place.removeprefix("conf/project/")

    assert planned(workplace, {"music": name}).code == 0
    assert planned(workplace, {"narration": {"file": name, "gain_db": -3}}).code == 0


@pytest.mark.parametrize(
    ("film", "words"),
    [
        ({"music": "gone.wav"}, ["film.music", "there is no such file", "gone.wav"]),
        ({"music": {"file": "gone.wav"}}, ["film.music.file", "there is no such file"]),
        ({"music": {"gain_db": 1}}, ["film.music.file", "is required"]),
        ({"music": {"file": "music.wav", "gian_db": 1}}, ["film.music.gian_db", "gain_db"]),
        ({"music": {"file": "music.wav", "gain_db": 400}}, ["film.music.gain_db"]),
        ({"music": ["music.wav"]}, ["film.music", "mapping"]),
        ({"music": "page.wav"}, ["film.music", "this is not a sound file", "WAV, MP3"]),
        ({"narration": {"file": "music.wav", "loop": True}}, ["film.narration.loop"]),
        ({"audio": "loud"}, ["film.audio", "clips"]),
        ({"level": 3}, ["film.level"]),
        ({"fade": -1}, ["film.fade"]),
        ({"fade": 1.5}, ["film.fade"]),
        ({"crossfade_ms": 5000}, ["film.crossfade_ms"]),
        ({"order": ["hero", "produkt"]}, ["film.order", "no sequence of this name", "product"]),
        ({"between": "wipe"}, ["film.between", "fade"]),
        ({"end_card": "gone.png"}, ["film.end_card", "there is no such file"]),
        ({"end_card": {"image": "page.wav"}}, ["film.end_card.image"]),
        ({"end_card": {"image": "card.png", "fade_s": 9}}, ["film.end_card.fade_s", "longer than the card"]),
        ({"max_duration_s": 0}, ["film.max_duration_s"]),
        ({"musik": "music.wav"}, ["film.musik", "music"]),
    ],
)
def test_a_mistake_is_said_with_its_key(workplace: Workplace, film: dict[str, Any], words: list[str]) -> None:
    music(workplace.path / "music.wav")
    workplace.write("page.wav", "<html>Not found</html>")
    Image.new("RGB", (30, 20)).save(workplace.path / "card.png")

    answer = planned(workplace, film)

    assert answer.code == 2, answer.out
    assert not [word for word in words if word not in said(answer)], said(answer)


def test_a_project_reads_no_sound_outside_of_its_folder(workplace: Workplace, tmp_path: Path) -> None:
    outside = music(workplace.path.parent / f"{workplace.path.name}-outside.wav")

    refused = planned(workplace, {"music": str(outside)})
    climbed = planned(workplace, {"music": f"../../../{outside.name}"})
    (workplace.path / "link.wav").symlink_to(outside)
    linked = planned(workplace, {"music": {"file": "link.wav"}})
    typed = planned(workplace, {}, f"film.music={outside}")

    for answer in (refused, climbed, linked):
        assert answer.code == 2
        assert "outside of the project's folder" in said(answer)
    assert typed.code == 0, typed.err


def test_a_playlist_opens_nothing(workplace: Workplace) -> None:
    music(workplace.path / "music.wav")
    workplace.write("list.wav", f"ffconcat version 1.0\nfile {workplace.path / 'music.wav'}\n")

    answer = planned(workplace, {"music": "list.wav"})

    assert answer.code == 2
    assert "this is not a sound file" in said(answer)


def test_a_film_that_gets_too_long_and_a_narration_that_does_not_fit(workplace: Workplace) -> None:
    write_wav(workplace.path / "voice.wav", tone(4, rate=44_100))
    film = {"order": ["hero", "product"], "max_duration_s": 2, "narration": {"file": "voice.wav"}}

    answer = workplace.run("plan", workplace.project(SHOTS, film=film, shot={"duration_s": 1.5}))

    text = said(answer)
    assert answer.code == 0
    assert "the film of the whole run will be about 3 s long, 1 s more than film.max_duration_s=2" in text
    assert "its narration after 4.0 s" in text
    assert "the film of hero will be" not in text
