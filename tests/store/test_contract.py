"""The contract of a store: SQLite and files, and the model in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.store.contract import JournalContract, ObjectContract
from tests.store.local_store import LocalStore
from tests.store.memory import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path


class TestLocal(JournalContract, ObjectContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path / "outputs")


class TestMemory(JournalContract, ObjectContract):
    @pytest.fixture
    def backend(self) -> MemoryStore:
        return MemoryStore()
