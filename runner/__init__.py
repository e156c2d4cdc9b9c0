"""Declarative batch runner for AI video. Plugin authors import from `runner.api`."""

__all__ = ["__version__"]

__version__ = "0.1.0"
