"""Equity and margin of the pool that stands behind a market, out of the venue's own answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest
import respx

from perpmaker.clock import LoopClock
from perpmaker.model.account import AccountSnapshot, AssetMode
from perpmaker.secret import Secret, make_signer
from perpmaker.testing.view import make_instrument
from perpmaker.venue import Credentials
from perpmaker_binance_perpetual.account import fetch_account
from perpmaker_binance_perpetual.rest import row_reader

from .clients import client_over

pytestmark = pytest.mark.anyio

D = Decimal
BASE = "https://fapi.test"
SIGNER = make_signer(Secret("NOT_A_SECRET_binance_test_0123456789abcdef"))
USDT = {
    "asset": "USDT",
    "walletBalance": "1000",
    "availableBalance": "700",
    "marginBalance": "990",
    "initialMargin": "290",
    "maintMargin": "12.5",
    "openOrderInitialMargin": "90",
    "updateTime": 5,
}
USDC = USDT | {"asset": "USDC", "marginBalance": "40", "initialMargin": "30", "maintMargin": "2"}
CREDITS = USDT | {"asset": "BNFCR", "marginBalance": "500", "initialMargin": "100", "maintMargin": "4"}
TOTALS = {"totalMarginBalance": "1530", "totalInitialMargin": "390", "totalMaintMargin": "16.5"}


async def told(*assets: dict[str, Any], multi: bool = False, quote: str = "USDT", **totals: str) -> AccountSnapshot:
    """What a venue's answer comes to that lists these assets."""
    router = respx.Router(base_url=BASE)
    router.get("/fapi/v1/time").respond(json={"serverTime": 1767225600000})
    router.get("/fapi/v3/positionRisk").respond(json=[])
    router.get("/fapi/v3/account").respond(json={"assets": list(assets), "availableBalance": "700", **totals})
    router.get("/fapi/v1/accountConfig").respond(json={"dualSidePosition": False, "multiAssetsMargin": multi})

    async with httpx.AsyncClient(transport=httpx.MockTransport(router.async_handler), base_url=BASE) as client:
        rest = client_over(client, LoopClock(), Credentials(api_key="KEY", signer=SIGNER))

        return await fetch_account(rest, row_reader(), make_instrument(quote=quote), as_of_ms=1)


def pool_of(account: AccountSnapshot) -> tuple[Decimal | None, ...]:
    """Equity, initial and maintenance margin."""
    return account.equity, account.initial_margin, account.maintenance_margin


async def test_in_single_asset_mode_the_settlement_asset_stands_alone() -> None:
    """Its own row counts: the totals are those of USDT, also for a market that settles in USDC."""
    assert pool_of(await told(USDT, USDC, **TOTALS)) == (D(990), D(290), D("12.5"))
    assert pool_of(await told(USDT, USDC, quote="USDC", **TOTALS)) == (D(40), D(30), D(2))


async def test_in_multi_assets_mode_the_totals_count() -> None:
    """Every row repeats a part of the whole: none is added up."""
    assert pool_of(await told(USDT, USDC, multi=True, **TOTALS)) == (D(1530), D(390), D("16.5"))


async def test_in_credits_mode_the_credits_stand_behind_it_where_the_asset_has_nothing() -> None:
    """The row that quotes take margin from."""
    lent = await told(USDT | {"availableBalance": "0"}, CREDITS)
    assert lent.asset_mode is AssetMode.CREDITS
    assert pool_of(lent) == (D(500), D(100), D(4))
    assert pool_of(await told(USDT, CREDITS)) == (D(990), D(290), D("12.5"))


async def test_what_the_venue_leaves_out_is_not_told() -> None:
    """None, and never a zero: an answer without the fields, and one without the asset."""
    bare = {name: USDT[name] for name in ("asset", "walletBalance", "availableBalance")}
    assert pool_of(await told(bare)) == (None, None, None)
    assert pool_of(await told(USDC)) == (None, None, None)
    assert pool_of(await told(bare, multi=True)) == (None, None, None)
