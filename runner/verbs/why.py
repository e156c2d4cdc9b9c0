"""`runner why DIR SHOT`: which fields of a shot's key differ from the nearest earlier attempt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import UsageError
from runner.store.interface import Filter
from runner.verbs.arguments import Common, Parser
from runner.verbs.root import attempts_in, of_folder, shot_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.store.attempt import Attempt


class _Arguments(Common):
    folder: Path
    shot: str


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "why",
        "Say why a shot was not reused: which fields of its key differ from the nearest earlier attempt.",
        examples=("why outputs/PROJECT/RUN SHOT", "why outputs/PROJECT/RUN SEQUENCE/SHOT --json"),
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a run folder")
    parser.add_argument("shot", metavar="SHOT", help="a shot of it, by name or SEQUENCE/NAME")
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Explain one shot of a run folder."""
    arguments = _parsed(words)
    folder, shot = arguments.folder, arguments.shot
    key = shot_of(folder, shot).key
    root = of_folder(folder)
    known = attempts_in(root, Filter()) if root else []
    own = [attempt for attempt in known if attempt.key == key]
    if not own:
        raise UsageError("the journal has no attempt of this shot", where=str(root or folder))
    answer = _answer(own[0], known, shot)
    print(json.dumps(answer, indent=2, ensure_ascii=False) if arguments.as_json else _text(answer))
    return 0


def _answer(own: Attempt, known: list[Attempt], shot: str) -> dict[str, Any]:
    before = (one for one in known if one.seq < own.seq and one.key != own.key)
    earlier = [one for one in before if (one.project, one.name) == (own.project, own.name)]
    nearest = min(earlier, key=lambda one: len(_differences(one, own)), default=None)
    return {
        "shot": own.name,
        "asked": shot,
        "key": own.key,
        "nearest": nearest.name if nearest else None,
        "nearest_key": nearest.key if nearest else None,
        "differences": _differences(nearest, own) if nearest else {},
        "because_of": _cause(nearest, own, known),
    }


def _differences(before: Attempt, after: Attempt) -> dict[str, list[Any]]:
    """Field by field; the parts of `params` and `options` by themselves."""
    was, now = _flat(before.identity), _flat(after.identity)
    return {
        name: [was.get(name), now.get(name)]
        for name in sorted(was.keys() | now.keys())
        if was.get(name) != now.get(name)
    }


def _flat(identity: Any) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in identity.items():
        if name in ("params", "options", "starts_from") and isinstance(value, dict):
            flat |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            flat[name] = value
    return flat


def _cause(nearest: Attempt | None, own: Attempt, known: list[Attempt]) -> dict[str, Any] | None:
    """Where a shot differs only in the shot it chains from, that one's differences are the answer."""
    if nearest is None:
        return None
    of = _differences(nearest, own).get("starts_from.of")
    if not of or not all(of):
        return None
    before = [next((one for one in known if one.key == key), None) for key in of]
    if before[0] is None or before[1] is None:
        return None
    return {
        "shot": before[1].name,
        "differences": _differences(before[0], before[1]),
        "because_of": _cause(before[0], before[1], known),
    }


def _text(answer: dict[str, Any]) -> str:
    if answer["nearest"] is None:
        return f"{answer['shot']}: this is its first request"
    lines = [
        f"{answer['shot']} was not reused from {answer['nearest']} ({answer['nearest_key'][:8]}) because"
    ]
    lines += _lines(answer["differences"])
    cause = answer["because_of"]
    while cause:
        lines.append(f"  that shot, {cause['shot']}, differs in")
        lines += _lines(cause["differences"])
        cause = cause["because_of"]
    return "\n".join(lines)


def _lines(differences: dict[str, list[Any]]) -> list[str]:
    lines = []
    for name, (was, now) in differences.items():
        if name == "starts_from.of":
            lines.append("  it starts from another clip")
        else:
            lines.append(f"  `{name}` {_short(was)} -> {_short(now)}")
    return lines or ["  (nothing differs)"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
