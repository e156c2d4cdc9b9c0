"""A failure that the model's own card knows is explained in its words."""

from __future__ import annotations

import pytest
from runner.plugins.kie import record

from tests.plugins.kie.asking import card


@pytest.mark.parametrize(
    ("model", "text", "advice"),
    [
        ("veo-3-1", "Public error prominent people upload", "well-known person"),
        ("kling-3.0", "Public error prominent people upload", "what is on the first frame"),
        (
            "sora-2",
            "We currently do not support uploads of images containing photorealistic people",
            "no image of",
        ),
    ],
)
def test_the_card_speaks_first(model: str, text: str, advice: str) -> None:
    status = record.status({"state": "fail", "failMsg": text}, card(model))

    assert advice in status.advice
    assert not status.transient
