"""A task that is paid for is waited for, and its clip brought home, whatever is said meanwhile."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.engine.desk import stored

if TYPE_CHECKING:
    from pathlib import Path

    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace
    from tests.engine.desk import Desk


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.mark.parametrize("trouble", ["expired", "truncated", "cut", "empty", "html_as_video", "500"])
def test_a_result_that_arrives_spoilt_is_fetched_again_for_free(
    one: Desk, fake: FakeProvider, trouble: str
) -> None:
    fake.script(default={"fetch": [trouble], "price_usd": "0.10"})
    answer = one.run()
    assert answer.code == 0, answer.out
    assert fake.books().total_usd == Decimal("0.10")


def test_a_result_that_never_arrives_whole_stays_paid_and_can_be_fetched_later(
    one: Desk, fake: FakeProvider
) -> None:
    fake.script(default={"fetch": ["truncated*"]})
    assert one.run().code == 1
    assert [row["phase"] for row in one.rows()] == ["ready"]
    books = fake.books().submissions
    fake.script(default={})
    answer = one.run()
    assert books == fake.books().submissions
    assert answer.code == 0, answer.out


def test_a_deadline_leaves_the_task_to_be_picked_up(one: Desk, fake: FakeProvider) -> None:
    fake.script(default={"run_s": 2.0, "price_usd": "0.10"})
    late = one.run("limits.task_timeout_s=0.3")
    assert late.code == 1
    assert "pick it up" in " ".join(late.out.split())
    assert [row["phase"] for row in one.rows()] == ["submitted"]
    assert one.run().code == 0
    assert fake.books().submissions == 1


def test_a_flipped_byte_is_found_and_the_clip_fetched_again(
    one: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    assert one.run().code == 0
    (clip,) = stored(workplace)
    whole = clip.read_bytes()
    flip(clip)
    answer = one.run()
    assert answer.code == 0, answer.out
    assert clip.read_bytes() == whole
    assert fake.books().submissions == 1
    assert workplace.run("verify", "outputs").code == 0


def test_a_damaged_clip_is_not_fetched_again_with_the_key_of_another_account(
    one: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    assert one.run("generator.api_key=alpha-7731").code == 0
    (clip,) = stored(workplace)
    flip(clip)
    answer = one.run("generator.api_key=beta-9942")
    assert answer.code == 1
    assert "another account" in answer.out
    assert "beta-9942" not in fake.books().accounts


def test_a_damaged_clip_that_the_provider_lost_is_reported_and_not_paid_again(
    one: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    assert one.run().code == 0
    (clip,) = stored(workplace)
    flip(clip)
    fake.script(default={"fetch": ["404*"], "poll": ["404*"]})
    for _ in range(2):
        assert one.run().code == 1
    assert fake.books().submissions == 1


@pytest.mark.parametrize("stray", ["404*3", "401"])
def test_a_clip_is_not_given_up_for_stray_answers_while_its_address_is_good(
    one: Desk, fake: FakeProvider, stray: str
) -> None:
    fake.script(default={"fetch": ["503"], "poll": ["ok", stray], "price_usd": "0.10"})

    answer = one.run()

    assert answer.code == 0, answer.out
    assert [row["phase"] for row in one.rows()] == ["fetched"]
    assert fake.books().submissions == 1


def test_a_clip_that_cannot_be_fetched_now_is_kept_although_its_task_is_not_known(
    one: Desk, fake: FakeProvider
) -> None:
    fake.script(default={"fetch": ["503*"], "price_usd": "0.10"})
    failed = one.run()
    assert failed.code == 1
    assert "next: run it again; finished shots are kept" in failed.out

    fake.script(default={"fetch": ["503*"], "poll": ["404*"], "price_usd": "0.10"})
    assert one.run().code == 1
    assert [row["phase"] for row in one.rows()] == ["ready"]

    fake.script(default={"price_usd": "0.10"})
    assert one.run().code == 0
    assert fake.books().submissions == 1


def test_a_clip_that_is_gone_by_its_address_and_by_its_task_is_lost_and_says_why(
    one: Desk, fake: FakeProvider
) -> None:
    fake.script(default={"fetch": ["503*"], "price_usd": "0.10"})
    assert one.run().code == 1
    fake.script(default={"fetch": ["404*"], "poll": ["404*"], "price_usd": "0.10"})

    answer = one.run()

    assert answer.code == 1
    assert [row["phase"] for row in one.rows()] == ["lost"]
    said = " ".join(answer.out.split())
    assert "neither in the object store nor at the provider" in said
    assert "HTTP 404" in said
    assert "sequences.main.shots.one.take=2" in said
    assert "next: do what the failures say, then run it again; finished shots are kept" in said


def test_a_clip_that_comes_too_slowly_is_left_for_the_next_run(one: Desk, fake: FakeProvider) -> None:
    fake.script(default={"slow_result_s": 30.0, "price_usd": "0.10"})

    slow = one.run("limits.task_timeout_s=3")

    assert slow.code == 1
    assert "the clip did not arrive" in slow.out
    assert "not complete within 3 s" in slow.out
    assert [row["phase"] for row in one.rows()] == ["ready"]
    fake.script(default={"price_usd": "0.10"})
    assert one.run().code == 0
    assert fake.books().submissions == 1
