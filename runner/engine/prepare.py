"""The first step: the first frame of a shot, taken from a clip or from a file, and put where the model can fetch it."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runner.api import EventKind, HandOver, HostedImage, InputMode
from runner.config.project import Boundary
from runner.engine.plugin_calls import extracted
from runner.errors import MediaError, PluginFailed, RunnerError, ShotError, UploadError
from runner.media import colour_match, hand_over, picture
from runner.media.look import look
from runner.planning import image_fit
from runner.planning.capability_checks import can_fall_back
from runner.store.clip_record import ClipRecord, ColourTransform, StoredFrame
from runner.store.local import hosted_marks

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from runner.api import EncodedImage, FirstFrame, Frame
    from runner.engine.hosting import Hosting
    from runner.engine.plugin_calls import Call
    from runner.engine.run_context import ShotJob
    from runner.media.colour_match import Transform
    from runner.media.hand_over import Choice
    from runner.planning.plan import PlannedShot

_SAME_TIME_S: Final = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedInput:
    """What a request starts from."""

    image: FirstFrame | None = None
    """As the generator gets it; `None` requests text-to-video."""
    encoded: EncodedImage | None = None
    """The same image, to host it once more."""
    rgb: NDArray[Any] | None = None
    """The same image, decoded: shape (height, width, 3), uint8. The clip's first frames are compared with it."""
    record: ClipRecord = field(default_factory=ClipRecord)
    """What the journal keeps of it."""


async def prepare_input(job: ShotJob) -> PreparedInput:
    """Extract, fit and host the first frame; without one, fall back to the prompt where that is allowed.

    Raises `MediaError`, `UploadError` or `ShotError`: nothing was requested of a generator yet.
    """
    if job.planned.shot.boundary is Boundary.CUT:
        return PreparedInput()
    try:
        image, stored = await _first_frame(job)
        job.run.bus.shot_event(EventKind.SHOT_UPLOADING, job.planned)
        sent = await _sent(job, image)
        rgb = await asyncio.to_thread(picture.decode, image)
    except (MediaError, UploadError) as error:
        error.where = error.where or job.planned.name
        return PreparedInput(record=ClipRecord(fallback=_fallback(job, error)))
    return PreparedInput(
        image=sent,
        encoded=image,
        rgb=rgb,
        record=ClipRecord(input_mode=InputMode.IMAGE, first_frame=stored),
    )


async def refreshed(job: ShotJob, prepared: PreparedInput, *, verify: bool = False) -> PreparedInput:
    """The same input with a URL that works now; prepared anew where its image cannot be hosted any more.

    `verify` looks at the URL again even where it was verified lately.
    """
    if prepared.encoded is None or not isinstance(prepared.image, HostedImage):
        return prepared
    hosting = await _hosting(job)
    if verify:
        hosting.distrust(prepared.image)
    if hosting.trusted(prepared.image):
        return prepared
    try:
        hosted = await hosting.hosted(prepared.encoded, job.planned.image_input.reach, _put(job, hosting))
    except UploadError:
        return await prepare_input(job)
    return dataclasses.replace(prepared, image=hosted)


async def given_pixels(job: ShotJob, record: ClipRecord) -> NDArray[Any] | None:
    """The decoded first frame that an earlier request went out with. Nothing is hosted.

    `None` where there was none, or it cannot be had any more: the clip is paid for and kept, its seam unmeasured.
    """
    if record.input_mode is InputMode.TEXT:
        return None
    try:
        image, _ = await _first_frame(job)
        return await asyncio.to_thread(picture.decode, image)
    except RunnerError:
        return None


async def _first_frame(job: ShotJob) -> tuple[EncodedImage, StoredFrame | None]:
    """The first frame, in a form that the model takes; and how it is stored, where it is a hand-over frame."""
    if job.planned.previous is None or job.previous_clip is None:
        return await asyncio.to_thread(_given, job), None
    policy = job.run.plan.project.continuity.hand_over
    choice = None
    if policy != HandOver.LAST:
        choice = await asyncio.to_thread(_chosen, policy, job.planned.previous, job.previous_clip)
    frame = await _extracted(job, job.planned.previous, job.previous_clip, choice)
    transform = None
    if job.run.plan.project.continuity.correct.hand_over:
        transform = await asyncio.to_thread(_correction, job, frame.rgb)
        frame = dataclasses.replace(
            frame, rgb=await asyncio.to_thread(colour_match.apply, frame.rgb, transform)
        )
    image = await asyncio.to_thread(image_fit.encoded, frame.rgb, job.planned.image_input)
    stored = await asyncio.to_thread(_stored, job, image, frame, choice)
    if transform is not None:
        stored = dataclasses.replace(
            stored,
            transform=ColourTransform(
                version=colour_match.VERSION, gain=transform.gain, offset=transform.offset
            ),
        )
    return image, stored


def _correction(job: ShotJob, rgb: NDArray[Any]) -> Transform:
    """How the colours of a hand-over frame are matched to the anchor."""
    if job.anchor is None:
        raise ShotError(
            "there is nothing to match the colours of its first frame to",
            where=job.planned.name,
            why="the anchor cannot be read",
            hint="rerun the same command; or choose another continuity.anchor, or continuity.correct.target=none",
        )
    return colour_match.match(look([rgb]), job.anchor, job.run.plan.project.continuity.correct.strength)


