"""Every async test runs on asyncio and on trio; trio runs on virtual time."""

from __future__ import annotations

import gc
from typing import Any

import pytest


def pytest_collection_finish() -> None:
    """Have garbage collections leave out the thousands of collected tests: to look through them takes longest."""
    gc.collect()
    gc.freeze()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """Asyncio in real time, and trio in virtual time; modules about long times override it with `virtual_time`."""
    if request.param == "asyncio":
        return "asyncio", {}

    return request.getfixturevalue("virtual_time")
