"""The prompt of a shot: its own text, or that of a file, and the style of its project."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from runner.config import trust, yaml_errors

if TYPE_CHECKING:
    from pathlib import Path

    from runner.config.convert import Reader
    from runner.config.schema import OwnKeys

_LARGEST: Final = 64 * 1024
"""Bytes of a prompt file. No model takes a tenth of it; it is the wrong file."""
_ENDS: Final = ".!?…:;,-–—。！？…、，；："
_CLOSING: Final = "\"'”’»)]」』"


def with_style(prompt: str, style: str) -> tuple[str, str]:
    """The whole prompt, and `style` where a full stop was put before it, else nothing.

    A prompt that ends in punctuation of its own, behind a closing quote as well, gets none.
    """
    if not style:
        return prompt, ""
    if prompt.rstrip(_CLOSING).endswith(tuple(_ENDS)) or style[0] in _ENDS:
        return f"{prompt} {style}".strip(), ""
    return f"{prompt}. {style}", style


def identifying(prompt: str, stopped_before: str) -> str:
    """The prompt as keys have it: without the full stop before the style `stopped_before`.

    Keys are older than that full stop. A clip that was paid for without it is the clip of the same request.
    """
    before, stop, after = prompt.rpartition(f". {stopped_before}") if stopped_before else (prompt, "", "")
    return f"{before} {stopped_before}{after}" if stop else prompt


def of_shot(own: OwnKeys, at: str, reader: Reader, folders: tuple[Path, ...]) -> str:
    """The prompt of the shot with the keys `own` at the dotted key `at`; what is wrong with it is noted.

    `folders` are the working folder, and others that the project's files may lie in.
    """
    prompt = (own.prompt or "").strip()
    key = f"{at}.prompt_file"
    if own.prompt_file and prompt:
        reader.problem(key, "is given beside a prompt", value=own.prompt_file, allowed="one of the two")
    elif own.prompt_file:
        return _of_file(own.prompt_file, key, reader, folders)
    elif not prompt:
        reader.problem(f"{at}.prompt", "is required", allowed="a text, or prompt_file: FILE")
    return prompt


def _of_file(name: str, key: str, reader: Reader, folders: tuple[Path, ...]) -> str:
    """The text of a prompt file, looked for beside the file that names it, then in the working folder.

    UTF-8, with or without a byte order mark; line ends become those of YAML.
    """
    setter = reader.origins.file_of(key)
    beside = [setter.parent] if setter is not None else []
    roots = [*beside, *folders]
    try:
        places = [root / name for root in (*beside, folders[0])]
        file = next((place for place in places if place.is_file()), None)
        if file is None:
            looked = " and ".join(dict.fromkeys(str(place.absolute()) for place in places))
            reader.problem(key, "there is no such file", value=name, allowed=f"looked for {looked}")
            return ""
        # Where it really is: a project from somewhere else must not send the user's other files to a provider.
        if not trust.is_below(file, roots):
            within = " or ".join(dict.fromkeys(str(root.absolute()) for root in roots))
            reader.problem(key, "is outside of the project", value=name, allowed=f"a file below {within}")
            return ""
        with file.open("rb") as opened:
            raw = opened.read(_LARGEST + 1)
    except (OSError, RuntimeError, ValueError) as error:
        reader.problem(key, f"cannot be read: {getattr(error, 'strerror', None) or error}", value=name)
        return ""
    text, mistake = _text(raw)
    if mistake:
        reader.problem(key, mistake, value=name, allowed=f"UTF-8 text of at most {_LARGEST // 1024} KB")
    return text


def _text(raw: bytes) -> tuple[str, str]:
    """The text of a file, or nothing and what is wrong with it."""
    if len(raw) > _LARGEST:
        return "", "is too large"
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").strip()
    except UnicodeDecodeError as error:
        return (
            "",
            f"is not UTF-8 text: {yaml_errors.encoding_of(raw)[1]}; see its line {_line(raw, error.start)}",
        )
    for at, sign in enumerate(text):
        if unicodedata.category(sign) == "Cc" and sign not in "\n\t":
            line = text.count("\n", 0, at) + 1
            return "", f"holds a control character (U+{ord(sign):04X}) in line {line}"
    return text, "" if text else "is empty"


def _line(raw: bytes, at: int) -> int:
    return raw.count(b"\n", 0, at) + 1
