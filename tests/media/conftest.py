"""The corpus of clips, one for all processes of a test session."""

from __future__ import annotations

import pytest
from media.corpus import Corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.of_session(tmp_path_factory)
