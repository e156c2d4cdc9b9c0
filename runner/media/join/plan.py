"""Which packets of which clip are copied into a film, and which frames are encoded again. Reads no file."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final, TypeVar

from runner.errors import JoinError
from runner.media.cropping import NOTHING, cropped_size
from runner.media.h264 import PROFILES, AvcC, read_sps
from runner.media.hdr import is_hdr, named

from .cuts import cut, picks
from .pieces import Dissolved, Encoded, Look, Piece, Plan, Share, Span
from .soundtrack import Sound

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from .clip import Clip
    from .pieces import Part

_Candidate = TypeVar("_Candidate", bound="Hashable")
_COPIED_CODECS: Final = frozenset({"h264", "hevc", "vp9", "av1"})
_SPLICED_FORMATS: Final = frozenset({"yuv420p", "yuvj420p"})
_CODEC_NAMES: Final = {"h264": "H.264", "hevc": "HEVC", "vp9": "VP9", "av1": "AV1"}


def spans(parts: Sequence[Part], clips: Sequence[Clip]) -> tuple[Span, ...]:
    """The frames that each part takes of its clip; parts of which nothing is left are left out.

    Raises `JoinError` when nothing would be left at all.
    """
    found = []
    for number, (part, clip) in enumerate(zip(parts, clips, strict=True)):
        taken = range(clip.frames)[part.start : part.end]
        span = Span(
            clip=clip,
            start=taken.start,
            end=taken.stop,
            number=number,
            fade=part.fade,
            crossfade_s=part.crossfade_s,
            picture=part.picture,
        )
        if span.frames:
            found.append(span)
    if not found:
        raise JoinError("A film has no frames", why="every clip is a single frame that the next one repeats")
    return tuple(found)


def make_plan(shots: Sequence[Span], sound: Sound | None = None, *, copying: bool = True) -> Plan:
    """Decide how to join spans. With `copying` off everything is encoded again."""
    sound = sound or Sound()
    look = film_look(shots)
    reasons = [span.note or _obstacle(span.clip, look) or _change(span) for span in shots]
    free = [span.clip for span, reason in zip(shots, reasons, strict=True) if not reason]
    base = _base(free) if copying else None
    if base is not None:
        plan = _copying_plan(shots, reasons, look, base, sound)
        if not plan.encoded_frames or not unspliceable(base):
            return plan
        reasons.append(f"{unspliceable(base)} cannot be cut between its frames without encoding it again")
    told = [*dict.fromkeys(reason for reason in reasons if reason and copying)]
    return _encoding_plan(shots, look, told, sound)


def film_look(shots: Sequence[Span]) -> Look:
    """The size and rate that most of the film's time has."""
    return _heaviest([(display_look(span.clip), span.clip.duration_s) for span in shots])


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


def _change(span: Span) -> str:
    return f"the pictures of {span.clip.path.name} are changed" if span.picture else ""


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


