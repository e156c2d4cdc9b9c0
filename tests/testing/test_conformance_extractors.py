"""What the conformance suite finds wrong with an extractor."""

from __future__ import annotations

from tests.testing.examined import EXTRACTOR, failed, filled, verdicts


def test_an_extractor_that_returns_the_frame_before_the_last_one_fails(examined):
    body = """
    whole = last_frame(clip)  # refuses what is broken
    with av.open(str(clip)) as container:
        frames = [to_rgb(frame) for frame in container.decode(video=0)]
    return Frame(rgb=frames[-2:][0], time_s=whole.time_s, method="wrong")
    """
    answer = examined(filled(EXTRACTOR, body))

    assert answer.code == 1
    wrong = failed(answer)
    assert "frame 23 of 24" in wrong["true last frame: an ordinary clip"]
    assert "frame 23 of 24" in wrong["true last frame: B-frames"]
    assert "true last frame: a single frame" not in wrong
    assert not any(check.startswith("refuses") for check in wrong)


def test_an_extractor_that_guesses_the_colour_matrix_fails(examined):
    body = """
    found = last_frame(clip)
    import numpy as np
    luma = found.rgb @ np.array([0.2126, 0.7152, 0.0722])
    grey = np.repeat(luma[:, :, None], 3, axis=2).astype(np.uint8)
    return Frame(rgb=(found.rgb * 0.7 + grey * 0.3).astype(np.uint8), time_s=found.time_s, method="pale")
    """
    answer = examined(filled(EXTRACTOR, body))

    assert "levels off in colour" in failed(answer)["true last frame: an ordinary clip"]


def test_an_extractor_that_ignores_rotation_fails_only_there(examined):
    body = """
    import numpy as np
    found = last_frame(clip)
    turned = found.rgb if found.rgb.shape[0] < found.rgb.shape[1] else np.rot90(found.rgb)
    return Frame(rgb=turned, time_s=found.time_s, method="wrong")
    """
    answer = examined(filled(EXTRACTOR, body))

    assert set(failed(answer)) == {"true last frame: rotated by 90 degrees", "right from 4 threads at once"}


def test_an_extractor_that_reads_what_is_left_of_a_clip_fails(examined):
    body = """
    if clip.stat().st_size == 0:
        raise OSError("empty")
    try:
        return last_frame(clip)
    except MediaError:
        with av.open(str(clip)) as container:
            for frame in container.decode(video=0):
                break
        return Frame(rgb=to_rgb(frame), time_s=0.0, method="wrong")
    """
    answer = examined(filled(EXTRACTOR, body))

    wrong = failed(answer)
    assert wrong["refuses a clip cut off"] == "it returned a frame"
    assert "not a MediaError" in wrong["refuses an empty file"]


def test_an_extractor_may_refuse_but_not_an_ordinary_clip(examined):
    answer = examined(filled(EXTRACTOR, 'raise MediaError("not today")'))

    found = failed(answer)
    assert "ordinary" in found["true last frame: an ordinary clip"]
    assert verdicts(answer)["true last frame: B-frames"] == "ok"


def test_an_extractor_with_a_shared_state_fails_in_threads(examined):
    body = """
    self.seen = getattr(self, "seen", 0) + 1
    if self.seen > 11 and self.seen % 2:
        raise RuntimeError("two at once")
    return last_frame(clip)
    """
    answer = examined(filled(EXTRACTOR, body))

    assert set(failed(answer)) == {"right from 4 threads at once"}


OFFSETS = EXTRACTOR.replace("factory=Mine)", "factory=Mine, offsets=True)")


def test_an_extractor_that_says_it_reads_other_frames_has_to(examined):
    wrong = failed(examined(filled(OFFSETS, "return last_frame(clip)")))

    assert "frame 24 of 24, not frame 21" in wrong["3 frames before the last: an ordinary clip"]
    assert "3 frames before the last: B-frames" in wrong


def test_an_extractor_that_reads_other_frames_passes(examined):
    body = "from runner.media import frame_from_end; return frame_from_end(clip, policy.frames)"
    answer = examined(filled(OFFSETS, body))

    assert "3 frames before the last: an ordinary clip" in answer.out
    assert not any(check.startswith("3 frames") for check in failed(answer)), answer.out


def test_an_extractor_of_last_frames_is_not_asked_for_others(examined):
    assert "3 frames before the last" not in examined(filled(EXTRACTOR, "return last_frame(clip)")).out
