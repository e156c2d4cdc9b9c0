"""An outputs root as version 0.1.0 left it: three clips of a film, and attempts in other phases.

`old_root/journal.sql` is the dump of its journal, whose clock went back before the last two attempts.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

SOURCE = Path(__file__).with_name("old_root")
RUN = "old/synthetic-0a6dd3b2"


def restore(folder: Path) -> Path:
    """Make the project and its outputs root in a folder; returns the root."""
    root = folder / "outputs"
    shutil.copytree(SOURCE / "conf", folder / "conf")
    shutil.copytree(SOURCE / "objects", root / ".runner" / "objects")
    shutil.copytree(SOURCE / "run", root / RUN)
    manifest = json.loads((root / RUN / "manifest.json").read_text(encoding="utf-8"))
    for sequence in manifest["sequences"].values():
        for shot in sequence["shots"].values():
            for file in filter(None, (shot["clip"], shot["first_frame"])):
                target = root / RUN / file["path"]
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(SOURCE / "objects" / file["sha256"][:2] / file["sha256"][2:], target)
    with contextlib.closing(sqlite3.connect(root / ".runner" / "journal.db")) as journal:
        journal.execute("PRAGMA journal_mode = WAL")
        journal.executescript((SOURCE / "journal.sql").read_text(encoding="utf-8"))
    return root
