"""The files that describe KIE's models to the emulator: strict, complete, and without anything that stands twice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError
from runner.plugins.kie.emulator import models, prices
from runner.plugins.kie.emulator.field import Field
from runner.plugins.kie.emulator.model import Model
from runner.plugins.kie.emulator.models import all_models
from runner.plugins.kie.emulator.prices import Row, price_list
from runner.plugins.kie.emulator.yaml_file import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

PRICES = Path(prices.__file__).with_suffix(".yaml")
FAMILIES = sorted(Path(models.__file__).parent.glob("*.yaml"))


def keys_that_stand_twice(node: yaml.Node) -> Iterator[str]:
    if isinstance(node, yaml.SequenceNode):
        for inner in node.value:
            yield from keys_that_stand_twice(inner)
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, inner in node.value:
            if key.value in seen:
                yield f"{key.value}, line {key.start_mark.line + 1}"
            seen.add(key.value)
            yield from keys_that_stand_twice(inner)


@pytest.mark.parametrize("file", [*FAMILIES, PRICES], ids=lambda file: file.stem)
def test_no_key_stands_twice_in_a_mapping(file: Path):
    node = yaml.compose(file.read_text(encoding="utf-8"))
    assert node is not None
    assert not list(keys_that_stand_twice(node))


def test_every_family_on_disk_is_read_and_no_model_stands_in_two():
    named = [name for file in FAMILIES for name in yaml.safe_load(file.read_text(encoding="utf-8"))]
    assert sorted(named) == sorted(all_models())


def test_every_price_is_that_of_a_model():
    assert price_list()
    assert price_list().keys() <= all_models().keys()


def test_the_fields_that_a_model_refers_to_are_its_own():
    for model in all_models().values():
        own = {field.name for field in model.fields}
        referred = {model.last, model.clip, model.task, *model.not_with_frames, *model.any_of} - {""}
        referred |= {name for value_of, _, needed in model.needs for name in (value_of, needed)}
        assert referred <= own, model.name


@pytest.mark.parametrize(
    "field",
    [
        "{kind: text, hihg: 5}",
        "{kind: texts}",
        "{kind: text, choices: [16:9]}",  # YAML reads 969 unless it stands in quotes
        "{kind: text, choices: [a, b], default: c}",
        '{kind: integer, low: 3, default: "5"}',
        "{kind: integer, low: 3, default: 2}",
        "{kind: list, parts: {prompt: {kind: text, requierd: true}}}",
    ],
)
def test_a_field_with_a_mistake_is_refused(field: str):
    with pytest.raises(ValidationError):
        TypeAdapter(Field).validate_python({"name": "x", **yaml.safe_load(field)})


@pytest.mark.parametrize(
    "key",
    [
        "firts: image_url",
        "joint: [{never_both: [a, b]}]",
        "joint: [{at_most: 5, off: [a]}]",
        "pictures: {min: 300}",
        "makes: sound",
    ],
)
def test_a_model_with_a_mistake_is_refused(key: str, tmp_path: Path):
    file = tmp_path / "own.yaml"
    file.write_text(f"name: own\nfields: {{prompt: {{kind: text}}}}\n{key}\n", encoding="utf-8")
    with pytest.raises(ValidationError):
        read_yaml(file, TypeAdapter(Model))


@pytest.mark.parametrize(
    "row", ["{credits: 3, when: always}", "{credits: 3, per: minute}", "{resolution: 720p}"]
)
def test_a_price_with_a_mistake_is_refused(row: str):
    with pytest.raises(ValidationError):
        TypeAdapter(Row).validate_python(yaml.safe_load(row))
