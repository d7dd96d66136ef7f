"""Bots as tests of the page script them: cards, statuses, and a source that counts how often it is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import anyio
import attrs

from perpmaker.backtest.result import Result
from perpmaker.control.card import Card
from perpmaker.page.watch import LiveFill, Seen
from perpmaker.report.status import (
    Counters,
    EndStatus,
    FundingStatus,
    LevelStatus,
    MarginStatus,
    NoticeStatus,
    PnlStatus,
    PositionStatus,
    ReasonStatus,
    Status,
)

SINCE = datetime(2026, 1, 1, 12, tzinfo=UTC)


def card(number: int = 1, **changes: Any) -> Card:
    """The card of a bot of /home/me/btc1.toml."""
    plain: dict[str, Any] = {
        "id": f"{number:016x}",
        "name": f"btc{number}:BTC-USDT",
        "file": f"/home/me/btc{number}.toml",
        "environment": "testnet",
        "venue": "binance_perpetual",
        "market": "BTC-USDT",
        "pid": 4700 + number,
        "since": iso(0),
    }

    return Card(**{**plain, **changes})


def iso(after_s: float) -> str:
    """A moment so long after the bots began."""
    return (SINCE + timedelta(seconds=after_s)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def level(name: str, state: str, price: str | None = None, *reasons: str) -> LevelStatus:
    """A level, with reasons as `rule: text`."""
    chain = (ReasonStatus(rule=rule, text=text) for rule, _, text in (one.partition(": ") for one in reasons))

    return LevelStatus(
        level=name,
        side=name.partition(" ")[0],
        position_side="net",
        state=state,
        price=None if price is None else Decimal(price),
        amount=None if price is None else Decimal("0.010"),
        ahead=None if price is None else Decimal("1.25"),
        reasons=tuple(chain),
    )


def status(of: Card, after_s: float = 60, **changes: Any) -> Status:
    """How a bot stands: short 0.02 at 60000.1, one bid, and a level that is withheld."""
    held = PositionStatus(
        side="net",
        amount=Decimal("-0.020"),
        entry=Decimal("60000.1"),
        notional=Decimal("1199.97"),
        unrealized_pnl=Decimal("-1.53"),
        target=Decimal("59901.5"),
        stop=Decimal("60601.5"),
        stop_distance=Decimal("0.0123"),
        stop_fired=False,
        venue_stop=Decimal("60752.5"),
        liquidation=Decimal("70003.5"),
        liquidation_distance=Decimal("0.1667"),
    )
    pnl = PnlStatus(
        asset="USDT",
        realized_pnl=Decimal("3.21"),
        unrealized_pnl=Decimal("-1.53"),
        spread=Decimal("2.54"),
        inventory=Decimal("-0.86"),
        fees_by_asset={"USDT": Decimal("0.2512"), "BNB": Decimal("0.0013")},
        funding_by_asset={"USDT": Decimal("-0.1014")},
        result=Decimal("1.3274"),
        result_by_asset={"USDT": Decimal("1.3274"), "BNB": Decimal("-0.0013")},
    )
    funding = FundingStatus(
        rate=Decimal("0.000117"),
        interval_h=8,
        next_payment=iso(7_560),
        next_in_s=7_500.0,
        cost_next=Decimal("-0.14"),
        cost_a_day=Decimal("-0.42"),
        break_even_a_day=Decimal(0),
        min_daily_profit_target=Decimal(0),
        paid_by_asset={"USDT": Decimal("-0.1014")},
    )
    plain: dict[str, Any] = {
        "name": of.name,
        "environment": of.environment,
        "venue": of.venue,
        "market": of.market,
        "account": "8f3a",
        "file": of.file,
        "pid": of.pid,
        "run_id": "abc",
        "running": True,
        "since": iso(0),
        "at": iso(after_s),
        "mode": "run",
        "mode_reason": "",
        "base": "BTC",
        "quote": "USDT",
        "tick": Decimal("0.1"),
        "reference": Decimal("60000.3"),
        "mark": Decimal("60000.7"),
        "best_bid": Decimal("59999.9"),
        "best_ask": Decimal("60000.2"),
        "positions": (held,),
        "margin": MarginStatus(
            available=Decimal("9001.25"),
            equity=Decimal("10002.5"),
            free_share=Decimal("0.2611"),
            maintenance_ratio=Decimal("0.0107"),
        ),
        "quotes": (level("buy 0", "open", "59990.5", "reference: middle of the book", "spread: 0.1 % below"),),
        "withheld": (level("sell 0", "withheld", None, "position held: a position is open"),),
        "exits": (level("target", "open", "59901.5", "target: 0.5 % of the entry"),),
        "pnl": pnl,
        "funding": funding,
        "counters": Counters(quotes_placed=31, cancels=7, amends=11, fills=3, volume=Decimal("2399.94")),
        "notices": (NoticeStatus(at=iso(after_s - 1), text="quote: sold 0.02 at 60000.1"),),
    }

    return Status(**{**plain, **changes})


ENDED = EndStatus(at=iso(61), exit_code=0, stop_reason="signal", left="nothing")


@attrs.define
class ScriptedBots:
    """Bots that tests move. `says` is what each says when it is asked, `takes_s` how long an answer takes."""

    says: dict[str, Callable[[], Status | None]] = attrs.field(factory=dict)
    cards: dict[str, Card] = attrs.field(factory=dict)
    last: dict[str, Status] = attrs.field(factory=dict)
    told_fills: dict[str, list[LiveFill]] = attrs.field(factory=dict)
    journal: Result | None = None
    takes_s: float = 0.0
    looked_at: list[float] = attrs.field(factory=list)

    def start(self, one: Card, says: Callable[[], Status | None] | None = None) -> None:
        """A bot begins to run."""
        self.cards[one.id] = one
        self.says[one.id] = says or (lambda: status(one, anyio.current_time()))

    def end(self, one: Card) -> None:
        """A bot is gone."""
        del self.cards[one.id]

    async def look(self) -> Sequence[Seen]:
        """How all stand."""
        self.looked_at.append(anyio.current_time())
        await anyio.sleep(self.takes_s)
        found = [(one, self.says[one.id]()) for one in self.cards.values()]

        return [Seen(card=one, status=said, words="" if said else "does not answer") for one, said in found]

    async def last_words(self, one: Card) -> Status | None:
        """What it said last."""
        return self.last.get(one.id)

    async def fills(self, one: Card, _: Status) -> Sequence[LiveFill]:
        """The fills that were not asked for yet."""
        return self.told_fills.pop(one.id, [])

    async def past(self, _: Card, __: Status) -> Result | None:
        """What the journal has."""
        return self.journal
