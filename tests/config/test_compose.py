"""Composition as a library: words and a folder in, a value out, and nothing of the process read or changed."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Quote, QuotedString
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner import bundle
from runner.config.compose import PrimaryConfig, compose, compose_sweep, written
from runner.errors import ConfigError, UsageError
from runner.planning.preparation import Registries, plan

if TYPE_CHECKING:
    from tests.conftest import Workplace

CONFIG = "defaults: [open_sections, _self_]\nshot: {seed: null, take: 1}\n"
PLUGIN = """\
from runner.api import *

@hookimpl
def runner_register():
    return GeneratorSpec(
        name="mine", factory=print, summary="%s",
        capabilities=lambda options, model, how: GeneratorCapabilities(image=ImageInput(reach=Reach.LOOPBACK)),
    )
"""


def project(folder: Path, prompt: str, **files: str) -> Path:
    """A working folder with conf/project/film.yaml, and other files."""
    text = f"project: {{name: film}}\nsequences: {{main: {{shots: {{one: {{prompt: '{prompt}'}}}}}}}}\n"
    for name, content in {"conf/project/film.yaml": f"# @package _global_\n{text}", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def prompt_of(folder: Path, *words: str) -> str:
    found = compose(["+project=film", *words], folder).config["sequences"]["main"]["shots"]["one"]["prompt"]
    return str(found)


def test_threads_compose_in_folders_of_their_own(tmp_path: Path) -> None:
    folders = [project(tmp_path / str(at), f"prompt {at}") for at in range(4)]
    together = threading.Barrier(len(folders))

    def work(folder: Path) -> list[str]:
        together.wait(timeout=30)
        return [prompt_of(folder) for _ in range(5)]

    with ThreadPoolExecutor(len(folders)) as pool:
        found = list(pool.map(work, folders))

    assert found == [[f"prompt {at}"] * 5 for at in range(4)]


def test_a_folder_is_the_same_wherever_the_process_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = project(tmp_path / "here", "h"), project(tmp_path / "there", "t")
    monkeypatch.chdir(there)
    words = ["+project=film", "sequences.main.shots.two.prompt=x"]
    before = compose(words, here)
    (tmp_path / "empty").mkdir()

    with ThreadPoolExecutor(1) as pool:
        monkeypatch.chdir(tmp_path / "empty")
        found = pool.submit(compose, words, here).result(timeout=30)

    assert (found.config, found.text, found.folder) == (before.config, before.text, here)
    assert found.origins.of("project.name") == before.origins.of("project.name")
    assert found.config["sequences"]["main"]["shots"]["one"]["prompt"] == "h"


def test_every_relative_path_starts_at_the_folder(tmp_path: Path) -> None:
    folder = project(tmp_path / "work", "p", **{"plugins/mine.py": PLUGIN % "here"})
    shutil.copy(bundle.folder("conf") / "project" / "pictures" / "bag.jpg", folder / "first.jpg")
    words = [
        *("+project=film", "generator=mine", "output.root=made"),
        "sequences.main.shots.one.image=first.jpg",
    ]

    composed = compose(words, folder)
    planned = plan(composed, Registries())

    assert planned.project.output_root == folder / "made"
    assert planned.shots[0].shot.generator.spec.name == "mine"
    assert planned.shots[0].shot.image is not None
    assert planned.shots[0].shot.image.path == folder / "first.jpg"
    assert composed.origins.of("project.name") == f"{folder}/conf/project/film.yaml:2"
    with pytest.raises(ConfigError, match="no generator profile named mine"):
        compose(["generator=mine"], tmp_path)


def test_relative_paths_stay_relative_where_the_folder_is_the_current_one(workplace: Workplace) -> None:
    project(workplace.path, "p")

    composed = compose(["+project=film"])
    planned = plan(composed, Registries())

    assert planned.project.output_root == Path("outputs")
    assert composed.origins.of("project.name") == "conf/project/film.yaml:2"


def test_plugins_are_loaded_once_for_the_same_folders(tmp_path: Path) -> None:
    one = project(tmp_path / "one", "p", **{"plugins/mine.py": PLUGIN % "one"})
    two = project(tmp_path / "two", "p", **{"plugins/mine.py": PLUGIN % "two"})
    registries = Registries()

    first = registries.of(compose(["+project=film"], one))
    other = registries.of(compose(["+project=film"], two))
    again = registries.of(compose(["+project=film", "shot.seed=1", "plugins.dirs=[./plugins]"], one))

    assert again is first
    found = [registry.generator("mine") for registry in (first, other)]
    assert [spec.summary for spec in found if spec] == ["one", "two"]


def test_nothing_of_the_process_is_changed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(tmp_path, "p")
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.chdir(outside)
    files = sorted(tmp_path.rglob("*"))
    root = logging.getLogger()

    def state() -> object:
        return (
            list(sys.argv),
            dict(os.environ),
            Path.cwd(),
            list(root.handlers),
            root.level,
            root.manager.disable,
            GlobalHydra.instance().hydra,
            HydraConfig.instance().cfg,
            sorted(tmp_path.rglob("*")),
        )

    before = state()
    compose(["+project=film", "hydra.verbose=true", "hydra/job_logging=stdout"], folder)
    compose_sweep(["+project=film", "shot.seed=1,2"], folder)
    written(["+project=film"], folder)
    with pytest.raises(ConfigError):
        compose(["+project=none"], folder)

    assert state() == before
    assert files == sorted(tmp_path.rglob("*"))
    assert capfd.readouterr() == ("", "")


def test_hydra_of_the_surrounding_program_goes_on(tmp_path: Path) -> None:
    project(tmp_path / "film", "p")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.yaml").write_text("answer: 42\n", encoding="utf-8")

    with hydra.initialize_config_dir(str(tmp_path / "app"), version_base="1.3"):
        assert prompt_of(tmp_path / "film") == "p"
        assert hydra.compose("main").answer == 42


# --- sweeps ---------------------------------------------------------------------------------------------------


def test_a_sweep_is_the_product_of_its_values_in_order(tmp_path: Path) -> None:
    folder = project(tmp_path, "p")

    jobs = compose_sweep(["shot.seed=3,1", "+project=film", "shot.take=range(1,4)"], folder)

    assert [(job.config["shot"]["seed"], job.config["shot"]["take"]) for job in jobs] == [
        (3, 1), (3, 2), (3, 3), (1, 1), (1, 2), (1, 3),
    ]  # fmt: skip
    assert [job.job.number for job in jobs if job.job] == list(range(6))
    assert jobs[1].job is not None
    assert jobs[1].job.overrides == ("shot.seed=3", "shot.take=2")
    assert jobs[1].overrides == ("shot.seed=3", "+project=film", "shot.take=2")


@pytest.mark.parametrize(
    ("words", "key", "name", "last"),
    [
        (
            ("+project=film", "shot.seed=1,2"),
            "7a55554f32f4ba123d0211c58a3e8acc95780b92165907e03f369fd7390b6602",
            "film",
            ("shot.seed=2",),
        ),
        (
            ("+project=film", "shot.seed=1,2", "output.root=elsewhere", "hydra.verbose=true"),
            "7a55554f32f4ba123d0211c58a3e8acc95780b92165907e03f369fd7390b6602",
            "film",
            ("shot.seed=2",),
        ),
        (
            ("+project=film,other", "shot.take=2"),
            "e78e7869a24691f8f9213262a587acc97ee34e6e4ea2b763f87e7afa1ef99f28",
            "",
            ("+project=other",),
        ),
        (
            ("+project=film", "shot.seed=range(2)", "+shot.params.x='a','b'", "project.name=mine"),
            "af81a4cc198fbe4207ea1c4c49bc68b5e5e41f085cd8a9e975484eb64df19d34",
            "mine",
            ("shot.seed=1", "+shot.params.x='b'"),
        ),
    ],
)
def test_a_sweep_keeps_the_folder_that_it_had_before(
    tmp_path: Path, words: tuple[str, ...], key: str, name: str, last: tuple[str, ...]
) -> None:
    """The keys are literal: another one would put a rerun of the same sweep into another folder."""
    text = "# @package _global_\nproject: {name: %s}\nsequences: {main: {shots: {one: {prompt: a lake}}}}\n"
    files = {f"conf/project/{one}.yaml": text % one for one in ("film", "other")}
    folder = project(tmp_path, "p", **{"conf/config.yaml": CONFIG, **files})

    jobs = [composed.job for composed in compose_sweep(words, folder)]

    assert {job.sweep_key for job in jobs if job} == {key}
    assert jobs[-1] is not None
    assert (jobs[-1].project, jobs[-1].overrides) == (name, last)


@pytest.mark.parametrize(
    "words",
    [
        ("shot.seed=1,2",),
        ("shot.params={a: 1},{b: 2}", "shot.seed=1"),
        ("sequences.main.shots.one.prompt='a, b',\"${project.name} é\"", "shot.seed=1,2"),
        ("shot.seed=1,2", "shot={seed: 5}"),
        ("shot={seed: 5},{take: 2}", "shot.fps=8,12"),
        ("shot={seed: 5}", "shot.seed=1,2"),
        ("generator=synthetic", "generator.model=a,b"),
        ("generator.model=a,b", "generator=synthetic"),
        ("generator=synthetic,kie_wan", "shot.seed=1,2"),
        ("+shot.params.x=1,2", "~shot.take"),
        ("+generator@generators.b=synthetic,kie_wan", "generators.b.model=x"),
        ("sequences.main.shots.one.prompt=${hydra:job.config_name}", "shot.seed=1,2"),
        ("++shot.seed=1,2", "shot.fps=choice(8,12)"),
        ("+shot.params.x=1,2", "+shot.params.y={a: [1, 'b c']},{}"),
        ("+shot.params.x.y=1,2", "++shot.params.x={y: 5},{z: 6}", "+shot.params.x.q=7"),
        ("generator=synthetic,kie_wan", "generator.model=a,b", "shot.take=range(1,3)"),
        ("sequences.main.shots.one.prompt=a\\,b,'it\\'s',\"${shot.seed}\",'\\${x}'", "shot.seed=1,2"),
    ],
)
def test_a_job_of_a_sweep_is_what_its_overrides_compose(tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = project(tmp_path, "p")

    jobs = compose_sweep(["+project=film", *words], folder)

    assert len(jobs) > 1
    for job in jobs:
        alone = compose(job.overrides, folder)
        assert (job.config, job.text, list(job.origins.layers)) == (
            alone.config,
            alone.text,
            list(alone.origins.layers),
        )


_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
_VALUES = st.one_of(
    st.integers(-9, 9).map(str),
    st.sampled_from(("-0", "+5", "007", "1_000", "9223372036854775808", "'5'", "' a '", "''", "'???'")),
    st.sampled_from(("null", "true", "1.5", "[1,b]", "{a: 1, b: [x]}", "'${shot.seed}'", "'\\${shot.seed}'")),
    _TEXTS.map(lambda text: QuotedString(text=text.replace("$", ""), quote=Quote.single).with_quotes()),
    _TEXTS.map(lambda text: QuotedString(text=text.replace("$", ""), quote=Quote.double).with_quotes()),
)
_KEYS = st.sampled_from(
    (
        *("shot.seed", "shot.take", "shot.params", "+shot.params.x", "++shot.params.x", "++shot.params.x.y"),
        *("+shot.params.1", "shot.params.1", "shot", "sequences.main.shots.one.image"),
        *("project.name", "sequences.main.shots.one.prompt", "++sequences.main.shot", "generator.model"),
    )
)
_SWEPT = st.one_of(
    st.lists(_VALUES, min_size=1, max_size=3, unique=True).map(",".join),
    st.lists(_VALUES, min_size=2, max_size=2, unique=True).map(lambda found: f"choice({','.join(found)})"),
    st.sampled_from(("range(1,3)", "sort(2,1)", "glob(*)")),
)
_OVERRIDES = st.one_of(
    st.tuples(_KEYS, _SWEPT).map("=".join),
    st.sampled_from(("generator=synthetic,kie_wan", "~shot.take", "extractor=pyav,ffmpeg")),
    st.sampled_from(("shot={seed: 5}", "shot={seed: 5},{take: 2}", "+shot.seed=1,2", "shot.params=1,2")),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(words=st.lists(_OVERRIDES, min_size=1, max_size=3, unique_by=lambda word: word.partition("=")[0]))
def test_any_job_of_any_sweep_is_what_hydra_composes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, words: list[str]
) -> None:
    folder = project(tmp_path, "p")
    caplog.clear()
    try:
        jobs = compose_sweep(["+project=film", *words], folder)
    except (ConfigError, UsageError):
        return  # what is no sweep is said elsewhere
    for job in jobs:
        alone = compose(job.overrides, folder)
        assert (job.config, job.text) == (alone.config, alone.text)
    # The comparison with Hydra that every sweep makes found nothing to mend.
    assert "composed by Hydra" not in caplog.text


def test_jobs_have_numbers_for_interpolations(tmp_path: Path) -> None:
    folder = project(tmp_path, "take ${hydra:job.num} by ${hydra:runtime.choices.extractor}")

    jobs = compose_sweep(["+project=film", "shot.seed=1,2"], folder)

    assert [job.config["sequences"]["main"]["shots"]["one"]["prompt"] for job in jobs] == [
        f"take {at} by pyav" for at in range(2)
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("shot.seed=interval(1,2)",), "swept over an interval"),
        (("shot.seed=glob(*)",), "swept over no value"),
        (("hydra.verbose=true,false",), "Sweeping over Hydra"),
        (("sho.seed=1,2",), "there is no key sho.seed"),
        (("generator=synthetic,none",), "no generator profile named none"),
        (("hydra/launcher=none", "shot.seed=1,2"), "leave it out: runner, the default"),
        (("hydra/launcher=runer", "shot.seed=1,2"), "did you mean runner?"),
        (("hydra/sweeper=none", "shot.seed=1,2"), "not known before it runs"),
        (("-m",), "-m is no override"),
    ],
)
def test_a_sweep_that_cannot_be_composed_is_explained(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises((ConfigError, UsageError)) as found:
        compose_sweep(["+project=film", *words], project(tmp_path, "p"))

    assert message in str(found.value)


# --- the primary file -----------------------------------------------------------------------------------------


def test_a_further_folder_is_looked_into_from_the_working_folder(tmp_path: Path) -> None:
    folder = project(tmp_path, "p", **{"more/mine.yaml": f"{CONFIG}film: {{join: false}}\n"})

    found = compose(["+project=film"], folder, PrimaryConfig(name="mine", folder=Path("more")))

    assert found.config["film"] == {"join": False}
    with pytest.raises(ConfigError, match="a configuration file is missing"):
        compose(["+project=film"], folder, PrimaryConfig(name="mine"))
    with pytest.raises(UsageError, match="no such configuration folder"):
        compose(["+project=film"], folder, PrimaryConfig(folder=Path("nowhere")))


def test_what_is_written_down_is_not_resolved_unless_asked(tmp_path: Path) -> None:
    words = ["+project=film", "shot.seed=${oc.env:NO_SUCH_VARIABLE,7}", "+generator.api_key=hunter2"]
    folder = project(tmp_path, "p")

    assert "seed: ${oc.env:NO_SUCH_VARIABLE,7}\n" in written(words, folder)
    assert written(words, folder, package="shot.seed", resolve=True) == "7\n"
    assert written(words, folder, package="generator").splitlines() == [
        "# @package generator",
        "plugin: synthetic",
        "api_key: (hidden)",
    ]
    with pytest.raises(UsageError, match=r"there is no key shot\.sede"):
        written(words, folder, package="shot.sede")


def test_an_interpolation_into_hydra_that_leads_nowhere_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="refers to what is not there") as found:
        compose(["+project=film", "shot.model=${hydra:}"], project(tmp_path, "p"))

    assert found.value.problems[0].key == "shot.model"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIE_API_KEY", raising=False)
