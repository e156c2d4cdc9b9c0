from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from runner.plugins.kie.emulator.client import running

from tests.plugins.kie.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.plugins.kie.emulator.client import Emulator

    from tests.conftest import Workplace


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with running(
        "--task-seconds", "0.1", "--max-short-side", "64", "--fps", "4", "--poll-rate", "0"
    ) as started:
        yield started


@pytest.fixture
def desk(workplace: Workplace, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("COLUMNS", "2000")  # a line of the summary is a line
    return Desk(workplace, emulator)
