"""What every endpoint and stream of the dialect works on, and how its endpoints are declared."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Final, TypeAlias

from perpmaker.venue import sandbox as kit
from perpmaker_binance_perpetual.sandbox.counts import WEIGHT, Limits
from perpmaker_binance_perpetual.sandbox.listen_keys import ListenKeys
from perpmaker_binance_perpetual.sandbox.options import Options
from perpmaker_binance_perpetual.sandbox.refusals import refusal

SUCCESS: Final = {"code": 200, "msg": "success"}
MOST_AGGREGATES: Final = 1000
"""How many aggregated trades are kept for who asks."""

SIGNED_PARAMETERS: Final = frozenset({"timestamp", "recvWindow", "signature"})
FREE: Final[Mapping[str, kit.Cost]] = {}


class Venue:
    """One exchange behind the venue's front door. All keys open the exchange's first account."""

    def __init__(self, parts: kit.SandboxParts, options: Options) -> None:
        self.parts = parts
        self.options = options
        self.exchange = parts.exchange
        self.instrument = parts.exchange.instrument
        self.reading = parts.account
        self.now_ms, self.server_ms, self.shown_ms = parts.clock.now_ms, parts.clock.server_ms, parts.clock.shown_ms
        # Prices have one digit more than the tick needs, as on the venue: precision is no tick.
        self.notation = kit.Notation(self.instrument, further_digits=1)
        self.limits = Limits(self.server_ms, options, enforced=parts.options.enforce_limits)
        self.listen_keys = ListenKeys(self.server_ms, life_s=options.listen_key_life_s, seed=parts.options.seed)
        self.amends = PendingAmends()
        self.funding = kit.PastFundings(self.exchange)
        self.bars = kit.TradeBars(self.exchange)
        self.aggregates: deque[tuple[int, list[kit.TradePrinted]]] = deque(maxlen=MOST_AGGREGATES)
        self.exchange.set_stop_customs(options.stop_customs)

    @property
    def account(self) -> str:
        """The name of the account that the keys open."""
        return self.reading.name

    @property
    def has_multi_assets(self) -> bool:
        """Whether the account's assets back each other."""
        return bool(self.account) and self.exchange.assets(self.account).multi_assets

    def asked_ms(self, parameters: kit.RequestParameters, name: str) -> int | None:
        """A time parameter of a caller, as a time of the exchange; None when it was not sent."""
        value = parameters.optional_integer(name)

        return None if value is None else value - self.parts.options.server_time_offset_ms

    def require_symbol(self, parameters: kit.RequestParameters) -> str:
        """The parameter `symbol`, which must be sent and must be the market's; -1121 otherwise."""
        symbol = parameters.text("symbol")

        if symbol != self.instrument.symbol:
            raise refusal(-1121)

        return symbol

    def has_symbol(self, parameters: kit.RequestParameters) -> bool:
        """Whether `symbol` was sent; -1121 when it is not the market's."""
        return "symbol" in parameters and bool(self.require_symbol(parameters))


class PendingAmends:
    """Which orders a request that is under way is about to move: the first one may, those that come meanwhile not."""

    def __init__(self) -> None:
        self._moving: set[int] = set()
        self._refused: frozenset[int] = frozenset()

    @contextmanager
    def claim(self, order_ids: Iterable[int]) -> Iterator[Callable[[], None]]:
        """A request about these orders is under way; what is given is called when it is carried out."""
        wanted = frozenset(order_ids)
        refused = wanted & self._moving
        self._moving |= wanted

        try:
            yield partial(self._begin, refused)
        finally:
            self._moving -= wanted - refused

    def may_move(self, order_id: int) -> bool:
        """Whether the request that is being carried out may move this order."""
        return order_id not in self._refused

    def _begin(self, refused: frozenset[int]) -> None:
        self._refused = refused


VenueEndpoint: TypeAlias = kit.ServedEndpoint[Venue]
Handler: TypeAlias = Callable[[Venue, kit.RequestParameters], object]
Transit: TypeAlias = Callable[[Venue, kit.RequestParameters], AbstractContextManager[Callable[[], None]]]


def public(path: str, handle: Handler, *names: str, weight: kit.Cost = 1) -> VenueEndpoint:
    """A query that asks for no key."""
    return kit.ServedEndpoint(
        method="GET", path=path, handle=handle, parameters=frozenset(names), costs={WEIGHT: weight}
    )


def signed(
    method: str,
    path: str,
    handle: Handler,
    *names: str,
    weight: kit.Cost = 1,
    orders: Mapping[str, kit.Cost] = FREE,
    matches: bool = False,
    under_way: Transit | None = None,
) -> VenueEndpoint:
    """A signed endpoint."""
    return kit.ServedEndpoint(
        method=method,
        path=path,
        handle=handle,
        access=kit.Access.SIGNED,
        parameters=SIGNED_PARAMETERS | frozenset(names),
        costs={WEIGHT: weight, **orders},
        matches=matches,
        under_way=under_way,
    )


query = partial(signed, "GET")
command = partial(signed, matches=True)
"""Declare a signed query; a signed command for the matching engine."""


def by_symbol(one: int, every: int) -> kit.Cost:
    """What a query weighs with the parameter `symbol`, and without it."""
    return lambda parameters: one if "symbol" in parameters else every
