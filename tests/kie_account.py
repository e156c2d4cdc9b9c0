"""An account at an emulated KIE, for tests that go all the way: from the command line to clips that are paid for."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.plugins.kie.emulator.client import AccountEntry, Emulator

# Clips are as small as the models let a first frame be.
QUICK = ("--task-seconds", "0", "--fps", "8", "--max-short-side", "304")
USD_PER_CREDIT = Decimal("0.005")
SMALL = {"duration_s": 4, "resolution": "720p", "aspect_ratio": "16:9"}
"""Shot defaults that the model of the profile kie takes, at a price that is known."""


@dataclass(frozen=True)
class KieAccount:
    """One key of one emulator, which others may use at the same time under keys of their own."""

    emulator: Emulator
    key: str
    asked_before: int = field(default=0)

    @property
    def words(self) -> tuple[str, ...]:
        """The overrides that send a run there; the key comes from the environment."""
        url = self.emulator.url
        return ("generator=kie", "uploader=kie", f"generator.api_url={url}", f"uploader.upload_url={url}")

    @property
    def books(self) -> AccountEntry:
        return self.emulator.books().account(self.key)

    @property
    def spent_usd(self) -> Decimal:
        return Decimal(str(self.books.consumed)) * USD_PER_CREDIT

    def tasks(self, prompt: str = "") -> list[str]:
        """The ids of this account's tasks, of those whose prompt holds `prompt`."""
        tasks = self.emulator.books().tasks
        return [id for id, task in tasks.items() if task.key == self.key and prompt in task.prompt]

    def sent(self) -> list[Mapping[str, Any]]:
        """The bodies of the creations since the account was opened, if nobody else asked for any."""
        asked = self.emulator.requests()[self.asked_before :]
        return [one["body"] for one in asked if one["path"].endswith("/createTask")]


def opened(emulator: Emulator, credits: float = 1000) -> KieAccount:
    """A fresh account at an emulator that behaves."""
    emulator.script()
    key = emulator.account(uuid.uuid4().hex, credits)
    return KieAccount(emulator, key, len(emulator.requests()))
