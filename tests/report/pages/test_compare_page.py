"""The page of a comparison: in a browser from file://, and as text where there is none."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from runner.compare.baseline import Shots
from runner.compare.comparison import Comparison, Trouble
from runner.compare.layers import Finding
from runner.compare.verdicts import Judgement, Verdict
from runner.report.html.comparison import write_comparison

if TYPE_CHECKING:
    from pathlib import Path

    from tests.report.pages.conftest import Screen

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'


def judged(metric: str, verdict: Verdict, effect: float, **more: Any) -> Judgement:
    values: dict[str, Any] = {
        "why": "beyond noise",
        "unit": "dB",
        "interval": (effect - 1, effect + 1),
        "least": 1.0,
        "p": 0.01,
        "p_corrected": 0.02,
        "noise": 0.1,
        "takes": (5, 5),
        "takes_needed": None,
        "worst_shot": "main/two",
        "before": 1.0,
        "after": 1.0 + effect,
    }
    return Judgement(metric=metric, verdict=verdict, effect=effect, **{**values, **more})


def picture(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 90), colour).save(out, "JPEG")
    return out.getvalue()


def sides(*names: str) -> tuple[Shots, Shots]:
    takes: dict[str, Any] = dict.fromkeys(names, ())
    old, new = ({name: picture(colour) for name in names} for colour in ("teal", "maroon"))
    return (
        Shots(project="film", takes=takes, metrics={}, pictures=old),
        Shots(project="film", takes=takes, metrics={}, pictures=new),
    )


def comparison(**more: Any) -> Comparison:
    values: dict[str, Any] = {
        "findings": (
            Finding(layer="seam", shot="main/two", check="adherence", text=f"is reframed {HOSTILE}"),
        ),
        "judgements": (
            judged("seam_click", Verdict.FINE, -9.0),
            judged("seam_delta_e", Verdict.WORSE, 9.0),
            judged("seam_steps", Verdict.UNDECIDED, 1.5, takes_needed=7),
        ),
        "troubles": (Trouble(shot="main/one", text="the provider is gone", takes=2),),
    }
    return Comparison(project="film", alpha=0.05, spent=0.05, **{**values, **more})


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return write_comparison(comparison(), *sides("main/one", "main/two", f"main/{HOSTILE}"), tmp_path)


def test_what_got_worse_comes_first_and_nothing_of_it_is_markup(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert text.index("seam_delta_e") < text.index("seam_steps") < text.index("seam_click")
    assert text.index('data-shot="main/two"') < text.index('data-shot="main/one"')
    assert "7 takes would decide" in text
    assert "the provider is gone" in text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    files = sorted(path.name for path in (page.parent / "pairs").iterdir())
    assert len(files) == 6
    assert files[:2] == ["000_main-two_after.jpg", "000_main-two_before.jpg"]


def test_a_page_of_many_shots_shows_some(tmp_path: Path) -> None:
    names = [f"main/{number:04d}" for number in range(300)]
    bad = Finding(layer="contract", shot=names[-1], check="audio", text="is silent")

    page = write_comparison(comparison(findings=(bad,)), *sides(*names), tmp_path)

    text = page.read_text(encoding="utf-8")
    assert text.count("data-shot=") == 200
    assert f'data-shot="{names[-1]}"' in text
    assert "100 more shots are not shown here" in text


@pytest.mark.parametrize("size", [(1440, 900), (390, 800)])
def test_pairs_are_wiped_and_subtracted(page: Path, screen: Screen, size: tuple[int, int]) -> None:
    shown = screen.open(page)
    shown.set_viewport_size({"width": size[0], "height": size[1]})
    pair = shown.locator('[data-shot="main/two"]')

    pair.locator("button.wipe").click()
    assert [one.get_attribute("alt") for one in pair.locator(".stage img").all()] == ["Before", "After"]
    pair.locator("input[type=range]").fill("80")
    assert pair.locator(".stage").evaluate("one => one.style.getPropertyValue('--wipe')") == "80%"
    pair.locator("button.difference").click()
    assert "difference" in (pair.locator(".stage").get_attribute("class") or "")
    pair.locator("button.difference").click()
    assert pair.locator(".stage").count() == 0

    assert shown.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert (
        shown.evaluate("[...document.images].filter((one) => one.complete && !one.naturalWidth).length") == 0
    )
    assert screen.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_comparison_lacks_nothing_for_people_with_disabilities(
    page: Path, screen: Screen, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")

    shown = screen.open(page, color_scheme=scheme)

    found = [
        one for one in axe.Axe().run(shown).response["violations"] if one["impact"] in ("serious", "critical")
    ]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
