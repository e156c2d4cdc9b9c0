"""Sweeps that files declare: their jobs, the values in them, and what strangers' files may not set."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner import bundle
from runner.config.compose import compose, compose_sweep
from runner.errors import ConfigError, RunnerError
from runner.planning.preparation import plan_jobs

if TYPE_CHECKING:
    from pathlib import Path

    from runner.config.compose import Composed

PROMPT = "sequences.main.shots.one.prompt"
PROJECT = """\
# @package _global_
project: {name: film}
sequences: {main: {shots: {one: {prompt: a lake}}}}
"""
NASTY = [
    "x" * 10_000,
    "a/b\\c",
    "ends with \\",
    'it\'s "quoted"',
    "line\nbreak",
    "a=b, c # d",
    "${shot.seed}",
    "\\${shot.seed}",
    "${",
    "\N{FIRE}\u6771\u4eac",
    "[1, 2]",
    "{a: 1}",
    " padded ",
    "~",
    "*",
    "yes",
    "1e5",
    "007",
    "choice(1,2)",
]


def folder(path: Path, **files: str) -> Path:
    for name, text in {"conf/project/film.yaml": PROJECT, **files}.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    return path


def swept(path: Path, *words: str) -> tuple[Composed, ...]:
    return compose_sweep(["+project=film", *words], path)


def values(jobs: tuple[Composed, ...], key: str) -> list[Any]:
    found = []
    for job in jobs:
        value: Any = job.config
        for part in key.split("."):
            value = value[part]
        found.append(value)
    return found


def table(*rows: list[str]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()


def test_a_grid_jobs_and_exclusions_make_the_jobs(tmp_path: Path) -> None:
    text = f"""\
