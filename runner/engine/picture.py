"""The first frame of a shot: taken from a clip or from a file, put on an image host."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.api import Event, EventKind, HandOver
from runner.config.project import Boundary
from runner.engine.outcome import Artifact
from runner.errors import ExtractionRefused, MediaError, RunnerError, UploadError
from runner.media import picture
from runner.report.folder import put

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runner.api import JSON, Frame, Hosted, Picture
    from runner.engine.events import Bus
    from runner.engine.outcome import ShotOutcome
    from runner.engine.services import Services
    from runner.plan import PlannedSequence, PlannedShot
    from runner.report.folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstFrame:
    """A hosted first frame. `rgb` is what the clip will be compared with; `handed_over` its file, if it is new."""

    hosted: Hosted
    rgb: NDArray[Any]
    handed_over: Artifact | None = None


@dataclass(frozen=True, slots=True)
class FirstFrames:
    """Gets first frames for the shots of one sequence."""

    sequence: PlannedSequence
    folder: RunFolder
    services: Services
    bus: Bus

    async def of(self, planned: PlannedShot, before: ShotOutcome | None) -> FirstFrame | None:
        """The first frame of a shot, hosted; `None` for a cut. Raises `MediaError` or `UploadError`."""
        if planned.shot.boundary is Boundary.CUT:
            return None
        handed_over = None
        if planned.previous is not None and before is not None and before.clip is not None:
            found, handed_over = await asyncio.to_thread(
                self._handed_over, planned, planned.previous, before.clip
            )
        else:
            found = await asyncio.to_thread(self._given, planned)
        self.bus.tell(
            Event(
                kind=EventKind.SHOT_UPLOADING,
                sequence=planned.sequence,
                shot=planned.shot.name,
                detail={"bytes": len(found.data)},
            )
        )
        return FirstFrame(
            hosted=await self._hosted(planned, found),
            rgb=await asyncio.to_thread(picture.decode, found),
            handed_over=handed_over,
        )

    def _handed_over(
        self, planned: PlannedShot, previous: PlannedShot, clip: Artifact
    ) -> tuple[Picture, Artifact]:
        frame = self._extracted(previous, clip)
        made = picture.encode(frame.rgb, planned.capabilities.image_formats[0])
        ending = "jpg" if made.format == "jpeg" else made.format
        target = self.folder.frame(self.sequence, previous, ending)
        try:
            put(target, made.data)
        except OSError as error:
            raise MediaError(
                "the hand-over frame cannot be written", where=str(target), why=str(error)
            ) from error
        facts: dict[str, JSON] = {
            "width": made.width,
            "height": made.height,
            "time_s": round(frame.time_s, 6),
            "method": frame.method,
        }
        return made, Artifact(
            path=self.folder.relative(target), sha256=made.sha256, bytes=len(made.data), facts=facts
        )

    def _extracted(self, previous: PlannedShot, clip: Artifact) -> Frame:
        try:
            return self.services.extractor.extract(self.folder.path / clip.path, HandOver.LAST)
        except RunnerError:
            raise
        except Exception as error:
            raise ExtractionRefused(
                "the extractor broke off",
                where=f"{previous.name}, {clip.path}",
                why=f"{type(error).__name__}: {error}",
            ) from error

    def _given(self, planned: PlannedShot) -> Picture:
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
        return picture.convert(found, planned.capabilities.image_formats)

    async def _hosted(self, planned: PlannedShot, found: Picture) -> Hosted:
        try:
            return await self.services.uploader.put(found)
        except RunnerError:
            raise
        except Exception as error:
            raise UploadError(
                "the uploader broke off", where=planned.name, why=f"{type(error).__name__}: {error}"
            ) from error
