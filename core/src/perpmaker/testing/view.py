"""Views made by hand, for tests of strategies, exits and risk modules: say what matters, the rest is a calm market."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import attrs

from perpmaker.model.account import AccountSnapshot
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderStatus, OrderType, PositionMode, PositionSide, Side, Slot
from perpmaker.model.position import Balance, Position
from perpmaker.model.quote import Exit, Quote
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.view import Mode, View


@attrs.frozen(kw_only=True)
class ScriptedBook:
    """Other people's book as (ticks, lots), each side from the best outward."""

    bids: tuple[tuple[int, int], ...] = ()
    asks: tuple[tuple[int, int], ...] = ()

    @property
    def best_bid(self) -> int | None:
        """The best bid in ticks, None on an empty side."""
        return self.bids[0][0] if self.bids else None

    @property
    def best_ask(self) -> int | None:
        """The best ask in ticks, None on an empty side."""
        return self.asks[0][0] if self.asks else None

    def levels(self, side: Side) -> Iterator[tuple[int, int]]:
        """The levels of a side, from the best outward."""
        return iter(self.bids if side is Side.BUY else self.asks)


def make_instrument(**changes: Any) -> Instrument:  # noqa: ANN401  # any field of Instrument
    """A market with tick 0.01 and lot 0.001, without fees and minima unless given."""
    plain = Instrument(
        market="BTC-USDT",
        symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        tick=Decimal("0.01"),
        lot=Decimal("0.001"),
        min_amount=Decimal("0.001"),
        max_amount=Decimal(1000),
        max_market_amount=Decimal(1000),
        min_notional=Decimal(0),
        max_leverage=100,
        maker_fee=Decimal(0),
        taker_fee=Decimal(0),
    )

    return attrs.evolve(plain, **changes)


def make_book(bid: int | None, ask: int | None, lots: int = 1000) -> ScriptedBook:
    """A book of one level a side at these ticks; None for an empty side."""
    return ScriptedBook(
        bids=() if bid is None else ((bid, lots),),
        asks=() if ask is None else ((ask, lots),),
    )


def make_view(**changes: Any) -> View:  # noqa: ANN401  # any field of View
    """A running, flat, well-funded One-way account at 99.99 / 100.01, everything alive; change what matters."""
    calm: dict[str, Any] = {
        "now": 1000.0,
        "instrument": make_instrument(),
        "position_mode": PositionMode.ONE_WAY,
        "leverage": 1,
        "mode": Mode.RUN,
        "mode_reason": "",
        "book": make_book(9999, 10001),
        "book_ok": True,
        "book_age_s": 0.0,
        "mark": Decimal(100),
        "mark_age_s": 0.0,
        "mark_stream_age_s": 0.0,
        "last_trade": None,
        "trade_age_s": 0.0,
        "last_trade_age_s": 0.0,
        "last_own_trade": None,
        "external_reference": False,
        "reference": None,
        "reference_age_s": 0.0,
        "orders": {},
        "ended": {},
        "positions": {},
        "capital": Decimal(1_000_000),
        "capital_age_s": 0.0,
        "quote_filled_at": {},
        "stop_closed_at": {},
        "no_quotes_for": frozenset(),
        "blocked": False,
        "memory": None,
    }

    return View(**{**calm, **changes})


def make_position(
    amount: str, entry: str = "100", side: PositionSide = PositionSide.NET
) -> dict[PositionSide, Position]:
    """The positions of a view: one, by its signed amount and entry price."""
    return {side: Position(side=side, amount=Decimal(amount), entry=Decimal(entry))}


def make_account(
    *positions: Position,
    wallet: str = "1000",
    asset: str = "USDT",
    **changes: Any,  # noqa: ANN401  # any field of AccountSnapshot
) -> AccountSnapshot:
    """An account with one asset, all of it available, and these positions; without any: a flat NET one."""
    plain = AccountSnapshot(
        positions=positions or (Position(side=PositionSide.NET),),
        assets=(Balance(asset=asset, wallet=Decimal(wallet), available=Decimal(wallet)),),
        available=Decimal(wallet),
    )

    return attrs.evolve(plain, **changes)


def make_order(
    slot: Slot,
    ticks: int | None,
    lots: int,
    *,
    status: OrderStatus = OrderStatus.OPEN,
    filled_lots: int = 0,
    generation: int = 0,
    type: OrderType | None = None,  # noqa: A002  # named as the order's field
    client_id: str | None = None,
    sent_at: float = 0.0,
) -> WorkingOrder:
    """One of our own orders as the state would show it."""
    kind = type or (OrderType.MARKET if ticks is None else OrderType.LIMIT)
    name = (
        client_id or f"pm-test-{slot.kind.value}-{slot.side.value}-{slot.level}-{slot.position_side.value}-{generation}"
    )
    new = NewOrder(client_id=name, slot=slot, lots=lots, ticks=ticks, type=kind, generation=generation)

    return WorkingOrder(order=new, status=status, sent_at=sent_at, filled_lots=filled_lots)


def rest(wants: tuple[Quote | Exit, ...], status: OrderStatus = OrderStatus.OPEN) -> dict[Slot, WorkingOrder]:
    """What the view's orders are once everything wanted rests (or is in the status given)."""
    return {
        want.slot: make_order(
            want.slot,
            getattr(want, "ticks", None),
            want.lots,
            status=status,
            generation=want.generation if isinstance(want, Quote) else 0,
            client_id=f"pm-test-{want.slot}-{getattr(want, 'generation', 0)}".replace(" ", "_"),
        )
        for want in wants
    }
