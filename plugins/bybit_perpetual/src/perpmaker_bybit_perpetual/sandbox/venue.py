"""What every endpoint and stream of the dialect works on, and how its endpoints are declared."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Final, TypeAlias

import attrs

from perpmaker import Side
from perpmaker.venue import sandbox as kit
from perpmaker_bybit_perpetual.sandbox.counts import ADDRESS, Limits
from perpmaker_bybit_perpetual.sandbox.fills import Fills
from perpmaker_bybit_perpetual.sandbox.gateway_orders import GatewayOrders
from perpmaker_bybit_perpetual.sandbox.options import Options
from perpmaker_bybit_perpetual.sandbox.position_stops import PositionStops
from perpmaker_bybit_perpetual.sandbox.refusals import bad, refusal

Row: TypeAlias = dict[str, object]

CATEGORY: Final = "linear"
CATEGORIES: Final = frozenset({CATEGORY, "inverse", "spot", "option"})
WEEK_MS: Final = 7 * 86_400_000
RATIO_X, RATIO_Y = Decimal("0.01"), Decimal("0.02")
"""The price band: shares of the mark."""

_NUMBER: Final = re.compile(r"[0-9]{1,9}$")


@attrs.frozen
class Answer:
    """The result of a call and what the envelope says of its parts."""

    result: object
    parts: object = attrs.field(factory=dict)


class Venue:
    """One exchange behind the venue's gateway. All keys open the exchange's first account."""

    def __init__(self, parts: kit.SandboxParts, options: Options) -> None:
        self.parts = parts
        self.options = options
        self.exchange = parts.exchange
        self.instrument = parts.exchange.instrument
        self.reading = parts.account
        self.now_ms, self.server_ms, self.shown_ms = parts.clock.now_ms, parts.clock.server_ms, parts.clock.shown_ms
        self.notation = kit.Notation(self.instrument)
        self.limits = Limits(self.server_ms, options, enforced=parts.options.enforce_limits)
        self.orders = GatewayOrders(parts)
        self.fills = Fills(parts)
        self.funding = kit.PastFundings(self.exchange)
        self.stops = PositionStops(self)
        self.dcp_window_s = 10
        self.rejects_out_of_band = options.rejects_out_of_band
        self.exchange.set_stop_customs(
            kit.StopCustoms(taken_by_switch=options.switch_takes_stops, cut_oldest=options.cuts_oldest)
        )

    @property
    def account(self) -> str:
        """The name of the account that the keys open."""
        return self.reading.name

    @property
    def seen_ms(self) -> int:
        """The time of the exchange as of which questions are answered."""
        return self.now_ms() - self.parts.options.read_lag_ms

    def require_symbol(self, parameters: kit.RequestParameters) -> str:
        """The parameter `symbol`, which must be sent and must be the market's, in the category `linear`."""
        self.require_category(parameters)
        symbol = parameters.text("symbol")

        if symbol != self.instrument.symbol:
            raise bad("symbol invalid")

        return symbol

    def require_category(self, parameters: kit.RequestParameters) -> None:
        """Refuse another category than `linear`."""
        parameters.word("category", {CATEGORY})

    def is_asked(self, parameters: kit.RequestParameters, *, required: bool = True) -> bool:
        """Whether the market is among those that the category, and one of these names, stand for."""
        if parameters.word("category", CATEGORIES) != CATEGORY:
            return False

        own = {"symbol": self.instrument.symbol, "baseCoin": self.instrument.base, "settleCoin": self.instrument.quote}
        named = [name for name in own if name in parameters]

        if required and not named:
            raise bad("symbol or settleCoin is required")

        return all(parameters.text(name) == own[name] for name in named)

    def between(self, parameters: kit.RequestParameters, *, default_ms: int = WEEK_MS) -> tuple[int, int]:
        """The times of the exchange from `startTime` to `endTime`, at most a week apart."""
        clock = self.parts.clock
        asked = [parameters.optional_integer(name) for name in ("startTime", "endTime")]
        since_ms, until_ms = (None if value is None else clock.exchange_ms(value) for value in asked)

        if since_ms is None:
            end_ms = self.now_ms() if until_ms is None else until_ms

            return end_ms - (default_ms if until_ms is None else WEEK_MS), end_ms

        until_ms = since_ms + default_ms if until_ms is None else until_ms

        if not 0 <= until_ms - since_ms <= WEEK_MS:
            raise bad("The time range between startTime and endTime cannot exceed 7 days.")

        return since_ms, until_ms

    def page(self, rows: Sequence[Row], parameters: kit.RequestParameters, *, default: int, most: int) -> Row:
        """A page of rows that stand newest first; what comes meanwhile moves no later page."""
        limit = parameters.limit(default=default, most=most)
        cursor = parameters.optional_text("cursor")
        found = _NUMBER.search(cursor or "")

        if cursor is not None and found is None:
            raise bad("cursor invalid")

        left = len(rows) if found is None else min(int(found[0]), len(rows))
        first = len(rows) - left
        following = first + limit
        older = len(rows) - following + (self.options.page_overlap if following < len(rows) else 0)

        return {
            "category": CATEGORY,
            "list": list(rows[first:following]),
            "nextPageCursor": f"page%3A{older}" if following < len(rows) else "",
        }

    def band(self, side: Side) -> Decimal:
        """The highest price of a buy, or the lowest of a sell, in whole ticks."""
        exchange, sign = self.exchange, side.sign
        near, far = (exchange.mark * (1 + sign * ratio) for ratio in (RATIO_X, RATIO_Y))
        tick = self.instrument

        if side is Side.BUY:
            return tick.price(tick.ticks_down(min(far, max(exchange.index, near))))

        return tick.price(tick.ticks_up(max(far, min(exchange.index, near))))


VenueEndpoint: TypeAlias = kit.ServedEndpoint[Venue]
Handler: TypeAlias = Callable[[Venue, kit.RequestParameters], object]


def public(path: str, handle: Handler) -> VenueEndpoint:
    """A query that asks for no key."""
    return kit.ServedEndpoint(method="GET", path=path, handle=handle, costs={ADDRESS: 1})


def signed(
    method: str, path: str, handle: Handler, kind: str, *, cost: int = 1, gateway: bool = False
) -> VenueEndpoint:
    """A signed endpoint, and the window in which it is counted; `gateway`: it answers before the exchange knows."""
    return kit.ServedEndpoint(
        method=method,
        path=path,
        handle=handle,
        access=kit.Access.SIGNED,
        costs={ADDRESS: 1, kind: cost},
        acknowledges=gateway,
    )


query = partial(signed, "GET")
setting = partial(signed, "POST")
"""Declare a signed query; a signed command."""


def unknown_order(what: str) -> kit.RefusalError:
    """110001."""
    return refusal(110001, what=what)
