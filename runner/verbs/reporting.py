"""The report at the end of a run or a sweep: written beside its manifest, and never a reason to fail."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from runner.report.html import write_at_end

if TYPE_CHECKING:
    from pathlib import Path


async def written(folder: Path | None) -> None:
    """Write `report.html` into the folder, in a worker thread; a failure is said on standard error."""
    problem = await asyncio.to_thread(write_at_end, folder)
    if problem:
        print(f"no report: {problem}", file=sys.stderr)
        print(f"  next: python -m runner report {folder}  writes it again", file=sys.stderr)
