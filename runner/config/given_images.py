"""Images that a project gives: what a shot starts from, what a film ends with."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.config import given_files, remote_images
from runner.config.project import GivenImage, rgb_of
from runner.errors import FetchFailed, MediaError
from runner.net.addresses import host_of, is_local, shown_url

if TYPE_CHECKING:
    from runner.config.convert import Reader
    from runner.config.trust import Trust


def read(
    text: str, key: str, background: str, reader: Reader, folders: tuple[Path, ...], trusted: Trust
) -> GivenImage | None:
    """Look beside the file that names the image, then in the working folder; or fetch it from its URL."""
    try:
        if remote_images.is_url(text):
            if reader.offline:
                allowed = "an image in a file: what is recorded and replayed (ci.mode) fetches none"
                reader.problem(key, "is a URL", value=shown_url(text), allowed=allowed)
                return None
            host = host_of(text)
            if is_local(host) and host not in trusted.hosts and reader.origins.untrusted(key):
                allowed = f"an image on the internet; or trust.hosts=[{host}] on the command line"
                reader.problem(key, "is on this machine itself", value=shown_url(text), allowed=allowed)
                return None
            path, fetched = Path(remote_images.name_of(text)), remote_images.fetch(text)
        else:
            found_at = given_files.find(text, key, reader, folders)
            if found_at is None:
                return None
            path, fetched = found_at, None
        data = path.read_bytes() if fetched is None else fetched
        return _given(path, data, background, fetched)
    except FetchFailed as error:
        reader.problem(key, "the image cannot be fetched", value=shown_url(text), allowed=error.why)
        return None
    except MediaError as error:
        reader.problem(key, error.what, value=text, allowed=error.why)
        return None
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        reader.problem(key, f"cannot be read: {why}", value=text)
        return None


_checked: Final[dict[tuple[bytes, str], GivenImage]] = {}
"""Images that were checked, without their bytes: the jobs of a sweep have the same ones."""
_MOST_CHECKED: Final = 256


def _given(path: Path, data: bytes, background: str, fetched: bytes | None) -> GivenImage:
    """What there is to know of an image. Raises `MediaError`."""
    from runner.media import picture

    at = hashlib.blake2b(data, digest_size=32).digest(), background
    known = _checked.get(at)
    if known is None:
        adopted = picture.adopt(data, name=path.name, background=rgb_of(background))
        known = GivenImage(
            path=path,
            sha256=adopted.image.sha256,
            format=adopted.image.format,
            size=len(adopted.image.data),
            width=adopted.image.width,
            height=adopted.image.height,
            background=background,
            notes=adopted.notes,
        )
        if len(_checked) >= _MOST_CHECKED:
            _checked.clear()
        _checked[at] = known
    return replace(known, path=path, fetched=fetched)
