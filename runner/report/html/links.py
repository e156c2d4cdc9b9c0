"""What a run's page refers to: the files of its folder, and the numbers that it shows only once. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from runner.report.pictures import LARGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from markupsafe import Markup

    from runner.report.model import ClipView, SeamView, ShotView
    from runner.report.pictures import Pictures


class Links:
    """The files that a run's page refers to."""

    def __init__(self, base: str, pictures: Pictures) -> None:
        self._base = base
        self._pictures = pictures

    def file(self, path: str) -> str:
        return self._base + quote(path)

    def has_pair(self, seam: SeamView, before: ShotView, after: ShotView) -> bool:
        return all(self._pair(seam, before, after))

    def _pair(self, seam: SeamView, before: ShotView, after: ShotView) -> tuple[str, str]:
        """The images of the wipe."""
        if not seam.frames_before or not seam.frames_after:
            return "", ""
        return (
            self._pictures.still(before.clip, seam.frames_before[-1], LARGE),
            self._pictures.still(after.clip, seam.frames_after[0], LARGE),
        )

    def strip(self, seam: SeamView, before: ShotView, after: ShotView) -> list[tuple[str, str]]:
        """The frames on either side, each with its caption; an empty path is the seam."""
        sides = [
            [
                (self._pictures.still(shot.clip, number), f"frame {number}")
                for number in numbers
                if self._pictures.still(shot.clip, number)
            ]
            for shot, numbers in ((before, seam.frames_before), (after, seam.frames_after))
        ]
        return [*sides[0], ("", ""), *sides[1]] if all(sides) else []

    def seam_attributes(self, seam: SeamView, before: ShotView, after: ShotView) -> Markup:
        """What the script needs for the wipe and for playing across the seam."""
        from markupsafe import Markup

        left, right = self._pair(seam, before, after)
        values = {
            "left": left and self.file(left),
            "right": right and self.file(right),
            "a": self._played(before.clip),
            "b": self._played(after.clip),
            "end": seam.frames_before[-1] + 1 if seam.frames_before else "",
            "start": seam.frames_after[0] if seam.frames_after else "",
            "fps-a": before.clip.fps if before.clip else "",
            "fps-b": after.clip.fps if after.clip else "",
        }
        return Markup(" ").join(Markup('data-{}="{}"').format(name, value) for name, value in values.items())

    def _played(self, clip: ClipView | None) -> str:
        path = self._pictures.player(clip)
        return self.file(path) if path else ""


def own_metrics(seams: Iterable[SeamView]) -> Callable[[ShotView], dict[str, float]]:
    """The metrics of a shot that are not shown with its seam: a page of a thousand shots says nothing twice."""
    of_seam = {seam.after: seam.metrics.keys() for seam in seams}

    def own(shot: ShotView) -> dict[str, float]:
        shown = of_seam.get(shot.name, ())
        return {name: value for name, value in shot.metrics.items() if name not in shown}

    return own
