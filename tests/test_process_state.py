"""The check that no test leaves its process changed sees each kind of change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHANGES = {
    "environment": "os.environ['LEFT_BEHIND'] = 'here'",
    "folder": "os.chdir('/')",
    "limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))",
    "nice": "os.nice(1)",
    "nothing": "pass",
    "policy": "os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))",
    "umask": "os.umask(0o027)",
}
REPORTED = {
    "environment": "$LEFT_BEHIND: None -> here",
    "folder": "working folder: ",
    "limits": "RLIMIT_NOFILE: ",
    "nice": "nice values: ",
    "policy": "scheduling policies: {0} -> ",
    "umask": "umask: ",
}


def test_each_kind_of_change_is_reported_at_the_end_of_its_test(tmp_path: Path) -> None:
    for name, change in CHANGES.items():
        (tmp_path / f"test_{name}.py").write_text(
            "import os, resource\n"
            "soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
            f"def test_change():\n    {change}\n"
        )

    words = ["-p", "tests.process_state", "-p", "no:xdist", "-p", "no:cacheprovider", "--rootdir", tmp_path]
    checked = subprocess.run(
        [sys.executable, "-m", "pytest", *words, tmp_path],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )

    assert "7 passed, 6 errors" in checked.stdout, checked.stdout + checked.stderr
    summary = [line for line in checked.stdout.splitlines() if line.startswith("ERROR ")]
    for line, (name, message) in zip(summary, REPORTED.items(), strict=True):
        assert f"test_{name}.py" in line
        assert f"AssertionError: {message}" in checked.stdout
