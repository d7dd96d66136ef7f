"""An account of the simulated exchange: wallet, positions, orders, margin. Money is exact.

A position keeps its cost, not its entry price: what a partial close takes out of the cost is rounded once, and what
is rounded stays in the cost, so that profit, fees and funding add up to the wallet to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import attrs

from perpmaker.model.income import IncomeKind
from perpmaker.model.instrument import Instrument, OrderMargin
from perpmaker.model.margin import initial_margin, liquidation_price, maintenance_margin
from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.model.position import MarginMode
from perpmaker.simulation.order import ConditionalOrder, Execution, SimulatedOrder
from perpmaker.simulation.statement import AccountState, Assets, Income, OtherAsset, PositionState

ZERO = Decimal(0)
MONEY = Decimal("0.00000001")


@attrs.define(eq=False)
class Holding:
    """A position as it is kept: signed lots, what they cost (positive), and the margin put aside for it."""

    side: PositionSide
    lots: int = 0
    cost: Decimal = ZERO
    isolated: Decimal = ZERO
    realized: Decimal = ZERO
    fees: Decimal = ZERO
    updated_ms: int = 0

    def fill(self, sign: int, lots: int, lot_value: Decimal, isolated_leverage: int | None, fee: Decimal) -> Decimal:
        """Book an execution and return the profit it realised. `lot_value` is the price of one lot, in quote.

        `fee` is that of the execution; what of it opened the position stays with it until that is closed.
        """
        closed = min(lots, abs(self.lots)) if self.lots * sign < 0 else 0
        realized = self._close(closed, lot_value) if closed else ZERO
        opened = lots - closed

        if opened:
            self.lots += sign * opened
            self.cost += opened * lot_value
            self.fees += fee if opened == lots else (fee * opened / lots).quantize(MONEY)

            if isolated_leverage is not None:
                self.isolated += (opened * lot_value / isolated_leverage).quantize(MONEY)

        self.realized += realized

        return realized

    def _close(self, closed: int, lot_value: Decimal) -> Decimal:
        size = abs(self.lots)
        sign = 1 if self.lots > 0 else -1
        cost = self.cost if closed == size else (self.cost * closed / size).quantize(MONEY)
        released = self.isolated if closed == size else (self.isolated * closed / size).quantize(MONEY)

        self.cost -= cost
        self.fees -= self.fees if closed == size else (self.fees * closed / size).quantize(MONEY)
        self.isolated -= released
        self.lots -= sign * closed

        return sign * (closed * lot_value - cost)

    def break_even(self, amount: Decimal) -> Decimal:
        """Return the price at which the fees of opening are earned back. `amount` is signed, in base."""
        if not amount:
            return ZERO

        return ((self.cost + (self.fees if amount > 0 else -self.fees)) / abs(amount)).quantize(MONEY)

    def unrealized(self, lot_mark: Decimal) -> Decimal:
        """Profit if closed at the mark. `lot_mark` is the mark price of one lot."""
        return self.lots * lot_mark - (self.cost if self.lots > 0 else -self.cost)


@attrs.define(eq=False)
class Account:
    """What the exchange keeps of an account. Mutable. `AccountState` is what others see.

    `liquidating` are the positions taken over and not flat yet, each with the wallet that cannot be lost by it.
    """

    name: str
    instrument: Instrument
    wallet: Decimal = ZERO
    leverage: int = 20
    margin_mode: MarginMode = MarginMode.CROSS
    position_mode: PositionMode = PositionMode.ONE_WAY
    holdings: dict[PositionSide, Holding] = attrs.Factory(lambda: {side: Holding(side) for side in PositionSide})
    open_orders: dict[int, SimulatedOrder] = attrs.field(factory=dict)
    orders: dict[int, SimulatedOrder] = attrs.field(factory=dict)
    order_ids: dict[str, int] = attrs.field(factory=dict)
    conditionals: dict[int, ConditionalOrder] = attrs.field(factory=dict)
    income: list[Income] = attrs.field(factory=list)
    executions: list[Execution] = attrs.field(factory=list)
    liquidating: dict[PositionSide, Decimal] = attrs.field(factory=dict)
    countdown_ms: int | None = None
    updated_ms: int = 0
    others: dict[str, OtherAsset] = attrs.field(factory=dict)
    assets: Assets = attrs.field(factory=Assets)

    @property
    def sides(self) -> tuple[PositionSide, ...]:
        """The positions of the current mode."""
        hedge = self.position_mode is PositionMode.HEDGE

        return (PositionSide.LONG, PositionSide.SHORT) if hedge else (PositionSide.NET,)

    @property
    def isolated_leverage(self) -> int | None:
        """The leverage by which an isolated position takes its margin. None in cross mode."""
        return self.leverage if self.margin_mode is MarginMode.ISOLATED else None

    def book_income(
        self,
        kind: IncomeKind,
        amount: Decimal,
        now_ms: int,
        income_id: int,
        trade_id: int | None,
        *,
        asset: str | None = None,
    ) -> None:
        """Change a wallet, without an asset that of the quote asset, and say why."""
        asset = asset or self.instrument.quote

        if asset == self.instrument.quote:
            self.wallet += amount
        else:
            other = self.others[asset]
            self.others[asset] = attrs.evolve(other, wallet=other.wallet + amount)

        self.updated_ms = now_ms
        self.income.append(
            Income(income_id=income_id, kind=kind, amount=amount, now_ms=now_ms, asset=asset, trade_id=trade_id),
        )

    def fee_in(self, fee: Decimal) -> tuple[Decimal, str]:
        """Return a fee as it is charged: in the asset chosen for fees, as long as there is enough of it."""
        other = self.others.get(self.assets.fee_asset or "")

        if other is None or fee <= 0:
            return fee, self.instrument.quote

        charged = (fee / other.value).quantize(MONEY)

        return (charged, other.asset) if charged <= other.wallet else (fee, self.instrument.quote)

    def backed_by_others(self) -> Decimal:
        """Return what other assets add to what is available, less what other markets take."""
        bound = self.assets.bound_elsewhere

        if not self.assets.multi_assets:
            return -bound

        return sum((other.wallet * other.value for other in self.others.values()), -bound)

    # --- closing orders

    def closing_side(self, position_side: PositionSide) -> Side | None:
        """Return the side that shrinks a position. None when it is flat."""
        lots = self.holdings[position_side].lots

        if lots == 0:
            return None

        return Side.SELL if lots > 0 else Side.BUY

    def closing_orders(self, position_side: PositionSide) -> list[SimulatedOrder]:
        """Return the open orders that may only shrink a position, oldest first."""
        return [o for o in self.open_orders.values() if o.closing and o.position_side is position_side]

    def room(self, side: Side, position_side: PositionSide) -> int:
        """Lots that a new closing order could still close."""
        if self.closing_side(position_side) is not side:
            return 0

        held = sum(order.remaining_lots for order in self.closing_orders(position_side))

        return max(abs(self.holdings[position_side].lots) - held, 0)

    # --- margin

    def order_notional(self, orders: Iterable[SimulatedOrder], side: Side, position_side: PositionSide) -> Decimal:
        """Notional of the resting orders that may open a position, of one side, at their own prices."""
        lots = sum(
            order.remaining_lots * (order.ticks or 0)
            for order in orders
            if order.side is side and order.position_side is position_side and not order.closing
        )

        return lots * self.instrument.tick * self.instrument.lot

    def order_margin(self, orders: Iterable[SimulatedOrder], mark: Decimal) -> Decimal:
        """Margin that the venue demands for these orders, beside the margin of the positions."""
        resting = list(orders)
        exposure = sum((self._added_exposure(resting, side, mark) for side in self.sides), ZERO)

        return initial_margin(exposure, self.leverage)

    def _added_exposure(self, orders: list[SimulatedOrder], side: PositionSide, mark: Decimal) -> Decimal:
        bids = self.order_notional(orders, Side.BUY, side)
        asks = self.order_notional(orders, Side.SELL, side)
        held = self.notional(side, mark)
        bids_add = max(abs(held + bids) - abs(held), ZERO)
        asks_add = max(abs(held - asks) - abs(held), ZERO)

        match self.instrument.order_margin:
            case OrderMargin.NONE:
                return ZERO
            case OrderMargin.LARGER_SIDE:
                return max(bids_add, asks_add)
            case OrderMargin.BOTH_SIDES:
                return bids_add + asks_add

    def notional(self, side: PositionSide, mark: Decimal) -> Decimal:
        """Signed notional of a position at the mark."""
        return self.holdings[side].lots * self.instrument.lot * mark

    def unrealized(self, side: PositionSide, mark: Decimal) -> Decimal:
        """Unrealised profit of a position at the mark."""
        return self.holdings[side].unrealized(self.instrument.lot * mark)

    def maintenance(self, side: PositionSide, mark: Decimal) -> Decimal:
        """Maintenance margin of a position at the mark."""
        return maintenance_margin(self.instrument.tiers, self.notional(side, mark))

    def position_margin(self, side: PositionSide, mark: Decimal) -> Decimal:
        """Margin that a position ties up: its own in isolated mode, the initial margin at the mark in cross."""
        if self.margin_mode is MarginMode.ISOLATED:
            return self.holdings[side].isolated

        return initial_margin(self.notional(side, mark), self.leverage)

    def cross_wallet(self) -> Decimal:
        """Return the wallet without the margin of isolated positions."""
        return self.wallet - sum((self.holdings[side].isolated for side in self.sides), ZERO)

    def available(self, orders: Iterable[SimulatedOrder], mark: Decimal) -> Decimal:
        """Return what is free for new orders, were these the open ones. May be negative."""
        margin = self.order_margin(orders, mark) - self.backed_by_others()

        if self.margin_mode is MarginMode.ISOLATED:
            return self.cross_wallet() - margin

        return (
            self.wallet
            - margin
            + sum((self.unrealized(side, mark) - self.position_margin(side, mark) for side in self.sides), ZERO)
        )

    def carries(self, order: SimulatedOrder, price: Decimal, lots: int, mark: Decimal) -> bool:
        """Whether the account is backed after a trade of an order, which is always so where it shrinks the position."""
        held = self.holdings[order.position_side].lots
        after = held + order.side.sign * lots

        if abs(after) <= abs(held):
            return True

        amount = lots * self.instrument.lot
        cost = order.side.sign * amount * (price - mark) + amount * price * self.instrument.taker_fee
        margin = initial_margin((abs(after) - abs(held)) * self.instrument.lot * mark, self.leverage)

        return self.available((), mark) >= cost + margin

    def backing(self, side: PositionSide, mark: Decimal) -> Decimal:
        """Return the margin behind a position: its own, or the wallet less what the other positions need."""
        if self.margin_mode is MarginMode.ISOLATED:
            return self.holdings[side].isolated

        others = (other for other in self.sides if other is not side)

        return self.wallet + sum((self.unrealized(o, mark) - self.maintenance(o, mark) for o in others), ZERO)

    def is_below_maintenance(self, side: PositionSide, mark: Decimal) -> bool:
        """Return whether a position has to be liquidated."""
        if self.holdings[side].lots == 0:
            return False

        return self.backing(side, mark) + self.unrealized(side, mark) <= self.maintenance(side, mark)

    # --- what others see

    def state(self, mark: Decimal) -> AccountState:
        """Return the account at this mark price."""
        positions = tuple(self.position_state(side, mark) for side in self.sides)
        unrealized = sum((p.unrealized for p in positions), ZERO)

        return AccountState(
            name=self.name,
            asset=self.instrument.quote,
            wallet=self.wallet,
            cross_wallet=self.cross_wallet(),
            unrealized=unrealized,
            equity=self.wallet + unrealized,
            available=max(self.available(self.open_orders.values(), mark), ZERO),
            position_margin=sum((p.initial_margin for p in positions), ZERO),
            order_margin=self.order_margin(self.open_orders.values(), mark),
            maintenance_margin=sum((p.maintenance_margin for p in positions), ZERO),
            leverage=self.leverage,
            margin_mode=self.margin_mode,
            position_mode=self.position_mode,
            positions=positions,
            updated_ms=self.updated_ms,
            others=tuple(self.others.values()),
            assets=self.assets,
        )

    def position_state(self, side: PositionSide, mark: Decimal) -> PositionState:
        """Return one position at this mark price."""
        holding = self.holdings[side]
        amount = holding.lots * self.instrument.lot
        exposure = self._added_exposure(list(self.open_orders.values()), side, mark)
        entry = (holding.cost / abs(amount)).quantize(MONEY) if amount else ZERO
        liquidation = liquidation_price(
            self.instrument.tiers, amount=amount, entry=entry, margin=self.backing(side, mark)
        )

        return PositionState(
            side=side,
            lots=holding.lots,
            amount=amount,
            entry=entry,
            break_even=holding.break_even(amount),
            mark=mark,
            notional=amount * mark,
            unrealized=self.unrealized(side, mark),
            initial_margin=self.position_margin(side, mark),
            maintenance_margin=self.maintenance(side, mark),
            order_margin=initial_margin(exposure, self.leverage),
            liquidation=None if liquidation is None else liquidation.quantize(MONEY),
            isolated_margin=holding.isolated if self.margin_mode is MarginMode.ISOLATED else None,
            realized=holding.realized,
            updated_ms=holding.updated_ms,
        )
