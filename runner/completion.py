"""Shell completion, which Hydra answers: `-sc install=bash` prints a script, the script asks `-sc query=bash`.

Only the command line calls this: it goes through Hydra's own entry point, which reads `sys.argv` and prints.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hydra.errors import HydraException

from runner import bundle
from runner.config import hydra_files
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omegaconf import DictConfig


_FULL_ERROR: Final = "HYDRA_FULL_ERROR"


def complete(words: Sequence[str]) -> int:
    """Answer the shell. Raises `UsageError` where Hydra has no answer."""
    import hydra

    before, variable = sys.argv, os.environ.get(_FULL_ERROR)
    sys.argv = [before[0], *words, "--shell-completion"]
    # Hydra raises its errors then, and prints none.
    os.environ[_FULL_ERROR] = "1"
    answer = hydra.main(version_base="1.3", config_path=str(bundle.folder("conf")), config_name="config")
    try:
        with hydra_files.looking_in(hydra_files.Place(Path())):
            answer(_nothing)()
    except (HydraException, ValueError) as error:
        what = "the shell cannot be completed"
        raise UsageError(
            what, why=str(error).partition("\n")[0], hint="python -m runner -sc install=bash"
        ) from error
    finally:
        sys.argv = before
        if variable is None:
            del os.environ[_FULL_ERROR]
        else:
            os.environ[_FULL_ERROR] = variable
    return 0


def _nothing(config: DictConfig) -> None:
    """Hydra runs nothing when it completes a shell."""
