"""The fixtures that all tests share are those that plugin authors get, and a check that each test tidies up."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

from runner.testing.pytest import SMALL, Answer, Workplace, workplace
from tests.process_state import no_secrets_of_other_tests, process_unchanged

__all__ = ["SMALL", "Answer", "Workplace", "no_secrets_of_other_tests", "process_unchanged", "workplace"]

# The machine may be busy: no example is a failure for being slow.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# A shell that starts the tests in the background has them ignore Ctrl-C, and with them each process that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
