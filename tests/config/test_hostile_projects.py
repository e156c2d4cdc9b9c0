# ruff: noqa: E501 - tables of texts
"""Projects that nobody would write by accident: planned, each ends in a plan or in a clear error, and in nothing else.

`HOSTILE_EXAMPLES=20000 pytest tests/config/test_hostile_projects.py` runs longer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from runner.outgoing import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "300"))
CANARY = "canary-0123456789"
CHILD = Path(__file__).with_name("hostile_child.py")


class Planner:
    """The child process, which plans one project after the other."""

    def __init__(self, folder: Path) -> None:
        home = folder / "home"
        home.mkdir()
        (folder / "secret-of-the-user").write_text(CANARY)
        work = folder / "work"
        work.mkdir()
        environment = {**os.environ, "HOME": str(home), "KIE_API_KEY": CANARY, "COLUMNS": "100"}
        environment.pop("RUNNER_CONFIG", None)
        self._child = subprocess.Popen(
            [sys.executable, str(CHILD), str(work)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
        )  # fmt: skip

    def plan(self, files: dict[str, str]) -> dict[str, Any]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(files) + "\n")
        self._child.stdin.flush()
        while line := self._child.stdout.readline():
            if line.startswith('{"code"'):
                found: dict[str, Any] = json.loads(line)
                return found
        raise AssertionError(f"the process ended with {self._child.wait(30)} at {files}")

    def close(self) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.wait(60)


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planner]:
    found = Planner(tmp_path_factory.mktemp("hostile"))
    yield found
    found.close()


def check(answer: dict[str, Any]) -> None:
    if answer["code"] != 0:
        assert answer["code"] == 2, answer
    assert not answer["raised"], answer
    assert not answer["seen"], answer
    assert CANARY not in answer["printed"], answer
    bad = printable(answer["printed"]) != answer["printed"]
    if os.environ.get("CTRL"):
        assert not bad & set(map(chr, (*range(32), 127, *range(0x80, 0xA0)))), (bad, answer)
    assert answer["cpu_s"] < 15, answer


# --- what strangers write ----------------------------------------------------------------------------------------

NASTY = (
    "", " ", "~", "null", "???", "yes", "0x10", "1e999", "-1", ".nan", ".inf", "16:9", "9" * 5000, "a" * 3000, "../" * 20,
    "/etc/passwd", "/dev/zero", "\0", "\x1b[2J", "\x9b31m", "\u202egnp.exe", "\u2028", "\ud800", "${", "${}", "${a", "$${a}",
    "${shot.seed}", "${..}", "${oc.env:HOME}", "${oc.env:KIE_API_KEY}", "${generator.api_key}", "${oc.decode:'${x}'}",
    "${hydra:runtime.cwd}", "${now:%Y}", "${${a}:b}", "!!python/object/apply:os.system [id]", "&a *a", "*a", "<<", "[", "{a: ",
    "http://127.0.0.1:1/x.png", "http://169.254.169.254/latest", "file:///etc/passwd", "https://evil.example/\n", "con", "secret-of-the-user",
    "../secret-of-the-user", "'", '"', "\\", "# x", "- x", "a: b", "%", "@x", "`", "\t", "%s%n", "{0}", "<script>", "[red]x[/]", "[/]",
)  # fmt: skip
KEYS = (
    "project", "name", "description", "style", "shot", "sequences", "main", "shots", "one", "prompt", "prompt_file", "image",
    "boundary", "params", "seed", "take", "fps", "resolution", "aspect_ratio", "duration_s", "model", "generator", "generators",
    "plugin", "api_url", "api_key", "api_key_file", "cards", "callback", "public_url", "bind", "extractor", "binary", "uploader",
    "upload_url", "budget", "max_cost", "confirm_above", "limits", "in_flight", "output", "root", "plugins", "dirs", "block",
    "sweep", "trust", "hosts", "variables", "hydra", "defaults", "_target_", "_self_", "continuity", "film", "background", "",
    "a.b", "<<", "null", "1", "true", "x\x1b]0;y\x07", "\u202e", "\u540d",
)  # fmt: skip
texts = st.sampled_from(NASTY) | st.text(max_size=40)
scalars = texts | st.none() | st.booleans() | st.integers() | st.floats()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)
projects = st.fixed_dictionaries(
    {"project": st.just({"name": "film"}) | values},
    optional={key: values for key in KEYS if key in (
        "shot", "sequences", "generator", "generators", "extractor", "uploader", "budget", "limits", "output", "plugins",
        "sweep", "trust", "hydra", "defaults", "continuity", "film",
    )},
)  # fmt: skip
shots = st.dictionaries(st.sampled_from(("one", "two", "\u540d", "a.b", "con")) | texts, st.dictionaries(
    st.sampled_from(("prompt", "image", "prompt_file", "boundary", "seed", "params", "model", "fps")), values, max_size=4,
), max_size=3)  # fmt: skip
films = st.builds(
    lambda base, shots: {**base, "project": {"name": "film"}, "sequences": {"main": {"shots": shots}}},
    projects,
    shots,
)


def written(value: Any) -> str:
    """JSON is YAML but for the sequences that YAML does not know."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)


