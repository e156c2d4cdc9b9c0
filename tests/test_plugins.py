"""Finding, loading, naming and blocking plugins."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from runner import plugins
from runner.api import Reach
from runner.errors import PluginError
from runner.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUNDLED = {
    (Kind.GENERATOR, "synthetic"),
    (Kind.UPLOADER, "local_http"),
    (Kind.EXTRACTOR, "pyav"),
    (Kind.EXTRACTOR, "ffmpeg"),
    (Kind.EXTRACTOR, "scikit_video"),
}

EXTRACTOR = """\
from runner.api import ExtractorSpec, hookimpl


@hookimpl
def runner_register():
    return ExtractorSpec(name={name!r}, factory=lambda options, context: None)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A person's folder for plugins; what is imported from it is forgotten afterwards."""
    place = tmp_path / "mine"
    place.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    known = set(sys.modules)
    yield place
    plugins.load([])
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def add(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def broken(folder: Path) -> PluginError:
    """The one plugin that could not be loaded."""
    registry = plugins.load([folder])
    assert len(registry.broken) == 1
    with pytest.raises(PluginError):
        registry.require_whole()
    assert set(registry.registered) >= BUNDLED
    return registry.broken[0]


def install(folder: Path, module: str, text: str, *, entry: str = "") -> Path:
    """Install a distribution with an entry point, as pip would, beside the plugin folder."""
    site = folder.parent / "site"
    file = add(site, f"{module.replace('.', '/')}.py", text)
    add(
        site,
        f"{module}-1.2.dist-info/METADATA",
        f"Metadata-Version: 2.1\nName: {module}-dist\nVersion: 1.2\n",
    )
    add(site, f"{module}-1.2.dist-info/entry_points.txt", f"[runner]\n{entry or module} = {module}\n")
    importlib.invalidate_caches()
    return file


# --- where plugins come from ------------------------------------------------------------------------------


def test_the_bundled_plugins_register_by_the_same_hooks_as_anyones() -> None:
    registry = plugins.load([])

    assert set(registry.registered) >= BUNDLED
    assert not registry.broken
    assert {found.source.kind for found in registry.registered.values()} == {"bundled"}


def test_a_file_dropped_into_a_plugin_folder_is_found(folder: Path) -> None:
    file = add(folder, "mine.py", EXTRACTOR.format(name="mine"))

    registry = plugins.load([folder])

    found = registry.registered[Kind.EXTRACTOR, "mine"]
    assert (found.source.kind, found.source.place) == ("folder", str(file))
    assert registry.extractor("mine") is found.spec
    assert "mine" in registry.names(Kind.EXTRACTOR)
    assert registry.generator("mine") is None


def test_a_package_with_relative_imports_is_a_plugin_too(folder: Path) -> None:
    add(folder, "pack/name.py", 'NAME = "packed"\n')
    text = (
        EXTRACTOR.format(name="x")
        .replace("'x'", "NAME")
        .replace("\n\n\n", "\nfrom .name import NAME\n\n\n", 1)
    )
    add(folder, "pack/__init__.py", text)

    assert plugins.load([folder]).extractor("packed") is not None


def test_an_installed_entry_point_is_found(folder: Path) -> None:
    install(folder, "acme_runner", EXTRACTOR.format(name="acme"))

    found = plugins.load([]).registered[Kind.EXTRACTOR, "acme"]

    assert found.source.kind == "entry point"
    assert "acme_runner-dist 1.2" in found.source.place


def test_files_that_begin_with_an_underscore_are_left_alone(folder: Path) -> None:
    add(folder, "_private.py", "1 / 0\n")

    assert not plugins.load([folder]).broken


def test_a_folder_that_does_not_exist_is_no_error(folder: Path) -> None:
    assert not plugins.load([folder / "nowhere"]).broken


def test_the_bundled_folder_named_again_is_not_read_twice() -> None:
    assert not plugins.load([plugins.BUNDLED]).broken


def test_a_module_that_registers_nothing_is_noted_as_such(folder: Path) -> None:
    file = add(folder, "idle.py", "X = 1\n")

    registry = plugins.load([folder])

    assert [str(file)] == [source.place for source in registry.idle]
    assert not registry.broken


@pytest.mark.parametrize("name", ["api", "load", "metadata", "bundle", "Registry", "sys", "hookspecs"])
def test_a_plugin_may_have_a_name_that_the_host_uses_itself(folder: Path, name: str) -> None:
    add(folder, f"{name}.py", EXTRACTOR.format(name="mine"))

    for _ in range(2):
        registry = plugins.load([folder])
        assert not registry.broken
        assert registry.extractor("mine") is not None


def test_names_are_told_without_importing(folder: Path) -> None:
    add(folder, "bomb.py", "raise AssertionError('imported')\n")

    names = plugins.module_names([folder])

    assert "bomb" in names
    assert "synthetic" in names


def test_plugins_of_another_folder_with_the_same_name_are_not_mixed_up(folder: Path) -> None:
    other = folder.parent / "other"
    add(folder, "mine/part.py", 'NAME = "first"\n')
    text = (
        EXTRACTOR.format(name="x")
        .replace("'x'", "part.NAME")
        .replace("\n\n\n", "\nfrom . import part\n\n\n", 1)
    )
    add(folder, "mine/__init__.py", text)
    add(other, "mine/part.py", 'NAME = "second"\n')
    add(other, "mine/__init__.py", text)

    assert plugins.load([folder]).extractor("first") is not None
    second = plugins.load([other])
    assert second.extractor("second") is not None
    assert second.extractor("first") is None


# --- several specs, and other shapes of the hook ----------------------------------------------------------


@pytest.mark.parametrize(
    "returns",
    ["return [one('a'), one('b')]", "return (one('a'), one('b'))", "yield one('a'); yield one('b')"],
    ids=["list", "tuple", "generator"],
)
def test_a_plugin_may_register_several(folder: Path, returns: str) -> None:
    add(
        folder,
        "many.py",
        f"""\
from runner.api import ExtractorSpec, hookimpl

def one(name):
    return ExtractorSpec(name=name, factory=lambda options, context: None)

@hookimpl
def runner_register():
    {returns}
""",
    )

    assert {"a", "b"} <= set(plugins.load([folder]).names(Kind.EXTRACTOR))


def test_a_hook_may_be_implemented_under_another_name(folder: Path) -> None:
    text = EXTRACTOR.format(name="mine").replace("@hookimpl", '@hookimpl(specname="runner_register")')
    add(folder, "mine.py", text.replace("def runner_register", "def register_mine"))

    assert plugins.load([folder]).extractor("mine") is not None


def test_one_name_may_be_used_by_two_kinds(folder: Path) -> None:
    add(folder, "mine.py", EXTRACTOR.format(name="synthetic"))

    registry = plugins.load([folder])

    assert not registry.broken
    assert {(Kind.EXTRACTOR, "synthetic"), (Kind.GENERATOR, "synthetic")} <= set(registry.registered)


# --- blocking ----------------------------------------------------------------------------------------------


def test_a_blocked_plugin_is_not_even_imported(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    add(folder, "noisy.py", f"open({str(mark)!r}, 'w').close()\n")
    install(folder, "noisy_dist", f"open({str(mark)!r}, 'w').close()\n", entry="loud")

    registry = plugins.load([folder], block=["noisy", "loud"])

    assert registry.blocked == ["noisy", "loud"]
    assert not mark.exists()
    plugins.load([folder])
    assert mark.exists()


def test_a_bundled_plugin_can_be_blocked_and_replaced(folder: Path) -> None:
    add(folder, "mine.py", EXTRACTOR.format(name="pyav"))

    registry = plugins.load([folder], block=["pyav"])

    assert not registry.broken
    assert registry.registered[Kind.EXTRACTOR, "pyav"].source.name == "mine"


# --- plugins that cannot be used --------------------------------------------------------------------------


def test_two_plugins_of_one_registered_name_are_both_named(folder: Path) -> None:
    file = add(folder, "mine.py", EXTRACTOR.format(name="pyav"))

    error = broken(folder)

    assert "the extractor pyav" in error.what
    assert str(file) in error.where
    assert str(plugins.BUNDLED / "pyav") in error.where
    assert "plugins.block=[mine]" in error.hint


@pytest.mark.parametrize("name", ["pyav", "synthetic"])
def test_two_modules_of_one_name_are_both_named(folder: Path, name: str) -> None:
    file = add(folder, f"{name}.py", EXTRACTOR.format(name="mine"))

    error = broken(folder)

    assert f"two plugins named {name}" in error.what
    assert str(file) in error.where
    assert str(plugins.BUNDLED / name) in error.where
    assert f"plugins.block=[{name}]" in error.hint


HOOK = "from runner.api import *\n\n\n@hookimpl\n"

BROKEN = {
    "a syntax error": ("X = 1\ndef (:\n", 2, "SyntaxError"),
    "an unknown encoding": ("# -*- coding: nope -*-\n", 0, "nope"),
    "an error at import": ("\n\n1 / 0\n", 3, "ZeroDivisionError"),
    "a missing library": ("X = 1\nimport no_such_library\n", 2, "no_such_library"),
    "an exit at import": ("import sys\n\nsys.exit(3)\n", 3, "SystemExit"),
    "an error in runner_register": (
        f"{HOOK}def runner_register():\n    raise ValueError('no luck')\n",
        6,
        "no luck",
    ),
    "an error in a generating runner_register": (
        f"{HOOK}def runner_register():\n    yield 1 / 0\n",
        6,
        "division",
    ),
    "a wrong return": (f"{HOOK}def runner_register():\n    return 3\n", 4, "GeneratorSpec"),
    "no return": (f"{HOOK}def runner_register():\n    pass\n", 4, "GeneratorSpec"),
    "an unknown hook": (f"{HOOK}def runner_registre():\n    pass\n", 4, "unknown hook 'runner_registre'"),
    "a wrong signature": (f"{HOOK}def runner_transform(request, other):\n    pass\n", 4, "'other'"),
    "options of another type": (
        f"{HOOK}def runner_register():\n    return ExtractorSpec(name='m', factory=print, options=int)\n",
        4,
        "options=",
    ),
    "options that are an object": (
        f"{HOOK}def runner_register():\n    return ExtractorSpec(name='', factory=id, options=NoOptions())\n",
        4,
        "options=",
    ),
    "another interface version": ("import os\nrunner_api_version = 99\n", 2, "version 2"),
    "a version that is no number": ("runner_api_version = 'new'\n", 1, "version 2"),
}


@pytest.mark.parametrize("case", list(BROKEN))
def test_a_broken_plugin_is_named_with_its_file_and_line(folder: Path, case: str) -> None:
    text, line, expected = BROKEN[case]
    file = add(folder, "mine.py", text)

    error = broken(folder)

    assert "mine" in error.what
    assert error.where == f"{file}:{line}"
    assert expected in error.why
    assert "plugins.block=[mine]" in error.hint
    assert error.exit_code == 2


@pytest.mark.parametrize("case", list(BROKEN))
def test_a_broken_entry_point_is_named_with_its_file_and_line(folder: Path, case: str) -> None:
    text, line, expected = BROKEN[case]
    file = install(folder, "acme_broken", text, entry="acme")

    error = broken(folder)

    assert "acme" in error.what
    assert error.where == f"{file}:{line}"
    assert expected in error.why
    assert "plugins.block=[acme]" in error.hint


def test_the_line_named_is_the_plugins_own_where_a_library_fails_below_it(folder: Path) -> None:
    file = add(folder, "mine/__init__.py", "import json\n\njson.loads('{')\n")

    assert broken(folder).where == f"{file}:3"


def test_an_entry_point_to_nothing_is_named(folder: Path) -> None:
    file = install(folder, "acme_gone", "")
    file.unlink()
    importlib.invalidate_caches()

    error = broken(folder)

    assert "acme_gone" in error.what
    assert "acme_gone-dist 1.2" in error.where


def test_two_installed_plugins_of_one_name_are_both_named(folder: Path) -> None:
    install(folder, "acme_one", EXTRACTOR.format(name="one"), entry="acme")
    install(folder, "acme_two", EXTRACTOR.format(name="two"), entry="acme")

    error = broken(folder)

    assert "two plugins named acme" in error.what
    assert "acme_one" in error.where
    assert "acme_two" in error.where


def test_a_broken_plugin_leaves_no_hook_behind(folder: Path) -> None:
    text = (
        f"{HOOK}def runner_transform(request):\n    pass\n\n@hookimpl\ndef runner_register():\n    return 3\n"
    )
    add(folder, "mine.py", text)

    assert plugins.load([folder]).manager.hook.runner_transform.get_hookimpls() == []


def test_all_broken_plugins_are_noted_and_the_first_is_raised(folder: Path) -> None:
    add(folder, "a.py", "1 / 0\n")
    add(folder, "b.py", "1 / 0\n")

    registry = plugins.load([folder])

    assert [error.what[:8] for error in registry.broken] == ["plugin a", "plugin b"]
    with pytest.raises(PluginError, match="plugin a"):
        registry.require_whole()


def test_an_interrupt_during_loading_is_no_broken_plugin(folder: Path) -> None:
    add(folder, "mine.py", "raise KeyboardInterrupt\n")

    with pytest.raises(KeyboardInterrupt):
        plugins.load([folder])


def test_what_is_registered_can_be_read(folder: Path) -> None:
    uploader = plugins.load([]).uploader("local_http")

    assert uploader is not None
    assert callable(uploader.capabilities)
    assert uploader.capabilities(uploader.options()).reach is Reach.LOOPBACK
