"""The rooms of the house: who may import whom, and that everything shipped is complete."""

from __future__ import annotations

import ast
import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from runner import bundle, plugins
from runner.config import catalogue, schema
from runner.plugins import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Workplace

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if (path / "__init__.py").is_file())
SHIPPED = sorted(path.stem for path in (ROOT / "conf" / "project").glob("*.yaml"))
HEAVY = (
    "av",
    "numpy",
    "PIL",
    "skvideo",
    "imageio_ffmpeg",
    "httpx",
    "aiohttp",
    "google",
    "pydantic",
    "hydra",
    "omegaconf",
)


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


def imported(file: Path) -> Iterator[str]:
    """Full names of the modules that a file imports; relative ones begin with a dot."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from (
                f"{base}.{alias.name}" if base.strip(".") else f"{base}{alias.name}" for alias in node.names
            )


def test_the_host_imports_no_plugin() -> None:
    wrong = [
        (file.name, name)
        for file in modules("runner")
        for name in imported(file)
        if name.startswith(("runner.plugins.", "plugins.")) and name.split(".")[-1] in PLUGINS
    ]

    assert not wrong


def test_the_host_names_no_plugin() -> None:
    """A plugin's name in the code of the host is a back door (ffmpeg is a program, too)."""
    wrong = [
        (str(file.relative_to(ROOT)), node.value)
        for file in modules("runner")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in set(PLUGINS) - {"ffmpeg"}
    ]

    assert not wrong


def test_plugins_use_the_public_surface_only() -> None:
    allowed = ("runner.api", "runner.errors", "runner.media", "runner.providers")
    wrong = [
        (str(file.relative_to(ROOT)), name)
        for file in modules("plugins")
        for name in imported(file)
        if name.partition(".")[0] in ("runner", "plugins")
        and not any(name == room or name.startswith(f"{room}.") for room in allowed)
    ]

    assert not wrong


def test_the_rooms_depend_on_each_other_in_one_direction() -> None:
    """Media knows neither config nor asyncio, providers and config no engine, the engine no Hydra."""
    forbidden = {
        "runner/media": (
            "runner.config",
            "runner.engine",
            "runner.planning.plan",
            "asyncio",
            "hydra",
            "omegaconf",
        ),
        "runner/config": ("runner.engine", "runner.report", "runner.planning.plan"),
        "runner/providers": (
            "runner.config",
            "runner.engine",
            "runner.outputs",
            "runner.planning",
            "runner.plugins",
            "runner.report",
            "runner.store",
            "hydra",
            "omegaconf",
        ),
        "runner/engine": ("hydra", "omegaconf", "runner.config.compose", "runner.config.validate"),
    }
    wrong = [
        (str(file.relative_to(ROOT)), name)
        for folder, names in forbidden.items()
        for file in modules(folder)
        for name in imported(file)
        if any(name == room or name.startswith(f"{room}.") for room in names)
    ]

    assert not wrong


def test_loading_all_plugins_imports_no_heavy_library(tmp_path: Path) -> None:
    program = f"""
import sys
from runner import plugins
registry = plugins.load([])
assert not registry.broken, registry.broken
assert len(registry.registered) >= {len(PLUGINS)}
for found in registry.registered.values():
    found.spec.options
heavy = set({HEAVY!r}) & set(sys.modules)
sys.exit(f"imported: {{heavy}}" if heavy else 0)
"""

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_every_bundled_plugin_is_loaded_and_has_a_profile_with_its_name() -> None:
    registry = plugins.load([])

    assert not registry.broken
    assert {found.source.name for found in registry.registered.values()} == set(PLUGINS)
    for kind, name in registry.registered:
        profile = bundle.folder("conf") / kind / f"{name}.yaml"
        assert profile.is_file(), f"write {profile.relative_to(ROOT)}"
        assert yaml.safe_load(profile.read_text(encoding="utf-8"))["plugin"] == name


