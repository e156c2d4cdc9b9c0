"""Running a provider in a process of its own, and speaking to it: for tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from runner.api import harmless_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT: Final = Path(__file__).resolve().parents[3]
_STOP_S: Final = 10
_ANSWER_S: Final = 30
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ChildProvider:
    """A provider that `python -m WORDS` starts. Used in `with`, it runs from there on, and ends with this process.

    The URL at which it listens is in its first line of output.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, or start it again on the same port. Raises `RuntimeError` where it does not come up."""
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        port = self.url.rpartition(":")[2] or "0"
        given = [] if "--port" in self._words else ["--port", port]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *self._words, *given, "--die-with-parent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**harmless_environment(), "PYTHONPATH": os.pathsep.join(paths)},
        )
        assert self._process.stdout is not None
        found = re.search(r'http://[^\s"]+', self._process.stdout.readline())
        if found is None:
            self.stop()
            raise RuntimeError("the provider did not start; its error output says why")
        self.url = found[0]

    def stop(self) -> None:
        """Ask it to stop, and wait until it did."""
        self._end(kill=False)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with process:  # closes its pipes
            if kill:
                process.kill()
            else:
                process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()

    def ask(self, path: str, body: object = None) -> Any:
        """The JSON that it answers, to a GET or to a POST of `body`. Raises `ValueError` with its text for an error."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            data=None if body is None else json.dumps(body, default=str).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with _OPENER.open(request, timeout=_ANSWER_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            with problem:
                raise ValueError(problem.read().decode()) from None