def _chosen(policy: HandOver, previous: PlannedShot, clip: Path) -> Choice:
    """Apply the hand-over rule. Its failure is no reason to go on without the frame: another rule is."""
    try:
        return hand_over.choose(clip, policy)
    except MediaError as error:
        raise ShotError(
            f"the frame to hand over cannot be chosen by continuity.hand_over={policy}",
            where=f"{previous.name}, {clip.name}",
            why=error.line,
            hint="choose another rule, such as continuity.hand_over=last",
        ) from error


async def _extracted(job: ShotJob, previous: PlannedShot, clip: Path, chosen: Choice | None) -> Frame:
    policy = chosen.policy if chosen is not None else HandOver.LAST
    frame = await _extracted_by(job, previous, clip, policy)
    if chosen is not None and abs(frame.time_s - chosen.time_s) > _SAME_TIME_S:
        raise PluginFailed(
            f"extractor {job.run.plan.project.extractor.spec.name} returned another frame than was requested",
            where=f"{previous.name}, {clip.name}",
            why=f"{policy} is at {chosen.time_s:.3f} s, and its frame at {frame.time_s:.3f} s",
            hint="use extractor=pyav",
        )
    return frame


async def _extracted_by(job: ShotJob, previous: PlannedShot, clip: Path, policy: HandOver) -> Frame:
    choice, timing = job.run.plan.project.extractor, job.run.resources.timing
    extractor, name = await job.run.resources.plugins.extractor(choice), choice.spec.name
    call = job.call_of(f"extractor {name}", "extract", timing.extract_s)
    call = dataclasses.replace(call, where=f"{previous.name}, {clip.name}")
    try:
        return await extracted(call, extractor, clip, policy)
    except TimeoutError as error:
        raise PluginFailed(
            f"extractor {name} did not find the last frame within {timing.extract_s:g} s",
            where=f"{previous.name}, {clip.name}",
            hint="use extractor=pyav",
        ) from error


def _stored(job: ShotJob, image: EncodedImage, frame: Frame, choice: Choice | None) -> StoredFrame:
    """Put the hand-over frame into the object store."""
    try:
        job.run.resources.objects.put_bytes(image.data, image.sha256)
    except OSError as error:
        # No reason to fall back: the next clip could not be stored either.
        raise ShotError(
            "the hand-over frame cannot be stored",
            where=str(error.filename or job.run.resources.root),
            why=error.strerror or str(error),
            hint="make room, or see that the folder can be written; then rerun the same command",
        ) from error
    stored = StoredFrame(
        sha256=image.sha256,
        bytes=len(image.data),
        extension=image.extension,
        width=image.width,
        height=image.height,
        time_s=round(frame.time_s, 6),
        method=frame.method,
    )
    if choice is None:
        return stored
    return dataclasses.replace(
        stored,
        offset=choice.offset,
        frame=choice.frame,
        rule=str(job.run.plan.project.continuity.hand_over),
        candidates=choice.candidates,
    )


def _given(job: ShotJob) -> EncodedImage:
    """The image that the project names."""
    given = job.planned.given
    assert given is not None, "a shot with an image boundary has an image"
    try:
        found = given.adopt()
    except OSError as error:
        raise MediaError("the given image cannot be read", where=str(given.path), why=str(error)) from error
    if found.sha256 != given.sha256:
        raise MediaError(
            "the given image changed after the run was planned",
            where=str(given.path),
            hint="rerun the same command",
        )
    return image_fit.fitted(found, job.planned.image_input)


async def _sent(job: ShotJob, image: EncodedImage) -> FirstFrame:
    """The image as the generator gets it: inline, or on the image host."""
    if job.planned.image_input.inline:
        return image
    hosting = await _hosting(job)
    if hosting.deletes:
        await asyncio.to_thread(_mark_hosted, job)
    try:
        return await hosting.hosted(image, job.planned.image_input.reach, _put(job, hosting))
    except RunnerError as error:
        error.where = error.where or job.planned.name
        raise


def _put(job: ShotJob, hosting: Hosting) -> Call:
    return job.call_of(f"uploader {hosting.name}", "put", job.run.resources.timing.upload_s)


async def _hosting(job: ShotJob) -> Hosting:
    return await job.run.resources.plugins.hosting(job.run.plan.project, job.run.plan.key)


def _mark_hosted(job: ShotJob) -> None:
    try:
        hosted_marks.mark(job.run.resources.root, job.run.plan.key)
    except OSError as error:
        raise ShotError(
            "what is hosted cannot be noted",
            where=str(error.filename or job.run.resources.root),
            why=error.strerror or str(error),
            hint="make room, or see that the folder can be written; then rerun the same command",
        ) from error


def _fallback(job: ShotJob, error: RunnerError) -> str:
    """Why the shot goes on without its first frame. Raises `error` where it may not.

    An image that the user chose is what the shot is about: without it there is nothing worth paying for.
    """
    planned = job.planned
    if planned.given is not None:
        raise error
    if job.run.plan.project.continuity.fallback == "none" or not can_fall_back(planned):
        error.hint = error.hint or (
            "rerun the same command; or continuity.fallback=text_to_video goes on without the frame"
        )
        raise error
    message = f"generated from its prompt alone: {error.line}"
    job.run.bus.shot_event(EventKind.SHOT_FELL_BACK, planned, message)
    return error.line
