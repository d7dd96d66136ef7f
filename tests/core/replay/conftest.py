"""The journal of a session, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.core.replay.sessions import traded


@pytest.fixture(scope="session")
def kept_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a session with market data; not to be changed."""
    return traded(tmp_path_factory.mktemp("replay") / "home")


@pytest.fixture
def session_journal(kept_session: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copy(kept_session, tmp_path / "journal.sqlite3"))
