"""A check that no test module leaves its process changed: a worker runs other modules after it.

An encoder that runs as root may turn its whole process into a real-time one, which then starves the machine.
"""

from __future__ import annotations

import contextlib
import os
import resource
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAY_CHANGE: Final = frozenset({"PYTEST_CURRENT_TEST", "DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"})
"""pytest's own, and one by which alone Google's library is told not to start a thread."""
_LIMITS: Final = tuple(name for name in dir(resource) if name.startswith("RLIMIT_"))


def process_state() -> Mapping[str, object]:
    """What holds for the whole process, by name: scheduling of all threads, limits, folder, environment."""
    policies, nice = set(), set()
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            policies.add(os.sched_getscheduler(int(thread)))
            nice.add(os.getpriority(os.PRIO_PROCESS, int(thread)))
    limits = {name: resource.getrlimit(getattr(resource, name)) for name in _LIMITS}
    variables = {f"${name}": value for name, value in os.environ.items() if name not in _MAY_CHANGE}
    return {
        "scheduling policies": policies,
        "nice values": nice,
        "working folder": os.getcwd(),
        **limits,
        **variables,
    }


@pytest.fixture(scope="module", autouse=True)
def process_unchanged() -> Iterator[None]:
    """Fail at the end of a module after which the process is not as it was before."""
    before = process_state()
    yield
    after = process_state()
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    assert not changed, "; ".join(f"{name}: {before.get(name)} -> {after.get(name)}" for name in changed)
