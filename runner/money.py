"""Amounts of money: whole millionths of a US dollar, so that sums and comparisons are exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, overload

if TYPE_CHECKING:
    from decimal import Decimal

MICROS: Final = 1_000_000
"""Millionths in a US dollar."""


def from_usd(usd: Decimal | float | None) -> int | None:
    """An amount in US dollars in millionths of one; `None`, which is unknown, stays so."""
    return None if usd is None else to_micros(usd)


def to_micros(usd: Decimal | float) -> int:
    """An amount in US dollars in millionths of one."""
    return round(usd * MICROS)


@overload
def to_usd(micros: int) -> float: ...
@overload
def to_usd(micros: None) -> None: ...
@overload
def to_usd(micros: int | None) -> float | None: ...
def to_usd(micros: int | None) -> float | None:
    """Millionths of a US dollar in dollars, for JSON; `None`, which is unknown, stays so."""
    return None if micros is None else micros / MICROS


def dollars(micros: int | None) -> str:
    """An amount for people."""
    if micros is None:
        return "unknown"
    text = f"{to_usd(micros):.4f}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"${whole}.{cents.ljust(2, '0')}"
