"""The rooms of the house: who may import whom, and that everything shipped is complete."""

from __future__ import annotations

import ast
import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from pydantic import TypeAdapter

from runner import bundle, plugins
from runner.config import catalogue, film_keys, metric_keys, schema
from runner.config.beam_keys import Beam
from runner.config.check_keys import Checks
from runner.config.ci_keys import CiKeys
from runner.kinds import KINDS, Kind

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
    """A plugin's emulator is a test tool, and may use `runner.testing` as well."""
    public = ("runner.api", "runner.errors", "runner.media", "runner.providers")
    wrong = [
        (str(file.relative_to(ROOT)), name)
        for file in modules("plugins")
        for name in imported(file)
        if name.partition(".")[0] in ("runner", "plugins")
        and not _is_below(name, (*public, *(("runner.testing",) if "emulator" in file.parts else ())))
    ]

    assert not wrong


FLOORS = (
    ("cli", "verbs", "completion", "__main__"),
    ("web",),
    ("report",),
    ("sweeps",),
    ("session", "doctor"),
    ("engine",),
    ("compare",),
    ("outputs",),
    ("planning",),
    ("config",),
    ("providers",),
    ("cassette",),
    ("store",),
    ("net",),
    ("media",),
    (
        "plugins",
        "kinds",
        "redaction",
        "known_secrets",
        "outgoing",
        "hookspecs",
        "money",
        "naming",
        "bundle",
        "contract",
        "memo",
        "nesting",
        "interrupts",
        "errors",
        "api",
    ),
)
"""The rooms of runner/README.md, top floor first: an import goes down, or stays on its floor."""


def test_an_import_goes_down_or_stays_on_its_floor() -> None:
    floor_of = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    wrong = []
    for file in modules("runner"):
        room = file.relative_to(ROOT / "runner").parts[0].removesuffix(".py")
        if room in ("testing", "__init__", "_bundled"):
            continue
        assert room in floor_of, f"{file}: put the new room into the table here, and into runner/README.md"
        for name in imported(file):
            if not name.startswith("runner."):
                continue
            other = name.split(".")[1]
            if (other == "testing" and room != "verbs") or floor_of.get(other, len(FLOORS)) < floor_of[room]:
                wrong.append((str(file.relative_to(ROOT)), name))

    assert not wrong


def test_there_is_no_circle_of_imports() -> None:
    """Of imports at run time: those for type checkers alone may be circular."""
    edges = {_module(file): {_known(name) for name in at_run_time(file)} for file in modules("runner")}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name in done:
            return
        for other in sorted(edges.get(name, set()) - {name, ""}):
            visit(other, (*path, name))
        done.add(name)

    for name in sorted(edges):
        visit(name, ())


def test_no_module_knows_more_than_its_room_should() -> None:
    """Media knows no asyncio, the rooms below the configuration no Hydra, and only the store SQL."""
    forbidden = {
        "runner/media": ("asyncio", "hydra", "omegaconf"),
        **{f"runner/{room}": ("hydra", "omegaconf") for room in ("engine", "outputs", "planning", "store")},
    }
    wrong = [
        (str(file.relative_to(ROOT)), name)
        for folder, names in forbidden.items()
        for file in modules(folder)
        for name in imported(file)
        if _is_below(name, names)
    ]
    wrong += [
        (str(file.relative_to(ROOT)), name)
        for file in modules("runner")
        for name in imported(file)
        if _is_below(name, ("sqlite3",)) and "store" not in file.parts
    ]

    assert not wrong


def at_run_time(file: Path) -> Iterator[str]:
    """The modules that a file imports when it is imported: at its top level, not for type checkers."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _known(name: str) -> str:
    """The module of an imported name: itself, or the one that has it; empty for other packages."""
    if not name.startswith("runner"):
        return ""
    path = ROOT.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file():
        return name
    return name.rpartition(".")[0]


def _is_below(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


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
        if not KINDS[kind].chosen:
            continue
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
        for choice in catalogue.choices(group, ROOT):
            assert len(choice.about) > 10, choice.file


def test_the_table_of_kinds_and_the_schema_have_the_same_keys() -> None:
    for kind, row in KINDS.items():
        if not row.chosen:
            assert kind not in schema.PLUGIN_KEYS
            continue
        assert row.keys == tuple(one.name for one in dataclasses.fields(schema.PLUGIN_KEYS[kind]))
        assert kind in schema.SECTIONS
        assert (bundle.folder("conf") / kind).is_dir()


SECTION_CLASSES = {
    "project": schema.ProjectKeys,
    "shot": schema.ShotDefaults,
    "continuity": schema.Continuity,
    "metrics": metric_keys.Metrics,
    "film": film_keys.Film,
    "budget": schema.BudgetKeys,
    "limits": schema.Limits,
    "output": schema.Output,
    "plugins": schema.PluginKeys,
    "sweep": schema.SweepKeys,
    "beam": Beam,
    "checks": Checks,
    "ci": CiKeys,
    "trust": schema.TrustKeys,
}
# Sections whose keys are names that a person gives, and those that a group chooses.
NAMES = {"sequences", "generators"}
# A shot's keys that have no default worth writing down: they choose among what the generators offer.
WITHOUT_DEFAULT = {"shot.model", "shot.generator", "shot.background"}


def test_the_default_configuration_and_the_schema_have_the_same_keys() -> None:
    shown = yaml.safe_load((bundle.folder("conf") / "config.yaml").read_text(encoding="utf-8"))
    shown.pop("defaults")

    assert all(shown.pop(name) is True for name in schema.SWITCHES)
    assert set(shown) == set(SECTION_CLASSES) | NAMES
    assert set(schema.SECTIONS) == set(shown) | set(catalogue.GROUPS)
    for section, cls in SECTION_CLASSES.items():
        known = {
            one.name for one in dataclasses.fields(cls) if f"{section}.{one.name}" not in WITHOUT_DEFAULT
        }
        assert set(shown[section]) == known, section


def test_the_default_configuration_names_every_key_of_a_shot() -> None:
    text = (bundle.folder("conf") / "config.yaml").read_text(encoding="utf-8")

    assert not [
        one.name
        for one in dataclasses.fields(schema.ShotKeys)
        if not re.search(rf"^[# ]*{one.name}: ", text, re.M)
    ]


def test_the_defaults_written_down_are_those_of_the_schema() -> None:
    shown = yaml.safe_load((bundle.folder("conf") / "config.yaml").read_text(encoding="utf-8"))

    sections = (
        *(
            "beam",
            "budget",
            "checks",
            "ci",
            "continuity",
            "film",
            "limits",
            "metrics",
            "output",
            "plugins",
            "sweep",
        ),
    )
    for section in sections:
        cls = SECTION_CLASSES[section]
        read = TypeAdapter(cls).validate_python(shown[section])
        for one in dataclasses.fields(cls):
            missing = one.default is dataclasses.MISSING
            default = one.default_factory() if missing else one.default  # type: ignore[misc]
            assert getattr(read, one.name) == default, f"{section}.{one.name}"


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