def as_yaml(value: Any) -> str:
    try:
        return written(value)
    except ValueError:  # not a number
        return str(value)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(film=projects | films, header=st.sampled_from(("# @package _global_\n", "", "# @package hydra\n")))
def test_a_hostile_structure_is_a_plan_or_a_clear_error(planner: Planner, film: Any, header: str) -> None:
    text = (header + as_yaml(film)).encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")

    check(planner.plan({"conf/project/film.yaml": text}))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    lines=st.lists(
        st.builds(
            lambda indent, key, sign, text: f"{' ' * indent}{key}{sign}{text}",
            st.sampled_from((0, 0, 2, 4, 6)), st.sampled_from(KEYS), st.sampled_from((": ", ":", "", " - ", "\t: ", ": &a ", ": *a", ": >\n", ": !!x ")), texts,
        ),
        max_size=15,
    )
)  # fmt: skip
def test_a_hostile_text_is_a_plan_or_a_clear_error(planner: Planner, lines: list[str]) -> None:
    text = "# @package _global_\n" + "\n".join(lines)

    check(
        planner.plan(
            {
                "conf/project/film.yaml": text.encode("utf-8", "surrogatepass").decode(
                    "utf-8", "surrogateescape"
                )
            }
        )
    )


HEAD = "# @package _global_\nproject: {name: film}\n"
LARGE: dict[str, str] = {
    "values": HEAD + "shot: {params: {a: [" + "1," * 49_000 + "1]}}\n",
    "values that fit": HEAD + "shot: {params: {a: [" + "1," * 9_000 + "1]}}\n",
    "shots": HEAD + "sequences:\n  main:\n    shots:\n" + "".join(f"      s{n}: {{prompt: a}}\n" for n in range(2_400)),
    "brackets": HEAD + "a: " + "[" * 99_000,
    "braces": "{" * 99_000,
    "dashes": HEAD + "a:\n  " + "- " * 49_000 + "1\n",
    "question marks": HEAD + "? " * 49_000,
    "aliases": HEAD + "a0: &a0 [x,x,x,x,x,x,x,x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)),
    "merges": HEAD + "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 9)),
    "itself": HEAD + "a: &a [*a]\n",
    "references": HEAD + "shot: {params: {" + ",".join(f'a{n}: "${{shot.params.a{n + 1}}}${{shot.params.a{n + 1}}}"' for n in range(60)) + ", a60: x}}\n",
    "a chain of references": HEAD + "shot: {params: {" + ",".join(f'a{n}: "${{shot.params.a{n + 1}}}"' for n in range(3_000)) + ", a3000: x}}\n",
    "references in names": HEAD + "project: {name: '" + "${a" * 24_000 + "'}\n",
    "many references": HEAD + f"project: {{name: film, style: '{'${shot.fps}' * 1_700}'}}\n",
    "digits": HEAD + "shot: {seed: " + "9" * 99_000 + "}\n",
    "times": HEAD + "shot: {seed: 1" + ":59" * 33_000 + "}\n",
    "a text": HEAD + "project: {name: '" + "a" * 99_000 + "'}\n",
    "equal signs": HEAD + "project: {name: film, style: '" + "token=" * 16_000 + "'}\n",
    "quotes": HEAD + 'project: {name: film, style: "' + "api_key: '" * 9_900 + '"}\n',
    "backslashes": HEAD + "project: {name: film, style: '" + "\\" * 99_000 + "${'}\n",
    "lines": HEAD + "\n" * 99_000 + "a: b: c",
    "colons": HEAD + "a:\n" + ": " * 49_000,
    "keys of one mapping": HEAD + "shot: {" + ",".join(f"k{n}: 1" for n in range(4_500)) + "}\n",
    "a long name in the defaults": HEAD + "defaults: [" + "a" * 3_000 + "]\n",
    "a megabyte": HEAD + "# " + "x" * 1_100_000,
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_a_large_file_costs_little(planner: Planner, name: str) -> None:
    answer = planner.plan({"conf/project/film.yaml": LARGE[name]})

    check(answer)
    assert answer["cpu_s"] < 12, answer["cpu_s"]
    assert answer["peak_kb"] < 1_000_000


def test_the_watch_sees_what_it_watches_for(planner: Planner, tmp_path: Path) -> None:
    plugin = "import socket, pathlib\npathlib.Path('made').touch()\nopen('../secret-of-the-user')\nsocket.socket().bind(('127.0.0.1', 0))\n"
    answer = planner.plan({"plugins/own.py": plugin, "conf/project/film.yaml": HEAD})
    planner.plan({"plugins/own.py": "", "conf/project/film.yaml": HEAD})

    assert [one.partition(" ")[0] for one in answer["seen"]] == ["writes", "reads", "socket.bind"]
