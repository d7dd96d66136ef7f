"""Binance's REST endpoints, one method each: what they are called, what they cost, what they answer.

Source: USDⓈ-M futures documentation; weights as documented there. Reads and changes of settings raise; commands about
orders return the venue's `Answer` or raise what `call.Caller.call` raises, because only the caller can say what an
answer means for each order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Final, TypeVar

import msgspec

from perpmaker.clock import Clock
from perpmaker.connector.payload import PayloadDecoder, is_json
from perpmaker.errors import PayloadError
from perpmaker_binance_perpetual.budget import Cost
from perpmaker_binance_perpetual.call import Caller, Security
from perpmaker_binance_perpetual.messages import (
    Account,
    AccountConfig,
    Asset,
    Brackets,
    CommissionRate,
    Depth,
    Done,
    ExchangeInfo,
    FundingInfo,
    IncomeRow,
    KeyRestrictions,
    ListenKey,
    Order,
    OrderName,
    PositionRisk,
    PremiumIndex,
    RateLimit,
    RawAccount,
    RawExchangeInfo,
    Symbol,
    SymbolConfig,
    UserTrade,
)
from perpmaker_binance_perpetual.refusals import NO_SUCH_ORDER, Answer
from perpmaker_binance_perpetual.request import Requests, checked, decode, not_json
from perpmaker_binance_perpetual.rows import Head, Page, RowReader
from perpmaker_binance_perpetual.stop_messages import AlgoOrder

T = TypeVar("T")

BATCH_PLACE: Final = 5
BATCH_CANCEL: Final = 10
PAGE: Final = 1000
DEPTH_LEVELS: Final = 1000

_FREE = Cost(weight=0)
_EXCHANGE_INFO = PayloadDecoder(RawExchangeInfo)
_SYMBOL = PayloadDecoder(Symbol)
_RATE_LIMIT = PayloadDecoder(RateLimit)
_BRACKETS = PayloadDecoder(Brackets)
_COMMISSION = PayloadDecoder(CommissionRate)
_PREMIUM = PayloadDecoder(PremiumIndex)
_FUNDING_INFO = PayloadDecoder(FundingInfo)
_DEPTH = PayloadDecoder(Depth)
_ORDER = PayloadDecoder(Order)
_ALGO_ORDER = PayloadDecoder(AlgoOrder)
_NAME = PayloadDecoder(OrderName)
_TRADE = PayloadDecoder(UserTrade)
_INCOME = PayloadDecoder(IncomeRow)
_POSITION = PayloadDecoder(PositionRisk)
_ACCOUNT = PayloadDecoder(RawAccount)
_ASSET = PayloadDecoder(Asset)
_ACCOUNT_CONFIG = PayloadDecoder(AccountConfig)
_SYMBOL_CONFIG = PayloadDecoder(SymbolConfig)
_LISTEN_KEY = PayloadDecoder(ListenKey)
_KEY_RESTRICTIONS = PayloadDecoder(KeyRestrictions)
_DONE = PayloadDecoder(Done)
_ELEMENTS: PayloadDecoder[list[msgspec.Raw]] = PayloadDecoder(list[msgspec.Raw])


class Rest:
    """The endpoints that are used, over one `Caller`."""

    def __init__(self, caller: Caller, clock: Clock) -> None:
        self._ask = Requests(caller, clock)
        self.reader = RowReader()

    # --- public ----------------------------------------------------------------------------------------------------

    async def sync_clock(self) -> None:
        """Measure the distance to the venue's clock."""
        await self._ask.sync_clock()

    async def exchange_info(self) -> ExchangeInfo:
        """All markets and their filters, and the venue's rate limits."""
        info = await self._ask.read(_EXCHANGE_INFO, "GET", "/fapi/v1/exchangeInfo", security=Security.NONE)

        return ExchangeInfo(
            symbols=list(self.reader.decode(info.symbols, _SYMBOL, "markets")),
            rateLimits=list(self.reader.decode(info.rateLimits, _RATE_LIMIT, "rate limits")),
        )

    async def depth(self, symbol: str) -> Depth:
        """The book, 1000 levels a side."""
        parameters: dict[str, str | int] = {"symbol": symbol, "limit": DEPTH_LEVELS}

        return await self._ask.read(
            _DEPTH, "GET", "/fapi/v1/depth", parameters, security=Security.NONE, cost=Cost(weight=20)
        )

    async def funding_info(self) -> Sequence[FundingInfo]:
        """Markets whose funding interval or bounds differ from the usual."""
        answer = await self._ask.answer("GET", "/fapi/v1/fundingInfo", {}, security=Security.NONE, cost=_FREE)

        return self._list(answer, _FUNDING_INFO, "funding intervals").rows

    async def premium_index(self, symbol: str) -> PremiumIndex:
        """Mark and index price and funding of a market; asked for to watch a position, so it never waits its turn."""
        return await self._ask.read(
            _PREMIUM, "GET", "/fapi/v1/premiumIndex", {"symbol": symbol}, security=Security.NONE, urgent=True
        )

    # --- account ---------------------------------------------------------------------------------------------------

    async def leverage_brackets(self, symbol: str) -> Brackets:
        """The maintenance tiers of a market; a list of one, or the one itself."""
        answer = await self._ask.answer("GET", "/fapi/v1/leverageBracket", {"symbol": symbol})

        return _one(answer, _BRACKETS, symbol)

    async def commission_rate(self, symbol: str) -> CommissionRate:
        """The account's own fees on a market."""
        return await self._ask.read(
            _COMMISSION, "GET", "/fapi/v1/commissionRate", {"symbol": symbol}, cost=Cost(weight=20)
        )

    async def account_config(self, *, urgent: bool = False) -> AccountConfig:
        """Position mode, multi-assets mode, and permission to trade."""
        return await self._ask.read(
            _ACCOUNT_CONFIG, "GET", "/fapi/v1/accountConfig", cost=Cost(weight=5), urgent=urgent
        )

    async def symbol_config(self, symbol: str) -> SymbolConfig:
        """Leverage and margin mode of a market."""
        answer = await self._ask.answer("GET", "/fapi/v1/symbolConfig", {"symbol": symbol}, cost=Cost(weight=5))

        return _one(answer, _SYMBOL_CONFIG, symbol)

    async def key_restrictions(self) -> KeyRestrictions:
        """What the key may do; answered by the host of the spot market alone."""
        return await self._ask.read(_KEY_RESTRICTIONS, "GET", "/sapi/v1/account/apiRestrictions")

    async def set_leverage(self, symbol: str, leverage: int) -> None:
        """Set a market's leverage; setting what is set succeeds."""
        await self._ask.read(_DONE, "POST", "/fapi/v1/leverage", {"symbol": symbol, "leverage": leverage})

    async def set_margin_type(self, symbol: str, margin_type: str) -> None:
        """Set `CROSSED` or `ISOLATED`; RefusedError -4046 when it is set already."""
        await self._ask.read(_DONE, "POST", "/fapi/v1/marginType", {"symbol": symbol, "marginType": margin_type})

    async def set_position_mode(self, *, hedge: bool) -> None:
        """Set the account's position mode, for all markets; RefusedError -4059 when it is set already."""
        parameters = {"dualSidePosition": "true" if hedge else "false"}
        await self._ask.read(_DONE, "POST", "/fapi/v1/positionSide/dual", parameters)

    async def position_risk(self, symbol: str) -> Sequence[PositionRisk]:
        """The positions of a market; none without a position or an order."""
        answer = await self._ask.answer(
            "GET", "/fapi/v3/positionRisk", {"symbol": symbol}, cost=Cost(weight=5), urgent=True
        )

        return self._list(answer, _POSITION, "positions", symbol, is_needed=lambda _: True).rows

    async def account(self, quote: str) -> Account:
        """The account's assets, those that can be read and this one, and what is free for margin."""
        raw = await self._ask.read(_ACCOUNT, "GET", "/fapi/v3/account", cost=Cost(weight=5), urgent=True)
        assets = self.reader.decode(raw.assets, _ASSET, "assets", is_needed=lambda head: head.asset == quote)

        return Account(
            assets=list(assets),
            availableBalance=raw.availableBalance,
            totalOpenOrderInitialMargin=raw.totalOpenOrderInitialMargin,
        )

    async def user_trades(self, symbol: str, page: Mapping[str, int]) -> Page[UserTrade]:
        """Fills, oldest first: `startTime` and `endTime` at most 7 days apart, or `fromId`; 1000 at most."""
        parameters: dict[str, str | int] = {"symbol": symbol, **page, "limit": PAGE}

        answer = await self._ask.answer("GET", "/fapi/v1/userTrades", parameters, cost=Cost(weight=5), urgent=True)

        return self._list(answer, _TRADE, "fills", symbol)

    async def all_orders(self, symbol: str, from_id: int) -> Page[OrderName]:
        """The names of the last week's orders from one on, oldest first; a page of them."""
        parameters: dict[str, str | int] = {"symbol": symbol, "orderId": from_id, "limit": PAGE}

        answer = await self._ask.answer("GET", "/fapi/v1/allOrders", parameters, cost=Cost(weight=5), urgent=True)

        return self._list(answer, _NAME, "orders")

    async def income(self, symbol: str, start_ms: int, end_ms: int) -> Page[IncomeRow]:
        """What was booked for a market between two venue times, oldest first; 1000 at most. It may wait its turn."""
        parameters: dict[str, str | int] = {"symbol": symbol, "startTime": start_ms, "endTime": end_ms, "limit": PAGE}

        answer = await self._ask.answer("GET", "/fapi/v1/income", parameters, cost=Cost(weight=30))

        return self._list(answer, _INCOME, "income", symbol)

    # --- orders ----------------------------------------------------------------------------------------------------

    async def place(self, parameters: Mapping[str, str], *, urgent: bool) -> Answer:
        """One new order."""
        return await self._ask.command("POST", "/fapi/v1/order", parameters, Cost(0, 1, 1), urgent=urgent)

    async def place_batch(self, orders: Sequence[Mapping[str, str]], *, urgent: bool) -> Answer:
        """Up to five new orders; answered element by element. However few they are, five are counted."""
        parameters = {"batchOrders": json.dumps(orders, separators=(",", ":"))}
        cost = Cost(BATCH_PLACE, BATCH_PLACE, 1)

        return await self._ask.command("POST", "/fapi/v1/batchOrders", parameters, cost, urgent=urgent)

    async def modify(self, parameters: Mapping[str, str | int]) -> Answer:
        """Move one resting order; it counts as a new one."""
        return await self._ask.command("PUT", "/fapi/v1/order", parameters, Cost(1, 1, 1), urgent=False)

    async def modify_batch(self, orders: Sequence[Mapping[str, str | int]]) -> Answer:
        """Move up to five resting orders; answered element by element, and counted as a batch of new ones."""
        parameters = {"batchOrders": json.dumps(orders, separators=(",", ":"))}
        cost = Cost(BATCH_PLACE, BATCH_PLACE, 1)

        return await self._ask.command("PUT", "/fapi/v1/batchOrders", parameters, cost, urgent=False)

    async def cancel(self, symbol: str, client_id: str, *, urgent: bool) -> Answer:
        """Cancel one order by our own id."""
        parameters = {"symbol": symbol, "origClientOrderId": client_id}

        return await self._ask.retried("DELETE", "/fapi/v1/order", parameters, urgent=urgent)

    async def cancel_batch(self, symbol: str, client_ids: Sequence[str], *, urgent: bool) -> Answer:
        """Cancel up to ten orders by our own ids; answered element by element."""
        ids = json.dumps(client_ids, separators=(",", ":"))
        parameters = {"symbol": symbol, "origClientOrderIdList": ids}

        return await self._ask.retried("DELETE", "/fapi/v1/batchOrders", parameters, urgent=urgent)

    async def order(self, symbol: str, reference: Mapping[str, str]) -> Order | None:
        """What the venue knows of an order, by `orderId` or `origClientOrderId`; None when it knows none."""
        answer = await self._ask.retried("GET", "/fapi/v1/order", {"symbol": symbol, **reference}, urgent=True)
        failure = answer.failure

        if failure is not None and failure.code == NO_SUCH_ORDER:
            return None

        return decode(_ORDER, checked(answer))

    async def order_name(self, symbol: str, order_id: int) -> str:
        """The client id of anybody's order; empty where the venue knows the order no more, or has no id for it."""
        parameters = {"symbol": symbol, "orderId": str(order_id)}
        answer = await self._ask.retried("GET", "/fapi/v1/order", parameters, urgent=True)
        failure = answer.failure

        if failure is not None and failure.code == NO_SUCH_ORDER:
            return ""

        try:
            return decode(_NAME, checked(answer)).clientOrderId
        except PayloadError:
            return ""

    async def open_orders(self, symbol: str) -> Sequence[Order]:
        """All open orders of a market; conditional ones are kept elsewhere by the venue."""
        answer = await self._ask.answer("GET", "/fapi/v1/openOrders", {"symbol": symbol}, urgent=True)

        return self._list(answer, _ORDER, "orders", symbol, is_needed=attrgetter("is_own_order")).rows

    async def set_countdown(self, symbol: str, countdown_ms: int) -> None:
        """All open orders of the market are cancelled after so long unless this is called again; 0 ends it."""
        parameters: dict[str, str | int] = {"symbol": symbol, "countdownTime": countdown_ms}
        cost = Cost(weight=10)
        await self._ask.read(_DONE, "POST", "/fapi/v1/countdownCancelAll", parameters, cost=cost, urgent=True)

    # --- conditional orders ------------------------------------------------------------------------------------------

    async def place_stop(self, parameters: Mapping[str, str]) -> Answer:
        """One new conditional order."""
        return await self._ask.command("POST", "/fapi/v1/algoOrder", parameters, Cost(0, 1, 1), urgent=True)

    async def cancel_stop(self, symbol: str, client_id: str) -> Answer:
        """Cancel one conditional order by our own id."""
        parameters = {"symbol": symbol, "clientAlgoId": client_id}

        return await self._ask.retried("DELETE", "/fapi/v1/algoOrder", parameters, urgent=True)

    async def stop(self, client_id: str) -> AlgoOrder | None:
        """What the venue knows of a conditional order, waiting or not; None when it knows none."""
        answer = await self._ask.retried("GET", "/fapi/v1/algoOrder", {"clientAlgoId": client_id}, urgent=True)
        failure = answer.failure

        if failure is not None and failure.code == NO_SUCH_ORDER:
            return None

        return decode(_ALGO_ORDER, checked(answer))

    async def open_stops(self, symbol: str) -> Sequence[AlgoOrder]:
        """All conditional orders of a market that wait or work."""
        answer = await self._ask.answer("GET", "/fapi/v1/openAlgoOrders", {"symbol": symbol}, urgent=True)

        return self._list(answer, _ALGO_ORDER, "stops", symbol, is_needed=attrgetter("is_own_order")).rows

    def _list(
        self,
        answer: Answer,
        decoder: PayloadDecoder[T],
        name: str,
        symbol: str | None = None,
        *,
        is_needed: Callable[[Head], bool] = lambda _: False,
    ) -> Page[T]:
        """A list, row by row; see `RowReader.read`."""
        try:
            return self.reader.read(answer.body, decoder, name, symbol=symbol, is_needed=is_needed)
        except PayloadError:
            if is_json(answer.body):
                raise

            raise not_json(answer) from None

    # --- user stream -----------------------------------------------------------------------------------------------

    async def create_listen_key(self) -> str:
        """The key of the account's stream: one for all processes, valid for an hour from now."""
        answer = await self._ask.read(_LISTEN_KEY, "POST", "/fapi/v1/listenKey", security=Security.KEY, urgent=True)

        return answer.listenKey

    async def renew_listen_key(self) -> None:
        """Another hour; RefusedError -1125 when the key is gone."""
        await self._ask.read(_DONE, "PUT", "/fapi/v1/listenKey", security=Security.KEY, urgent=True)


def _one(answer: Answer, single: PayloadDecoder[T], symbol: str) -> T:
    """The row of a market, where the venue answers with the row or with a list of rows."""
    if not answer.body.lstrip().startswith(b"["):
        return decode(single, answer)

    elements = decode(_ELEMENTS, answer)
    rows = list(RowReader().decode(elements, single, "rows", symbol=symbol, is_needed=lambda _: True))

    if not rows:
        raise PayloadError(f"no row for {symbol}")

    return rows[0]
