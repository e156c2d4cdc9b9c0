from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runner.testing.fake_provider.client import running
from tests.engine import web_folder
from tests.engine.desk import ONE, TWO, Desk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace


@pytest.fixture
def fake(workplace: Workplace) -> Iterator[FakeProvider]:
    """A provider of this test's own, at ten cents a clip."""
    with running(workplace.path / "books.jsonl") as provider:
        provider.script(default={"price_usd": "0.10", "run_s": 0.05})
        yield provider


@pytest.fixture
def uploader(workplace: Workplace) -> Iterator[dict[str, Any]]:
    """A configuration of an image host that goes on when a run is killed."""
    workplace.write("plugins/web_folder.py", web_folder.PLUGIN)
    with web_folder.serving(workplace.path / "pictures") as chosen:
        yield chosen


@pytest.fixture
def one(workplace: Workplace, fake: FakeProvider) -> Desk:
    return Desk(workplace, fake, ONE)


@pytest.fixture
def two(workplace: Workplace, fake: FakeProvider) -> Desk:
    return Desk(workplace, fake, TWO)
