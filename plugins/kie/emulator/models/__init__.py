"""KIE's models, a YAML file for each family: what its own schemas said on 2026-08-19, and what was measured since.

The files describe the API on their own, and not by the cards in plugins/kie/cards: so each finds mistakes in the other.
Where a model's answer to a missing field was not recorded, it has that of its nearest recorded relative. The texts for
wrong types and values are ours. Prompts are required but where a source says otherwise.

A text-to-video model has the fields of its image model without the images, and `aspect_ratio` if that has none: with
the ratios of its schema of 2026-10-01 where its card names that, else with 16:9, 9:16 and 1:1 as a guess.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BeforeValidator, TypeAdapter

from ..field import named
from ..model import Model
from ..yaml_file import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

_FAMILIES: Final = (
    *("kling", "bytedance", "wan", "hailuo", "minimax", "grok", "happyhorse"),
    *("pixverse", "veo", "gemini", "other", "sora"),
)


@cache
def all_models() -> Mapping[str, Model]:
    """Every model by its name, in the order in which the API lists them."""
    adapter = TypeAdapter(Annotated[tuple[Model, ...], BeforeValidator(named)])
    files = [Path(__file__).with_name(f"{family}.yaml") for family in _FAMILIES]
    return {model.name: model for file in files for model in read_yaml(file, adapter)}
