"""What every endpoint and stream of the dialect works on: the exchange, the venue's clock, its counters and keys."""

from __future__ import annotations

from perpmaker.clock import Clock
from perpmaker.model.instrument import Instrument
from perpmaker.simulation.exchange import Exchange
from perpmaker_binance_perpetual.sandbox.funding import FundingHistory
from perpmaker_binance_perpetual.sandbox.limit import Limits
from perpmaker_binance_perpetual.sandbox.listen_key import ListenKeys
from perpmaker_binance_perpetual.sandbox.notation import Notation
from perpmaker_binance_perpetual.sandbox.option import Options
from perpmaker_binance_perpetual.sandbox.parameter import Parameters
from perpmaker_binance_perpetual.sandbox.pending_amend import PendingAmends
from perpmaker_binance_perpetual.sandbox.reading import Reading
from perpmaker_binance_perpetual.sandbox.refusal import refusal


class Venue:
    """One exchange behind the venue's front door.

    The exchange lives on our clock; the venue's clock, which is what callers see and are measured by, runs
    `server_time_offset_ms` ahead of it. All keys open the exchange's first account.
    """

    def __init__(self, exchange: Exchange, clock: Clock, options: Options) -> None:
        self.exchange = exchange
        self.options = options
        self.notation = Notation(exchange.instrument)
        self.limits = Limits(
            self.server_ms,
            enforced=options.enforce_limits,
            weight=options.weight_1m,
            orders_10s=options.orders_10s,
            orders_1m=options.orders_1m,
        )
        self.listen_keys = ListenKeys(self.server_ms, life_s=options.listen_key_life_s, seed=options.seed)
        self.amends = PendingAmends()
        self._clock = clock
        self._latest_ms = 0
        self.reading = Reading(self)
        self.funding = FundingHistory(exchange)

    @property
    def instrument(self) -> Instrument:
        """The one market."""
        return self.exchange.instrument

    @property
    def account(self) -> str:
        """The name of the account that the keys open; -2015 while the exchange has none."""
        accounts = self.exchange.accounts()

        if not accounts:
            raise refusal(-2015)

        return accounts[0]

    @property
    def has_multi_assets(self) -> bool:
        """Whether the account's assets back each other."""
        accounts = self.exchange.accounts()

        return bool(accounts) and self.exchange.assets(accounts[0]).multi_assets

    def now_ms(self) -> int:
        """The exchange's time: our clock's, which for the exchange never goes back."""
        self._latest_ms = max(self._latest_ms, self._clock.utc_ms())

        return self._latest_ms

    def server_ms(self) -> int:
        """The venue's clock."""
        return self.shown_ms(self.now_ms())

    def shown_ms(self, exchange_ms: int) -> int:
        """A time of the exchange as the venue shows it; 0, which is never, stays 0."""
        return exchange_ms and exchange_ms + self.options.server_time_offset_ms

    def exchange_ms(self, shown_ms: int) -> int:
        """A time on the venue's clock as one of the exchange; 0 stays 0."""
        return shown_ms and shown_ms - self.options.server_time_offset_ms

    def asked_ms(self, parameters: Parameters, name: str) -> int | None:
        """A time parameter of a caller, as a time of the exchange; None when it was not sent."""
        value = parameters.optional_integer(name)

        return None if value is None else value - self.options.server_time_offset_ms

    def require_symbol(self, parameters: Parameters) -> str:
        """The parameter `symbol`, which must be sent and must be the market's; -1121 otherwise."""
        symbol = parameters.text("symbol")

        if symbol != self.instrument.symbol:
            raise refusal(-1121)

        return symbol

    def has_symbol(self, parameters: Parameters) -> bool:
        """Whether `symbol` was sent; -1121 when it is not the market's."""
        return "symbol" in parameters and bool(self.require_symbol(parameters))
