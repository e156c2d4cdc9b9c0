"""Makes scikit-video 1.1.11 (2018) work with numpy 2 and without an ffprobe program.

What it needs, and when it can go: all of it with the first release of scikit-video that

- does not use the aliases that numpy 1.24 removed (`np.int`, `np.float`):
  https://github.com/scikit-video/scikit-video/issues/154. Its modules get a numpy of their own that has them; numpy
  itself is not touched;
- does not import `scipy.misc`, which warns;
- takes the path of ffmpeg without an ffprobe beside it. Its reader is given our own probe's answers instead;
- closes the pipes of an ffmpeg that has ended, and looks at how it ended.
"""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
import threading
import types
import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from runner.api import harmless_environment
from runner.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["ProgramFailed", "load"]

_ALIASES: Final = {"int": int, "float": float, "bool": bool, "complex": complex, "object": object, "str": str}

_lock = threading.Lock()


class ProgramFailed(Exception):
    """The ffmpeg that scikit-video started ended with a code other than 0."""


class _OldNumpy(types.ModuleType):
    """numpy as it was before 1.24."""

    def __getattr__(self, name: str) -> Any:
        return _ALIASES[name] if name in _ALIASES else getattr(np, name)


def load(program: Path, describe: Callable[[str], dict[str, str]]) -> Any:
    """Return scikit-video's `FFmpegReader` (what its `vreader` streams from), reading with the ffmpeg at
    `program`.

    `describe` is given the name of a clip and returns what ffprobe would say of its video stream ("@width",
    ...). Raises `PluginError` if the library cannot be imported.
    """
    with _lock:
        if "skvideo.io" not in sys.modules:
            _import()
    return _reader(importlib.import_module("skvideo.io.ffmpeg"), program, describe)


def _import() -> None:
    # The filters of `warnings` belong to the whole process, and another thread may change them at the same
    # time; nothing is lost by that but a line on stderr.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            importlib.import_module("skvideo.io")
        except Exception as error:
            raise PluginError(
                "scikit-video cannot be imported",
                why=f"{type(error).__name__}: {error}",
                hint="use extractor=pyav",
            ) from error
    old = _OldNumpy("numpy")
    for name, module in list(sys.modules.items()):
        if name.startswith("skvideo."):
            names = vars(module)
            if names.get("np") is np:
                names["np"] = old
            if "_HAS_FFMPEG" in names:
                names["_HAS_FFMPEG"] = 1


def _reader(module: Any, program: Path, describe: Callable[[str], dict[str, str]]) -> Any:
    # What it starts gets no key from the environment.
    popen = functools.partial(subprocess.Popen, env=harmless_environment())
    module.sp = types.SimpleNamespace(PIPE=subprocess.PIPE, STDOUT=subprocess.STDOUT, Popen=popen)

    class Reader(module.FFmpegReader):  # type: ignore[misc]  # scikit-video has no types
        _proc: Any = None

        def _probe(self) -> dict[str, dict[str, str]]:
            return {"video": describe(self._filename)}

        def _getSupportedDecoders(self) -> Any:  # noqa: N802 - scikit-video's name
            return NotImplemented  # its way to say that file extensions do not matter

        def _createProcess(self, *arguments: Any) -> None:  # noqa: N802 - scikit-video's name
            with _lock:  # the path is a global of the module
                module._FFMPEG_PATH, module._FFMPEG_APPLICATION = str(program.parent), program.name
                super()._createProcess(*arguments)

        def nextFrame(self) -> Iterator[Any]:  # noqa: N802 - scikit-video's name
            yield from super().nextFrame()
            code = self._proc.wait()
            if code:
                raise ProgramFailed(f"its ffmpeg ended with code {code}")

        def close(self) -> None:
            if self._proc is None:
                return
            if self._proc.poll() is None:
                self._proc.kill()
            self._proc.communicate()  # waits, and closes the pipes
            self._proc = None

    return Reader
