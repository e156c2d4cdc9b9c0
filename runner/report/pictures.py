"""The pictures that pages show: posters, the frames around seams, and proxies of clips that browsers do not play.

They are made once for each clip of an outputs root, and linked into the folder `report` of each run that shows it,
under names that begin with the clip's digest. A page names those that are there.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner import store
from runner.errors import MediaError, RunnerError
from runner.outgoing import one_line, outgoing
from runner.outputs.runs import root_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from runner.report.model import ClipView, RunReport, ShotView
    from runner.store import LocalDerived

FOLDER: Final = "report"
"""In a run folder."""
SMALL: Final = 320
LARGE: Final = 640
"""The widths of stills, in pixels. Large ones are for the wipe."""
LAST: Final = -1
_DIGITS: Final = 16
_PROXY: Final = "proxy.mp4"
_BROKEN: Final = "broken.txt"
_MOST_WORKERS: Final = 2
"""Decoders have threads of their own, and the machine has other things to do."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures in one run folder."""

    names: frozenset[str] = frozenset()
    broken: Mapping[str, str] = field(default_factory=dict)
    """Why the clips with these digests cannot be shown."""

    def still(self, clip: ClipView | None, number: int, width: int = SMALL) -> str:
        """The path of a frame in the run folder, or empty. Numbers are those of `runner.media.stills`."""
        return self._path(clip, _still(number, width))

    def poster(self, shot: ShotView) -> str:
        """The path of the frame that stands for a shot: the last one where the first was given, or empty."""
        return self.still(shot.clip, LAST if shot.input_mode == "image" else 0)

    def player(self, clip: ClipView | None) -> str:
        """The path of what a browser plays: the clip, or its proxy; empty where there is neither."""
        if clip is None or not clip.is_there or clip.sha256 in self.broken:
            return ""
        return self._path(clip, _PROXY) or clip.path

    def _path(self, clip: ClipView | None, name: str) -> str:
        found = _named(clip.sha256, name) if clip is not None and clip.sha256 else ""
        return f"{FOLDER}/{found}" if found in self.names else ""


def find(folder: Path) -> Pictures:
    """The pictures that are in a run folder. Blocking."""
    place = folder / FOLDER
    try:
        names = frozenset(name for name in os.listdir(place) if store.is_plain_below(place, name))
    except OSError:
        return Pictures()
    broken = {}
    for name in names:
        if name.endswith(f"-{_BROKEN}"):
            digest, _, why = _text(place / name).partition(" ")
            broken[digest] = why
    return Pictures(names=names, broken=broken)


def make(folder: Path, report: RunReport) -> None:
    """Make the pictures that a page of a run shows and that are not there yet. Blocking, for as long as that takes.

    A clip that cannot be shown gets a note instead. Raises `OSError` where the folder cannot be written.
    """
    wanted = _wanted(report)
    clips = {clip.sha256: clip for clip in _clips(report) if clip.is_there and clip.sha256}
    workers = min(_MOST_WORKERS, os.cpu_count() or 1)
    with _derived(folder) as derived, ThreadPoolExecutor(workers, "pictures") as pool:
        jobs = [pool.submit(_make, folder, clip, wanted[digest], derived) for digest, clip in clips.items()]
        for job in jobs:
            job.result()


@contextlib.contextmanager
def _derived(folder: Path) -> Iterator[LocalDerived]:
    """Where pictures are kept for all runs of a root; for a folder that is in none, only while this is open."""
    root = root_of(folder)
    if root is not None:
        yield store.derived(root)
        return
    with tempfile.TemporaryDirectory() as kept:
        yield store.LocalDerived(Path(kept))


def _clips(report: RunReport) -> Iterable[ClipView]:
    yield from (shot.clip for shot in report.shots if shot.clip is not None)
    yield from (film.clip for film in report.films if film.clip is not None)


def _wanted(report: RunReport) -> dict[str, set[tuple[int, int]]]:
    """The stills of each clip: frame numbers and widths."""
    found: dict[str, set[tuple[int, int]]] = {clip.sha256: {(0, SMALL)} for clip in _clips(report)}
    for shot in report.shots:
        if shot.clip is not None:
            found[shot.clip.sha256].add((LAST, SMALL))
    clip_of = {shot.name: shot.clip for shot in report.shots}
    for seam in report.seams:
        before, after = clip_of.get(seam.before), clip_of.get(seam.after)
        if before is None or after is None:
            continue
        found[before.sha256] |= {(number, SMALL) for number in seam.frames_before}
        found[after.sha256] |= {(number, SMALL) for number in seam.frames_after}
        if seam.frames_before and seam.frames_after:
            found[before.sha256].add((seam.frames_before[-1], LARGE))
            found[after.sha256].add((seam.frames_after[0], LARGE))
    return found


def _make(folder: Path, clip: ClipView, wanted: Iterable[tuple[int, int]], derived: LocalDerived) -> None:
    place, source = folder / FOLDER, folder / clip.path
    names = {_still(number, width): (number, width) for number, width in wanted}
    here = {name for name in (*names, _PROXY, _BROKEN) if (place / _named(clip.sha256, name)).is_file()}
    if _BROKEN in here or names.keys() <= here:
        return
    missing = [name for name in names if not derived.exists(clip.sha256, name)]
    if missing and not derived.exists(clip.sha256, _BROKEN):
        if store.digest_of(source) != clip.sha256:
            return  # what the digest does not belong to is shown to nobody
        try:
            _derive(source, clip.sha256, [names[name] for name in missing], derived)
        except (RunnerError, OSError, ValueError) as error:
            why = error.line if isinstance(error, MediaError) else str(error)
            derived.put(clip.sha256, _BROKEN, outgoing(f"{clip.sha256} {one_line(why)}\n").encode("utf-8"))
    for name in (*names, _PROXY, _BROKEN):
        if name not in here and derived.exists(clip.sha256, name):
            derived.place(clip.sha256, name, place / _named(clip.sha256, name))


def _derive(source: Path, digest: str, wanted: list[tuple[int, int]], derived: LocalDerived) -> None:
    from runner.media.proxy import is_playable, write_proxy
    from runner.media.stills import stills

    # First what no page can do without: where this is stopped, the stills that are missing say so.
    if not derived.exists(digest, _PROXY) and not is_playable(source):
        with derived.making(digest, _PROXY) as part:
            write_proxy(source, part)
    for number, width, data in stills(source, wanted):
        derived.put(digest, _still(number, width), data)


def _still(number: int, width: int) -> str:
    """The name of a frame: `f12-320.jpg`, or `e1-320.jpg` for the last one."""
    place = f"f{number}" if number >= 0 else f"e{-number}"
    return f"{place}-{width}.jpg"


def _named(digest: str, name: str) -> str:
    return f"{digest[:_DIGITS]}-{name}"


def _text(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_bytes()[:2000].decode("utf-8").strip()
    return ""
