"""The first frame of a shot: taken from a clip or from a file, put on an image host."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.api import EventKind, HandOver
from runner.config.project import Boundary
from runner.engine import image_cleanup
from runner.errors import ExtractionRefused, MediaError, RunnerError, ShotError
from runner.media import picture
from runner.planning import image_fit

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from runner.api import JSON, EncodedImage, Frame, HostedImage
    from runner.engine.run_context import RunContext
    from runner.engine.services import Services
    from runner.outputs.folder import RunFolder
    from runner.planning.plan import PlannedSequence, PlannedShot


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstFrame:
    """A hosted first frame. `rgb` is what the clip will be compared with.

    `remembered` is what the journal keeps of a hand-over frame: digest, size, format and how it was found.
    """

    hosted: HostedImage
    picture: EncodedImage
    rgb: NDArray[Any]
    remembered: dict[str, JSON] | None = None


@dataclass(frozen=True, slots=True)
class FirstFrames:
    """Gets first frames for the shots of one sequence."""

    sequence: PlannedSequence
    folder: RunFolder
    context: RunContext
    services: Services

    async def of(self, planned: PlannedShot, clip: Path | None) -> FirstFrame | None:
        """The first frame of a shot, hosted; `None` for a cut. Raises `MediaError` or `UploadError`.

        `clip` is the clip of the shot that it chains from.
        """
        if planned.shot.boundary is Boundary.CUT:
            return None
        remembered = None
        if planned.previous is not None and clip is not None:
            found, frame = await asyncio.to_thread(self._handed_over, planned, clip)
            remembered = await asyncio.to_thread(self._kept, found, frame)
        else:
            found = await asyncio.to_thread(self._given, planned)
        self.context.tell(planned, EventKind.SHOT_UPLOADING)
        return FirstFrame(
            hosted=await self._hosted(planned, found),
            picture=found,
            rgb=await asyncio.to_thread(picture.decode, found),
            remembered=remembered,
        )

    async def again(self, planned: PlannedShot, clip: Path | None) -> NDArray[Any]:
        """The first frame of a shot that was asked for before, decoded."""
        if planned.previous is not None and clip is not None:
            found, _ = await asyncio.to_thread(self._handed_over, planned, clip)
        else:
            found = await asyncio.to_thread(self._given, planned)
        return await asyncio.to_thread(picture.decode, found)

    def _handed_over(self, planned: PlannedShot, clip: Path) -> tuple[EncodedImage, Frame]:
        assert planned.previous is not None, "a chained shot has one before it"
        frame = self._extracted(planned.previous, clip)
        return image_fit.encoded(frame.rgb, planned.image_input), frame

    def _kept(self, made: EncodedImage, frame: Frame) -> dict[str, JSON]:
        """Put the hand-over frame into the store."""
        try:
            self.context.objects.put_bytes(made.data, made.sha256)
        except OSError as error:
            # No reason to go on without it: the next clip could not be stored either.
            raise ShotError(
                "the hand-over frame cannot be stored",
                where=str(self.context.objects.folder),
                why=error.strerror or str(error),
                hint="make room, or see that the folder can be written; then run the same command again",
            ) from error
        return {
            "sha256": made.sha256,
            "bytes": len(made.data),
            "ending": "jpg" if made.format == "jpeg" else made.format,
            "facts": {
                "width": made.width,
                "height": made.height,
                "time_s": round(frame.time_s, 6),
                "method": frame.method,
            },
        }

    def _extracted(self, previous: PlannedShot, clip: Path) -> Frame:
        try:
            return self.services.extractor.extract(clip, HandOver.LAST)
        except RunnerError:
            raise
        except Exception as error:
            raise ExtractionRefused(
                "the extractor broke off",
                where=f"{previous.name}, {clip.name}",
                why=f"{type(error).__name__}: {error}",
            ) from error

    def _given(self, planned: PlannedShot) -> EncodedImage:
        given = planned.shot.image
        assert given is not None, "a shot with an image boundary has an image"
        try:
            found = picture.read(given.path.read_bytes(), name=given.path.name)
        except OSError as error:
            raise MediaError(
                "the given picture cannot be read", where=str(given.path), why=str(error)
            ) from error
        if found.sha256 != given.sha256:
            raise MediaError(
                "the given picture changed after the run was planned",
                where=str(given.path),
                hint="run the same command again",
            )
        return image_fit.fitted(found, planned.image_input)

    async def _hosted(self, planned: PlannedShot, found: EncodedImage) -> HostedImage:
        if self.services.deletes:
            try:
                await asyncio.to_thread(image_cleanup.mark, self.context.root, self.services.run)
            except OSError as error:
                raise ShotError(
                    "what is hosted cannot be noted",
                    where=str(error.filename or self.context.root),
                    why=error.strerror or str(error),
                    hint="make room, or see that the folder can be written; then run the same command again",
                ) from error
        try:
            return await self.services.hosting.hosted(found, planned.image_input.reach)
        except RunnerError as error:
            error.where = error.where or planned.name
            raise
