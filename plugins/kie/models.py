"""KIE's models, from the cards in `cards/*.yaml`, and the request that a card describes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.providers import CardFolder, fields

if TYPE_CHECKING:
    from runner.api import ShotRequest
    from runner.providers import Variant

USD_PER_CREDIT: Final = Decimal("0.005")
"""KIE's own rate; top-ups in bulk give up to a tenth more."""

MODELS: Final = CardFolder(
    generator="kie", folder=Path(__file__).with_name("cards"), usd_per_credit=USD_PER_CREDIT
)


def body(variant: Variant, request: ShotRequest) -> dict[str, Any]:
    """What is posted to createTask, but for the callback."""
    return {"model": variant.id, "input": fields(variant, request)}
