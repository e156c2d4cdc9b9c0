"""The shots of a configuration: their own keys over those of their sequence and of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.api import ShotRequest
from runner.config import given_images, prompts, schema
from runner.config.convert import listed, nearest
from runner.config.project import Boundary, GeneratorChoice, GivenImage, Shot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.config import trust
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
        background = merged("background", "white")
        image = self.image(own.image, f"{at}.image", background) if own.image else None
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
            text=prompt,
            origin=origin,
            stopped_before=stopped_before,
            graft=own.graft or "",
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

    def image(self, text: str, key: str, background: str = "white") -> GivenImage | None:
        """The image that `key` names, checked; `None` where it cannot be used, which is noted."""
        return given_images.read(text, key, background, self.reader, self.folders, self.trust)
