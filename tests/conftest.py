"""The fixtures that all tests share are those that plugin authors get, and a check that each test tidies up."""

from __future__ import annotations

from runner.testing.pytest import SMALL, Answer, Workplace, workplace
from tests.process_state import process_unchanged

__all__ = ["SMALL", "Answer", "Workplace", "process_unchanged", "workplace"]
