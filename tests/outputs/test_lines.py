"""Lines get to their file, by a turn of the event loop or at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runner.outputs.lines import Lines


def test_off_a_loop_a_line_is_in_the_file_at_once(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "log")
    lines.write("né\n")
    lines.flush()
    assert (tmp_path / "log").read_text(encoding="utf-8") == "né\n"
    lines.close()


def test_on_a_loop_what_is_told_in_one_turn_is_in_the_file_after_it(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "log")

    async def tell() -> list[str]:
        seen = []
        for number in range(2):
            for word in "ab":
                lines.write(f"{word}{number}\n")
                lines.flush()
            seen.append((tmp_path / "log").read_text(encoding="utf-8"))
            await asyncio.sleep(0)
        seen.append((tmp_path / "log").read_text(encoding="utf-8"))
        return seen

    assert asyncio.run(tell()) == ["", "a0\nb0\n", "a0\nb0\na1\nb1\n"]
    lines.close()


def test_what_is_left_is_written_when_it_is_closed_and_a_late_turn_does_no_harm(tmp_path: Path) -> None:
    async def tell() -> None:
        lines = Lines(tmp_path / "log")
        lines.write("a\n")
        lines.flush()
        lines.close()
        await asyncio.sleep(0)

    asyncio.run(tell())
    assert (tmp_path / "log").read_text(encoding="utf-8") == "a\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_stops_nobody() -> None:
    lines = Lines(Path("/dev/full"))
    for _ in range(3):
        lines.write("x" * 100_000)
        lines.flush()
    lines.close()
