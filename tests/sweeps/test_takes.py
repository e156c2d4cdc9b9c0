"""`shot.take=1,2,3` sweeps takes: each is another clip of the same request, in a folder that says which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engine.desk import Desk
from tests.sweeps.test_jobs import CHAIN, rows, shot

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace


def test_takes_are_swept(workplace: Workplace, fake: FakeProvider) -> None:
    desk = Desk(workplace, fake, {"main": {"lake": "a lake"}})
    assert workplace.run(desk.project).code == 0

    answer = workplace.run("-m", desk.project, "shot.take=1,2,3")

    assert answer.code == 0, answer.err
    assert fake.books().accepted == 3, "the first take is the clip that was there already"
    folders = [row["folder"] for row in rows(workplace.path)]
    assert [name.split("-")[:2] for name in folders] == [[f"{at:02d}_take", str(at + 1)] for at in range(3)]
    clips = {path.read_bytes() for path in workplace.path.glob("outputs/film/sweeps/*/*/main/shots/*.mp4")}
    assert len(clips) == 3
    for name in folders:
        assert name in answer.out


def test_takes_of_one_shot_share_what_comes_before(workplace: Workplace, fake: FakeProvider) -> None:
    desk = Desk(workplace, fake, CHAIN)

    answer = workplace.run("-m", desk.project, f"{shot('wave', 'take')}=1,2,3")

    assert answer.code == 0, answer.err
    assert fake.books().accepted_by_shot == {"main/lake": 1, "main/boat": 1, "main/gull": 1, "main/wave": 3}
    assert [row["folder"][:9] for row in rows(workplace.path)] == ["00_take-1", "01_take-2", "02_take-3"]
