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
        self._found: dict[str, Any] = found if found and found["key"] == folder.key else {"sequences": {}}

    def film(
        self, sequence: PlannedSequence | None, joined_from: list[Any], made_with: dict[str, Any]
    ) -> FilmOutcome | None:
        """The film of a sequence, or of the run, if it was made of just these clips, and in just this way. Blocking."""
        owner = self._found["sequences"].get(sequence.name, {}) if sequence is not None else self._found
        entry = owner.get("film")
        wanted = {"joined_from": joined_from, "made_with": made_with}
        if not isinstance(entry, dict) or any(entry.get(key) != value for key, value in wanted.items()):
            return None
        film = self._artifact(entry)
        if film is None:
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
