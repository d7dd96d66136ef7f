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

from ..venue import test_contract as of_fathom  # noqa: TID252  # it stands with the tests of the kit
from .broken import Break
from .broken_account import ACCOUNT
from .broken_fathom import FATHOM
from .broken_orders import ORDERS
from .broken_streams import STREAMS

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)
(SOUND,) = DECLARED
GATEWAY = of_fathom.TestFathomContract.declaration
LACKS = of_fathom.TestFathomContract.lacks

TESTS = sorted(name for name in dir(ConnectorContract) if name.startswith("test_"))
BROKEN = {
    **{name: (SOUND, TESTS, break_) for name, break_ in (*ORDERS, *STREAMS, *ACCOUNT)},
    **{name: (GATEWAY, [test for test in TESTS if test not in LACKS], break_) for name, break_ in FATHOM},
}
"""By the test that fails: what is sound before it is broken, the tests that it passes, and what is broken."""


def suite_of(sound: DerivativeConnectorDeclaration[Any], break_: Break) -> ConnectorContract:
    """The suite over a sound connector, broken."""

    @asynccontextmanager
    async def opened(settings: Any, context: ConnectorContext) -> AsyncIterator[Any]:
        async with sound.open(settings, context) as connector:
            break_(connector)
            yield connector

    broken = {"declaration": attrs.evolve(sound, open=opened), "market": "ETH-USDT"}

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


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.full) if place % 4 else name for place, name in enumerate(BROKEN)]
)
def test_a_broken_connector_fails_the_test_of_what_is_broken(name: str, *, full: bool) -> None:
    """Every fourth of them; with `--full` all, and every other test is seen to pass."""
    sound, tests, break_ = BROKEN[name]
    suite = suite_of(sound, break_)

    assert [test for test in (tests if full else [name]) if fails(suite, test)] == [name]
