"""Plans hostile projects in a process of their own, under an audit hook: what it opens and connects to is noted.

Reads one JSON list a line: the texts of the files of a folder. Answers one JSON object a line. An audit hook cannot
be taken back, and so is for a process that does nothing else.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
CHANGES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.chown",
)
STARTS = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.spawn",
    "ctypes.dlopen",
)


def own_peak_kb() -> int:
    """`ru_maxrss` would count the memory of the process that started this one: the tests' own may have had more."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


class Watch:
    """What happened outside of the folder since it was last asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[str] = []
        self.on = False
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & WRITING and isinstance(path, str) and path != os.devnull:
                self.seen.append(f"writes {path}")
            elif isinstance(path, str) and "secret-of-the-user" in path:
                self.seen.append(f"reads {path}")
        elif event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
            self.seen.append(f"{event} {arguments[-1]!r}")
        elif event in CHANGES or event in STARTS:
            self.seen.append(f"{event} {arguments[0]!r}")


def main(folder: Path) -> None:
    os.chdir(folder)
    from runner import cli

    watch = Watch(folder)
    cli.main(["plan", "+project=one_shot", "--json"])  # what is imported once is imported before
    for line in sys.stdin:
        shutil.rmtree(folder / "conf", ignore_errors=True)
        files: dict[str, str] = json.loads(line)
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
        out, err = io.StringIO(), io.StringIO()
        watch.seen, watch.on = [], True
        started = time.process_time()
        raised = ""
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = cli.main(["plan", "+project=film", "generator=kie", "uploader=kie"])
        except BaseException as error:
            code, raised = -1, f"{type(error).__name__}: {error}"
        watch.on = False
        answer = {
            "code": code,
            "raised": raised,
            "printed": out.getvalue() + err.getvalue(),
            "seen": watch.seen,
            "cpu_s": time.process_time() - started,
            "peak_kb": own_peak_kb(),
        }
        sys.__stdout__.write(json.dumps(answer) + "\n") if sys.__stdout__ else None
        sys.__stdout__.flush() if sys.__stdout__ else None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
