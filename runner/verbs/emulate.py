"""`runner emulate NAME`: a paid service's API on this machine, to try everything without a key and a bill."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from runner.errors import UsageError
from runner.testing.emulators import EMULATORS
from runner.verbs.arguments import COMMON

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str]) -> int:
    """Serve until told to stop, which is a success. The emulator that is named parses its own options."""
    rest = [word for word in words if word not in COMMON]
    if "-h" in rest or "--help" in rest:
        print(help_text(rest))
        return 0
    name = rest[0] if rest else ""
    if name not in EMULATORS:
        raise UsageError(
            f"there is no emulator {name!r}" if name else "emulate takes the name of an emulator",
            why="; ".join(f"{known}: {about}" for known, about in EMULATORS.items()),
            hint=f"python -m runner emulate {next(iter(EMULATORS))} --port 8642",
        )
    try:
        return int(_command(name).main(rest[1:], quiet="-q" in words or "--quiet" in words))
    except KeyboardInterrupt:
        # Ctrl-C is how one ends it, also before it serves.
        return 0


def help_text(words: Sequence[str]) -> str:
    """The options of the emulator that is named in `words`, or which emulators there are."""
    named = next((word for word in words if word in EMULATORS), "")
    if named:
        return str(_command(named).help_text())
    lines = ["usage: python -m runner emulate NAME [--port N] [OPTION ...]", ""]
    lines += [f"  {name:<11} {about}" for name, about in EMULATORS.items()]
    lines += ["", "emulate NAME --help  shows the options"]
    return "\n".join(lines)


def _command(name: str) -> Any:
    return importlib.import_module(f"runner.testing.emulators.{name}.command")
