from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.testing.fake_provider.client import running

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