def _shares(shots: Sequence[Span], counts: Sequence[int]) -> tuple[Share, ...]:
    """What each span gives. A dissolve takes at most half of either side, and two frames at least, or is a cut."""
    fades = [0]
    for number, span in enumerate(shots[1:], start=1):
        fade = min(span.fade, counts[number - 1] // 2, counts[number] // 2)
        fades.append(fade if fade > 1 else 0)
    return tuple(
        Share(span=span, frames=count, fade=fade)
        for span, count, fade in zip(shots, counts, fades, strict=True)
    )


def _copying_plan(
    shots: Sequence[Span], reasons: Sequence[str], look: Look, base: Clip, sound: Sound
) -> Plan:
    whole = [picks(span, look) for span in shots]
    shares = _shares(shots, [len(own) for own in whole])
    pieces: list[Piece] = []
    notes: list[str] = []
    ends: list[int] = []
    heads: list[int] = []
    for number, (share, reason) in enumerate(zip(shares, reasons, strict=True)):
        clip, span, own = share.clip, share.span, whole[number]
        after = shares[number + 1].fade if number + 1 < len(shares) else 0
        if share.fade:
            pieces.append(_dissolved(shares[number - 1].span, whole[number - 1], span, own, share.fade))
        if not reason and _parameters(clip) == _parameters(base):
            first, last = span.start + share.fade, span.end - after
            cuts = cut(clip, first, last) if first < last else ()
            for piece in cuts:
                if isinstance(piece, Encoded):
                    (heads if piece is cuts[0] and piece.picks[0] else ends).append(piece.frames)
            pieces += cuts
        else:
            pieces.append(_encoded(span, own[share.fade : len(own) - after]))
            notes.append(reason or _difference(clip, base))
    if ends:
        notes.append(_tail_note(ends))
    if heads:
        notes.append(_head_note(heads))
    notes += _fade_note(shares)
    return Plan(look=look, base=base, pieces=_filled(pieces), shares=shares, notes=tuple(notes), sound=sound)


def _filled(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    return tuple(piece for piece in pieces if piece.frames)


def _encoded(span: Span, own: Sequence[int]) -> Encoded:
    return Encoded(clip=span.clip, picks=own, picture=span.picture)


def _dissolved(before: Span, last: Sequence[int], after: Span, first: Sequence[int], fade: int) -> Dissolved:
    """`last` and `first` are the picks of all of the film's frames of the two spans."""
    return Dissolved(before=_seekable(before, last[-fade:]), after=_encoded(after, first[:fade]))


def _seekable(span: Span, own: Sequence[int]) -> Encoded:
    """Frames near the end of a clip, which are decoded from the last packet before them that stands alone."""
    clip = span.clip
    kept = 0
    if not clip.trimmed and clip.frames == len(clip.pts) and 0 in clip.starts:
        kept = max((at for at in clip.starts if at <= own[0] and clip.order[at] == at), default=0)
    return replace(_encoded(span, own), kept=kept)


def _difference(clip: Clip, base: Clip) -> str:
    if clip.codec != base.codec:
        return f"{clip.path.name} is {_codec_name(clip)}, the film is {_codec_name(base)}"
    if (clip.colour, clip.pix_fmt) != (base.colour, base.pix_fmt):
        return f"{clip.path.name} stores its colours in another way than most of the film"
    return f"{clip.path.name} was encoded with other parameters than most of the film"


def _codec_name(clip: Clip) -> str:
    return _CODEC_NAMES.get(clip.codec, clip.codec)


def _counted(numbers: Sequence[int]) -> tuple[str, str]:
    clips = "1 clip" if len(numbers) == 1 else f"{len(numbers)} clips"
    return clips, "1 frame was" if sum(numbers) == 1 else f"{sum(numbers)} frames were"


def _tail_note(tails: Sequence[int]) -> str:
    clips, frames = _counted(tails)
    return f"{frames} encoded again at the end of {clips}, which need the repeated frame that was left out"


def _head_note(heads: Sequence[int]) -> str:
    clips, frames = _counted(heads)
    return f"{frames} encoded again at the start of {clips}, which need the frames before them that were left out"


def _fade_note(shares: Sequence[Share]) -> Iterator[str]:
    fades = [share.fade for share in shares if share.fade]
    if fades:
        frames = sum(fades)
        yield f"{frames} frames dissolve from one clip to the next"


def _encoding_plan(shots: Sequence[Span], look: Look, reasons: Sequence[str], sound: Sound) -> Plan:
    hdr = {
        named(span.clip.colour.transfer): span.clip.path.name
        for span in shots
        if is_hdr(span.clip.colour.transfer)
    }
    reasons = [
        *reasons,
        *(f"{name} is HDR ({kind}), and becomes standard dynamic range" for kind, name in hdr.items()),
    ]
    whole = [picks(span, look) for span in shots]
    shares = _shares(shots, [len(own) for own in whole])
    pieces: list[Piece] = []
    for number, share in enumerate(shares):
        own = whole[number]
        after = shares[number + 1].fade if number + 1 < len(shares) else 0
        if share.fade:
            before = shares[number - 1].span
            pieces.append(_dissolved(before, whole[number - 1], share.span, own, share.fade))
        pieces.append(_encoded(share.span, own[share.fade : len(own) - after]))
    # H.264 with 4:2:0 samples has even sizes only.
    even = Look(width=max(2, look.width & ~1), height=max(2, look.height & ~1), fps=look.fps)
    notes = (*reasons, *_fade_note(shares))
    return Plan(look=even, base=None, pieces=_filled(pieces), shares=shares, notes=notes, sound=sound)
