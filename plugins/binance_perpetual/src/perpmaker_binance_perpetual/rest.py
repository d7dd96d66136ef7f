"""Binance's REST endpoints, one method each: what they are called, what they cost, what they answer.

Source: USDⓈ-M futures documentation; weights as documented there. Reads and changes of settings raise; commands about
orders return the venue's `Answer` or raise what `call.Caller.call` raises, because only the caller can say what an
answer means for each order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from perpmaker.clock import Clock
from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import PayloadError
from perpmaker_binance_perpetual.budget import Cost
from perpmaker_binance_perpetual.call import Caller, Security
from perpmaker_binance_perpetual.messages import (
    Account,
    AccountConfig,
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
    SymbolConfig,
    UserTrade,
)
from perpmaker_binance_perpetual.refusals import NO_SUCH_ORDER, Answer
from perpmaker_binance_perpetual.request import Requests, checked, decode
from perpmaker_binance_perpetual.stop_messages import AlgoOrder

T = TypeVar("T")

BATCH_PLACE: Final = 5
BATCH_CANCEL: Final = 10
PAGE: Final = 1000
DEPTH_LEVELS: Final = 1000

_FREE = Cost(weight=0)
_EXCHANGE_INFO = PayloadDecoder(ExchangeInfo)
_BRACKETS = PayloadDecoder(Brackets)
_BRACKETS_LIST = PayloadDecoder(list[Brackets])
_COMMISSION = PayloadDecoder(CommissionRate)
_PREMIUM = PayloadDecoder(PremiumIndex)
_FUNDING_INFO = PayloadDecoder(list[FundingInfo])
_DEPTH = PayloadDecoder(Depth)
_ORDER = PayloadDecoder(Order)
_ORDERS = PayloadDecoder(list[Order])
_ALGO_ORDER = PayloadDecoder(AlgoOrder)
_ALGO_ORDERS = PayloadDecoder(list[AlgoOrder])
_NAMES = PayloadDecoder(list[OrderName])
_TRADES = PayloadDecoder(list[UserTrade])
_INCOME = PayloadDecoder(list[IncomeRow])
_POSITIONS = PayloadDecoder(list[PositionRisk])
_ACCOUNT = PayloadDecoder(Account)
_ACCOUNT_CONFIG = PayloadDecoder(AccountConfig)
_SYMBOL_CONFIG = PayloadDecoder(SymbolConfig)
_SYMBOL_CONFIGS = PayloadDecoder(list[SymbolConfig])
_LISTEN_KEY = PayloadDecoder(ListenKey)
_KEY_RESTRICTIONS = PayloadDecoder(KeyRestrictions)
_DONE = PayloadDecoder(Done)
_ELEMENTS = PayloadDecoder(list[msgspec.Raw])


class Rest:
    """The endpoints that are used, over one `Caller`."""

    def __init__(self, caller: Caller, clock: Clock) -> None:
        self._ask = Requests(caller, clock)

    # --- public ----------------------------------------------------------------------------------------------------

    async def sync_clock(self) -> None:
        """Measure the distance to the venue's clock."""
        await self._ask.sync_clock()

    async def exchange_info(self) -> ExchangeInfo:
        """All markets and their filters, and the venue's rate limits."""
        return await self._ask.read(_EXCHANGE_INFO, "GET", "/fapi/v1/exchangeInfo", security=Security.NONE)

    async def depth(self, symbol: str) -> Depth:
        """The book, 1000 levels a side."""
        parameters: dict[str, str | int] = {"symbol": symbol, "limit": DEPTH_LEVELS}

        return await self._ask.read(
            _DEPTH, "GET", "/fapi/v1/depth", parameters, security=Security.NONE, cost=Cost(weight=20)
        )

    async def funding_info(self) -> list[FundingInfo]:
        """Markets whose funding interval or bounds differ from the usual."""
        return await self._ask.read(_FUNDING_INFO, "GET", "/fapi/v1/fundingInfo", security=Security.NONE, cost=_FREE)

    async def premium_index(self, symbol: str) -> PremiumIndex:
        """Mark and index price and funding of a market; asked for to watch a position, so it never waits its turn."""
        return await self._ask.read(
            _PREMIUM, "GET", "/fapi/v1/premiumIndex", {"symbol": symbol}, security=Security.NONE, urgent=True
        )

    # --- account ---------------------------------------------------------------------------------------------------

    async def leverage_brackets(self, symbol: str) -> Brackets:
        """The maintenance tiers of a market; a list of one, or the one itself."""
        answer = await self._ask.answer("GET", "/fapi/v1/leverageBracket", {"symbol": symbol})

        return _one(answer, _BRACKETS, _BRACKETS_LIST, symbol)

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

        return _one(answer, _SYMBOL_CONFIG, _SYMBOL_CONFIGS, symbol)

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

    async def position_risk(self, symbol: str) -> list[PositionRisk]:
        """The positions of a market; none without a position or an order."""
        return await self._ask.read(
            _POSITIONS, "GET", "/fapi/v3/positionRisk", {"symbol": symbol}, cost=Cost(weight=5), urgent=True
        )

    async def account(self) -> Account:
        """The account's assets, and what is free for margin."""
        return await self._ask.read(_ACCOUNT, "GET", "/fapi/v3/account", cost=Cost(weight=5), urgent=True)

    async def user_trades(self, symbol: str, page: Mapping[str, int]) -> list[UserTrade]:
        """Fills, oldest first: `startTime` and `endTime` at most 7 days apart, or `fromId`; 1000 at most."""
        parameters: dict[str, str | int] = {"symbol": symbol, **page, "limit": PAGE}

        return await self._ask.read(_TRADES, "GET", "/fapi/v1/userTrades", parameters, cost=Cost(weight=5), urgent=True)

    async def all_orders(self, symbol: str, from_id: int) -> list[OrderName]:
        """The names of the last week's orders from one on, oldest first; a page of them."""
        parameters: dict[str, str | int] = {"symbol": symbol, "orderId": from_id, "limit": PAGE}

        return await self._ask.read(_NAMES, "GET", "/fapi/v1/allOrders", parameters, cost=Cost(weight=5), urgent=True)

    async def income(self, symbol: str, start_ms: int, end_ms: int) -> list[IncomeRow]:
        """What was booked for a market between two venue times, oldest first; 1000 at most. It may wait its turn."""
        parameters: dict[str, str | int] = {"symbol": symbol, "startTime": start_ms, "endTime": end_ms, "limit": PAGE}

        return await self._ask.read(_INCOME, "GET", "/fapi/v1/income", parameters, cost=Cost(weight=30))

    # --- orders ----------------------------------------------------------------------------------------------------

    async def place(self, parameters: Mapping[str, str], *, urgent: bool) -> Answer:
        """One new order."""
        return await self._ask.command("POST", "/fapi/v1/order", parameters, Cost(0, 1, 1), urgent=urgent)

    async def place_batch(self, orders: Sequence[Mapping[str, str]], *, urgent: bool) -> Answer:
        """Up to five new orders; answered element by element. However few they are, five are counted."""
        parameters = {"batchOrders": json.dumps(orders, separators=(",", ":"))}
        cost = Cost(BATCH_PLACE, BATCH_PLACE, 1)

        return await self._ask.command("POST", "/fapi/v1/batchOrders", parameters, cost, urgent=urgent)

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

    async def open_orders(self, symbol: str) -> list[Order]:
        """All open orders of a market; conditional ones are kept elsewhere by the venue."""
        return await self._ask.read(_ORDERS, "GET", "/fapi/v1/openOrders", {"symbol": symbol}, urgent=True)

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

    async def open_stops(self, symbol: str) -> list[AlgoOrder]:
        """All conditional orders of a market that wait or work."""
        return await self._ask.read(_ALGO_ORDERS, "GET", "/fapi/v1/openAlgoOrders", {"symbol": symbol}, urgent=True)

    # --- user stream -----------------------------------------------------------------------------------------------

    async def create_listen_key(self) -> str:
        """The key of the account's stream: one for all processes, valid for an hour from now."""
        answer = await self._ask.read(_LISTEN_KEY, "POST", "/fapi/v1/listenKey", security=Security.KEY, urgent=True)

        return answer.listenKey

    async def renew_listen_key(self) -> None:
        """Another hour; RefusedError -1125 when the key is gone."""
        await self._ask.read(_DONE, "PUT", "/fapi/v1/listenKey", security=Security.KEY, urgent=True)


def elements_of(answer: Answer) -> Sequence[bytes] | None:
    """The elements of a batch's answer, undecoded; None when it is no list."""
    try:
        return [bytes(element) for element in _ELEMENTS.decode(answer.body)]
    except PayloadError:
        return None


def order_of(body: bytes) -> Order | None:
    """The order in a body or in one element of a batch; None when it is none."""
    try:
        return _ORDER.decode(body)
    except PayloadError:
        return None


def algo_order_of(body: bytes) -> AlgoOrder | None:
    """The conditional order in a body; None when it is none."""
    try:
        return _ALGO_ORDER.decode(body)
    except PayloadError:
        return None


def _one(answer: Answer, single: PayloadDecoder[T], several: PayloadDecoder[list[T]], symbol: str) -> T:
    """The row of a market, where the venue answers with the row or with a list of rows."""
    if not answer.body.lstrip().startswith(b"["):
        return decode(single, answer)

    rows: list[Any] = decode(several, answer)
    found: T | None = next((row for row in rows if row.symbol == symbol), None)

    if found is None:
        raise PayloadError(f"no row for {symbol}")

    return found
