"""What connectors of one process have in common is opened once for an account, and closed when all runs have ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from perpmaker.connector.shared import in_common, open_shared

pytestmark = pytest.mark.anyio


class Desk:
    """Counts what is opened and closed of it."""

    def __init__(self, *, fails: int = 0) -> None:
        self.opened = self.closed = 0
        self._fails = fails

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """Yield which opening this is."""
        await anyio.lowlevel.checkpoint()
        self.opened += 1

        if self.opened <= self._fails:
            raise ConnectionError("not yet")

        try:
            yield self.opened
        finally:
            self.closed += 1


async def test_markets_of_one_account_get_the_same_and_of_another_account_another() -> None:
    """All ask at the same time; what is open stays so when one of them has ended."""
    desk, found = Desk(), []

    async with open_shared() as shared:

        async def market(account: str) -> None:
            async with in_common(shared, ("venue", account), desk.open) as opened:
                found.append((account, opened))

        async with anyio.create_task_group() as markets:
            for account in ("a", "a", "b"):
                markets.start_soon(market, account)

        assert desk.closed == 0

    by_account = {account: {number for each, number in found if each == account} for account in ("a", "b")}
    assert [len(numbers) for numbers in by_account.values()] == [1, 1]
    assert by_account["a"] != by_account["b"]
    assert (desk.opened, desk.closed) == (2, 2)


async def test_what_could_not_be_opened_is_tried_again_by_the_next_that_asks() -> None:
    """The error is for who asked; the others go on."""
    desk = Desk(fails=1)

    async with open_shared() as shared:
        with pytest.raises(ConnectionError):
            await shared.get("key", desk.open)

        assert await shared.get("key", desk.open) == 2


async def test_one_that_hangs_keeps_no_other_from_being_opened() -> None:
    """Another account's is open at once; what hangs is given up with the market that asked."""

    @asynccontextmanager
    async def hanging() -> AsyncIterator[int]:
        await anyio.sleep_forever()
        yield 0

    with anyio.move_on_after(5) as whole:
        async with open_shared() as shared, anyio.create_task_group() as markets:
            markets.start_soon(shared.get, "hangs", hanging)
            await anyio.wait_all_tasks_blocked()
            assert await shared.get("key", Desk().open) == 1
            whole.cancel()


async def test_a_single_market_opens_its_own_and_closes_it() -> None:
    """Without others there is nothing to share."""
    desk = Desk()

    async with in_common(None, "key", desk.open) as opened:
        assert (opened, desk.closed) == (1, 0)

    assert desk.closed == 1
