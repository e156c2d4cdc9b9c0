"""Checks and fixtures so that no test leaves its process changed: a worker runs other tests after it.

An encoder that runs as root may turn its whole process into a real-time one, which then starves the machine.
"""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from runner import known_secrets, redaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHANGES_BY_ITSELF: Final = "PYTEST_CURRENT_TEST"
_LIMITS: Final = {name: getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}


def process_state() -> Mapping[str, object]:
    """What holds for the whole process, by name: scheduling of all threads, limits, environment, folder, umask."""
    policies, nice = set(), set()
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            policies.add(os.sched_getscheduler(int(thread)))
            nice.add(os.getpriority(os.PRIO_PROCESS, int(thread)))
    limits = {name: resource.getrlimit(number) for name, number in _LIMITS.items()}
    variables = {f"${name}": value for name, value in os.environ.items() if name != _CHANGES_BY_ITSELF}
    return {
        "scheduling policies": policies,
        "nice values": nice,
        "working folder": str(Path.cwd()),
        "umask": _umask(),
        **limits,
        **variables,
    }


def _umask() -> str:
    """Read from /proc: to ask for it by setting it would change it for other threads."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("Umask:"))
    return line.split()[1]


@pytest.fixture(autouse=True)
def process_unchanged() -> Iterator[None]:
    """Fail at the end of a test after which the process is not as it was before."""
    before = process_state()
    yield
    after = process_state()
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    assert not changed, "; ".join(f"{name}: {before.get(name)} -> {after.get(name)}" for name in changed)


@pytest.fixture(autouse=True)
def no_secrets_of_other_tests() -> Iterator[None]:
    """What an earlier test had this process hide is ordinary text in the next."""
    # Not the fixture `monkeypatch`: it would then be undone after `process_unchanged` looks.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(known_secrets, "_known", known_secrets._Known())
        patched.setattr(redaction, "_hidden", set())
        yield
