"""A canary key in each place where a key may be typed, through each verb, at a provider that echoes it in each form."""

from __future__ import annotations

import base64
import hashlib
import re
import tempfile
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from runner.redaction import HIDDEN
from tests.echoing_plugin import plugin

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace

FILM = "+project=film"


def new_key(name: str) -> str:
    """A key of a test's own: what an earlier test had this process remember hides nothing here."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{digest[:6].upper()}+{digest[6:10]}/{digest[10:14]}=K{digest[14:20]}"


def slug_of(key: str) -> str:
    """What a folder would be named after it."""
    return re.sub("[^a-z0-9]", "-", key.lower())


def forms(key: str) -> list[bytes]:
    """The key as it may be written, whole or cut off."""
    raw = key.encode()
    found = [
        raw[:9],
        urllib.parse.quote(key, safe="").encode()[:11],
        slug_of(key).encode()[:9],
        raw.hex().encode(),
    ]
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + raw)
        # The characters that the key alone decides.
        found += [encoded[4:20], encoded[4:20].translate(bytes.maketrans(b"+/", b"-_"))]
    return found


def leaks(key: str, folder: Path, printed: str, *, but: tuple[Path, ...]) -> list[str]:
    """Where the canary stands: in names and bytes of files below `folder`, or in what was printed."""
    # A terminal's lines may break anywhere, in the middle of a key too.
    places = {"printed": printed.encode(), "joined": "".join(printed.split()).encode()}
    for file in folder.rglob("*"):
        places[f"the name {file}"] = str(file.relative_to(folder)).encode()
        if file.is_file() and file not in but:
            places[str(file)] = file.read_bytes()
    return [
        f"{place}: ...{data[max(0, data.find(form) - 80) : data.find(form) + 60]!r}"
        for place, data in places.items()
        for form in forms(key)
        if form in data
    ]


@dataclass(frozen=True)
class Place:
    """Where the key is typed."""

    words: tuple[str, ...] = ()
    """On the command line."""
    variables: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    runs: bool = True
    """Whether a run is possible so: a mistake ends it."""


# %KEY% is the key, %QUOTED% how a URL has it.
OPTION = "generator.api_key='%KEY%'"
OF_FILE = "# @package _global_\ngenerator: {api_key: '%KEY%'}\n"
NAMES = "# @package _global_\nsequences: {'%KEY%': {shots: {'%KEY%': {prompt: x}}}}\n"
PLACES = {
    "an option": Place((OPTION,)),
    "an option in quotes of two kinds": Place(("generator.api_key='\"%KEY%\"'",)),
    "a variable": Place(("generator.api_key=${oc.env:ANY_NAME}",), {"ANY_NAME": "%KEY%"}),
    "a variable that nothing names": Place((), {"ECHO_API_KEY": "%KEY%"}),
    "a variable in a prompt": Place(
        ("sequences.main.shots.two.prompt='${oc.env:ECHO_API_KEY}'",), {"ECHO_API_KEY": "%KEY%"}
    ),
    "a key file": Place(("generator.api_key_file=secret.key",), files={"secret.key": "%KEY%\n"}),
    "a key file and a prompt": Place(
        ("generator.api_key_file=secret.key", "sequences.main.shots.two.prompt='my %KEY%'"),
        files={"secret.key": "%KEY%\n"},
    ),
    "a file of the project": Place(("+more=more",), files={"conf/more/more.yaml": OF_FILE}),
    "the query of a URL": Place(("generator.api_url='http://127.0.0.1:9/?key=%KEY%'",)),
    "the user of a URL": Place(("generator.api_url='http://me:%QUOTED%@127.0.0.1:9'", OPTION)),
    "a prompt": Place((OPTION, "sequences.main.shots.one.prompt='say %KEY%'")),
    "parameters": Place(("shot.params={password: '%KEY%', more: [{token: '%KEY%'}]}", OPTION)),
    "a text of an option": Place((OPTION, "+generator.title='%KEY%'")),
    "names": Place((OPTION, "project.name='film %KEY%'", "+more=more"), files={"conf/more/more.yaml": NAMES}),
    "a key that is typed wrong": Place(("+generator.api_kye='%KEY%'",), runs=False),
    "a key with another name": Place(("+generator.sesame='%KEY%'",), {"ECHO_API_KEY": "%KEY%"}, runs=False),
    "an option that takes none": Place(("shot.seed='%KEY%'", OPTION), runs=False),
    "a word": Place(("%KEY%", OPTION), runs=False),
    "a project": Place(("+project='%KEY%'", OPTION), runs=False),
    "a profile": Place(("uploader='%KEY%'", OPTION), runs=False),
    "a list": Place(("generator.api_key=['%KEY%']",), runs=False),
    "an unclosed quote": Place(("generator.api_key='%KEY%",), runs=False),
}
READERS = (
    ("list",),
    ("list", "--json"),
    ("journal",),
    ("journal", "--json"),
    ("verify", "outputs"),
    ("gc",),
    ("gc", "--json"),
    ("recover",),
    ("plugins",),
    ("plugins", "echoing", "--json"),
    ("emulate", "--help"),
    ("--help",),
)
COMPOSERS = (
    ("--cfg", "job"),
    ("--cfg", "job", "--resolve"),
    ("--cfg", "job", "-p", "generator"),
    ("plan",),
    ("plan", "--json"),
    ("plan", "-m", "shot.seed=1,2"),
    ("doctor",),
    ("doctor", "--json"),
    ("conformance", "echoing"),
)


class Desk:
    """A working folder with the echoing provider, where all that is printed is kept."""

    def __init__(self, workplace: Workplace, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
        self.key = key
        self.workplace = workplace
        self.printed = ""
        self.codes: list[int] = []
        self._patch = monkeypatch
        self.but: tuple[Path, ...] = ()
        (workplace.path / "tmp").mkdir()
        monkeypatch.setenv("TMPDIR", str(workplace.path / "tmp"))
        monkeypatch.setattr(tempfile, "tempdir", None)
        workplace.project({"main": {"one": "a quiet lake", "two": "wind"}}, generator={"plugin": "echoing"})

    def use(self, place: Place, mode: str = "") -> None:
        self.workplace.write("plugins/echoing.py", plugin(mode))
        for name, value in place.variables.items():
            self._patch.setenv(name, self._filled_in(value))
        self.but = tuple(
            self.workplace.write(name, self._filled_in(text)) for name, text in place.files.items()
        )

    def _filled_in(self, text: str) -> str:
        quoted = urllib.parse.quote(self.key, safe="")
        return text.replace("%KEY%", self.key).replace("%QUOTED%", quoted)

    def run(self, *words: str) -> int:
        try:
            answer = self.workplace.run(*map(self._filled_in, words))
        except Exception as error:  # --debug
            self.printed += f"{error}\n"
            return 99
        self.printed += answer.out + answer.err
        return answer.code

    def leaks(self) -> list[str]:
        return leaks(self.key, self.workplace.path, self.printed, but=self.but)


@pytest.fixture
def desk(request: pytest.FixtureRequest, workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(workplace, monkeypatch, new_key(request.node.name))


@pytest.mark.parametrize("place", PLACES)
def test_no_verb_lets_a_key_out(desk: Desk, place: str) -> None:
    typed = PLACES[place]
    desk.use(typed)
    for verb in COMPOSERS:
        project = () if verb[0] == "conformance" else (FILM,)
        desk.run(*verb, *project, *typed.words)
    code = desk.run(FILM, *typed.words)
    assert code == (0 if typed.runs else 2), desk.printed[-2000:]
    desk.run("--debug", FILM, *typed.words, "shot.seed=3")
    desk.run("-m", FILM, *typed.words, "shot.take=1,2")
    for verb in READERS:
        desk.run(*verb)
    for run in desk.workplace.runs():
        desk.run("why", str(run), "two")

    assert desk.leaks() == []
    assert HIDDEN in desk.printed


@pytest.mark.parametrize(
    ("mode", "code"),
    [("refused", 1), ("unknown", 3), ("bug", 3), ("task", 3), ("failed", 1), ("lost", 1)],
)
@pytest.mark.parametrize("place", ["an option", "a key file", "a variable that nothing names"])
def test_nothing_that_a_provider_echoes_gets_out(desk: Desk, place: str, mode: str, code: int) -> None:
    typed = PLACES[place]
    desk.use(typed, mode)
    for flag in ("-q", "--debug"):
        assert desk.run(flag, FILM, *typed.words) == code
    for verb in READERS:
        desk.run(*verb)

    assert desk.leaks() == []


def test_a_swept_key_names_no_folder(desk: Desk) -> None:
    desk.use(PLACES["an option"])
    other = new_key("another")
    assert desk.run("-m", FILM, f"generator.api_key='%KEY%','{other}'") == 0
    assert desk.run("-m", FILM, OPTION, "sequences.main.shots.one.prompt='%KEY%',x") == 0

    assert desk.leaks() == []
    assert slug_of(other)[:9] not in " ".join(map(str, desk.workplace.path.rglob("*")))


def test_a_task_whose_id_holds_the_key_is_an_unknown_outcome_and_never_paid_again(desk: Desk) -> None:
    desk.use(PLACES["an option"], "task")

    assert [desk.run(FILM, OPTION), desk.run(FILM, OPTION)] == [3, 3]

    rows = desk.workplace.run("journal", "--json").json
    assert [(row["phase"], row["task"], row["reserved_usd"]) for row in rows] == [("unknown", "", 0.25)]
    assert "a task id with a key" in rows[0]["note"]
    assert desk.run("journal", "resolve", rows[0]["token"], "--submitted", "%KEY%-1") == 2
    assert desk.leaks() == []


def test_what_a_later_run_needs_is_in_the_journal_without_the_key(desk: Desk) -> None:
    # In this run it is polled and fetched with what was returned: the plugin insists on it.
    desk.use(PLACES["an option"])
    assert desk.run(FILM, OPTION) == 0

    row = desk.workplace.run("journal", "--json").json[0]
    assert row["task"]
    assert row["task_data"]["key"] == HIDDEN
    assert f"?key={HIDDEN}" in row["results"][0][0]


def test_the_rows_that_sqlite_gave_up_hold_no_key(desk: Desk) -> None:
    desk.use(PLACES["an option"], "failed")
    for take in ("1", "2", "3"):
        desk.run(FILM, OPTION, f"shot.take={take}")
    journal = desk.workplace.path / "outputs" / ".runner" / "journal.db"

    assert journal.stat().st_size
    assert desk.leaks() == []
