"""A cassette on disk: one JSON file for each request, and media by their digests.

    cassette.json                       version, when it was recorded, the keys of the shots that were generated
    exchanges/PLACE-DIGEST.json         a request, and what was answered to it each time
    media/SHA256.mp4                    the bodies that are no text

A folder is meant to be committed: its files have names that stay, sorted keys, and no times but one. It may be
anybody's: what is read is checked, and a name in it leads nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runner.cassette.request_form import Request
from runner.errors import CassetteError
from runner.store import documents
from runner.store.local import durable, inside

if TYPE_CHECKING:
    from pathlib import Path

VERSION: Final = 1
NAME: Final = "cassette.json"
_LARGEST: Final = 4 << 30
_MEDIA: Final = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,5}")
_EXTENSIONS: Final = {
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "audio/mpeg": "mp3",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back once."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    """`{"json": ...}`, `{"text": ...}`, `{"media": NAME, "size": BYTES}`, or `None`."""
    error: str = ""
    """The name of httpx's error, where no answer came."""
    shot: str = ""
    """The key of the shot that it is for; empty for none."""

    def to_json(self) -> dict[str, Any]:
        """As it stands in a cassette: without what is empty."""
        found: dict[str, Any] = {"shot": self.shot} if self.shot else {}
        if self.error:
            return found | {"error": self.error}
        return found | {
            "status": self.status,
            "headers": dict(sorted(self.headers.items())),
            "body": self.body,
        }

    @classmethod
    def of_json(cls, raw: Any) -> Answer:
        """Raises `KeyError`, `TypeError` or `ValueError` for what is none."""
        if "error" in raw:
            return cls(error=_text(raw["error"]), shot=_text(raw.get("shot", "")))
        headers = {_text(name): _text(value) for name, value in raw["headers"].items()}
        body, status = raw["body"], raw["status"]
        if body is not None and len(set(body) & {"json", "text", "media"}) != 1:
            raise ValueError("a body is json, text or media")
        if body is not None and "media" in body and not _MEDIA.fullmatch(_text(body["media"])):
            raise ValueError("a file of media is named by its digest")
        if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
            raise ValueError("a status is 100 to 599")
        return cls(status=status, headers=headers, body=body, shot=_text(raw.get("shot", "")))

    @property
    def media(self) -> str:
        """The name of its file; empty for none."""
        return str(self.body["media"]) if isinstance(self.body, dict) and "media" in self.body else ""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request with its answers, in their order."""

    request: Request
    answers: list[Answer] = field(default_factory=list)
    file: str = ""
    """Its name on disk, once it has one."""


@dataclass(slots=True, kw_only=True)
class Cassette:
    """A folder of exchanges. Blocking, and for one session at a time."""

    folder: Path
    recorded: float
    """When it was first recorded, in seconds since 1970."""
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    """By the digests of the requests."""
    shots: set[str] = field(default_factory=set)
    """The keys of the shots that were generated while it was recorded."""

    def save(self) -> None:
        """Write `cassette.json`. Raises `OSError`."""
        content = {"cassette_version": VERSION, "recorded": round(self.recorded), "shots": sorted(self.shots)}
        durable.write_whole(self.folder / NAME, _written(content))

    def keep(self, exchange: Exchange) -> None:
        """Write one exchange. Raises `OSError`."""
        digest = exchange.request.digest
        self.exchanges[digest] = exchange
        exchange.file = exchange.file or _file_name(exchange.request, digest)
        content = {
            "request": exchange.request.to_json(),
            "answers": [answer.to_json() for answer in exchange.answers],
        }
        durable.write_whole(self.folder / "exchanges" / exchange.file, _written(content))

    def keep_media(self, part: Path, sha256: str, media_type: str) -> str:
        """Move a finished file to its place; its name. Raises `OSError`."""
        name = f"{sha256}.{_EXTENSIONS.get(media_type, 'bin')}"
        durable.move_whole(part, self.folder / "media" / name)
        return name

    def media(self, name: str) -> bytes:
        """The bytes of a file of media. Raises `OSError`, or `CassetteError` where they are not what was recorded."""
        path = self.folder / "media" / name
        data = inside.read_bytes(path, _LARGEST)
        if hashlib.sha256(data).hexdigest() != name.partition(".")[0]:
            raise CassetteError(
                "a recorded file has changed", where=str(path), why="its digest is another one", hint=_AGAIN
            )
        return data

    def check(self) -> None:
        """Read every file of media that an answer names. Raises `CassetteError`."""
        for name in sorted(self._used()):
            try:
                self.media(name)
            except OSError as error:
                why = error.strerror or str(error)
                where = str(self.folder / "media" / name)
                raise CassetteError(
                    "a recorded file cannot be read", where=where, why=why, hint=_AGAIN
                ) from error

    def size(self) -> int:
        """Bytes of all files of media that an answer names."""
        used = self._used()
        return sum(path.stat().st_size for path in self._media() if path.name in used)

    def prune(self, used: set[str]) -> tuple[int, int]:
        """Remove exchanges other than those of the requests `used`, then media that no answer names.

        How many of both. Raises `OSError`.
        """
        idle = [digest for digest in self.exchanges if digest not in used]
        for digest in idle:
            exchange = self.exchanges.pop(digest)
            (self.folder / "exchanges" / exchange.file).unlink(missing_ok=True)
        named = self._used()
        stray = [path for path in self._media() if path.name not in named]
        for path in stray:
            path.unlink(missing_ok=True)
        return len(idle), len(stray)

    def _used(self) -> set[str]:
        return {answer.media for one in self.exchanges.values() for answer in one.answers if answer.media}

    def _media(self) -> list[Path]:
        return [path for path in sorted((self.folder / "media").glob("*")) if _MEDIA.fullmatch(path.name)]


_AGAIN: Final = "take the file from version control, or record again: +ci=record"


def opened(folder: Path, *, now: float, new: bool) -> Cassette:
    """The cassette of a folder; an empty one where there is none and it may be `new`.

    `now` is the time in seconds since 1970. Blocking. Raises `CassetteError`.
    """
    if new and any((folder / name).is_symlink() for name in ("exchanges", "media")):
        raise _broken(folder, "a folder in it is a link")
    head = documents.read_json(folder / NAME)
    if head is None:
        if (folder / NAME).exists():
            raise _broken(folder / NAME, "it is no JSON")
        if not new:
            raise CassetteError(
                "there is no cassette to replay",
                where=str(folder),
                why=f"there is no {NAME}",
                hint="record one with +ci=record, or name another folder with ci.cassette=DIR",
            )
        if folder.is_dir() and any(folder.iterdir()):
            raise CassetteError(
                "this folder is no cassette",
                where=str(folder),
                why=f"there are files in it, and no {NAME}",
                hint="name a folder of its own with ci.cassette=DIR",
            )
        return Cassette(folder=folder, recorded=now)
    try:
        version, recorded, shots = head["cassette_version"], head["recorded"], head["shots"]
        if version != VERSION:
            raise CassetteError(
                "this cassette has another format",
                where=str(folder / NAME),
                why=f"its version is {version!r}, this program reads {VERSION}",
                hint="record again: +ci=record ci.cassette=DIR of a new folder",
            )
        found = Cassette(folder=folder, recorded=float(recorded), shots=set(map(_text, shots)))
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(folder / NAME, repr(error)) from error
    for path in sorted((folder / "exchanges").glob("*.json")):
        exchange = _exchange(path)
        found.exchanges[exchange.request.digest] = exchange
    return found


def _exchange(path: Path) -> Exchange:
    raw = documents.read_json(path)
    try:
        request = raw["request"]
        return Exchange(
            request=Request(method=_text(request["method"]), url=_text(request["url"]), body=request["body"]),
            answers=[Answer.of_json(one) for one in raw["answers"]],
            file=path.name,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _broken(path, repr(error)) from error


def _broken(path: Path, why: str) -> CassetteError:
    return CassetteError("the cassette cannot be read", where=str(path), why=why, hint=_AGAIN)


def _file_name(request: Request, digest: str) -> str:
    parts = request.place.partition(" ")[2].partition("://")
    place = re.sub(r"[^a-z0-9]+", "-", (parts[2] or parts[0]).lower()).strip("-")
    return f"{request.method.lower()}-{place[:60].strip('-')}-{digest[:12]}.json"


def _written(content: Any) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode(
        "utf-8", "replace"
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} should be a text")
    return value
