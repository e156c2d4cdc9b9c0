"""The shots of a configuration: their own keys over those of their sequence and of the project."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.api import ShotRequest
from runner.config import prompts, remote_images, schema, trust
from runner.config.convert import listed, nearest
from runner.config.project import Boundary, GeneratorChoice, GivenImage, Shot, rgb_of
from runner.errors import FetchFailed, MediaError
from runner.net.addresses import host_of, is_local, shown_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.config.convert import Reader


class ShotReader:
    """Reads shots: their own keys over their sequence's over the project's."""

    def __init__(
        self,
        reader: Reader,
        folders: tuple[Path, ...],
        defaults: schema.ShotLevel,
        *,
        style: str,
        project: str,
        trusted: trust.Trust,
        generators: Mapping[str, GeneratorChoice | None],
    ) -> None:
        self.reader = reader
        self.folders = folders
        self.defaults = defaults
        self.style = style
        self.project = project
        self.trust = trusted
        self.generators = generators

    def shot(
        self,
        name: str,
        slug: str,
        sequence: str,
        raw: object,
        of_sequence: schema.ShotLevel,
        *,
        first: bool,
    ) -> Shot | None:
        at = f"{sequence}.shots.{name}"
        own = self.reader.read(schema.ShotKeys, raw, at)
        levels: list[tuple[str, schema.ShotLevel]] = [
            (at, own),
            (f"{sequence}.shot", of_sequence),
            ("shot", self.defaults),
        ]
        origin: dict[str, str] = {}

        def merged(key: str, otherwise: Any = None) -> Any:
            for where, level in levels:
                value = getattr(level, key)
                if value is not None:
                    origin[key] = f"{where}.{key}"
                    return value
            return otherwise

        generator = self._generator(merged("generator", ""), origin.get("generator", f"{at}.generator"))
        params: dict[str, Any] = dict(generator.params) if generator else {}
        for _, level in reversed(levels):
            params.update(level.params or {})
        prompt = prompts.of_shot(own, at, self.reader, self.folders)
        boundary = self._boundary(own, merged("boundary"), at, first=first)
        image = self._image(own.image, at, merged("background", "white")) if own.image else None
        model = merged("model") or (generator.model if generator else None)
        if generator:
            origin.setdefault("model", f"{generator.at}.model")
        values = {one.name: merged(one.name, one.default) for one in schema.SHOT_KEYS}
        # `seed: null` at a shot takes back the default of its project.
        values |= {one: None for one in ("seed",) if isinstance(raw, dict) and raw.get(one, 0) is None}
        if generator is None:
            return None
        whole, stopped_before = prompts.with_style(prompt, self.style)
        return Shot(
            name=name,
            slug=slug,
            at=at,
            boundary=boundary,
            image=image,
            generator=generator,
            request=ShotRequest(
                project=self.project,
                sequence=sequence.partition(".")[2],
                shot=name,
                prompt=whole,
                model=model,
                params=params,
                **values,
            ),
            origin=origin,
            stopped_before=stopped_before,
        )

    def _generator(self, label: str, key: str) -> GeneratorChoice | None:
        if label not in self.generators:
            labels = [known for known in self.generators if known]
            allowed = " ".join(filter(None, (nearest(label, labels), f"generators has: {listed(labels)}")))
            self.reader.problem(key, "there is no generator with this label", value=label, allowed=allowed)
            return self.generators[""]
        return self.generators[label]

    def _boundary(self, own: schema.OwnKeys, merged: str | None, at: str, *, first: bool) -> Boundary:
        if own.boundary is None:
            if own.image:
                return Boundary.IMAGE
            boundary = Boundary(merged or "chain")
            # A default can only speak for the shots that have one before them.
            if first and boundary is Boundary.CHAIN:
                return Boundary.CUT
        else:
            boundary = Boundary(own.boundary)
        if first and boundary is Boundary.CHAIN:
            self.reader.problem(
                f"{at}.boundary", "the first shot has none before it", value="chain", allowed="cut, or image"
            )
        if boundary is Boundary.IMAGE and not own.image:
            self.reader.problem(
                f"{at}.image", "is required where the boundary is image", allowed="an image file"
            )
        if boundary is not Boundary.IMAGE and own.image:
            self.reader.problem(
                f"{at}.boundary",
                "an image is given, and would not be used",
                value=str(boundary),
                allowed="image",
            )
        return boundary

    def _image(self, text: str, at: str, background: str) -> GivenImage | None:
        """Look beside the file that names the image, then in the working folder; or fetch it from its URL."""
        key = f"{at}.image"
        try:
            if remote_images.is_url(text):
                host = host_of(text)
                if is_local(host) and host not in self.trust.hosts and self.reader.origins.untrusted(key):
                    allowed = f"an image on the internet; or trust.hosts=[{host}] on the command line"
                    self.reader.problem(
                        key, "is on this machine itself", value=shown_url(text), allowed=allowed
                    )
                    return None
                path, fetched = Path(remote_images.name_of(text)), remote_images.fetch(text)
            else:
                found_at = self._file(text, key)
                if found_at is None:
                    return None
                path, fetched = found_at, None
            data = path.read_bytes() if fetched is None else fetched
            return _given(path, data, background, fetched)
        except FetchFailed as error:
            self.reader.problem(key, "the image cannot be fetched", value=shown_url(text), allowed=error.why)
            return None
        except MediaError as error:
            self.reader.problem(key, error.what, value=text, allowed=error.why)
            return None
        except (OSError, RuntimeError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            self.reader.problem(key, f"cannot be read: {why}", value=text)
            return None

    def _file(self, text: str, key: str) -> Path | None:
        setter = self.reader.origins.file_of(key)
        beside = [setter.parent] if setter is not None else []
        places = [folder / Path(text).expanduser() for folder in (*beside, self.folders[0])]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            looked = " and ".join(dict.fromkeys(str(place.absolute()) for place in places))
            self.reader.problem(key, "there is no such file", value=text, allowed=f"looked for {looked}")
        elif self.reader.origins.untrusted(key) and not trust.is_below(path, (*beside, *self.folders)):
            allowed = "a file below it, or an absolute path on the command line"
            self.reader.problem(key, "is outside of the project's folder", value=text, allowed=allowed)
            return None
        return path


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
