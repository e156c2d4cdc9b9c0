"""Telling observers what happens, none of which can disturb the run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.api import Event
    from runner.plugins import Registry

_log = logging.getLogger(__name__)


class Bus:
    """Hands each event to every observer, in the order in which they were added."""

    def __init__(self) -> None:
        self._observers: list[tuple[str, Callable[[Event], object]]] = []

    def add(self, name: str, observer: Callable[[Event], object]) -> None:
        self._observers.append((name, observer))

    def add_plugins(self, registry: Registry) -> None:
        for hook in registry.manager.hook.runner_event.get_hookimpls():
            self.add(f"plugin {hook.plugin_name}", hook.function)

    def tell(self, event: Event) -> None:
        for name, observer in self._observers:
            try:
                observer(event)
            except Exception:
                _log.exception("%s failed to observe %s", name, event.kind)
