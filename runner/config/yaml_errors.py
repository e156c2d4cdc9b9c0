"""YAML mistakes: the line shown, what is wrong with it, and how it is put right.

PyYAML names what its parser stumbled over; a person who wrote a prompt wants to hear that it needs quotes.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml

from runner.errors import ConfigError
from runner.redaction import HIDDEN, is_secret

if TYPE_CHECKING:
    from pathlib import Path

_WIDTH: Final = 60
"""Columns of a shown line: with its indentation it fits a terminal of 80."""
_LONG_TEXT: Final = 120
"""A longer text is not written out again with quotes."""
_ENTRY: Final = re.compile(
    r"(?P<start>\s*(?:- +)*)(?P<key>[\w.-]+|\"[^\"]*\"|'[^']*')\s*:(?:\s+(?P<value>.*))?$"
)
_QUOTES: Final = "put text with : # { } [ ] , & * ! | > % @ in it in quotes"
_NOT_AT_START: Final = re.compile(
    r"(?:expected the node content, but )?found (?:character )?'(?P<sign>[^']+)'"
)


@dataclass(frozen=True, slots=True)
class _Mistake:
    """What is wrong at a line and column (from 0), and the cure; an empty `hint` asks for a suggested line."""

    line: int
    column: int
    why: str
    hint: str = ""


def explained(file: Path, text: str, error: yaml.YAMLError) -> ConfigError:
    """The error to show for the text of a file that is not YAML."""
    lines = text.splitlines()
    mistake = _mistake(error, text, lines)
    at = min(mistake.line, max(len(lines) - 1, 0))
    line = lines[at] if lines else ""
    shown, column = _shown(line, mistake.column)
    where = f"{file}:{at + 1}:{mistake.column + 1}"
    why = f"{mistake.why}\n{shown}\n{'':{column}}^"
    hint = mistake.hint or _quoted(line) or _QUOTES
    return ConfigError("a YAML file cannot be read", where=where, why=why, hint=hint)


def not_utf8(file: Path, raw: bytes, error: UnicodeDecodeError) -> ConfigError:
    """The error to show for a file in another encoding than UTF-8."""
    encoding, name = encoding_of(raw)
    line = raw.count(b"\n", 0, error.start) + 1
    return ConfigError(
        f"{file.name} is not UTF-8 text",
        where=str(file) if encoding == "utf-16" else f"{file}:{line}",
        why=name,
        hint=f"save it as UTF-8 in your editor, or: iconv -f {encoding} -t utf-8 {file.name} > new.yaml",
    )


def encoding_of(raw: bytes) -> tuple[str, str]:
    """The likely encoding of bytes that are not UTF-8, as iconv names it, and a sentence about it."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in raw[:64]:
        return "utf-16", "it looks like UTF-16"
    return "latin-1", "it looks like Latin-1, or Windows-1252"


def _mistake(error: yaml.YAMLError, text: str, lines: list[str]) -> _Mistake:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        column = len(before) - before.rfind("\n") - 1
        character = f"U+{error.character:04X}" if isinstance(error.character, int) else "?"
        return _Mistake(
            before.count("\n"),
            column,
            f"a control character ({character}) is in the text",
            "delete the character",
        )
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return _Mistake(0, 0, " ".join(str(error).split()), _QUOTES)
    problem, mark = error.problem or "", error.problem_mark
    line, column = mark.line, mark.column
    start = error.context_mark if error.context_mark is not None else mark
    here = lines[line] if line < len(lines) else ""

    if "duplicate key" in problem:
        first = _first_use(text, start.line, start.column, here[column:])
        key = problem.removeprefix("found duplicate key ")
        earlier = f", first in line {first + 1}" if first is not None else ""
        return _Mistake(
            line, column, f"the key {key} is there twice{earlier}", "remove one of them, or rename it"
        )
    if "unexpected end of stream" in problem:
        return _Mistake(
            start.line, start.column, "this quote is not closed", "close the quote at the end of the text"
        )
    if "<stream end>" in problem and "flow" in (error.context or ""):
        opened = next((at for at in range(len(lines) - 1, 0, -1) if re.search(r"[\[{]", lines[at])), 0)
        column = max(lines[opened].rfind("["), lines[opened].rfind("{"))
        return _Mistake(opened, column, "a bracket is not closed", "close the bracket")
    if "'\\t'" in problem:
        return _Mistake(
            line, column, "there is a tab; YAML is indented with spaces", "replace the tab with spaces"
        )
    if "determine a constructor" in problem:
        tag = problem.rpartition("'!")[2].rstrip("'")
        hint = "" if tag not in ("include", "import", "file") else "write the text itself there"
        return _Mistake(line, column, f"!{tag} is a YAML tag, and tags are not known here", hint)
    if "undefined alias" in problem or (error.context or "").endswith(("an alias", "an anchor")):
        sign = here[start.column : start.column + 1] if start.line == line else "*"
        return _Mistake(
            start.line, start.column, f"{sign} at the start of a text refers to another place in YAML"
        )
    if "escape" in problem:
        why = r"in double quotes a \ starts an escape sequence"
        return _Mistake(line, column, why, r"put the text in single quotes, or write \\ for each \ ")
    if "another document" in problem:
        return _Mistake(
            line, column, "--- begins a second document", "remove the line: one file holds one document"
        )
    if "could not find expected ':'" in problem:
        why = "this line is not KEY: VALUE"
        hint = "for a text of several lines write  KEY: >-  and indent the lines below it"
        return _Mistake(start.line, start.column, why, hint)
    if "mapping values are not allowed" in problem:
        return _nested(lines, line, column)
    if "block scalar" in (error.context or ""):
        sign = here[start.column : start.column + 1]
        why = f"{sign} begins a text that starts on the next line"
        return _Mistake(line, column, why)
    if "sequence entries are not allowed" in problem:
        return _Mistake(line, column, "- begins a list entry, which needs a line of its own")
    if "expected <block end>" in problem:
        return _after_end(here, line, column)
    if "flow" in (error.context or ""):
        why = "inside {...} and [...] entries are divided by commas, and texts with : need quotes"
        return _Mistake(line, column, why, "put the text in quotes, or write one KEY: VALUE on each line")
    if "document start" in problem:
        return _Mistake(0, 0, "% at the start of a file begins a YAML directive", "remove the line")
    if found := _NOT_AT_START.search(problem):
        return _Mistake(line, column, f"a text cannot begin with {found['sign']} without quotes")
    return _Mistake(line, column, problem)


