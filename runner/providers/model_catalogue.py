"""The models of a provider, by name, and what the runner may ask of them."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.api import (
    GeneratorCapabilities,
    ImageInput,
    InputMode,
    Lifecycle,
    Objection,
    Range,
    Reach,
    RequestLimits,
)
from runner.errors import SubmitRefused
from runner.providers import card_files
from runner.providers.request_fields import mode_of, objections, price

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from runner.api import ShotRequest
    from runner.providers.card import ChoiceField, DurationField, ModelCard, Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFolder:
    """The model cards that a plugin ships: `cards/*.yaml` beside its module.

    CARDS = CardFolder(generator="acme", folder=Path(__file__).with_name("cards"))
    """

    generator: str
    """The name that the plugin registers."""
    folder: Path
    usd_per_credit: Decimal | None = None
    """What a credit of the provider costs. Without it, prices in the cards are in US dollars."""

    def catalogue(self, own: Sequence[str] = ()) -> Catalogue:
        """All models: those that are shipped, and those in the files `own` (an options field marked `CARDS`).

        A card of the user's own replaces a shipped card of the same name. Files of the user's are read again when they
        change. Raises `ConfigError` with file and line for every problem in a card.
        """
        credits = self.usd_per_credit is not None
        users = card_files.read([Path(one) for one in own], example=self.folder, credits=credits)
        shipped = _shipped(self.folder, credits=credits)
        return Catalogue(
            generator=self.generator, cards={**users, **(shipped | users)}, usd_per_credit=self.usd_per_credit
        )

    def models(self, own: Sequence[str] = ()) -> dict[str, str]:
        """Every model with a line about it: `GeneratorSpec.models`."""
        cards = self.catalogue(own).cards
        return {
            name: f"{one.about} (retired {one.retired})" if one.retired else one.about
            for name, one in cards.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Model cards by the name of the model, the user's own first."""

    generator: str
    cards: Mapping[str, ModelCard]
    usd_per_credit: Decimal | None = None

    def find(self, name: str) -> tuple[str, ModelCard] | None:
        """A model's name and card, by its name, an alias, or the id of a variant."""
        card = self.cards.get(name)
        if card is not None:
            return name, card
        for known, card in self.cards.items():
            if name in card.aliases or any(name == variant.id for variant in card.variants):
                return known, card
        return None

    def variant(self, model: str, request: ShotRequest) -> Variant:
        """The variant that makes this request. Raises `SubmitRefused` where no card describes it."""
        found = self.find(model)
        last = request.last_image is not None
        variant = found[1].variant(mode_of(request), last=last) if found is not None else None
        if variant is None:
            raise SubmitRefused(f"no model card describes this request to {model}")
        return variant

    def capabilities(
        self, model: str, mode: InputMode, account: GeneratorCapabilities
    ) -> GeneratorCapabilities:
        """What a model can do: `account` (image reach, polling, billing, rates) with all that the model's card says.

        For a model without a card the only statement is an objection to it.
        """
        found = self.find(model)
        if found is None:
            objection = self._no_card(model)
            return GeneratorCapabilities(
                image=ImageInput(reach=Reach.LOOPBACK),
                request=RequestLimits(objections=lambda request: [objection]),
            )
        name, card = found
        successors = tuple(one for one in card.successors if one in self.cards)
        caps = dataclasses.replace(
            account,
            model=name,
            text=card.text is not None,
            image=account.image if card.image is not None else None,
            lifecycle=Lifecycle(retired=card.retired, successors=successors),
        )
        variant = card.variant(mode)
        if variant is None:
            return caps
        return dataclasses.replace(
            caps,
            request=RequestLimits(
                durations_s=_durations(variant.duration),
                resolutions=_values(variant.resolution),
                aspect_ratios=_values(variant.aspect_ratio),
                prompt_max_chars=variant.prompt_max,
                seed=bool(variant.seed),
                keys=frozenset(variant.shot_keys),
                objections=lambda request: objections(variant, request),
            ),
            image=None if caps.image is None else _image_input(variant, caps.image),
            billing=dataclasses.replace(
                caps.billing, price=lambda request: price(variant, request, self.usd_per_credit)
            ),
        )

    def _no_card(self, name: str) -> Objection:
        living = [known for known, card in self.cards.items() if card.retired is None]
        near = difflib.get_close_matches(name, living, n=3, cutoff=0.4)
        allowed = f"did you mean {', '.join(near)}?" if near else f"there are: {', '.join(sorted(living))}"
        message = f"there is no card of this model; cards in conf/cards/{self.generator}/ add models"
        return Objection("model", message, name, allowed)


@functools.cache
def _shipped(folder: Path, *, credits: bool) -> dict[str, ModelCard]:
    return card_files.read(sorted(folder.glob("*.yaml")), example=folder, credits=credits)


def _image_input(variant: Variant, image: ImageInput) -> ImageInput:
    rules = variant.frame_rules
    return dataclasses.replace(
        image,
        formats=rules.formats,
        max_bytes=int(rules.max_mb * 1_000_000),
        min_px=rules.min_px,
        max_px=rules.max_px,
        ratio=Range(*rules.ratio) if rules.ratio else None,
    )


def _durations(duration: DurationField | None) -> Range | tuple[float, ...] | None:
    if duration is None:
        return None
    return duration.values or Range(duration.low, duration.high)


def _values(choice: ChoiceField | None) -> tuple[str, ...] | None:
    return None if choice is None else tuple(choice.values)
