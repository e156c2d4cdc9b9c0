"""Whole films by KIE's models, through the real command line: chained by images, paid for once, at the price told."""

from __future__ import annotations

import json
import re
import shlex
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from PIL import Image
from runner.plugins.kie.emulator.client import running

from tests.kie_account import QUICK, SMALL, KieAccount, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.plugins.kie.emulator.client import Emulator

    from tests.conftest import Workplace

CHAIN = {"main": {"one": "a quiet lake", "two": "wind on the lake"}}
CHAINED = {"hero/pour": "opening", "hero/sip": "pour", "product/beans": "packshot"}
NO_FALLBACK = "continuity.fallback=none"


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with running(*QUICK) as started:
        yield started


@pytest.fixture
def kie(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> KieAccount:
    account = opened(emulator)
    monkeypatch.setenv("KIE_API_KEY", account.key)
    return account


def shots(manifest: Any) -> dict[str, Any]:
    """The manifest's entries by SEQUENCE/SHOT."""
    return {
        f"{sequence}/{name}": shot
        for sequence, found in manifest["sequences"].items()
        for name, shot in found["shots"].items()
    }


def prompts(kie: KieAccount) -> dict[str, Any]:
    """The `input` of each creation, by its prompt."""
    found = [body["input"] for body in kie.sent()]
    assert len({one["prompt"] for one in found}) == len(found), "one creation a shot"
    return {one["prompt"]: one for one in found}


def spent(workplace: Workplace) -> Decimal:
    """What the journal says was spent."""
    return sum((Decimal(str(row["cost_usd"])) for row in workplace.run("journal", "--json").json), Decimal(0))


def psnr_db(frame: Path, clip: Path) -> float:
    """How much a clip's first frame is like a picture."""
    wanted = np.asarray(Image.open(frame).convert("RGB"), dtype=np.float64)
    with av.open(str(clip)) as container:
        first = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(np.float64)
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((wanted - first) ** 2))))


def test_the_campaign_is_made_of_pictures_handed_on_at_the_price_that_the_plan_told(
    workplace: Workplace, kie: KieAccount
) -> None:
    words = ("+project=ad_campaign", *kie.words)
    plan = workplace.run("plan", *words, "--json").json

    answer = workplace.run(*words)

    assert answer.code == 0, answer.err
    (run,) = workplace.runs()
    films = sorted(path.relative_to(run).as_posix() for path in run.rglob("film.mp4"))
    assert films == ["hero/film.mp4", "product/film.mp4"]

    made = shots(workplace.manifest())
    started = {name for name, shot in made.items() if shot["input_mode"] == "image"}
    assert started == {*CHAINED, "product/packshot"}
    sent = prompts(kie)
    assert {name for name, shot in made.items() if "first_frame_url" in sent[shot["prompt"]]} == started
    uploaded = {one["url"]: one["path"] for one in kie.emulator.books().uploads if one["key"] == kie.key}
    for name in started:
        first = made[name]["first_frame"] or made[name]["image"]
        assert first["sha256"] in uploaded[sent[made[name]["prompt"]]["first_frame_url"]]

    books = kie.books
    assert books.creations == len(made) == 6
    assert set(books.creations_by_prompt.values()) == {1}
    assert plan["to_do"] == 6
    assert kie.spent_usd == Decimal(str(plan["to_spend_usd"])) == spent(workplace) == Decimal("1.107")
    assert (books.held, dict(books.refusals)) == (0, {})

    for name in CHAINED:
        shot = made[name]
        assert shot["adherence"]["verdict"] in ("locked", "reencoded")
        assert psnr_db(run / shot["first_frame"]["path"], run / shot["clip"]["path"]) > 35


def test_a_finished_film_asks_kie_for_nothing(workplace: Workplace, kie: KieAccount) -> None:
    words = (workplace.project(CHAIN, shot=SMALL), *kie.words)
    assert workplace.run(*words).code == 0
    before, manifest = kie.emulator.books(), (workplace.runs()[0] / "manifest.json").read_bytes()

    answer = workplace.run(*words)

    assert answer.code == 0, answer.err
    after = kie.emulator.books()
    assert after.account(kie.key) == before.account(kie.key)
    assert (after.unauthorized, len(after.downloads)) == (before.unauthorized, len(before.downloads))
    assert (workplace.runs()[0] / "manifest.json").read_bytes() == manifest


