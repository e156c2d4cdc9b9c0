"""YAML read and written by libyaml means what it means to OmegaConf."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from runner.config import yaml_text
from runner.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

# OmegaConf reads what follows "${" by a grammar of its own.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30).filter(
    lambda text: "${" not in text
) | st.sampled_from(
    [
        "1e3",
        "1_000",
        "yes",
        "0x10",
        "~",
        "null",
        "1:30",
        "2026-11-24",
        "a: b",
        "#c",
        "two\nlines",
        "é\u2028x",
        "${a.b}",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4)

WRITTEN = """\
# @package _global_
numbers: [1e3, 1_000, .5, -0.0, .inf, 0x1F, 1:30, 1_0.5e+3]
words: [yes, No, on, ~, null, 2026-11-24, "1", 'it''s']
folded: >-
  one
  two
literal: |
  three
    four
merged: {<<: &base {a: 1}, b: 2}
again: *x
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("yaml") / "some.yaml"


def by_omegaconf(file: Path) -> Any:
    return OmegaConf.to_container(OmegaConf.load(file), resolve=False)


def read(file: Path, text: str) -> Any:
    file.write_text(text, encoding="utf-8")
    yaml_text.forget()
    return yaml_text.mapping(file)


@given(value=MAPPINGS, unicode=st.booleans(), width=st.sampled_from([10, 80]))
def test_a_file_means_the_same_to_both_parsers(file: Path, value: Any, unicode: bool, width: int) -> None:
    text = yaml.safe_dump(value, allow_unicode=unicode, width=width)
    assert read(file, text) == by_omegaconf(file)


def test_numbers_words_and_blocks_are_read_by_the_rules_of_omegaconf(file: Path) -> None:
    text = WRITTEN.replace("again: *x\n", "")
    assert read(file, text) == by_omegaconf(file)
    assert read(file, text)["words"][5] == "2026-11-24"


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2\n", WRITTEN, "a: [1\n", "a:\n\t- b\n", "a: \ud7ff\x07\n", "? [x]\n: y\n"]
)
def test_a_file_that_is_not_yaml_is_an_error_with_its_line(file: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(file, text)
    assert f"{file}:" in caught.value.where


@pytest.mark.parametrize("kind", ["Path", "PosixPath", "WindowsPath"])
def test_a_tag_that_makes_an_object_is_an_error_with_its_line(file: Path, kind: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(file, f"a: 1\nb: !!python/object/apply:pathlib.{kind} [x]\n")
    assert f"{file}:2" in caught.value.where


@pytest.mark.parametrize("text", ["- a list\n", "a word\n"])
def test_a_file_that_is_not_a_mapping_is_an_error(file: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="keys and values"):
        read(file, text)


def test_an_empty_file_holds_nothing(file: Path) -> None:
    assert read(file, "") == {}
    assert read(file, "# a comment\n") == {}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_a_file_in_another_encoding_is_an_error(file: Path, encoding: str) -> None:
    file.write_bytes("a: b\nc: caf\u00e9 \u00ff\n".encode(encoding))
    yaml_text.forget()
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        yaml_text.mapping(file)
    assert "iconv -f " + ("utf-16" if "16" in encoding else "latin-1") in caught.value.hint


def test_a_byte_order_mark_is_no_part_of_the_text(file: Path) -> None:
    file.write_bytes("a: b\n".encode("utf-8-sig"))
    yaml_text.forget()
    assert yaml_text.mapping(file) == {"a": "b"}


def test_a_file_is_read_again_when_it_was_changed(file: Path) -> None:
    assert read(file, "a: 1\n") == {"a": 1}
    file.write_text("a: 2\n", encoding="utf-8")
    later = file.stat().st_mtime_ns + 1_000_000
    os.utime(file, ns=(later, later))
    assert yaml_text.mapping(file) == {"a": 2}


@given(value=MAPPINGS)
def test_what_is_written_is_read_again_by_omegaconf(value: Any) -> None:
    created = OmegaConf.create(value)
    plain = OmegaConf.to_container(created, resolve=False)
    assert OmegaConf.to_container(OmegaConf.create(yaml_text.text(plain)), resolve=False) == plain


def test_short_values_are_written_as_omegaconf_writes_them() -> None:
    value = {"a": "yes", "b": [1, "1", 0.5, None, {"c": "x: y"}], "d": {}, "e": "é ${oc.env:HOME}"}
    words = "y n Yes NO on oFF TRUE 1e3 1_000 .5 inf nan 0x10 1:30 2026-11-24 ~ null - ="
    value["words"] = words.split()
    assert yaml_text.text(value) == OmegaConf.to_yaml(OmegaConf.create(value))


def test_bytes_that_are_no_text_can_be_written() -> None:
    assert "udcff" in yaml_text.text({"a": "\udcff"}).lower()


def test_nodes_know_their_lines() -> None:
    found = yaml_text.nodes("a: 1\nb:\n  c: 2\n")
    assert isinstance(found, yaml.MappingNode)
    assert [name.start_mark.line for name, _ in found.value] == [0, 1]
