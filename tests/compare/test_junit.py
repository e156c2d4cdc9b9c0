"""`junit.xml`: what CI servers and viewers can read, whatever the shots are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from junit2htmlreport.parser import Junit

from runner.compare.comparison import Comparison, Trouble
from runner.compare.layers import Finding
from runner.compare.verdicts import Judgement, Verdict
from runner.compare.written import junit

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))
TEXT = st.text(max_size=30)


def judged(metric: str, verdict: Verdict) -> Judgement:
    numbers: dict[str, Any] = {"p": 0.01, "p_corrected": 0.03, "noise": 0.1, "before": 1.0, "after": 3.0}
    return Judgement(
        metric=metric,
        verdict=verdict,
        why="beyond noise",
        unit="dB",
        effect=2.0,
        interval=(1.0, 3.0),
        least=0.5,
        takes=(5, 5),
        takes_needed=None,
        worst_shot="main/two",
        **numbers,
    )


def comparison(name: str = "film", text: str = "is silent", shot: str = "main/two") -> Comparison:
    return Comparison(
        project=name,
        alpha=0.05,
        spent=0.05,
        findings=(Finding(layer="contract", shot=shot, check="audio", text=text),),
        judgements=tuple(judged(f"metric_{one}", one) for one in Verdict),
        troubles=(Trouble(shot=shot, text=text), Trouble(shot="", text=text)),
    )


@given(TEXT, TEXT, TEXT)
def test_the_report_is_valid(name: str, text: str, shot: str) -> None:
    SCHEMA.validate(junit(comparison(name, text, shot)))


def test_a_report_of_nothing_is_valid() -> None:
    SCHEMA.validate(
        junit(Comparison(project="film", alpha=0.05, spent=0.05, findings=(), judgements=(), troubles=()))
    )


def test_the_schema_refuses_what_no_reader_knows() -> None:
    broken = junit(comparison()).replace("<failure", "<regression").replace("</failure", "</regression")

    assert not SCHEMA.is_valid(broken)


def test_a_viewer_counts_and_renders_it(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    file.write_text(junit(comparison(text='worse <b>"now"</b> & then')), encoding="utf-8")

    read = Junit(str(file))

    cases = [case for suite in read.suites for case in suite.all()]
    assert len(cases) == 6
    assert sum(case.failed() for case in cases) == 4, "the viewer counts an error as a failure as well"
    assert sum(case.skipped is not None for case in cases) == 1
    page = read.html()
    assert "metric_worse" in page
    assert "&lt;b&gt;" in page
    assert '<b>"now"' not in page
