"""Emulators of paid services: their HTTP APIs on this machine, without a key and without a bill.

python -m runner emulate NAME --port 8642
"""

from __future__ import annotations

import ast
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EMULATORS"]


def _about(package: Path) -> str:
    text = (package / "__init__.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


EMULATORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        package.name: _about(package)
        for package in sorted(Path(__file__).parent.iterdir())
        if (package / "__init__.py").is_file()
    }
)
"""Every emulator by its name, and one line about it. Nothing of it is imported for that."""
