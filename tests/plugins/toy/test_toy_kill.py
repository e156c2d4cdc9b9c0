"""The worked example of plugins/README.md is paid once, wherever a run is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.engine.kill_points import POINTS
from tests.plugins.toy.test_toy import SHOT, TWO, using

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_run_goes_on_and_pays_once(workplace, toy, point):
    project = workplace.project(TWO, shot=SHOT, **using(toy))

    def run(fault=""):
        return subprocess.run(
            [sys.executable, "-m", "runner", project],
            cwd=workplace.path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "RUNNER_FAULT": fault},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    dead = run(point)
    assert dead.returncode == -9, dead.stderr + dead.stdout
    again = run()
    assert again.returncode == 0, again.stderr + again.stdout
    assert len(toy.sent) == 2
