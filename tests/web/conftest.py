from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from runner.plugins.kie.emulator.client import running

from tests.web.site import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.plugins.kie.emulator.client import Emulator

    from tests.web.site import Site


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    options = ("--task-seconds", "0.1", "--fps", "8", "--max-short-side", "304", "--poll-rate", "0")
    with running(*options) as started:
        yield started


@pytest.fixture
def paid_site(tmp_path: Path, emulator: Emulator) -> Iterator[Site]:
    """A site with an account of its own at the emulated KIE."""
    emulator.script()
    key = emulator.account(uuid.uuid4().hex, 1000)
    with opened(tmp_path / "site", emulator, key) as site:
        yield site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site where nothing costs anything."""
    with opened(tmp_path / "site") as site:
        yield site
