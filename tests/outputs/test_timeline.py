"""`timeline.otio` opens with OpenTimelineIO, and its ranges add up to the film, frame for frame."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import av
import opentimelineio as otio
import pytest
from PIL import Image
from planning.projects import film as film_of
from planning.projects import shot as shot_of
from planning.projects import untouched

from runner.config.project import Boundary
from runner.outputs.outcome import Artifact, Ending, FilmOutcome, RunOutcome, ShotOutcome
from runner.outputs.timeline import timelines
from runner.planning.plan import make

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace

SHOTS = {
    "hero": {
        "one": "a quiet lake",
        "two": "wind on the lake",
        "three": {"prompt": "rain", "boundary": "cut"},
    },
    "product": {"cup": "a cup", "table": {"prompt": "a table", "boundary": "cut", "duration_s": 1.5}},
}
SHOT = {"duration_s": 1.0, "fps": 24}


def opened(path: Path) -> Any:
    return otio.adapters.read_from_file(str(path))


def shown(path: Path) -> int:
    with av.open(str(path)) as film:
        return sum(1 for _ in film.decode(video=0))


@pytest.fixture
def folder(workplace: Workplace) -> Path:
    return workplace.path / "outputs/film/latest"


@pytest.mark.parametrize("repeats", [0, 4])
@pytest.mark.parametrize("film", [{}, {"fade": 6}, {"fade": 5, "fade_at": "all", "between": "fade"}])
def test_the_ranges_add_up_to_the_film(
    workplace: Workplace, folder: Path, film: dict[str, Any], repeats: int
) -> None:
    keys = {"order": ["product", "hero"], **film}
    generator = {"plugin": "synthetic", "repeat_first": repeats}
    project = workplace.project(SHOTS, shot=SHOT, film=keys, generator=generator)
    assert workplace.run(project).code == 0

    for place in (folder, folder / "hero", folder / "product"):
        timeline = opened(place / "timeline.otio")
        for track in timeline.tracks:
            ranges = [clip.source_range for clip in track if not isinstance(clip, otio.schema.Transition)]
            assert all(one.duration.rate == 24 and one.duration.value % 1 == 0 for one in ranges)
            assert sum(one.duration.value for one in ranges) == shown(place / "film.mp4")
            assert track.duration().value == shown(place / "film.mp4")
        for clip in timeline.find_clips():
            media = clip.media_reference
            assert (place / media.target_url).is_file()
            assert media.available_range.duration.value == shown(place / media.target_url)
            whole = media.available_range
            assert whole.start_time <= clip.source_range.start_time
            assert clip.source_range.end_time_exclusive() <= whole.end_time_exclusive()
        kinds = [track.kind for track in timeline.tracks]
        assert kinds == ["Video", "Audio"]


def test_each_frame_of_the_film_is_the_one_that_the_timeline_says(workplace: Workplace, folder: Path) -> None:
    generator = {"plugin": "synthetic", "repeat_first": 2}
    assert workplace.run(workplace.project(SHOTS, shot=SHOT, generator=generator)).code == 0
    timeline = opened(folder / "hero/timeline.otio")

    with av.open(str(folder / "hero/film.mp4")) as film:
        got = [frame.to_ndarray(format="gray") for frame in film.decode(video=0)]
    told = []
    for clip in timeline.video_tracks()[0]:
        with av.open(str(folder / "hero" / clip.media_reference.target_url)) as media:
            own = [frame.to_ndarray(format="gray") for frame in media.decode(video=0)]
        first = int(clip.source_range.start_time.value)
        told += own[first : first + int(clip.source_range.duration.value)]
    assert len(told) == len(got)
    assert max(abs(a.astype(int) - b).mean() for a, b in zip(told, got, strict=True)) < 2


def test_dissolves_are_transitions_with_room_on_both_sides(workplace: Workplace, folder: Path) -> None:
    assert workplace.run(workplace.project(SHOTS, shot=SHOT, film={"fade": 7})).code == 0

    timeline = opened(folder / "hero/timeline.otio")
    track = timeline.video_tracks()[0]

    (transition,) = [one for one in track if isinstance(one, otio.schema.Transition)]
    assert (transition.in_offset.value, transition.out_offset.value) == (3, 4)
    before, after = track[2 - 1], track[3]
    assert before.trimmed_range_in_parent() is not None
    assert before.source_range.end_time_exclusive().value + 4 <= 24
    assert after.source_range.start_time.value == 3


def test_seams_and_warnings_are_markers(workplace: Workplace, folder: Path) -> None:
    generator = {"plugin": "synthetic", "repeat_first": 3}
    assert workplace.run(workplace.project(SHOTS, shot=SHOT, generator=generator)).code == 0

    timeline = opened(folder / "hero/timeline.otio")
    clips = {clip.name: clip for clip in timeline.video_tracks()[0]}

    names = [marker.name for marker in clips["two"].markers]
    assert names[0] == "seam: 4 frames shown before, left out"
    assert names[1].startswith("warning: shows its first frame 3 times more")
    assert clips["two"].markers[0].metadata["film-runner"]["overlap"] == 4
    assert clips["two"].source_range.start_time.value == 4
    assert len(clips["one"].markers) == 0


def test_an_end_card_and_clips_of_another_rate(workplace: Workplace, folder: Path) -> None:
    Image.new("RGB", (64, 64), (90, 20, 20)).save(workplace.path / "card.png")
    shots = {
        "main": {"one": "a lake", "two": {"prompt": "rain", "boundary": "cut", "fps": 12}, "three": "wind"}
    }
    project = workplace.project(shots, shot=SHOT, film={"end_card": {"image": "card.png", "fade_s": 0.25}})
    assert workplace.run(project).code == 0

    timeline = opened(folder / "main/timeline.otio")

    assert timeline.tracks[0].duration().value == shown(folder / "main/film.mp4")
    assert timeline.video_tracks()[0][-1].name == "end card"
    (slow,) = [clip for clip in timeline.video_tracks()[0] if clip.name == "two"]
    assert slow.media_reference.available_range.duration.rate == 12


def test_further_takes_are_alternates() -> None:
    plan = make(film_of(shot_of("one", Boundary.CUT)), untouched())
    shot = plan.shots[0]
    facts = {"fps": "24", "frames": 24, "audio": None}
    clip, other = (
        Artifact(
            path=f"{plan.sequences[0].slug}/shots/{name}.mp4", sha256="0" * 64, bytes=1, properties=facts
        )
        for name in ("01_a", "01_a_take2")
    )
    part = {"shot": shot.name, "start": 0, "end": 24, "frames": 24, "fade": 0}
    film = Artifact(
        path=f"{plan.sequences[0].slug}/film.mp4",
        sha256="0" * 64,
        bytes=1,
        properties={"fps": "24", "frames": 24, "parts": [part], "seams": []},
    )
    outcome = RunOutcome(
        plan=plan,
        shots=(ShotOutcome(planned=shot, ending=Ending.DONE, clip=clip),),
        films=(FilmOutcome(sequence=plan.sequences[0], film=film),),
    )

    (timeline,) = timelines(outcome, {shot.name: [other]})

    (found,) = otio.adapters.read_from_string(timeline.text(), "otio_json").find_clips()
    assert sorted(found.media_references()) == ["DEFAULT_MEDIA", "alternate 2"]
    assert found.media_references()["alternate 2"].target_url == "shots/01_a_take2.mp4"
    assert found.active_media_reference_key == "DEFAULT_MEDIA"
    assert json.loads(timeline.text())["OTIO_SCHEMA"] == "Timeline.1"


def test_the_takes_that_a_beam_did_not_choose_are_alternates(workplace: Workplace, folder: Path) -> None:
    project = workplace.project({"hero": SHOTS["hero"]}, shot=SHOT)
    assert workplace.run(project, "beam.takes=3").code == 0

    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    entries = manifest["sequences"]["hero"]["shots"]
    timeline = opened(folder / "hero/timeline.otio")
    for clip in timeline.find_clips():
        media = clip.media_references()
        assert sorted(media) == ["DEFAULT_MEDIA", "alternate 2", "alternate 3"]
        files = {reference.target_url for reference in media.values()}
        entry = entries[clip.name.rpartition("/")[2]]
        assert files == {one["clip"]["path"].removeprefix("hero/") for one in (entry, *entry["alternates"])}
        for reference in media.values():
            assert reference.available_range.duration.value == shown(folder / "hero" / reference.target_url)
            assert reference.available_range.duration.rate == 24
        assert clip.active_media_reference_key == "DEFAULT_MEDIA"
    assert sum(one.source_range.duration.value for one in timeline.video_tracks()[0]) == shown(
        folder / "hero/film.mp4"
    )
