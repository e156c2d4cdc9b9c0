"""What an earlier run of the same request left in its folder, and still is what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.outputs import manifest
from runner.outputs.outcome import Artifact, FilmOutcome
from runner.store import digest_of

if TYPE_CHECKING:
    from runner.outputs.folder import RunFolder
    from runner.planning.plan import PlannedSequence


class FilmCache:
    """Finished films of the folder, by its manifest. A file counts only if its digest still matches."""

    def __init__(self, folder: RunFolder) -> None:
        self._root = folder.path
        found = manifest.read(folder.path)
        self._sequences: dict[str, Any] = found["sequences"] if found and found["key"] == folder.key else {}

    def film(self, sequence: PlannedSequence, inputs: list[Any]) -> FilmOutcome | None:
        """The film of a sequence, if it was joined from just these clips. Blocking."""
        entry = self._sequences.get(sequence.name, {}).get("film")
        film = self._artifact(entry)
        if film is None or film.properties.get("joined_from") != inputs:
            return None
        return FilmOutcome(sequence=sequence, film=film, reused=True)

    def _artifact(self, entry: Any) -> Artifact | None:
        if not isinstance(entry, dict):
            return None
        path = self._root / str(entry.get("path"))
        if digest_of(path) != entry.get("sha256"):
            return None
        properties = {key: value for key, value in entry.items() if key not in ("path", "sha256", "bytes")}
        return Artifact(
            path=entry["path"], sha256=entry["sha256"], bytes=entry["bytes"], properties=properties
        )
