"""Everything that can be set when the emulator is started."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from .accounts import Rate
from .script import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_KEY: Final = "emulator"
CREATIONS: Final = Rate(20, 10.0)
POLLS: Final = Rate(10, 1.0)
_ALL_IS_WELL: Final = Script()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How this emulator behaves towards everybody; the command's `--help` explains each."""

    public_url: str = ""
    keys: Sequence[str] = (DEFAULT_KEY,)
    credits: Decimal = Decimal(1000)
    error_style: str = "envelope"
    no_credit: int = 402
    legacy_sora: bool = False
    rate: Rate = CREATIONS
    poll_rate: Rate = POLLS
    task_seconds: float = 2.0
    speed: float = 1.0
    grace_seconds: float = 0.0
    states: tuple[str, ...] = ("waiting", "generating")
    upload_life_s: float = 24 * 3600.0
    result_life_s: float = 14 * 86_400.0
    result_url_life_s: float = 24 * 3600.0
    callback_shape: str = "union"
    callback_twice: bool = False
    callback_timeout_s: float = 15.0
    webhook_key: str = ""
    fps: int = 16
    max_short_side: int = 0
    fetch_timeout_s: float = 30.0
    script: Script = _ALL_IS_WELL
