"""A film is its clips, in order, whole or not there at all."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest
from media.join_clips import frames, make_clip, psnr, rgb, times, tone

from runner.errors import Incomplete, JoinError, NotAVideo
from runner.media.join import Film, Part, Placed, join


@pytest.fixture
def target(tmp_path):
    return tmp_path / "out" / "film.mp4"


def chain(*paths):
    """Parts of a chain: each clip but the last ends with the frame that the next begins with."""
    return [Part(path=path, end=-1 if path is not paths[-1] else None) for path in paths[:-1]] + [
        Part(path=paths[-1])
    ]


def test_clips_without_b_frames_are_copied_bit_for_bit(tmp_path, target):
    clips = [make_clip(tmp_path / f"{seed}.mp4", 10 + seed, seed=seed, bf=0) for seed in range(3)]

    film = join(chain(*clips), target)

    wanted = frames(clips[0])[:-1] + frames(clips[1])[:-1] + frames(clips[2])
    assert film == Film(
        frames=31,
        duration_s=31 / 24,
        fps="24",
        width=160,
        height=96,
        method="copy",
        reencoded_frames=0,
        audio=False,
        parts=(
            Placed(number=0, start=0, end=9, frames=9, fade=0),
            Placed(number=1, start=0, end=10, frames=10, fade=0),
            Placed(number=2, start=0, end=12, frames=12, fade=0),
        ),
    )
    assert all((a == b).all() for a, b in zip(wanted, frames(target), strict=True))


def test_only_the_frames_that_need_the_dropped_one_are_encoded_again(tmp_path, target):
    a = make_clip(tmp_path / "a.mp4", 29, seed=1, bf=3, x264_params="b-adapt=0:scenecut=0")
    b = make_clip(tmp_path / "b.mp4", 29, seed=2, bf=3, x264_params="b-adapt=0:scenecut=0")

    film = join(chain(a, b), target)

    wanted, got = frames(a)[:-1] + frames(b), frames(target)
    differing = [
        number for number, pair in enumerate(zip(wanted, got, strict=True)) if (pair[0] != pair[1]).any()
    ]
    assert film.method == f"copy, {film.reencoded_frames} frames re-encoded"
    assert 2 <= film.reencoded_frames <= 5
    assert differing == list(range(28 - film.reencoded_frames, 28))
    assert min(psnr(wanted[number], got[number]) for number in differing) > 40
    assert "need the repeated frame" in film.notes[0]


@pytest.mark.parametrize(
    "fps", [Fraction(24), Fraction(25), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60)]
)
def test_frames_are_shown_exactly_when_they_are_due(tmp_path, target, fps):
    clips = [
        make_clip(tmp_path / f"{seed}.mp4", 13, seed=seed, fps=fps, sound=tone(13 / fps)) for seed in range(3)
    ]

    film = join(chain(*clips), target)

    assert film.fps == str(fps)
    assert film.frames == 37
    assert times(target) == [number / fps for number in range(37)]
    with av.open(str(target)) as made:
        assert made.streams.video[0].duration * made.streams.video[0].time_base == 37 / fps


def test_the_same_clips_give_the_same_bytes(tmp_path):
    a = make_clip(tmp_path / "a.mp4", 26, seed=1, sound=tone(26 / 24))
    b = make_clip(tmp_path / "b.mp4", 26, seed=2, size=(128, 128))

    for name in ("one", "two"):
        join(chain(a, b, a), tmp_path / f"{name}.mp4")

    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_a_film_can_be_played_before_it_is_all_there(tmp_path, target):
    clip = make_clip(tmp_path / "a.mp4", 20, sound=tone(20 / 24))

    join(chain(clip, clip), target)

    data = target.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_single_clip_is_its_own_film(tmp_path, target):
    clip = make_clip(tmp_path / "a.mp4", 24, sound=tone(1))

    film = join([Part(path=clip)], target)

    assert target.read_bytes() == clip.read_bytes()
    assert (film.method, film.frames, film.audio) == ("copy", 24, True)


def test_a_single_clip_whose_sound_outlasts_its_pictures_is_trimmed(tmp_path, target):
    clip = make_clip(tmp_path / "a.mp4", 24, sound=tone(2.5))

    join([Part(path=clip)], target)

    with av.open(str(target)) as made:
        assert [track.duration * track.time_base for track in made.streams] == [1, 1]


def test_a_clip_of_one_repeated_frame_leaves_no_trace(tmp_path, target):
    clip, one = make_clip(tmp_path / "a.mp4", 9), make_clip(tmp_path / "one.mp4", 1, seed=5)

    film = join(chain(one, clip), target)

    assert film.frames == 9
    assert all((a == b).all() for a, b in zip(frames(clip), frames(target), strict=True))


def test_a_film_of_nothing_is_refused(tmp_path, target):
    one = make_clip(tmp_path / "one.mp4", 1)

    with pytest.raises(JoinError, match="no frames"):
        join([Part(path=one, end=-1)], target)
    with pytest.raises(JoinError, match="no clips"):
        join([], target)


def test_what_is_not_a_video_is_named(tmp_path, target):
    page = tmp_path / "page.mp4"
    page.write_text("<html>Bad gateway</html>")

    with pytest.raises(NotAVideo) as caught:
        join([Part(path=page)], target)

    assert "page.mp4" in caught.value.where
    assert not target.exists()


def test_a_truncated_clip_is_refused(tmp_path, target):
    whole = make_clip(tmp_path / "a.mp4", 30)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:-200])

    with pytest.raises((Incomplete, NotAVideo)):
        join(chain(whole, cut), target)
    assert not target.exists()


def test_a_cancelled_join_leaves_the_old_film_and_nothing_else(tmp_path, target):
    clip = make_clip(tmp_path / "a.mp4", 20)
    target.parent.mkdir()
    target.write_bytes(b"the old film")
    asked = []

    def cancelled():
        asked.append(True)
        return len(asked) > 10

    with pytest.raises(JoinError, match="was cancelled"):
        join(chain(clip, clip), target, cancelled=cancelled)

    assert target.read_bytes() == b"the old film"
    assert list(target.parent.iterdir()) == [target]


def test_a_film_that_cannot_be_written_is_an_error_with_a_reason(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", 5)
    (tmp_path / "file").write_text("")

    with pytest.raises(JoinError) as caught:
        join(chain(clip, clip), tmp_path / "file" / "film.mp4")

    assert caught.value.why
    assert caught.value.hint


def test_progress_only_ever_grows_and_ends_at_one(tmp_path, target):
    clip = make_clip(tmp_path / "a.mp4", 20)
    seen = []

    join(chain(clip, clip), target, progress=seen.append)

    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 20


def test_a_clip_damaged_near_a_splice_is_encoded_again_with_all_others(tmp_path, target):
    clip = make_clip(tmp_path / "a.mp4", 29, bf=3, x264_params="b-adapt=0", crf=10)
    with av.open(str(clip)) as film:
        packets = [(packet.pos, packet.size) for packet in film.demux(video=0) if packet.size]
    data = bytearray(clip.read_bytes())
    for position, size in packets[20:24]:
        data[position + 5 : position + size] = bytes((7 * number) % 256 for number in range(size - 5))
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(data)

    film = join(chain(damaged, clip), target)

    assert film.frames == len(rgb(target)) == 57
    assert film.method == "re-encoded"
    assert "could not be copied" in film.notes[0]
