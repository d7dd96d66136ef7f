from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Starts are about time."""
    return virtual_time
