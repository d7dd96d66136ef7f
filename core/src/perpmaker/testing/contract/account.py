"""The market's rules, what it is set to, and what the account holds: all as the venue has it."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import anyio
import pytest

from perpmaker.connector.abilities import FundingHistory
from perpmaker.errors import MarketRulesError, RefusedError, UnknownMarketError
from perpmaker.model.event import BalanceReported, Channel, FundingPaid, OrderFilled, PositionReported
from perpmaker.model.income import IncomeKind
from perpmaker.model.order import OrderKind, OrderType, PositionMode, PositionSide, Side
from perpmaker.model.position import MarginMode, Position
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.testing.contract.room import Room
from perpmaker.testing.contract.suite import Suite

RULES = ("market", "symbol", "base", "quote", "tick", "lot", "min_amount", "min_notional", "max_leverage")

LAG_MS = 300
"""Milliseconds by which the venue's answers are old in a test."""


class AccountContract(Suite):
    """Rules, settings, balances, positions and funding."""

    async def test_the_markets_rules_are_the_venues(self) -> None:
        """Steps, least sizes and greatest leverage are those of the exchange."""
        async with self.open_room() as room:
            theirs, mine = room.sandbox.exchange.instrument, room.instrument
            assert {name: getattr(mine, name) for name in RULES} == {name: getattr(theirs, name) for name in RULES}

    async def test_an_unknown_market_names_the_nearest(self) -> None:
        """A name with a slip is refused, and the error tells what there is."""
        async with self.open_room() as room:
            with pytest.raises(UnknownMarketError, match=room.instrument.market):
                await room.connector.fetch_instrument(f"{room.instrument.market[:-1]}X")

    async def test_leverage_is_set_and_read_back(self) -> None:
        """What is set already is success, and what cannot be is refused with words."""
        async with self.open_room() as room:
            for leverage in (self.leverage + 1, self.leverage + 1, self.leverage):
                settings = await room.connector.prepare(room.instrument, leverage, PositionMode.ONE_WAY, None)
                assert (settings.leverage, room.account.leverage) == (leverage, leverage)

            with pytest.raises((MarketRulesError, RefusedError)):
                await room.connector.prepare(
                    room.instrument, room.instrument.max_leverage + 1, PositionMode.ONE_WAY, None
                )

    async def test_the_margin_mode_is_set_and_left_alone(self) -> None:
        """Where nothing is asked for, it stays what it is."""
        async with self.open_room() as room:
            await self._needs_isolated_margin(room)

            for wanted, expected in (
                (MarginMode.ISOLATED, MarginMode.ISOLATED),
                (None, MarginMode.ISOLATED),
                (MarginMode.CROSS, MarginMode.CROSS),
            ):
                settings = await room.connector.prepare(room.instrument, self.leverage, PositionMode.ONE_WAY, wanted)
                assert (settings.margin_mode, room.account.margin_mode) == (expected, expected)

    async def test_the_position_mode_is_set_and_read_back(self) -> None:
        """One-way and Hedge, where the venue has it."""
        self._needs_hedge()

        async with self.open_room() as room:
            for mode in (PositionMode.HEDGE, PositionMode.HEDGE, PositionMode.ONE_WAY):
                settings = await room.connector.prepare(room.instrument, self.leverage, mode, None)
                assert (settings.position_mode, room.account.position_mode) == (mode, mode)

    async def test_a_setting_that_something_holds_is_refused_with_words(self) -> None:
        """With an open order the mode cannot be changed, and the error says what to do."""
        self._needs_hedge()

        async with self.open_room() as room:
            await room.rest()

            with pytest.raises((MarketRulesError, RefusedError), match=r"\w+ \w+ \w+"):
                await room.connector.prepare(room.instrument, self.leverage, PositionMode.HEDGE, None)

    async def test_hedge_positions_stand_apart(self) -> None:
        """A long and a short one, each closed by orders of its own side."""
        self._needs_hedge()

        async with self.open_room() as room:
            await room.connector.prepare(room.instrument, self.leverage, PositionMode.HEDGE, None)

            for side, position in ((Side.BUY, PositionSide.LONG), (Side.SELL, PositionSide.SHORT)):
                await room.place(room.order(side, type=OrderType.MARKET, position_side=position))
                await room.settle()

            held = await self._positions(room)
            amount = room.instrument.amount(room.lots)
            assert {side: one.amount for side, one in held.items()} == {
                PositionSide.LONG: amount,
                PositionSide.SHORT: -amount,
            }
            closing = room.order(
                Side.SELL,
                kind=OrderKind.CLOSE,
                type=OrderType.MARKET,
                reduce_only=True,
                position_side=PositionSide.LONG,
            )
            await room.place(closing)
            await room.settle()
            held = await self._positions(room)
            assert held[PositionSide.LONG].amount == 0
            assert held[PositionSide.SHORT].amount == -amount

    async def test_the_balance_is_the_venues(self) -> None:
        """Wallet and available of the quote asset, asked for and on the stream."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            await room.hold()
            account = await room.connector.fetch_account(room.instrument)
            told = [one.balance.wallet for one in heard.of(BalanceReported) if self._is_quote(room, one)]
            (asked,) = [one.wallet for one in account.assets if one.asset == room.instrument.quote]

            assert asked == room.account.wallet
            assert account.available == room.account.available
            assert not told or told[-1] == room.account.wallet

    async def test_equity_and_margin_are_the_venues(self) -> None:
        """Of positions and orders together; flat first, then with a position and a quote that rests."""
        async with self.open_room() as room:
            flat = await room.connector.fetch_account(room.instrument)

            if flat.equity is None:
                pytest.skip(f"{self.declaration.name} tells neither equity nor margin")

            await room.hold()
            await room.rest()
            await room.settle()
            told = await room.connector.fetch_account(room.instrument)
            theirs = room.account

            assert flat.initial_margin == flat.maintenance_margin == 0
            assert told.equity == pytest.approx(theirs.equity)
            assert told.initial_margin == pytest.approx(theirs.position_margin + theirs.order_margin)
            assert told.maintenance_margin == pytest.approx(theirs.maintenance_margin)
            assert told.maintenance_margin

    async def test_positions_are_the_venues(self) -> None:
        """Long, smaller, short and flat: amount and entry, asked for and on the stream."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            lots = room.lots

            for side, changed in ((Side.BUY, 2 * lots), (Side.SELL, lots), (Side.SELL, 3 * lots), (Side.BUY, 2 * lots)):
                await room.hold(changed, side)
                (theirs,) = room.account.positions
                asked = (await self._positions(room)).get(PositionSide.NET)
                mine = Position(side=PositionSide.NET) if asked is None else asked
                told = [event.position for event in heard.of(PositionReported)]

                assert mine.amount == theirs.amount
                assert not theirs.amount or mine.entry == pytest.approx(theirs.entry)
                assert not told or told[-1].amount == theirs.amount

    async def test_an_answer_that_lags_is_dated_before_what_it_leaves_out(self) -> None:
        """A position without the newest fill is not said to be newer than that fill."""
        async with self.open_room(read_lag_ms=LAG_MS) as room:
            order = room.order(type=OrderType.MARKET)
            await room.place(order)

            for _ in range(round(self.settle_s / 0.01)):  # a gateway has answered before anything is done
                await anyio.sleep(0 if room.sandbox.exchange.executions(ACCOUNT) else 0.01)

            (booked,) = room.sandbox.exchange.executions(ACCOUNT)
            seen = []

            for _ in range(LAG_MS // 50 + round(self.settle_s / 0.05)):
                asked = (await self._positions(room)).get(PositionSide.NET)
                seen.append(asked is not None and asked.amount != 0)
                assert asked is None or seen[-1] or asked.venue_ms < booked.now_ms
                await anyio.sleep(0.05)

            assert not seen[0]
            assert seen[-1]

    async def test_funding_is_told_with_its_sign(self) -> None:
        """A long position pays: on the stream, or in the venue's history."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            await room.hold()
            paid = await self._settle_funding(room)
            told = [event.amount for event in heard.of(FundingPaid)]

            if isinstance(room.connector, FundingHistory):
                records = await room.connector.fetch_income(room.instrument, room.began_ms)
                asked = [record.amount for record in records if record.kind is IncomeKind.FUNDING]
                assert asked == [paid]
                assert told in ([], [paid])
            else:
                assert told == [paid]

            assert paid < 0
            assert not [event for event in heard.of(OrderFilled) if event.fill.amount == 0]

    async def test_income_is_what_the_venue_has_booked(self) -> None:
        """Every profit, fee and funding since the beginning, each row with an id of its own."""
        async with self.open_room() as room:
            history = room.require(FundingHistory)
            await room.hold()
            room.stage.move(15)
            await room.hold(side=Side.SELL)
            await room.hold()
            await self._settle_funding(room)
            records = await history.fetch_income(room.instrument, room.began_ms)
            mine: defaultdict[IncomeKind, Decimal] = defaultdict(Decimal)
            theirs: defaultdict[IncomeKind, Decimal] = defaultdict(Decimal)

            for record in records:
                mine[record.kind] += record.amount

            for income in room.sandbox.exchange.income(ACCOUNT, room.began_ms):
                theirs[income.kind] += income.amount

            wanted = {kind: amount for kind, amount in theirs.items() if kind is not IncomeKind.TRANSFER}
            assert {kind: mine[kind] for kind in wanted} == wanted
            assert len({(record.word, record.income_id, record.asset) for record in records}) == len(records)
            assert list(records) == sorted(records, key=lambda record: record.venue_ms)

    def _needs_hedge(self) -> None:
        if not self.declaration.hedge_mode:
            pytest.skip(f"{self.declaration.name} has no Hedge positions")

    async def _needs_isolated_margin(self, room: Room) -> None:
        try:
            await room.connector.prepare(room.instrument, self.leverage, PositionMode.ONE_WAY, MarginMode.ISOLATED)
        except MarketRulesError as error:
            assert room.account.margin_mode is MarginMode.CROSS
            pytest.skip(str(error))

    def _is_quote(self, room: Room, event: BalanceReported) -> bool:
        return event.balance.asset == room.instrument.quote

    async def _positions(self, room: Room) -> dict[PositionSide, Position]:
        account = await room.connector.fetch_account(room.instrument)

        return {position.side: position for position in account.positions}

    async def _settle_funding(self, room: Room) -> Decimal:
        """Let funding be charged; what the venue has booked of it."""
        exchange = room.sandbox.exchange
        at_ms = room.clock.utc_ms() + 1000
        room.stage.set_mark(exchange.mark, funding_rate=Decimal("0.001"), next_funding_ms=at_ms)
        await room.settle()
        booked = [one.amount for one in exchange.income(ACCOUNT, room.began_ms) if one.kind is IncomeKind.FUNDING]

        return sum(booked, Decimal(0))
