"""The fixtures that all tests share are those that plugin authors get."""

from __future__ import annotations

from runner.testing.pytest import SMALL, Answer, Workplace, workplace

__all__ = ["SMALL", "Answer", "Workplace", "workplace"]
