"""The JSON files of run folders as they may be read: checked, since an outputs root may be anybody's."""

from __future__ import annotations

import contextlib
import json
import math
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from runner.nesting import is_shallow
from runner.store.local import inside

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST: Final = "manifest.json"
RUN: Final = "run.json"
_MANIFEST_VERSIONS: Final = (1, 2)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_LARGEST: Final = 64 << 20
_MOST_USD: Final = 1e9
_TOO_DEEP: Final = "it is JSON that is nested too deeply"


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a run folder; `None` where there is none that can be used.

    Its keys and digests are digests, its paths lead nowhere but into the folder.
    """
    found = read_json(folder / MANIFEST)
    try:
        return found if _is_manifest(found) else None
    except (AttributeError, KeyError, TypeError):
        return None


def read_run(folder: Path) -> dict[str, Any] | None:
    """What `run.json` of a folder says: `key` is a digest, `shots` and `money` are mappings, amounts are amounts.

    `None` where it is missing or something else.
    """
    found = read_json(folder / RUN)
    if not isinstance(found, dict) or not is_digest(found.get("key")):
        return None
    for name, kind in (("shots", dict), ("money", dict), ("overrides", list), ("project", str)):
        if found.get(name) is not None and not isinstance(found[name], kind):
            return None
    shots = (found.get("shots") or {}).values()
    amounts = [
        *(found.get("money") or {}).values(),
        *(one.get("cost_usd") for one in shots if isinstance(one, dict)),
    ]
    return found if all(map(_is_amount, amounts)) else None


def read_json(path: Path) -> Any:
    """What a JSON file of a run folder holds; `None` where it is missing, no plain file, broken or far too large."""
    try:
        return loads(inside.read_bytes(path, _LARGEST).decode("utf-8"))
    except (OSError, ValueError):
        return None


def read_lines(path: Path) -> list[Any]:
    """The value of each line of a file that lines of JSON are appended to; those that are none are left out.

    Raises `OSError`, also where it is no plain file or far too large.
    """
    found = []
    for line in inside.read_bytes(path, _LARGEST).splitlines():
        with contextlib.suppress(ValueError):
            found.append(loads(line.decode("utf-8")))
    return found


def loads(text: str) -> Any:
    """The value of a JSON text that may be anybody's. Raises `ValueError`, also for what is nested too deeply."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if not is_shallow(found):
        raise ValueError(_TOO_DEEP)
    return found


def is_digest(value: object) -> bool:
    """Whether a value is a SHA-256 in 64 hex digits."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def is_inside(path: object) -> bool:
    """Whether a relative path of a document stays below the folder of the document."""
    if not isinstance(path, str):
        return False
    parts = PurePosixPath(path).parts
    return bool(parts) and parts[0] != "/" and ".." not in parts and not set(path) & {"\0", "\\"}


def _is_manifest(found: Any) -> bool:
    shots = [shot for sequence in found["sequences"].values() for shot in sequence["shots"].values()]
    artifacts = [found.get("film"), *(sequence.get("film") for sequence in found["sequences"].values())]
    for shot in shots:
        artifacts += [shot.get("clip"), shot.get("first_frame")]
        for one in shot.get("alternates", ()):
            artifacts += [one.get("clip"), one.get("first_frame")]
    return (
        found["manifest_version"] in _MANIFEST_VERSIONS
        and is_digest(found["key"])
        and isinstance(found["project"]["name"], str)
        and all(is_digest(shot["key"]) and isinstance(shot["ending"], str) for shot in shots)
        and all(map(_is_artifact, filter(None, artifacts)))
    )


def _is_artifact(entry: Any) -> bool:
    size = entry["bytes"]
    return is_inside(entry["path"]) and is_digest(entry["sha256"]) and isinstance(size, int) and size >= 0


def _is_amount(value: object) -> bool:
    if value is None:
        return True
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and 0 <= value <= _MOST_USD  # type: ignore[arg-type, operator]
