"""Why a task failed, by the message that KIE passes on: is the error transient, and what helps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_PROMPT: Final = "change the prompt: this one is not allowed by the model"
_PICTURE: Final = (
    "the model does not allow what is on the first frame; change it or the prompt, or take another model"
)
HOST: Final = "KIE cannot fetch an image from where it is; for first frames try uploader=kie"
"""What helps when KIE cannot fetch the image."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """`transient`: the same request may well succeed next time, `max_retries` how often that is worth a try.

    `advice` is what to do instead of repeating it.
    """

    transient: bool = False
    advice: str = ""
    max_retries: int | None = None


# A task that counts as failed may still succeed, and be billed then: no more than one retry.
_LATE: Final = Meaning(transient=True, max_retries=1)

# Patterns for a message in lower case; the first that is found decides.
_PATTERNS: Final[tuple[tuple[str, Meaning], ...]] = (
    (r"image fetch failed|failed to fetch the image", Meaning(advice=HOST)),
    (r"unable to generate audio", Meaning(transient=True, advice="name a sound in the prompt")),
    (r"(unsafe image|prominent people|minor) upload|photorealistic people", Meaning(advice=_PICTURE)),
    (r"filter_failed|content[ _]polic|flagged|nsfw|guardrails|sensitive", Meaning(advice=_PROMPT)),
    (r"internal error|try again later", Meaning(transient=True)),
    (r"timed out|timeout", _LATE),
)


def meaning(message: str, code: str = "") -> Meaning:
    """What a failure text says, with its code where the text says nothing known."""
    text = message.lower()
    found = next((found for pattern, found in _PATTERNS if re.search(pattern, text)), None)
    return found or (_LATE if code == "408" else Meaning())