def test_two_labels_with_models_of_their_own_make_one_film(workplace: Workplace, kie: KieAccount) -> None:
    project = workplace.project(
        {
            "main": {
                "wide": "a quiet lake",
                "close": {"prompt": "a dragonfly", "generator": "closeup"},
                "wide_again": "dusk on the lake",
            }
        },
        shot=SMALL,
    )
    label = ("+generator@generators.closeup=kie_wan", f"generators.closeup.api_url={kie.emulator.url}")

    answer = workplace.run(project, *kie.words, *label, NO_FALLBACK)

    assert answer.code == 0, answer.err
    asked = [(body["model"], "first_frame_url" in body["input"]) for body in kie.sent()]
    assert asked == [
        ("bytedance/seedance-2-mini", False),
        ("wan/2-7-image-to-video", True),
        ("bytedance/seedance-2-mini", True),
    ]
    (sequence,) = workplace.manifest()["sequences"].values()
    verdicts = [sequence["shots"][name]["adherence"]["verdict"] for name in ("close", "wide_again")]
    assert set(verdicts) <= {"locked", "reencoded"}
    assert sequence["film"]["frames"] > 0
    assert kie.spent_usd == spent(workplace), "also of a model whose price no card tells"


def test_a_sweep_over_two_models_makes_a_film_with_each(workplace: Workplace, kie: KieAccount) -> None:
    project = workplace.project(CHAIN, shot=SMALL)
    models = ("bytedance/seedance-2-mini", "wan/2-7")

    answer = workplace.run("-m", project, *kie.words, NO_FALLBACK, f"generator.model={','.join(models)}")

    assert answer.code == 0, answer.err
    made = [json.loads((run / "manifest.json").read_text())["sequences"]["main"] for run in workplace.runs()]
    assert sorted(one["shots"]["one"]["model"] for one in made) == sorted(models)
    assert all(one["film"]["frames"] > 0 for one in made)
    # The two jobs run side by side; the shots of each come one after the other.
    sent = [body["model"] for body in kie.sent()]
    assert sent.count("bytedance/seedance-2-mini") == 2
    assert [model for model in sent if model.startswith("wan/")] == [
        *("wan/2-7-text-to-video", "wan/2-7-image-to-video"),
    ]
    assert len(sent) == 4
    assert kie.spent_usd == spent(workplace)


@pytest.mark.parametrize(
    ("profile", "fits"),
    [
        ("kie_kling", ("shot.duration_s=5", "shot.resolution=1080p")),
        ("kie_veo", ("shot.resolution=720p",)),
        ("kie_grok", ("shot.duration_s=6",)),
        ("kie_minimax", ("shot.resolution=768p",)),
        ("kie_pixverse", ("shot.resolution=540p",)),
        ("kie_seedance", ()),
    ],
)
def test_a_model_of_each_family_goes_on_from_the_picture(
    workplace: Workplace, kie: KieAccount, profile: str, fits: tuple[str, ...]
) -> None:
    project = workplace.project(CHAIN, shot=SMALL)

    answer = workplace.run(project, *kie.words, f"generator={profile}", *fits, NO_FALLBACK)

    assert answer.code == 0, answer.err
    made = shots(workplace.manifest())["main/two"]
    assert made["adherence"]["verdict"] in ("locked", "reencoded")
    assert kie.spent_usd == spent(workplace) > 0


def test_a_model_that_ignores_a_first_frame_stops_its_chain_before_the_next_shot_is_paid_for(
    workplace: Workplace, emulator: Emulator, kie: KieAccount
) -> None:
    rule = {"match": {"prompt": "wind", "key": kie.key}, "times": 1, "ignore_image": True}
    emulator.script(rules=[rule])
    three = {"main": {**CHAIN["main"], "three": "rain on the lake"}}
    film = workplace.project(three, shot=SMALL)

    stopped = workplace.run(film, *kie.words)

    assert stopped.code == 1
    assert dict(kie.books.creations_by_prompt) == {"a quiet lake": 1, "wind on the lake": 1}
    accept, retake = re.findall(r"^ +python -m runner (.+)$", stopped.out, re.MULTILINE)
    finished = workplace.run(*shlex.split(retake))
    assert finished.code == 0, finished.out
    billed = {"a quiet lake": 1, "wind on the lake": 2, "rain on the lake": 1}
    assert dict(kie.books.creations_by_prompt) == billed
    assert workplace.run(*shlex.split(accept)).code == 0
    assert workplace.run(film, *kie.words).code == 0
    assert dict(kie.books.creations_by_prompt) == {**billed, "rain on the lake": 2}
