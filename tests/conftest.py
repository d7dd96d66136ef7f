"""Every async test runs on asyncio and on trio; trio runs on virtual time."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """Asyncio in real time, and trio in virtual time; modules about long times override it with `virtual_time`."""
    if request.param == "asyncio":
        return "asyncio", {}

    return request.getfixturevalue("virtual_time")
