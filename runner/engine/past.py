"""What an earlier run of the same request left in its folder, and still is what it was."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from runner.engine.outcome import Artifact, Ending, FilmOutcome, ShotOutcome
from runner.report import manifest

if TYPE_CHECKING:
    from pathlib import Path

    from runner.plan import PlannedSequence, PlannedShot
    from runner.report.folder import RunFolder


class Past:
    """Finished shots and films of the folder, by its manifest. A file counts only if its digest still matches."""

    def __init__(self, folder: RunFolder) -> None:
        self._root = folder.path
        found = manifest.read(folder.path)
        self._sequences: dict[str, Any] = found["sequences"] if found and found["key"] == folder.key else {}

    def shot(self, planned: PlannedShot) -> ShotOutcome | None:
        """The outcome of a shot that is there already. Blocking: reads the file."""
        entry = self._sequences.get(planned.sequence, {}).get("shots", {}).get(planned.shot.name)
        if not entry or entry.get("key") != planned.key or entry.get("ending") != Ending.DONE:
            return None
        clip = self._artifact(entry.get("clip"))
        if clip is None:
            return None
        return ShotOutcome(
            planned=planned,
            ending=Ending.DONE,
            how=entry["how"],
            clip=clip,
            first_frame=self._artifact(entry.get("first_frame")),
            adherence=entry.get("adherence"),
            fell_back=entry.get("fell_back", ""),
            warnings=tuple(entry.get("warnings", ())),
            reused=True,
        )

    def film(self, sequence: PlannedSequence, inputs: list[Any]) -> FilmOutcome | None:
        """The film of a sequence, if it was joined from just these clips. Blocking."""
        entry = self._sequences.get(sequence.name, {}).get("film")
        film = self._artifact(entry)
        if film is None or film.facts.get("joined_from") != inputs:
            return None
        return FilmOutcome(sequence=sequence, film=film, reused=True)

    def _artifact(self, entry: Any) -> Artifact | None:
        if not isinstance(entry, dict):
            return None
        path = self._root / str(entry.get("path"))
        if digest_of(path) != entry.get("sha256"):
            return None
        facts = {key: value for key, value in entry.items() if key not in ("path", "sha256", "bytes")}
        return Artifact(path=entry["path"], sha256=entry["sha256"], bytes=entry["bytes"], facts=facts)


def digest_of(path: Path) -> str | None:
    """SHA-256 of a file; `None` where there is none to read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
