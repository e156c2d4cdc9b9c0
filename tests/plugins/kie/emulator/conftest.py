"""The emulator in its own process, with an account of its own for each test."""

from __future__ import annotations

import contextlib
import uuid

import pytest
from kie_customer import Customer, Receiver
from runner.plugins.kie.emulator.client import running


@pytest.fixture(scope="session")
def shared():
    with running(
        "--task-seconds", "0", "--rate", "0", "--poll-rate", "0", "--max-short-side", "144"
    ) as emulator:
        yield emulator


@pytest.fixture
def customer(shared):
    shared.script()
    with Customer(shared, shared.account(uuid.uuid4().hex)) as customer:
        yield customer


@pytest.fixture
def started():
    """Starts emulators with other options."""
    with contextlib.ExitStack() as stack:

        def start(*options):
            emulator = stack.enter_context(running("--max-short-side", "144", "--poll-rate", "0", *options))
            return stack.enter_context(Customer(emulator, emulator.key))

        yield start


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver
