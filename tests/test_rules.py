"""Rules for the tests themselves: nothing waits for ever, spins, patches the clock, or cannot fail."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parent
CHECKED: Final = sorted(path for path in TESTS.rglob("*.py") if TESTS / "benchmarks" not in path.parents)
"""Benchmarks are no tests: they leave parts of the program out to measure the others."""
PATCHED: Final = frozenset({"time", "asyncio", "datetime"})
"""Modules that no test may patch: code under test gets a clock, or a `Timing`."""

_MOCKS: Final = re.compile(r"\b(unittest(\.| import )mock|pytest_mock)\b")


def violations(source: str) -> list[str]:
    """What breaks a rule in a test module, with line numbers."""
    tree = ast.parse(source)
    limited = {
        inner
        for block in ast.walk(tree)
        if isinstance(block, ast.AsyncWith) and any(_is_timeout(item.context_expr) for item in block.items)
        for inner in ast.walk(block)
    }
    found = []
    for node in ast.walk(tree):
        message = ""
        if isinstance(node, (ast.Assign, ast.Call)):
            message = _patch(node)
        elif isinstance(node, ast.Assert):
            message = _assertion(node.test)
        elif isinstance(node, ast.While):
            message = _loop(node, limited=node in limited)
        elif isinstance(node, (ast.Import, ast.ImportFrom)) and _MOCKS.search(ast.unparse(node)):
            message = "a mock"
        if message:
            found.append(f"{node.lineno}: {message}")
    return found


def _is_timeout(expression: ast.expr) -> bool:
    return ast.unparse(expression).startswith("asyncio.timeout(")


def _patch(node: ast.Assign | ast.Call) -> str:
    """An assignment to an attribute of a module, by hand or through pytest."""
    targets = [ast.unparse(target) for target in node.targets] if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith((".setattr", "patch", "patch.object")):
        targets = [ast.unparse(node.args[0]).strip("'\"") + "."] if node.args else []
    patched = [target for target in targets if "." in target and PATCHED & set(target.split(".")[:-1])]
    return f"patches {patched[0]}" if patched else ""


def _assertion(test: ast.expr) -> str:
    if isinstance(test, ast.Constant):
        return "" if test.value is False else "asserts a constant"
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        always = any(isinstance(one, ast.Constant) and one.value for one in test.values)
        return "asserts a constant" if always else ""
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.In):
        allowed = test.comparators[0]
        codes = (
            {ast.unparse(one) for one in allowed.elts} if isinstance(allowed, (ast.Tuple, ast.Set)) else set()
        )
        if "code" in ast.unparse(test.left) and "0" in codes:
            return "accepts success and failure alike"
    return ""


def _loop(node: ast.While, *, limited: bool) -> str:
    """A wait sleeps and has a deadline. A loop that only waits for the clock or for a process is one, too."""
    text = ast.unparse(node)
    if all(isinstance(one, (ast.Pass, ast.Continue)) for one in node.body):
        return "waits without sleeping"
    if "sleep(" in text and not limited and "deadline" not in text and "monotonic()" not in text:
        return "waits without a deadline"
    return ""


@pytest.mark.parametrize("path", CHECKED, ids=lambda path: path.relative_to(TESTS).as_posix())
def test_no_test_breaks_a_rule(path: Path) -> None:
    assert not violations(path.read_text())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("monkeypatch.setattr(time, 'sleep', f)", "patches time."),
        ("monkeypatch.setattr('asyncio.sleep', f)", "patches asyncio.sleep."),
        (
            "monkeypatch.setattr(runner.engine.wait.asyncio, 'sleep', f)",
            "patches runner.engine.wait.asyncio.",
        ),
        ("time.monotonic = f", "patches time.monotonic"),
        ("from unittest.mock import patch", "a mock"),
        ("from unittest import mock", "a mock"),
        ("assert True", "asserts a constant"),
        ("assert found or True", "asserts a constant"),
        ("assert 'a text that is always true'", "asserts a constant"),
        ("assert answer.code in (0, 1)", "accepts success and failure alike"),
        ("assert process.returncode in {0, 3}, process", "accepts success and failure alike"),
        ("while not ready(): pass", "waits without sleeping"),
        ("while not ready():\n    time.sleep(0.1)", "waits without a deadline"),
        ("assert found in (0, 1)", ""),
        ("assert answer.code in (1, 3)", ""),
        ("assert False, 'not reached'", ""),
        ("self.time = 3", ""),
        ("while not ready():\n    assert monotonic() < deadline\n    sleep(0.1)", ""),
        (
            "async def f():\n async with asyncio.timeout(9):\n  while not ready():\n   await asyncio.sleep(1)",
            "",
        ),
    ],
)
def test_each_rule_is_kept_by_the_check(source: str, message: str) -> None:
    assert [line.split(": ", 1)[1] for line in violations(source)] == ([message] if message else [])
