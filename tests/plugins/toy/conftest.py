from __future__ import annotations

import asyncio
import importlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner import plugins
from runner.providers import listening

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).with_name("plugin")


class ToyService:
    """Toy's emulator in a thread of this process: it outlives the commands that a test kills."""

    def __init__(self, emulator: Any) -> None:
        self.emulator = emulator
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def __enter__(self) -> ToyService:
        self._thread.start()
        assert self._ready.wait(30), "the emulator of Toy does not start"
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The body of each task that was created."""
        return [task["body"] for task in self.emulator.tasks.values()]

    async def _serve(self) -> None:
        async with listening(self.emulator.app, "127.0.0.1", 0) as self.url:
            self._ready.set()
            await self._stop.wait()
            await asyncio.gather(*self.emulator.drawing)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyService]:
    """The emulator of the toy plugin, as its `EmulatorSpec` would serve it, and a key for it."""
    monkeypatch.setenv("TOY_KEY", "toy-canary-5150")
    assert "toy" in plugins.load([FOLDER]).emulators
    emulator = importlib.import_module("runner.plugins.toy.emulator")
    with ToyService(emulator.Emulator()) as service:
        yield service
    plugins.load([])