grid: {{shot.seed: [1, 2], {PROMPT}: [a, "b, c"]}}
jobs: [{{shot.take: 1}}, {{shot.take: 2, shot.resolution: 360p}}]
exclude: [{{shot.seed: 2, shot.take: 2}}]
max_jobs: 3
"""
    jobs = swept(folder(tmp_path, **{"conf/sweep/looks.yaml": text}), "+sweep=looks")

    found = list(zip(values(jobs, "shot.take"), values(jobs, "shot.seed"), values(jobs, PROMPT), strict=True))
    assert found == [
        (1, 1, "a"), (1, 1, "b, c"), (1, 2, "a"), (1, 2, "b, c"), (2, 1, "a"), (2, 1, "b, c"),
    ]  # fmt: skip
    assert values(jobs, "shot.resolution")[-1] == "360p"
    assert values(jobs, "sweep.max_jobs") == [3] * 6
    assert {*values(jobs, "sweep.grid"), *values(jobs, "sweep.jobs")} == {None}, "a job is no sweep"


def test_what_the_command_line_says_wins_and_is_combined(tmp_path: Path) -> None:
    files = {"conf/sweep/looks.yaml": "grid: {shot.seed: [1, 2], shot.take: [1, 2]}\n"}

    jobs = swept(folder(tmp_path, **files), "+sweep=looks", "shot.take=7", "shot.fps=8,12")

    assert values(jobs, "shot.take") == [7] * 8
    assert list(zip(values(jobs, "shot.seed"), values(jobs, "shot.fps"), strict=True))[:4] == [
        (1, 8), (1, 12), (1, 8), (1, 12),
    ]  # fmt: skip


def test_another_grid_is_another_sweep(tmp_path: Path) -> None:
    keys = set()
    for seeds in ("[1, 2]", "[1, 3]"):
        files = {"conf/sweep/looks.yaml": f"grid: {{shot.seed: {seeds}}}\n"}
        keys |= {job.job.sweep_key for job in swept(folder(tmp_path, **files), "+sweep=looks") if job.job}
    assert len(keys) == 2


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_each_row_of_a_table_is_a_job_with_its_values_as_they_stand(tmp_path: Path, ending: str) -> None:
    rows = [[PROMPT, "shot.seed"], *([text, str(number)] for number, text in enumerate(NASTY))]
    lines = [json.dumps({PROMPT: text, "shot.seed": number}) for number, text in enumerate(NASTY)]
    content = table(*rows) if ending == "csv" else "\n".join(lines)
    path = folder(tmp_path, **{f"variants.{ending}": content})

    jobs = swept(path, f"sweep.from_file=variants.{ending}")

    assert values(jobs, PROMPT) == NASTY
    assert values(jobs, "shot.seed") == list(range(len(NASTY)))
    plans = plan_jobs(jobs)
    assert not [plan for plan in plans if isinstance(plan, RunnerError)]
    # A job's overrides compose the same alone.
    for job in jobs[::5]:
        alone = [one for one in job.overrides if "from_file" not in one]
        assert compose(alone, path).config["sequences"] == job.config["sequences"]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30))
def test_any_text_in_a_line_is_the_value(tmp_path: Path, text: str) -> None:
    path = folder(tmp_path, **{"v.jsonl": json.dumps({PROMPT: text})})

    assert values(swept(path, "sweep.from_file=v.jsonl"), PROMPT) == [text]


def test_cells_are_numbers_or_text_and_an_empty_one_leaves_its_key_alone(tmp_path: Path) -> None:
    content = "\ufeffshot.seed, shot.duration_s ,shot.resolution\n7,2.5,\n,,360p\n\n"

    jobs = swept(folder(tmp_path, **{"v.csv": content}), "sweep.from_file=v.csv")

    assert values(jobs, "shot.seed") == [7, None]
    assert values(jobs, "shot.duration_s")[0] == 2.5
    assert values(jobs, "shot.resolution")[1] == "360p"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("v.csv", "shot.seed\nx\n", "v.csv, row 1, column shot.seed"),
        ("v.csv", "shot.seed\n1,2\n", "row 1"),
        ("v.csv", "shot.seed,shot.seed\n1,2\n", "has a column twice"),
        ("v.csv", 'shot.seed\n"1\n', "is no CSV file"),
        ("v.csv", "shot.seed\n", "has no rows"),
        ("v.csv", "shot.sed\n1\n", "shot.sed"),
        ("v.jsonl", '{"shot.seed": 1}\n{', "row 2"),
        ("v.jsonl", "[1]", "is no JSON object"),
        ("v.jsonl", '{"shot.params": {"a b": 1}}', "names in a mapping are words"),
        ("v.jsonl", "[" * 100_000, "is no JSON"),
        ("v.csv", "hydra.run.dir\n/tmp\n", "cannot sweep 'hydra.run.dir'"),
        ("v.csv", "output.root\n/tmp\n", "cannot sweep 'output.root'"),
        ("v.csv", "plugins.dirs\n/tmp\n", "cannot sweep 'plugins.dirs'"),
        ("v.csv", "generator\n../../evil\n", "is no profile"),
        ("v.csv", "generator.plugin@x\nkie\n", "cannot sweep"),
        ("v.csv", f"{PROMPT}\n" + "x\n" * 10_001, "more than 10,000 rows"),
        (
            "v.csv",
            ",".join(f"shot.params.k{at}" for at in range(300)) + "\n" + "1," * 299 + "1\n",
            "sets 300 keys",
        ),
    ],
)
def test_a_mistake_in_a_table_is_named(tmp_path: Path, name: str, content: str, said: str) -> None:
    path = folder(tmp_path, **{name: content})

    with pytest.raises(ConfigError) as found:
        plan_jobs(swept(path, f"sweep.from_file={name}"))

    assert said in str(found.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("grid: [1]", "should be a mapping"),
        ("grid: {shot.seed: 1}", "should be a list of values"),
        ("jobs: {shot.seed: 1}", "should be a list of mappings"),
        ("grid: {output.root: [/tmp/x]}", "cannot sweep 'output.root'"),
        ("grid: {trust.hosts: [[evil.example]]}", "cannot sweep 'trust.hosts'"),
        ("grid: {hydra/launcher: [joblib]}", "cannot sweep 'hydra/launcher'"),
        ("grid: {generator: [../../evil]}", "is no profile"),
        ("grid: {generator.api_key: ['${oc.env:HOME}']}", "oc.env"),
        ("grid: {shot.seed: [1, 2]}\nexclude: [{shot.seed: 1}, {shot.seed: 2}]", "has no job"),
        ("grid: {shot.seed: [1], shot.take: [0]}", "conf/sweep/looks.yaml:1"),
        ("from_file: /etc/passwd", "lies outside"),
        ("from_file: ../other.csv", "lies outside"),
    ],
)
def test_what_a_file_may_not_declare_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = folder(
        tmp_path / "work", **{"conf/sweep/looks.yaml": f"{content}\n", "../other.csv": "shot.seed\n1\n"}
    )

    with pytest.raises(ConfigError) as found:
        plan_jobs(swept(path, "+sweep=looks"))

    assert said in str(found.value).replace("environment variable", "oc.env")


def test_values_of_a_table_are_data_and_not_the_users(tmp_path: Path) -> None:
    """Named on the command line or not: a table may come from a stranger."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"")
    rows = {
        "v.jsonl": json.dumps({"sequences.main.shots.one.image": str(secret)}),
        "u.jsonl": json.dumps({"generator": "kie", "generator.api_url": "https://evil.example"}),
    }
    path = folder(tmp_path / "work", **rows)

    for name, said in (("v.jsonl", "sequences.main.shots.one.image"), ("u.jsonl", "generator.api_url")):
        with pytest.raises(ConfigError) as found:
            plan_jobs(swept(path, f"sweep.from_file={name}"))
        assert said in str(found.value)
        assert f"{name}, row 1" in str(found.value)
    # The user may.
    jobs = swept(path, "generator=kie", "generator.api_url=https://mine.example", "shot.seed=1,2")
    assert not isinstance(plan_jobs(jobs)[0], RunnerError)


def test_without_m_it_says_so(tmp_path: Path) -> None:
    path = folder(tmp_path, **{"conf/sweep/looks.yaml": "grid: {shot.seed: [1, 2]}\n"})

    with pytest.raises(ConfigError, match="nothing was started") as found:
        plan_jobs([compose(["+project=film", "+sweep=looks"], path)])

    assert "it with -m" in str(found.value)


def test_the_documented_sweep_runs(tmp_path: Path) -> None:
    text = (bundle.folder("conf") / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(grid:.*?)```", text, re.DOTALL)

    path = folder(tmp_path, **{"conf/sweep/looks.yaml": example})
    jobs = compose_sweep(["+project=ad_campaign", "+sweep=looks", "uploader=kie"], path)

    assert len(jobs) == 2 * 2 * 2 - 2
    assert not [plan for plan in plan_jobs(jobs) if isinstance(plan, RunnerError)]
