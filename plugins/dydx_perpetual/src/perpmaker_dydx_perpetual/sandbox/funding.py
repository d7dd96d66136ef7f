"""Funding as the Indexer lists it: paid each hour, listed a while later, under no id of its own."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from perpmaker.venue.sandbox import Exchange, FundingSettled, SimulationEvent
from perpmaker_dydx_perpetual.sandbox.chain import Chain
from perpmaker_dydx_perpetual.sandbox.identity import Row, moment, number


@attrs.frozen(kw_only=True)
class Payment:
    """A payment, and when it was made."""

    at_ms: int
    row: Row


class FundingPayments:
    """All payments to and from the account."""

    def __init__(
        self, exchange: Exchange, account: Callable[[], str], chain: Chain, shown_ms: Callable[[int], int]
    ) -> None:
        self._exchange = exchange
        self._account = account
        self._chain = chain
        self._shown_ms = shown_ms
        self._payments: list[Payment] = []
        exchange.subscribe(self._note)

    def listed(self, before_ms: int) -> list[Row]:
        """Return those made until then, newest first."""
        return [payment.row for payment in reversed(self._payments) if payment.at_ms <= before_ms]

    def _note(self, event: SimulationEvent) -> None:
        if not isinstance(event, FundingSettled) or event.account != self._account():
            return

        (position, *_) = self._exchange.account(event.account).positions
        instrument = self._exchange.instrument
        row: Row = {
            "createdAt": moment(self._shown_ms(event.now_ms)),
            "createdAtHeight": str(self._chain.height + 1),
            "perpetualId": "0",
            "ticker": instrument.symbol,
            "oraclePrice": number(event.mark),
            "size": number(position.amount),
            "side": "LONG" if position.lots > 0 else "SHORT",
            "rate": number(event.rate),
            "payment": number(event.amount),
            "subaccountNumber": "0",
            "fundingIndex": number(len(self._payments) + 1),
        }
        self._payments.append(Payment(at_ms=event.now_ms, row=row))
