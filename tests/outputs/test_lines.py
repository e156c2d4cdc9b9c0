"""Lines of many files: all of them arrive, and few files are open."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from runner.outputs.lines import Lines


def open_below(folder: Path) -> int:
    """How many files of a folder this process has open."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = Path(os.readlink(entry))
        except FileNotFoundError:  # the one that lists them
            continue
        found += target.parent == folder
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells which files are open")
def test_every_line_arrives_and_few_files_are_open(tmp_path: Path) -> None:
    files = [Lines(tmp_path / f"{number}.log") for number in range(100)]
    for line in ("one", "two"):
        for file in files:
            file.add(line)

    assert all((tmp_path / f"{number}.log").read_text() == "one\ntwo\n" for number in range(100))
    assert 0 < open_below(tmp_path) <= 32
    for file in files:
        file.close()
    assert open_below(tmp_path) == 0


def test_a_line_is_in_the_file_at_once_and_after_it_was_closed(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "a.log")
    lines.add("one")
    assert (tmp_path / "a.log").read_text() == "one\n"
    lines.close()
    lines.close()
    lines.add("two \udcff")
    assert (tmp_path / "a.log").read_text() == "one\ntwo \\udcff\n"
    lines.close()


def test_what_cannot_be_written_at_all_is_an_error_at_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "real.log").touch()
    (tmp_path / "a.log").symlink_to("real.log")
    with pytest.raises(OSError, match=r"a\.log"):
        Lines(tmp_path / "a.log")
