"""What of the surroundings is wrong is named as what it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Workplace

ROOT = Path(__file__).parents[2]


def test_certificates_that_are_not_there_are_named(workplace: Workplace) -> None:
    project = workplace.project({"main": {"one": "a lake"}})

    done = subprocess.run(
        [sys.executable, "-m", "runner", project],
        cwd=workplace.path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SSL_CERT_FILE": "/nowhere/certificates.pem"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 2
    assert "the TLS certificates cannot be read" in done.stderr
    assert "SSL_CERT_FILE=/nowhere/certificates.pem" in done.stderr
    assert "unset it" in done.stderr


def test_the_parameters_of_a_sweep_are_no_override(workplace: Workplace) -> None:
    project = workplace.project({"main": {"one": "a lake"}})

    answer = workplace.run("-m", project, "hydra.sweeper.params={shot.seed: '1,2'}")

    assert answer.code == 2
    assert "hydra.sweeper.params cannot be set here" in answer.err
    assert "-m shot.seed=1,2" in answer.err
