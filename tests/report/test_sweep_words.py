"""What the table of a sweep says of its jobs."""

from __future__ import annotations

import pytest

from runner.report.sweep import differing


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("shot.seed=1",), "seed=1"),
        (("+sequences.main.shots.one.params={latency_s:9}",), "params={latency_s:9}"),
        (("sequences.a.shots.one.prompt=x=y", "shot.seed=2"), "prompt=x=y seed=2"),
        (
            ("sequences.a.shots.one.prompt=x", "sequences.a.shots.two.prompt=y"),
            "one.prompt=x two.prompt=y",
        ),
        (
            ("sequences.a.shots.one.prompt=x", "sequences.b.shots.one.prompt=y"),
            "a.shots.one.prompt=x b.shots.one.prompt=y",
        ),
        (("generator=kie",), "generator=kie"),
        ((), ""),
    ],
)
def test_what_differs_is_said_in_short(overrides: tuple[str, ...], words: str) -> None:
    assert differing(overrides) == words
