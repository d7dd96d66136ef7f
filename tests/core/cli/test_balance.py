"""`perpmaker balance`: what an account has, by the venue's word, and what the marks say of it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.model.account import AssetMode
from perpmaker.model.position import Balance
from perpmaker.report.balance import balance_of, balance_page, decode_balance
from perpmaker.report.status import MarginStatus, PositionStatus, Status, as_plain

POSITION = PositionStatus(
    side="net",
    amount=Decimal("-0.5"),
    entry=Decimal(60_000),
    notional=Decimal(30_000),
    unrealized_pnl=Decimal(0),
    target=None,
    stop=None,
    stop_distance=None,
    stop_fired=False,
    venue_stop=None,
    liquidation=Decimal(64_000),
    liquidation_distance=Decimal("0.066667"),
)
MARGIN = MarginStatus(
    available=Decimal(4000),
    equity=Decimal(10_000),
    initial_margin=Decimal(6000),
    maintenance_margin=Decimal(1000),
    free_share=Decimal("0.4"),
    maintenance_ratio=Decimal("0.1"),
    age_s=3.0,
)
STATUS = Status(
    name="calm:BTC-USDT",
    environment="testnet",
    venue="binance_perpetual",
    market="BTC-USDT",
    account="8f3a",
    file="/etc/calm.toml",
    pid=7,
    run_id="r",
    running=True,
    since="2026-01-01T12:00:00.000Z",
    at="2026-01-01T12:00:05.000Z",
    mode="run",
    mode_reason="",
    quote="USDT",
    positions=(POSITION,),
    margin=MARGIN,
)
ASSETS = (
    Balance(asset="BNB", wallet=Decimal("0.9")),
    Balance(asset="DOGE", wallet=Decimal(0)),
    Balance(asset="USDT", wallet=Decimal(10_000), available=Decimal(4000)),
)


def page(margin: MarginStatus | None = MARGIN) -> list[str]:
    """The page of this account, with another margin."""
    status = attrs.evolve(STATUS, margin=margin)

    return list(balance_page(balance_of(status, ASSETS, AssetMode.SINGLE, "bot")))


def test_the_page_has_every_asset_and_the_margin() -> None:
    """80 columns; an asset of which there is nothing is left out."""
    lines = page()
    assert max(map(len, lines)) <= 80
    rows = [line.split() for line in lines]
    assert ["USDT", "10000.00", "4000.00"] in rows
    assert ["BNB", "0.90", "-"] in rows
    assert not [line for line in lines if "DOGE" in line]
    assert "free margin       40.00 % of equity (warning below 30 %, alarm below 20 %)" in lines
    assert "position          -0.5 at 60000, liquidation 64000, 6.67 % from the mark price" in lines
    assert "told by the running bot, 3 s old" in lines[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"free_share": Decimal("0.3")}, None),
        ({"maintenance_ratio": Decimal("0.4999")}, None),
        ({"free_share": None, "maintenance_ratio": None, "equity": None}, None),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ({"free_share": Decimal("0.2999")}, "WARNING"),
                ({"free_share": Decimal("0.2")}, "WARNING"),
                ({"free_share": Decimal("0.1999")}, "ALARM"),
                ({"maintenance_ratio": Decimal("0.5")}, "WARNING"),
                ({"maintenance_ratio": Decimal("0.7")}, "ALARM"),
            )
        ),
    ],
)
def test_the_marks_are_said_where_they_are_passed(changes: dict[str, Any], words: str | None) -> None:
    """Free margin below 30 and 20 %, the venue's own ratio from 50 and 70 % on."""
    text = " ".join(" ".join(page(attrs.evolve(MARGIN, **changes))).split())
    assert [word for word in ("WARNING", "ALARM") if f": {word}" in text] == ([] if words is None else [words])
    assert ("not told" in text) is ("equity" in changes)


def test_json_is_the_value_and_comes_back() -> None:
    """Money as text, None where the venue tells nothing."""
    balance = balance_of(STATUS, ASSETS, AssetMode.MULTI, "venue")
    content = json.loads(json.dumps(as_plain(balance)))
    assert content["assets"][0] == {"asset": "USDT", "wallet": "10000", "available": "4000"}
    assert (content["free_share"], content["free_mark"], content["maintenance_mark"]) == ("0.4", "ok", "ok")
    assert content["asset_mode"] == "multi"
    assert decode_balance(content) == balance
    unread = balance_of(attrs.evolve(STATUS, margin=None), ASSETS, AssetMode.SINGLE, "bot")
    assert (unread.available, unread.free_mark, unread.maintenance_mark) == (None, "unknown", "unknown")
