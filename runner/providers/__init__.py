"""What a plugin for a hosted model needs, so that a new provider is a wire format plus model cards.

    CARDS = CardFolder(generator="acme", folder=Path(__file__).with_name("cards"))

    capabilities   CARDS.catalogue(options.cards).capabilities(model, mode, account)
    submit         fields(catalogue.variant(model, request), request) is the request; `HttpApi.submit` sends it once
    poll           `HttpApi.request`, then `json_of`, `usd`, `retry_after_s`
    fetch          `Context.download`, or `fetch_or_refresh` where URLs expire

plugins/README.md has a complete example. Nothing here imports an HTTP library before it is used.
"""

from __future__ import annotations

from runner.net.addresses import host_of, is_base_url, is_local, is_public, reach_of, shown_url
from runner.net.outside_names import media_type
from runner.providers.api_key import ApiKey
from runner.providers.card import (
    ChoiceField,
    Conflict,
    DurationField,
    FrameRules,
    ImageField,
    KnownFailure,
    ListLimit,
    ModelCard,
    ParamRule,
    PriceRule,
    SceneField,
    ShotKeyField,
    Variant,
)
from runner.providers.foreign_text import describe, one_line, page_text
from runner.providers.http_answers import (
    json_of,
    never_sent,
    retry_after_s,
    text_of,
    untrusted_certificate,
    usd,
)
from runner.providers.http_api import EXPIRED, HttpApi, bearer, fetch_or_refresh
from runner.providers.model_catalogue import CardFolder, Catalogue
from runner.providers.receiver import CallbackReceiver, listening
from runner.providers.request_fields import fields, mode_of, objections, price
from runner.redaction import remember, remember_file, spellings

__all__ = [
    "EXPIRED",
    "ApiKey",
    "CallbackReceiver",
    "CardFolder",
    "Catalogue",
    "ChoiceField",
    "Conflict",
    "DurationField",
    "FrameRules",
    "HttpApi",
    "ImageField",
    "KnownFailure",
    "ListLimit",
    "ModelCard",
    "ParamRule",
    "PriceRule",
    "SceneField",
    "ShotKeyField",
    "Variant",
    "bearer",
    "describe",
    "fetch_or_refresh",
    "fields",
    "host_of",
    "is_base_url",
    "is_local",
    "is_public",
    "json_of",
    "listening",
    "media_type",
    "mode_of",
    "never_sent",
    "objections",
    "one_line",
    "page_text",
    "price",
    "reach_of",
    "remember",
    "remember_file",
    "retry_after_s",
    "shown_url",
    "spellings",
    "text_of",
    "untrusted_certificate",
    "usd",
]