def test_every_profile_chooses_a_plugin_that_there_is() -> None:
    registry = plugins.load([])

    for group in catalogue.GROUPS:
        for file in (bundle.folder("conf") / group).glob("*.yaml"):
            assert (Kind(group), chosen(file)) in registry.registered, file.name


def chosen(profile: Path) -> str:
    """The plugin of a profile, which may stand in the one that it builds on."""
    keys = yaml.safe_load(profile.read_text(encoding="utf-8"))
    if "plugin" in keys:
        return str(keys["plugin"])
    (base,) = keys["defaults"]
    return chosen(profile.with_name(f"{base}.yaml"))


def test_every_file_of_conf_says_what_it_is() -> None:
    for group in (*catalogue.GROUPS, "project"):
        for choice in catalogue.choices(group):
            assert len(choice.about) > 10, choice.file


SECTION_CLASSES = {
    "project": schema.ProjectKeys,
    "shot": schema.ShotDefaults,
    "continuity": schema.Continuity,
    "film": schema.Film,
    "budget": schema.BudgetKeys,
    "limits": schema.Limits,
    "output": schema.Output,
    "plugins": schema.PluginKeys,
}
# Sections whose keys are names that a person gives, and those that a group chooses.
NAMES = {"sequences", "generators"}
# A shot's keys that have no default worth writing down: they choose among what the generators offer.
WITHOUT_DEFAULT = {"shot.model", "shot.generator"}


def test_the_default_configuration_and_the_schema_have_the_same_keys() -> None:
    shown = yaml.safe_load((bundle.folder("conf") / "config.yaml").read_text(encoding="utf-8"))
    shown.pop("defaults")

    assert set(shown) == set(SECTION_CLASSES) | NAMES
    assert set(schema.SECTIONS) == set(shown) | set(catalogue.GROUPS)
    for section, cls in SECTION_CLASSES.items():
        known = {
            one.name for one in dataclasses.fields(cls) if f"{section}.{one.name}" not in WITHOUT_DEFAULT
        }
        assert set(shown[section]) == known, section


def test_the_defaults_written_down_are_those_of_the_schema() -> None:
    shown = yaml.safe_load((bundle.folder("conf") / "config.yaml").read_text(encoding="utf-8"))

    for section in ("continuity", "film", "limits", "output", "plugins"):
        for one in dataclasses.fields(SECTION_CLASSES[section]):
            written = shown[section][one.name]
            assert (tuple(written) if isinstance(written, list) else written) == one.default, (
                f"{section}.{one.name}"
            )


@pytest.mark.parametrize("project", SHIPPED)
def test_every_shipped_project_can_be_planned(workplace: Workplace, project: str) -> None:
    answer = workplace.run("plan", f"+project={project}", "--json")

    assert answer.code == 0, answer.err
    assert answer.json["project"] == project


def test_there_are_the_projects_that_were_promised(workplace: Workplace) -> None:
    assert {"ad_campaign", "one_shot", "long_chain"} <= set(SHIPPED)

    sequences = workplace.run("plan", "+project=ad_campaign", "--json").json["sequences"]

    assert len(sequences) == 2
    assert sum(len(shots) for shots in sequences.values()) >= 5
    assert {shot["boundary"] for shots in sequences.values() for shot in shots} == {"chain", "cut", "image"}


def test_modules_stay_small() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for folder in ("runner", "plugins")
        for file in modules(folder)
    }

    # The surface for plugin authors is one file on purpose: values and protocols, no logic.
    lengths.pop("runner/api.py")
    assert not {name: length for name, length in lengths.items() if length > 400}
    assert sorted(lengths.values())[len(lengths) // 2] < 150


def test_every_module_says_what_it_is_for() -> None:
    without = [
        str(file.relative_to(ROOT))
        for folder in ("runner", "plugins")
        for file in modules(folder)
        if not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    ]

    assert not [name for name in without if not name.endswith("__init__.py")]