def _nested(lines: list[str], line: int, column: int) -> _Mistake:
    """A colon where none may be: in a text, or in a line that is indented below a value."""
    here = lines[line] if line < len(lines) else ""
    entry = _ENTRY.match(here)
    if entry is not None and column > entry.end("key") + 1:
        return _Mistake(line, column, "a text with a colon and a space in it needs quotes")
    written = (
        at for at in range(line - 1, -1, -1) if lines[at].strip() and not lines[at].lstrip().startswith("#")
    )
    above = next(written, line)
    parent = _ENTRY.match(lines[above])
    if parent is not None and parent["value"]:
        why = "the line is indented below one that has a value already"
        return _Mistake(line, column, why, "indent it as the line above")
    why = "this line is neither KEY: nor KEY: VALUE"
    return _Mistake(above, _indent(lines[above]), why, "write a space after the colon of a key:  KEY: VALUE")


def _after_end(here: str, line: int, column: int) -> _Mistake:
    """Something follows where YAML sees the end: text after a closing quote or bracket, or a lesser indentation."""
    before = here[:column].rstrip()
    if before.endswith(('"', "'")):
        return _Mistake(line, column, "there is text after the closing quote")
    if before.endswith(("]", "}")):
        return _Mistake(line, column, "there is text after the closing bracket")
    return _Mistake(
        line, column, "the line fits no indentation above it", "indent it as the other keys of its section"
    )


def _quoted(line: str) -> str:
    """The line's `key: text` with the text in quotes; empty where that is no cure."""
    entry = _ENTRY.match(line)
    value = entry["value"].strip() if entry is not None and entry["value"] else ""
    if entry is None or not value or is_secret(entry["key"].strip("\"'")) or len(value) > _LONG_TEXT:
        return ""
    if value[0] in "{[" and value[-1] in "}]":
        return ""
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    elif value[0] in "\"'" and value.count(value[0]) > 1:
        value = value.replace(value[0], "", 1).replace(value[0], "", 1) if value[0] == '"' else value
    quoted = f"'{value.replace(chr(39), chr(39) * 2)}'" if '"' in value or "\\" in value else f'"{value}"'
    return f"put the text in quotes:  {entry['key']}: {_printable(quoted)}"


def _shown(line: str, column: int) -> tuple[str, int]:
    """The part of a line around a column, without secrets and control characters; and the column within it."""
    entry = _ENTRY.match(line)
    if entry is not None and entry["value"] and is_secret(entry["key"].strip("\"'")):
        line = f"{line[: entry.start('value')]}{HIDDEN}"
        column = min(column, len(line))
    indent = _indent(line)
    line, column = _printable(line[indent:]), max(column - indent, 0)
    if column >= _WIDTH:
        start = column - _WIDTH // 2
        line, column = f"...{line[start:]}", column - start + 3
    return (line if len(line) <= _WIDTH + 3 else f"{line[:_WIDTH]}..."), column


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _printable(text: str) -> str:
    return "".join(" " if unicodedata.category(one).startswith("C") else one for one in text)


def _first_use(text: str, line: int, column: int, key: str) -> int | None:
    """The line (from 0) of the first key of that name in the mapping that begins at a line and column."""
    name = key.partition(":")[0].strip().strip("\"'")
    waiting = [yaml.compose(text, Loader=yaml.SafeLoader)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            if (node.start_mark.line, node.start_mark.column) == (line, column):
                return next((one.start_mark.line for one, _ in node.value if one.value == name), None)
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return None
