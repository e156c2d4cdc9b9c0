"""Where a clip arrives."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runner.engine.sink import FileSink
from runner.errors import FetchFailed, OutputError

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_no_fault_of_the_provider() -> None:
    async def arrive() -> None:
        sink = FileSink(FULL)
        try:
            await sink.write(bytes(1 << 20))
        finally:
            sink.close()

    with pytest.raises(OutputError) as caught:
        asyncio.run(arrive())

    assert "make room" in caught.value.hint


def test_fewer_bytes_than_announced_are_no_clip(tmp_path: Path) -> None:
    async def arrive() -> None:
        sink = FileSink(tmp_path / "clip.mp4")
        sink.expect(11)
        await sink.write(b"0123456789")
        sink.close()
        sink.check()

    with pytest.raises(FetchFailed, match="did not arrive complete"):
        asyncio.run(arrive())
