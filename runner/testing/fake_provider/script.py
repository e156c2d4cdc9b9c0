"""How the provider behaves: one `Behaviour` for each submission, put together from the layers of a `Script`.

A script is JSON. What stands under `default` holds for all; `shots` (by "sequence/shot" or shot name), `tokens` (by
prefix) and `submissions` (by number, from 1, since the script was set) change some of it, the later ones winning:

    {"default": {"run_s": 0.1, "price_usd": "0.40"},
     "shots": {"hero/pour": {"submit": ["429*2", "drop_after_accept"], "fetch": ["expired", "truncated"]}},
     "submissions": {"3": {"submit": ["hang_after_accept"]}},
     "rate": {"count": 20, "per_s": 10}}

`submit`, `poll` and `fetch` are answers in the order in which they are given, see `runner.testing.provider.script`.
`submit` is counted for each shot name on its own, `poll` and `fetch` for each task. A script starts to count when it is
set, and holds for the tasks that there are already, too.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from pydantic import TypeAdapter

from runner.api import Rate  # noqa: TC001  # pydantic needs it
from runner.testing.provider.script import BEFORE_OR_AFTER, TROUBLES, Steps, Strict, check

_STATUSES: Final = ("400", "401", "404", "408", "409", "429", "500", "502", "503", "504")

REFUSALS: Final = {
    "refuse_validation": (422, "invalid_request", "aspect_ratio is not one of 16:9, 9:16"),
    "refuse_moderation": (400, "moderation", "the prompt was flagged"),
    "refuse_no_credit": (402, "insufficient_credit", "the account has no credit left"),
    "refuse_unauthorized": (401, "unauthorized", "this key is not valid"),
    "refuse_in_body": (200, "invalid_request", "refused, under HTTP 200"),
}
"""Ways to say no: HTTP status, code and message."""

SUBMIT: Final = frozenset(
    {"ok", "accept_twice", *REFUSALS}
    | {f"{trouble}_accept" for trouble in BEFORE_OR_AFTER}
    | {f"{status}_after_accept" for status in _STATUSES}
)
"""Answers to a submission. A plain status accepts nothing; all that end in `after_accept` accept, and bill."""

POLL: Final = frozenset({"ok", "queued", "running", *TROUBLES})
"""Answers to a poll, and statuses. "404*3" is a task not known yet; "404*" one that got lost."""

FETCH: Final = frozenset({"ok", "expired", "truncated", "cut", "empty", "html_as_video", *TROUBLES})
"""Answers to a fetch, and statuses.

"expired" ends the life of the address. "truncated" breaks off in the middle of the body; "cut" is whole by its
Content-Length and cut inside; "html_as_video" is a page that is called video/mp4.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour(Strict):
    """How one submission, and the task that comes of it, is dealt with.

    submit, poll, fetch   answers in their order, see above
    retry_after_s         what 429 and 503 carry as Retry-After; as a date if `retry_after_date`
    slow_s                seconds between dealing with a submission and answering it
    queue_s, run_s        how long a task is queued, then running
    fail                  how it ends badly, if it does: money back or not
    price_usd, price_per_s_usd   for each clip, and for each second of it
    url_ttl_s             how long the address of a result holds
    slow_result_s         a pause in the middle of a result
    clip_duration_s       how long the clip is whatever was asked
    clip_size             its width and height whatever was asked; both even
    ignore_image          it starts from its prompt alone, whatever picture came with it
    """

    submit: Steps = ()
    poll: Steps = ()
    fetch: Steps = ()
    retry_after_s: float | None = None
    retry_after_date: bool = False
    slow_s: float = 0.0
    queue_s: float = 0.0
    run_s: float = 0.0
    fail: Literal["", "refunded", "charged"] = ""
    fail_reason: str = "the model failed"
    price_usd: Decimal = Decimal("0.10")
    price_per_s_usd: Decimal = Decimal(0)
    url_ttl_s: float = 3600.0
    slow_result_s: float = 0.0
    clip_duration_s: float | None = None
    clip_size: tuple[int, int] | None = None
    ignore_image: bool = False

    def __post_init__(self) -> None:
        check("submit", self.submit, SUBMIT)
        check("poll", self.poll, POLL)
        check("fetch", self.fetch, FETCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script(Strict):
    """What the provider does until it gets another script. The limits are those of each account.

    `inline_max_bytes` is how large a first frame may be that comes inline; None takes none.
    """

    default: dict[str, Any] = field(default_factory=dict)
    shots: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    submissions: dict[int, dict[str, Any]] = field(default_factory=dict)
    rate: Rate | None = None
    in_flight: int | None = None
    supports_idempotency_key: bool = False
    supports_lookup: bool = False
    inline_max_bytes: int | None = None

    def __post_init__(self) -> None:
        for group in ({"": self.default}, self.shots, self.tokens, self.submissions):
            for layer in group.values():
                _BEHAVIOUR.validate_python(layer)


class Choice(NamedTuple):
    """The behaviour for a submission, and which layer its `submit` is from: answers are counted for each layer."""

    behaviour: Behaviour
    layer: str


_BEHAVIOUR: Final = TypeAdapter(Behaviour)
_SCRIPT: Final = TypeAdapter(Script)


def read(raw: object) -> Script:
    """Raises `ValueError` for what is not a script."""
    return _SCRIPT.validate_python(raw)


class Director:
    """Applies one script."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._plain = Choice(_BEHAVIOUR.validate_python(script.default), "default")
        self._layered = bool(script.shots or script.tokens or script.submissions)
        self._choose = functools.lru_cache(maxsize=65_536)(self._merged)

    def choose(self, number: int, name: str, token: str) -> Choice:
        """How to behave towards submission `number`, of shot `name` ("sequence/shot"), under `token`."""
        return self._choose(number, name, token) if self._layered else self._plain

    def _merged(self, number: int, name: str, token: str) -> Choice:
        script = self.script
        layers = {"default": script.default}
        for shot in (name.rpartition("/")[2], name):
            if shot in script.shots:
                layers[f"shot {shot}"] = script.shots[shot]
        for prefix in sorted(script.tokens, key=len):
            if token.startswith(prefix):
                layers[f"token {prefix}"] = script.tokens[prefix]
        if number in script.submissions:
            layers[f"submission {number}"] = script.submissions[number]
        merged: dict[str, Any] = {}
        source = "default"
        for layer, keys in layers.items():
            merged |= keys
            source = layer if "submit" in keys else source
        return Choice(_BEHAVIOUR.validate_python(merged), source)
