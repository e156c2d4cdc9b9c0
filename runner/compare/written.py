"""A comparison as files: `compare.json`, `junit.xml`, `summary.md`, and a picture of each shot that got worse."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

from runner.compare.verdicts import Verdict
from runner.naming import slug
from runner.outgoing import one_line, outgoing
from runner.redaction import scrubbed
from runner.store.local import durable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.compare.baseline import Shots
    from runner.compare.comparison import Comparison
    from runner.compare.verdicts import Judgement

_SIGNS: Final = {"worse": "regression", "error": "error", "undecided": "undecided", "fine": "fine"}
_NO_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(comparison: Comparison, base: Shots, new: Shots, folder: Path) -> list[Path]:
    """Write all files; their paths. Raises `OSError`."""
    found = []
    pictures = dict(_pictures(comparison, base, new))
    texts = {
        "compare.json": json.dumps(comparison.to_json(), indent=2, ensure_ascii=False) + "\n",
        "junit.xml": junit(comparison),
        "summary.md": summary(comparison, list(pictures)),
    }
    for name, text in texts.items():
        durable.write_whole(folder / name, outgoing(scrubbed(text)).encode("utf-8", "replace"))
        found.append(folder / name)
    for name, data in pictures.items():
        durable.write_whole(folder / name, data)
        found.append(folder / name)
    return found


def junit(comparison: Comparison) -> str:
    """JUnit's XML: a failure is a regression, an error is infrastructure, skipped is undecided."""
    cases: list[tuple[str, str, str, str]]
    cases = [(one.layer, f"{one.shot} {one.check}", "failure", one.text) for one in comparison.findings]
    cases += [] if cases else [("contract", "all shots", "", "")]
    for judged in comparison.judgements:
        kind = {Verdict.WORSE: "failure", Verdict.UNDECIDED: "skipped", Verdict.FINE: ""}[judged.verdict]
        cases.append(("distribution", judged.metric, kind, numbers(judged)))
    cases += [("infrastructure", one.shot or "run", "error", one.text) for one in comparison.troubles]
    suites = ElementTree.Element("testsuites", name=_xml(comparison.project))
    for suite in dict.fromkeys(case[0] for case in cases):
        own = [case for case in cases if case[0] == suite]
        counts = {kind: sum(case[2] == kind for case in own) for kind in ("failure", "error", "skipped")}
        element = ElementTree.SubElement(
            suites,
            "testsuite",
            name=suite,
            tests=str(len(own)),
            failures=str(counts["failure"]),
            errors=str(counts["error"]),
            skipped=str(counts["skipped"]),
            time="0",
        )
        for _, name, kind, text in own:
            case = ElementTree.SubElement(
                element,
                "testcase",
                classname=_xml(f"{comparison.project}.{suite}"),
                name=_xml(name),
                time="0",
            )
            if kind:
                said = ElementTree.SubElement(case, kind, message=_xml(text))
                if kind != "skipped":
                    said.set("type", suite)
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(suites, encoding="unicode")}\n'


def summary(comparison: Comparison, pictures: list[str]) -> str:
    """Markdown for a pull request."""
    lines = [f"## {_md(comparison.project)}: {_SIGNS[comparison.outcome]}", ""]
    lines += [f"- **{_md(one.shot)}** {_md(one.text)} ({one.layer})" for one in comparison.findings]
    lines += [
        f"- error: {_md(f'{one.shot}: {one.text}' if one.shot else one.text)}" for one in comparison.troubles
    ]
    lines += [f"- note: {_md(one)}" for one in comparison.notes]
    if comparison.judgements:
        lines += [
            "",
            "| metric | before | after | worse by (95 %) | p | verdict |",
            "|---|---|---|---|---|---|",
        ]
        for one in comparison.judgements:
            low, high = one.interval
            change = f"{one.effect:.3g} ({low:.3g} to {high:.3g})"
            cells = (one.metric, f"{one.before:.4g}", f"{one.after:.4g}", change, f"{one.p_corrected:.3g}")
            lines.append(f"| {' | '.join(cells)} | {one.verdict}: {one.why} |")
    if comparison.takes_needed:
        lines += ["", f"{comparison.takes_needed} takes of each shot, on both sides, would decide."]
    lines += ["", *(f"![before, and after below]({name})" for name in pictures)]
    return "\n".join(lines).rstrip() + "\n"


def numbers(one: Judgement) -> str:
    """A judgement in one line."""
    low, high = one.interval
    needed = f"; {one.takes_needed} takes would decide" if one.takes_needed else ""
    return (
        f"{one.why}: {one.before:.4g} before, {one.after:.4g} after, worse by {one.effect:.3g} "
        f"(95 %: {low:.3g} to {high:.3g}; what matters is {one.least:.3g}), p {one.p_corrected:.3g} "
        f"corrected, {one.takes[0]} against {one.takes[1]} takes, most in {one.worst_shot}{needed}"
    )


def _pictures(comparison: Comparison, base: Shots, new: Shots) -> Iterator[tuple[str, bytes]]:
    """For each shot that got worse, its frames before, and below them those after."""
    from PIL import Image, UnidentifiedImageError

    shots = [one.shot for one in comparison.findings]
    shots += [one.worst_shot for one in comparison.judgements if one.verdict is Verdict.WORSE]
    for shot in dict.fromkeys(shots):
        try:
            sides = [Image.open(io.BytesIO(of.pictures[shot])).convert("RGB") for of in (base, new)]
        except (KeyError, UnidentifiedImageError, OSError):
            continue
        width, height = max(one.width for one in sides), sum(one.height for one in sides) + 4
        pair = Image.new("RGB", (width, height), "white")
        pair.paste(sides[0], (0, 0))
        pair.paste(sides[1], (0, sides[0].height + 4))
        out = io.BytesIO()
        pair.save(out, "PNG")
        yield f"{slug(shot.replace('/', '-'))}.png", out.getvalue()


def _xml(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _md(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|!@])", r"\\\1", one_line(text))
