"""The contract suite finds what it is for: each broken connector fails the test that is named, and no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest

from perpmaker import DerivativeConnectorDeclaration
from perpmaker.connector.interface import ConnectorContext
from perpmaker.testing.contract import ConnectorContract
from perpmaker.testing.virtual import virtual_asyncio
from perpmaker_binance_perpetual import register_derivative_connectors

from .broken import (
    Break,
)
from .broken_account import ACCOUNT
from .broken_orders import ORDERS
from .broken_streams import STREAMS

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)
(SOUND,) = DECLARED

TESTS = sorted(name for name in dir(ConnectorContract) if name.startswith("test_"))
BROKEN = dict((*ORDERS, *STREAMS, *ACCOUNT))


def suite_of(break_: Break) -> ConnectorContract:
    """The suite over the sound connector, broken."""

    @asynccontextmanager
    async def opened(settings: Any, context: ConnectorContext) -> AsyncIterator[Any]:
        async with SOUND.open(settings, context) as connector:
            break_(connector)
            yield connector

    broken = {"declaration": attrs.evolve(SOUND, open=opened), "market": "ETH-USDT"}

    return type("Broken", (ConnectorContract,), broken)()


def fails(suite: ConnectorContract, name: str) -> bool:
    """Whether a test of the suite fails; one that is skipped does not."""
    backend, options = virtual_asyncio()

    try:
        anyio.run(getattr(suite, name), backend=backend, backend_options=options)
    except pytest.skip.Exception:
        return False
    except (Exception, pytest.fail.Exception):  # noqa: BLE001  # a broken connector may raise anything
        return True

    return False


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_connector_fails_the_test_of_what_is_broken(name: str, *, full: bool) -> None:
    """With `--full` every other test is seen to pass."""
    suite = suite_of(BROKEN[name])

    assert [test for test in (TESTS if full else [name]) if fails(suite, test)] == [name]
