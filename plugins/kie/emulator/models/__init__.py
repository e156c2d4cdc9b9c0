"""The models that there are, from what KIE's own schemas said on 2026-08-19 and what was measured since.

Where a model's answer to a missing field was not recorded, it has that of its nearest recorded relative. The texts
for wrong types and values are ours. Prompts are required but where a source says otherwise. A text-to-video twin has
the fields of its image model without the pictures, and `aspect_ratio` if that had none: with the ratios of its schema
of 2026-10-01 where its card in plugins/kie/cards names that, else with 16:9, 9:16 and 1:1 as a guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import bytedance, kling, more, sora, wan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model import Model

MODELS: Final[Mapping[str, Model]] = {
    model.name: model
    for family in (kling.MODELS, bytedance.MODELS, wan.MODELS, more.MODELS, sora.MODELS)
    for model in family
}
