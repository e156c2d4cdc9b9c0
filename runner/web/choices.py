"""What the user says of clips: accepted and rejected is in the journal, where runs go by it; stars are for people.

Each is about one clip, by its digest: another clip of the same shot has none.
"""

from __future__ import annotations

import asyncio
import csv
import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner import store
from runner.errors import ConfigError, OutputError, Problem
from runner.outgoing import outgoing
from runner.store.interface import Decision, Filter, Judgement
from runner.store.job_record import Star
from runner.web.problems import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.web.serving import Service

CHOICES: Final = {"accept": Judgement.ACCEPTED, "reject": Judgement.REJECTED, "star": None, "unstar": None}
COLUMNS: Final = ("choice", "shot", "sha256", "key", "project", "folder", "time")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is said of the clip that a run folder has of a shot."""

    folder: str
    """The run folder, below the outputs root."""
    shot: str
    """SEQUENCE/SHOT."""
    choice: str
    """`accept`, `reject`, `star` or `unstar`."""
    sha256: str = ""
    """Of the clip that was looked at: another one that has taken its place is not judged. Empty for any."""


def read(content: Any) -> Choice:
    """A choice that was sent. Raises `ConfigError`."""
    fields = content if isinstance(content, dict) else {}
    texts = {name: fields.get(name, "") for name in ("folder", "shot", "choice", "sha256")}
    problems = [
        Problem(key=name, message="should be a text")
        for name, value in texts.items()
        if not isinstance(value, str)
    ]
    if not problems and texts["choice"] not in CHOICES:
        problems.append(Problem(key="choice", message="is none", allowed=", ".join(CHOICES)))
    if problems:
        raise ConfigError("the choice has a problem; nothing was done", tuple(problems))
    return Choice(**texts)


async def keep(chosen: Choice, service: Service) -> dict[str, str]:
    """Keep a choice in the outputs root. Raises `Refused`, `JournalError`, `OutputError`."""
    folder = await asyncio.to_thread(service.root.run_folder, chosen.folder)
    if folder is None:
        raise Refused(404, "there is no such run below the outputs root")
    report = await asyncio.to_thread(service.root.report, folder)
    shot = report.shot(chosen.shot)
    if shot is None or shot.clip is None or not shot.clip.sha256 or not shot.key:
        raise Refused(404, "there is no finished clip of this shot", "wait for the end of the run")
    if chosen.sha256 not in ("", shot.clip.sha256):
        raise Refused(409, "another clip has taken the place of this one", "look at it, then choose again")
    verdict, digest = CHOICES[chosen.choice], shot.clip.sha256
    if verdict is not None:
        decision = Decision(key=shot.key, digest=digest, verdict=verdict, decided=time.time())
        async with store.open_journal(service.root.path) as journal:
            await journal.decide([decision])
    else:
        star = Star(key=shot.key, digest=digest, shot=shot.name, folder=chosen.folder, starred=time.time())
        try:
            if chosen.choice == "star":
                await asyncio.to_thread(service.files.star, star)
            else:
                await asyncio.to_thread(service.files.unstar, digest)
        except OSError as error:
            raise OutputError("the star cannot be kept", why=error.strerror or str(error)) from error
    return {"shot": shot.name, "key": shot.key, "sha256": digest, "choice": chosen.choice}


def table(service: Service) -> str:
    """All choices of the root as CSV, those of the journal first. Blocking. Raises `JournalError`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in (*_decided(service), *_starred(service)):
        writer.writerow([_cell(value) for value in row])
    return outgoing(text.getvalue())


def _decided(service: Service) -> Iterator[tuple[str, ...]]:
    reader = store.read_journal(service.root.path)
    if reader is None:
        return
    with reader:
        attempts = {one.key: one for one in reader.attempts(Filter())}
        for one in reader.decisions(list(attempts)):
            attempt = attempts[one.key]
            yield one.verdict, attempt.name, one.digest, one.key, attempt.project, "", _time(one.decided)


def _starred(service: Service) -> Iterator[tuple[str, ...]]:
    for star in service.files.stars():
        yield "starred", star.shot, star.digest, star.key, "", star.folder, _time(star.starred)


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(max(0.0, min(seconds, 2**33))))


def _cell(value: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(_FORMULA) else value
