"""Which packets of which clip are copied into a film, and which frames are encoded again. Reads no file."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Final, TypeVar

from runner.errors import JoinError
from runner.media.cropping import NOTHING, cropped_size
from runner.media.h264 import PROFILES, AvcC, read_sps
from runner.media.hdr import is_hdr, named

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from .clip import Clip

_Candidate = TypeVar("_Candidate", bound="Hashable")
_COPIED_CODECS: Final = frozenset({"h264", "hevc", "vp9", "av1"})
_SPLICED_FORMATS: Final = frozenset({"yuv420p", "yuvj420p"})
_CODEC_NAMES: Final = {"h264": "H.264", "hevc": "HEVC", "vp9": "VP9", "av1": "AV1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Size in pixels (square ones, upright) and frame rate of a film."""

    width: int
    height: int
    fps: Fraction

    def __str__(self) -> str:
        return f"{self.width}x{self.height} at {self.fps} fps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """The first `packets` packets of a clip, which show `frames` frames, as they are."""

    clip: Clip
    packets: int

    @property
    def frames(self) -> int:
        return self.packets


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Frames of a clip, by their number in the order of display, to be encoded again.

    `kept` is how many packets of the clip come before all of them in decode order.
    """

    clip: Clip
    picks: Sequence[int]
    kept: int = 0

    @property
    def frames(self) -> int:
        return len(self.picks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one clip gives to the film: `frames` frames, and the sound of as long."""

    clip: Clip
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A film to be written. Its stream parameters are those of the clip `base`; without one all is encoded."""

    look: Look
    base: Clip | None
    pieces: tuple[Copied | Encoded, ...]
    shares: tuple[Share, ...]
    notes: tuple[str, ...]

    @property
    def frames(self) -> int:
        return sum(piece.frames for piece in self.pieces)

    @property
    def encoded_frames(self) -> int:
        return sum(piece.frames for piece in self.pieces if isinstance(piece, Encoded))

    @property
    def has_audio(self) -> bool:
        return any(share.clip.sound_s is not None for share in self.shares)


def make_plan(clips: Sequence[Clip], drops: Sequence[bool], *, copying: bool = True) -> Plan:
    """Decide how to join clips; `drops` says whose last frame is left out.

    Raises `JoinError` when nothing would be left. With `copying` off everything is encoded again.
    """
    shots = [(clip, drop) for clip, drop in zip(clips, drops, strict=True) if clip.frames - drop > 0]
    if not shots:
        raise JoinError("A film has no frames", why="every clip is a single frame that the next one repeats")
    look = _heaviest([(display_look(clip), clip.duration_s) for clip, _ in shots])
    reasons = [_obstacle(clip, look) for clip, _ in shots]
    base = (
        _base([clip for (clip, _), reason in zip(shots, reasons, strict=True) if not reason])
        if copying
        else None
    )
    if base is not None:
        plan = _copying_plan(shots, reasons, look, base)
        if not plan.encoded_frames or not unspliceable(base):
            return plan
        reasons.append(f"{unspliceable(base)} cannot be cut between its frames without encoding it again")
    return _encoding_plan(shots, look, [*dict.fromkeys(reason for reason in reasons if reason and copying)])


def is_film(clip: Clip) -> bool:
    """Whether a clip is a film as it is: an H.264 mp4 without surprises whose sound spans its pictures."""
    if not clip.mp4 or clip.codec != "h264" or _obstacle(clip, display_look(clip)):
        return False
    if clip.sound_s is None:
        return True
    (start_s, end_s), frame_s = clip.sound_s, 1 / clip.fps
    return abs(start_s - clip.start_s) < frame_s and abs(end_s - clip.start_s - clip.duration_s) < frame_s


def display_look(clip: Clip) -> Look:
    """A clip's size as it is shown, and its rate."""
    width, height = cropped_size(clip.width, clip.height, clip.crop)
    width = round(width * (clip.sar or 1))
    if clip.turns[0] % 2:
        width, height = height, width
    return Look(width=width, height=height, fps=clip.fps)


def _heaviest(votes: Sequence[tuple[_Candidate, Fraction]]) -> _Candidate:
    """What most of the running time asks for; the first of equals."""
    weights: dict[_Candidate, Fraction] = defaultdict(Fraction)
    for candidate, weight in votes:
        weights[candidate] += weight
    return max(weights, key=lambda candidate: weights[candidate])


def _obstacle(clip: Clip, look: Look) -> str:
    """Why the packets of a clip cannot stand in a film that looks like this; empty if they can."""
    if display_look(clip) != look:
        return f"{clip.path.name} is {display_look(clip)}, the film is {look}"
    checks = {
        f"is {_codec_name(clip)}, which is not copied": clip.codec not in _COPIED_CODECS,
        "is turned or mirrored for display": clip.turns != (0, False),
        "is cropped by its container": clip.crop != NOTHING,
        "has pixels that are not square": clip.sar not in (None, 1),
        "has frames that are not evenly spaced": not clip.steady,
        "does not say when its frames are shown": clip.untimed,
        "is trimmed by an edit list": clip.trimmed or clip.frames != len(clip.pts),
        "does not start with a frame that stands alone": 0 not in clip.starts,
        "does not keep its parameters in its header": clip.own_sets or not _has_record(clip),
    }
    return next((f"{clip.path.name} {text}" for text, holds in checks.items() if holds), "")


def _has_record(clip: Clip) -> bool:
    """Whether samples are laid out as in an mp4, with lengths of four bytes."""
    if clip.codec == "h264":
        try:
            return AvcC.read(clip.extradata).length_size == 4
        except ValueError:
            return False
    return clip.codec != "hevc" or clip.extradata[:1] == b"\x01"


def _base(clips: Sequence[Clip]) -> Clip | None:
    if not clips:
        return None
    parameters = _heaviest([(_parameters(clip), clip.duration_s) for clip in clips])
    return next(clip for clip in clips if _parameters(clip) == parameters)


def _parameters(clip: Clip) -> tuple[Hashable, ...]:
    return clip.codec, clip.extradata, clip.width, clip.height, clip.sar, clip.pix_fmt, clip.colour


def unspliceable(clip: Clip) -> str:
    """What keeps newly encoded frames out of a clip's stream; empty if they can stand in it."""
    if clip.codec != "h264":
        return _codec_name(clip)
    if clip.pix_fmt not in _SPLICED_FORMATS:
        return f"H.264 with {clip.pix_fmt} samples"
    try:
        record = AvcC.read(clip.extradata)
        sets = [read_sps(nal) for nal in record.sps]
        record.free_id()
    except ValueError as error:
        return f"H.264 with an unusual header ({error})"
    if not all(facts.progressive for facts in sets):
        return "interlaced H.264"
    if len(sets) != 1 or sets[0].profile not in PROFILES:
        return "H.264 of an unusual profile"
    return ""


def _copying_plan(shots: Sequence[tuple[Clip, bool]], reasons: Sequence[str], look: Look, base: Clip) -> Plan:
    pieces: list[Copied | Encoded] = []
    shares, notes, tails = [], [], []
    for (clip, drop), reason in zip(shots, reasons, strict=True):
        if not reason and _parameters(clip) == _parameters(base):
            own = cut(clip, drop)
            tails += [piece.frames for piece in own if isinstance(piece, Encoded)]
        else:
            own = (Encoded(clip=clip, picks=_picks(clip, drop, look)),)
            notes.append(reason or _difference(clip, base))
        pieces += own
        shares.append(Share(clip=clip, frames=sum(piece.frames for piece in own)))
    if tails:
        notes.append(_tail_note(tails))
    return Plan(look=look, base=base, pieces=tuple(pieces), shares=tuple(shares), notes=tuple(notes))


def _difference(clip: Clip, base: Clip) -> str:
    if clip.codec != base.codec:
        return f"{clip.path.name} is {_codec_name(clip)}, the film is {_codec_name(base)}"
    if (clip.colour, clip.pix_fmt) != (base.colour, base.pix_fmt):
        return f"{clip.path.name} stores its colours in another way than most of the film"
    return f"{clip.path.name} was encoded with other parameters than most of the film"


def _codec_name(clip: Clip) -> str:
    return _CODEC_NAMES.get(clip.codec, clip.codec)


def _tail_note(tails: Sequence[int]) -> str:
    clips = "1 clip" if len(tails) == 1 else f"{len(tails)} clips"
    frames = "1 frame was" if sum(tails) == 1 else f"{sum(tails)} frames were"
    return f"{frames} encoded again at the end of {clips}, which need the repeated frame that was left out"


def _encoding_plan(shots: Sequence[tuple[Clip, bool]], look: Look, reasons: Sequence[str]) -> Plan:
    hdr = {named(clip.colour.transfer): clip.path.name for clip, _ in shots if is_hdr(clip.colour.transfer)}
    reasons = [
        *reasons,
        *(f"{name} is HDR ({kind}), and becomes standard dynamic range" for kind, name in hdr.items()),
    ]
    pieces = tuple(Encoded(clip=clip, picks=_picks(clip, drop, look)) for clip, drop in shots)
    shares = tuple(Share(clip=piece.clip, frames=piece.frames) for piece in pieces)
    # H.264 with 4:2:0 samples has even sizes only.
    even = Look(width=max(2, look.width & ~1), height=max(2, look.height & ~1), fps=look.fps)
    return Plan(look=even, base=None, pieces=pieces, shares=shares, notes=tuple(reasons))


def cut(clip: Clip, drop: bool) -> tuple[Copied | Encoded, ...]:
    """The pieces of a clip that is copied, with or without its last frame.

    The packets that are kept are the longest run from the start that shows an unbroken run of frames: what
    is decoded earlier never needs what is decoded later. The frames beyond it that stay are encoded again.
    """
    count = clip.frames
    if not drop:
        return (Copied(clip=clip, packets=count),)
    rank = {packet: number for number, packet in enumerate(clip.order)}
    highest = accumulate((rank[packet] for packet in range(count - 1)), max)
    runs = [0, *(packet + 1 for packet, top in enumerate(highest) if top == packet)]
    if runs[-1] == count - 1:
        return (Copied(clip=clip, packets=count - 1),)
    # What is encoded begins with an IDR image, and so does the next clip. An IDR image right before either
    # would have the same idr_pic_id, which the standard forbids: there is always another frame between them.
    kept = max(run for run in runs if run <= max(0, count - 3) and run - 1 not in clip.starts)
    tail = Encoded(clip=clip, picks=range(kept, count - 1), kept=kept)
    return (Copied(clip=clip, packets=kept), tail) if kept else (tail,)


def _picks(clip: Clip, drop: bool, look: Look) -> Sequence[int]:
    """For each frame of the film the clip's frame that is shown in the middle of it."""
    available = clip.frames - drop
    if clip.steady and clip.fps == look.fps:
        return range(available)
    shown_s = [
        index / clip.fps if clip.steady else (clip.at(index) - clip.at(0)) * clip.time_base
        for index in range(clip.frames)
    ]
    end_s = shown_s[-1] if drop else clip.duration_s
    picks, current = [], 0
    for number in range(max(1, int(end_s * look.fps + Fraction(1, 2)))):
        middle_s = (number + Fraction(1, 2)) / look.fps
        while current + 1 < available and shown_s[current + 1] <= middle_s:
            current += 1
        picks.append(current)
    return picks
