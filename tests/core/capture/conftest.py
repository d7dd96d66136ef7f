from __future__ import annotations

from typing import Any

import pytest

from perpmaker.testing.virtual import virtual_backend


@pytest.fixture
def anyio_backend() -> Any:
    """Virtual time only: minutes of a market in a second."""
    return virtual_backend()
