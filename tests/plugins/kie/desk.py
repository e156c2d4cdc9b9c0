"""A table of shots, each with an account and a trouble of its own, made by the real command line in one run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import runner
from tests.conftest import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.plugins.kie.emulator.client import Emulator

    from runner import RunOutcome, Timing
    from tests.conftest import Workplace

MODEL = "bytedance/seedance-2-mini"
PRICE = 0.164
"""Of one clip: 4 s at 8.2 credits, each half a cent."""

SHOT = {"duration_s": 4, "resolution": "720p", "aspect_ratio": "16:9"}
_LABELS = ("where", "why", "next")


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One row: what the emulator is told to do with the creations of this shot; `name` is the shot's prompt."""

    name: str
    rules: tuple[dict[str, Any], ...]
    options: dict[str, Any] = field(default_factory=dict)


def trouble(name: str, /, *, options: dict[str, Any] | None = None, **rule: Any) -> Trouble:
    return Trouble(name=name, rules=(rule,), options=options or {})


class Seen(NamedTuple):
    """What became of one row.

    `what` is the first line of what the user sees, `next` its last one; `why` the one between them. `creations`
    counts requests at the emulator. `phases` and `cost_usd` are the journal's, an attempt each.
    """

    ending: str
    what: str
    why: str
    next: str
    creations: int
    phases: tuple[str, ...]
    cost_usd: tuple[float | None, ...]


class Desk:
    """Runs tables against one emulator, each in a folder of its own. `answer` is the last run's."""

    answer: Answer

    def __init__(self, workplace: Workplace, emulator: Emulator) -> None:
        self.workplace = workplace
        self.emulator = emulator
        self._rows: list[Trouble] = []

    def run(
        self, rows: Iterable[Trouble], *words: str, timing: Timing | None = None, **sections: Any
    ) -> dict[str, Seen]:
        """Make every row; what became of each, by its name."""
        self._rows = list(rows)
        rules = []
        for number, row in enumerate(self._rows):
            self.emulator.account(self.key(number))
            rules += [{**rule, "match": {"key": self.key(number)}} for rule in row.rules]
        self.emulator.script(rules=rules)
        service = {"plugin": "kie", "api_url": self.emulator.url}
        self._project = self.workplace.project(
            {
                _name(number): {"one": {"prompt": row.name, "generator": _name(number)}}
                for number, row in enumerate(self._rows)
            },
            shot=SHOT,
            generators={
                _name(number): {"model": MODEL, **service, "api_key": self.key(number), **row.options}
                for number, row in enumerate(self._rows)
            },
            film={"join": False},
            **sections,
        )
        return self.again(*words, timing=timing)

    def again(self, *words: str, timing: Timing | None = None) -> dict[str, Seen]:
        """The same command once more; through the library where the test has times of its own."""
        if timing is None:
            self.answer = self.workplace.run(self._project, *words)
            told = _blocks(self.answer.out)
        else:
            outcome = asyncio.run(self._executed(timing, words))
            self.answer = Answer(outcome.exit_code, "", "")
            told = {
                shot.planned.name: {
                    "what": shot.error.what,
                    "why": shot.error.why,
                    "next": shot.error.hint,
                }
                for shot in outcome.shots
                if shot.error is not None
            }
        assert self.workplace.runs(), self.answer.err
        books = self.emulator.books()
        journal = self.journal()
        manifest = self.workplace.manifest()["sequences"]
        seen = {}
        for number, row in enumerate(self._rows):
            attempts = [one for one in journal if one["sequence"] == _name(number)]
            lines = told.get(f"{_name(number)}/one", {})
            seen[row.name] = Seen(
                ending=manifest[_name(number)]["shots"]["one"]["ending"],
                what=lines.get("what", ""),
                why=lines.get("why", ""),
                next=lines.get("next", ""),
                creations=sum(one["key"] == self.key(number) for one in books.creations),
                phases=tuple(one["phase"] for one in attempts),
                cost_usd=tuple(one["cost_usd"] for one in attempts),
            )
        return seen

    async def _executed(self, timing: Timing, words: tuple[str, ...]) -> RunOutcome:
        planned = runner.plan(runner.compose([self._project, *words], source=self.workplace.primary))
        async with runner.Session(timing=timing) as session:
            (outcome,) = await session.run([planned])
        return outcome

    def journal(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.workplace.run("journal", "--json").json
        return rows

    def key(self, row: int) -> str:
        return f"{self.workplace.path.name}-{row}"


def _name(row: int) -> str:
    return f"row{row:03}"


def _blocks(out: str) -> dict[str, dict[str, str]]:
    """The errors in a summary: for each shot, the first line as "what", and the labelled ones below it."""
    found: dict[str, dict[str, str]] = {}
    lines: dict[str, str] = {}
    last = ""
    for line in out.splitlines():
        if line.startswith("x "):
            shot, _, what = line.removeprefix("x ").partition(": ")
            last, lines = "", {"what": what}
            found[shot] = lines
        elif line.startswith("  "):
            label, _, text = line.strip().partition(": ")
            if label in _LABELS:
                last, lines[label] = label, text
            elif last and line.startswith("    "):
                lines[last] += f"\n{line.strip()}"
    return found
