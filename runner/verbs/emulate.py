"""`runner emulate NAME`: a paid service's API on this machine, to try everything without a key and a bill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner import plugins
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.api import EmulatorSpec


def main(words: Sequence[str]) -> int:
    """Serve until Ctrl-C, which is a success. The emulator that is named parses its own options."""
    emulators = plugins.load().emulators
    name = next((word for word in words if not word.startswith("-")), "")
    if name in emulators:
        rest = list(words)
        rest.remove(name)
        try:
            return int(emulators[name].command(rest))
        except KeyboardInterrupt:
            # Ctrl-C is how one ends it, also before it serves.
            return 0
    if "-h" in words or "--help" in words:
        print(_help(emulators))
        return 0
    raise UsageError(
        f"there is no emulator {name!r}" if name else "emulate takes the name of an emulator",
        why="; ".join(f"{known}: {spec.summary}" for known, spec in emulators.items()),
        hint=f"python -m runner emulate {next(iter(emulators))} --port 8642",
    )


def _help(emulators: Mapping[str, EmulatorSpec]) -> str:
    lines = ["usage: python -m runner emulate NAME [--port N] [OPTION ...]", ""]
    lines += [f"  {name:<11} {spec.summary}" for name, spec in emulators.items()]
    lines += ["", "emulate NAME --help  shows the options"]
    return "\n".join(lines)
