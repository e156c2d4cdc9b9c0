"""The same project again and again through the in-process command line, made by the fake provider."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import runner
from tests.engine.paid import PLUGINS

if TYPE_CHECKING:
    from pathlib import Path

    from runner import RunOutcome, Timing
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Answer, Workplace

ONE = {"main": {"one": "a quiet lake"}}
TWO = {"main": {"one": "a quiet lake", "two": "wind"}}


class Desk:
    """The same project through the in-process command line."""

    def __init__(self, workplace: Workplace, fake: FakeProvider, sequences: dict[str, Any]) -> None:
        self.workplace = workplace
        self.plugins = PLUGINS
        self.project = workplace.project(
            sequences,
            generator={"plugin": "fake", "base_url": fake.base_url, "price_usd": 0.1, "timeout_s": 5.0},
            plugins={"dirs": [str(PLUGINS)]},
        )

    def run(self, *words: str) -> Answer:
        return self.workplace.run(self.project, *words)

    def execute(self, timing: Timing, *words: str) -> RunOutcome:
        """The same through the library, with times of the test's own."""
        planned = runner.plan(runner.compose([self.project, *words], source=self.workplace.primary))

        async def executed() -> RunOutcome:
            async with runner.Session(planned.project.output_root, timing=timing) as session:
                (outcome,) = await session.run([planned])
            return outcome

        return asyncio.run(executed())

    def rows(self) -> list[dict[str, Any]]:
        answer = self.workplace.run("journal", "--json")
        rows: list[dict[str, Any]] = answer.json
        return rows


def stored(workplace: Workplace) -> list[Path]:
    """The clips in the store."""
    objects = workplace.path / "outputs" / ".runner" / "objects"
    return [path for path in objects.rglob("*") if path.is_file() and path.read_bytes()[4:8] == b"ftyp"]
