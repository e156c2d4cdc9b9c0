"""What is really written is what the shipped schemas describe, and no key of it is missing there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import runner
from tests.ci.taped import recorded_film

if TYPE_CHECKING:
    from tests.conftest import Workplace

SCHEMAS = Path(runner.__file__).parent / "schemas"


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


def closed(found: Any) -> Any:
    """The same schema without room for keys that it does not name."""
    if isinstance(found, list):
        return [closed(one) for one in found]
    if not isinstance(found, dict):
        return found
    inner = {key: closed(value) for key, value in found.items()}
    is_object = found.get("type") == "object" and "properties" in found
    return {**inner, "additionalProperties": False} if is_object else inner


def validated(name: str, *files: Path) -> None:
    assert files, name
    validator = jsonschema.Draft202012Validator(closed(schema(name)))
    for file in files:
        errors = list(validator.iter_errors(json.loads(file.read_text(encoding="utf-8"))))
        assert not errors, f"{file}: {[(list(one.absolute_path), one.message[:200]) for one in errors[:5]]}"


@pytest.mark.parametrize("file", sorted(SCHEMAS.glob("*.json")), ids=lambda file: file.stem)
def test_every_schema_is_one_and_is_listed(file: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(file.stem))
    assert f"`{file.name}`" in (SCHEMAS / "README.md").read_text(encoding="utf-8")


def test_runs_sweeps_baselines_and_comparisons_are_as_described(workplace: Workplace) -> None:
    film = workplace.project(
        {
            "main": {"one": "a quiet lake", "two": "wind on the lake"},
            "other": {"alone": {"prompt": "rain"}},
        },
        film={"order": ["main", "other"]},
        metrics={"enabled": ["seams", "clips"]},
    )
    assert workplace.run("-m", "-q", film, "shot.take=1,2").code == 0
    assert workplace.run("-q", film, "generator.fail=submit", "output.root=failed").code == 1
    assert workplace.run("baseline", "create", "outputs", "-o", "base.json").code == 0
    assert workplace.run("compare", "base.json", "outputs", "failed", "-o", "report").code == 5
    found = workplace.path

    for name in ("manifest", "run"):
        validated(name, *found.rglob(f"{name}.json"))
    validated("sweep", *found.rglob("sweep.json"))
    validated("baseline", found / "base.json")
    validated("compare", found / "report" / "compare.json")


def test_cassettes_are_as_described(tmp_path: Path) -> None:
    folder = recorded_film(tmp_path)

    validated("cassette", folder / "cassette.json")
    validated("exchange", *(folder / "exchanges").glob("*.json"))


def test_a_document_of_another_version_is_no_such_document() -> None:
    document = {"cassette_version": 2, "recorded": 1, "shots": []}

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema("cassette"))
