"""`runner emulate NAME`: a paid service's API on this machine, to try everything without a key and a bill."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from runner.errors import UsageError
from runner.testing.emulators import EMULATORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.cli import Flags


def main(flags: Flags) -> int:
    """Serve until told to stop, which is a success."""
    if not flags.rest or flags.rest[0] not in EMULATORS:
        raise UsageError(
            f"there is no emulator {flags.rest[0]!r}"
            if flags.rest
            else "emulate takes the name of an emulator",
            why="; ".join(f"{name}: {about}" for name, about in EMULATORS.items()),
            hint=f"python -m runner emulate {next(iter(EMULATORS))} --port 8642",
        )
    try:
        return int(_command(flags.rest[0]).main(flags.rest[1:], quiet=flags.quiet))
    except KeyboardInterrupt:
        # Ctrl-C is how one ends it, also before it serves.
        return 0


def help_text(words: Sequence[str]) -> str:
    """The options of the emulator that is named in `words`, or which emulators there are."""
    named = next((word for word in words if word in EMULATORS), "")
    if named:
        return str(_command(named).help_text())
    lines = ["python -m runner emulate NAME [--port N] [OPTION ...]", ""]
    lines += [f"  {name:<11} {about}" for name, about in EMULATORS.items()]
    lines += ["", "emulate NAME --help  shows the options"]
    return "\n".join(lines)


def _command(name: str) -> Any:
    return importlib.import_module(f"runner.testing.emulators.{name}.command")
