"""Why a task failed, by the message that KIE passes on: is the error transient, and what helps."""

from __future__ import annotations

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


# A task that counts as failed may still succeed, and be billed then: one retry is all that is risked.
_LATE: Final = Meaning(transient=True, max_retries=1)

# Fragments in lower case; the first that is found decides.
_TEXTS: Final[tuple[tuple[str, Meaning], ...]] = (
    ("image fetch failed", Meaning(advice=HOST)),
    ("failed to fetch the image", Meaning(advice=HOST)),
    ("unable to generate audio", Meaning(transient=True, advice="name a sound in the prompt")),
    ("unsafe image upload", Meaning(advice=_PICTURE)),
    ("prominent people upload", Meaning(advice=_PICTURE)),
    ("minor upload", Meaning(advice=_PICTURE)),
    ("photorealistic people", Meaning(advice=_PICTURE)),
    ("filter_failed", Meaning(advice=_PROMPT)),
    ("content polic", Meaning(advice=_PROMPT)),
    ("content_policy", Meaning(advice=_PROMPT)),
    ("flagged", Meaning(advice=_PROMPT)),
    ("nsfw", Meaning(advice=_PROMPT)),
    ("guardrails", Meaning(advice=_PROMPT)),
    ("sensitive", Meaning(advice=_PROMPT)),
    ("internal error", Meaning(transient=True)),
    ("try again later", Meaning(transient=True)),
    ("timed out", _LATE),
    ("timeout", _LATE),
)
_CODES: Final = {"408": _LATE}


def meaning(message: str, code: str = "") -> Meaning:
    """What a failure text says, with its code where the text says nothing known."""
    text = message.lower()
    for fragment, found in _TEXTS:
        if fragment in text:
            return found
    return _CODES.get(code, Meaning())
