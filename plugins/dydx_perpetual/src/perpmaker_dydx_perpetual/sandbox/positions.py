"""Positions as the Indexer adds them up, which is not how the chain or we would."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.venue.sandbox import FundingSettled, SimulationEvent
from perpmaker_dydx_perpetual.sandbox.records import Row, derived_uuid, moment, number
from perpmaker_dydx_perpetual.sandbox.world import World

ZERO = Decimal(0)


@attrs.define(kw_only=True, eq=False)
class Position:
    """One life of a position, from flat to flat.

    The entry price is the average of all fills that enlarged it: closes never reduce `opened`, so that it is no price
    of what is held once something was closed and opened again.
    """

    uuid: str
    sign: int
    size: Decimal = ZERO
    largest: Decimal = ZERO
    opened: Decimal = ZERO
    closed: Decimal = ZERO
    entry: Decimal = ZERO
    exit: Decimal = ZERO
    funding: Decimal = ZERO
    created_ms: int
    created_height: int
    closed_ms: int | None = None

    def open(self, amount: Decimal, price: Decimal, size: Decimal) -> None:
        """Enlarge it by a size, by a fill of an amount."""
        self.entry = (self.entry * self.opened + price * amount) / (self.opened + amount)
        self.opened += amount
        self.size += size
        self.largest = max(self.largest, self.size)

    def close(self, amount: Decimal, price: Decimal, at_ms: int) -> None:
        """Make it smaller."""
        self.exit = (self.exit * self.closed + price * amount) / (self.closed + amount)
        self.closed += amount
        self.size -= amount
        self.closed_ms = at_ms if self.size == 0 else None

    def row(self, ticker: str, subaccount: int, mark: Decimal) -> Row:
        """Return the row, its profit at this oracle price."""
        realized = self.funding + self.closed * (self.exit - self.entry) * self.sign

        return {
            "market": ticker,
            "status": "OPEN" if self.closed_ms is None else "CLOSED",
            "side": "LONG" if self.sign > 0 else "SHORT",
            "size": number(self.size * self.sign),
            "maxSize": number(self.largest * self.sign),
            "entryPrice": number(self.entry),
            "exitPrice": number(self.exit) if self.closed else None,
            "realizedPnl": number(realized),
            "unrealizedPnl": number(self.size * self.sign * (mark - self.entry)),
            "createdAt": moment(self.created_ms),
            "createdAtHeight": str(self.created_height),
            "closedAt": None if self.closed_ms is None else moment(self.closed_ms),
            "sumOpen": number(self.opened),
            "sumClose": number(self.closed),
            "netFunding": number(self.funding),
            "subaccountNumber": subaccount,
        }


class Positions:
    """All lives of the account's position, the newest last."""

    def __init__(self) -> None:
        self.lives: list[Position] = []

    @property
    def held(self) -> Position | None:
        """The position that is held."""
        return self.lives[-1] if self.lives and self.lives[-1].closed_ms is None else None

    def fill(  # noqa: PLR0917  # all that a fill is
        self, sign: int, amount: Decimal, price: Decimal, event: str, at_ms: int, height: int
    ) -> None:
        """Add a fill. One that turns the position ends it, and is counted whole for the next one."""
        held = self.held

        if held is not None and held.sign != sign and amount <= held.size:
            held.close(amount, price, at_ms)
            return

        size = amount

        if held is not None and held.sign != sign:
            size -= held.size
            held.size, held.closed_ms, held = ZERO, at_ms, None

        if held is None:
            held = Position(uuid=derived_uuid(event, "position"), sign=sign, created_ms=at_ms, created_height=height)
            self.lives.append(held)

        held.open(amount, price, size)

    def fund(self, amount: Decimal) -> None:
        """Add a funding payment."""
        if self.held is not None:
            self.held.funding += amount

    def copy(self) -> Positions:
        """Return these positions as they are now."""
        copied = Positions()
        copied.lives = [attrs.evolve(life) for life in self.lives]

        return copied


class FundingPayments:
    """All payments to and from the account: each hour's, listed a while later, under no id of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._payments: list[tuple[int, Row]] = []
        world.exchange.subscribe(self._note)

    def listed(self) -> list[Row]:
        """Return those that are listed already, newest first."""
        before_ms = self._world.now_ms() - round(self._world.options.funding_late_s * 1000)

        return [row for at_ms, row in reversed(self._payments) if at_ms <= before_ms]

    def _note(self, event: SimulationEvent) -> None:
        world = self._world

        if not isinstance(event, FundingSettled) or event.account != world.account:
            return

        (position, *_) = world.state.positions
        row: Row = {
            "createdAt": moment(world.shown_ms(event.now_ms)),
            "createdAtHeight": str(world.chain.height + 1),
            "perpetualId": str(world.market.clob_pair),
            "ticker": world.instrument.symbol,
            "oraclePrice": number(event.mark),
            "size": number(position.amount),
            "side": "LONG" if position.lots > 0 else "SHORT",
            "rate": number(event.rate),
            "payment": number(event.amount),
            "subaccountNumber": "0",
            "fundingIndex": number(len(self._payments) + 1),
        }
        self._payments.append((event.now_ms, row))
