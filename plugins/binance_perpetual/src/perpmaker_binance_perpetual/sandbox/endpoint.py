"""One endpoint of the venue: who may call it, with which parameters, at what price, and what answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import attrs

from perpmaker_binance_perpetual.sandbox.authentication import SIGNED_PARAMETERS, Security
from perpmaker_binance_perpetual.sandbox.limit import FREE, OrderCost
from perpmaker_binance_perpetual.sandbox.parameter import Parameters
from perpmaker_binance_perpetual.sandbox.venue import Venue

Handler: TypeAlias = Callable[[Venue, Parameters], object]
Weight: TypeAlias = int | Callable[[Parameters], int]

SUCCESS: Final = {"code": 200, "msg": "success"}


@attrs.frozen(kw_only=True)
class Endpoint:
    """`handle` returns what is encoded as JSON, or raises `CodeError`.

    `parameters` are the names that are read, besides those of the signature. `weight` may depend on them. With
    `matches` the call is a command for the matching engine: it may be late, and its answer may be held back.
    """

    method: str
    path: str
    handle: Handler
    security: Security
    weight: Weight
    parameters: frozenset[str]
    cost: OrderCost = FREE
    matches: bool = False

    @property
    def known(self) -> frozenset[str]:
        """Every parameter that may be sent."""
        return self.parameters | SIGNED_PARAMETERS if self.security is Security.SIGNED else self.parameters

    def weight_of(self, parameters: Parameters) -> int:
        """What this call weighs."""
        return self.weight if isinstance(self.weight, int) else self.weight(parameters)


def public(path: str, handle: Handler, *parameters: str, weight: Weight = 1) -> Endpoint:
    """A query that asks for no key."""
    return Endpoint(
        method="GET", path=path, handle=handle, security=Security.NONE, weight=weight, parameters=frozenset(parameters)
    )


def query(path: str, handle: Handler, *parameters: str, weight: Weight = 1) -> Endpoint:
    """A signed query."""
    return attrs.evolve(public(path, handle, *parameters, weight=weight), security=Security.SIGNED)


def command(
    method: str, path: str, handle: Handler, *parameters: str, weight: Weight = 1, cost: OrderCost = FREE
) -> Endpoint:
    """A signed command for the matching engine."""
    return Endpoint(
        method=method,
        path=path,
        handle=handle,
        security=Security.SIGNED,
        weight=weight,
        parameters=frozenset(parameters),
        cost=cost,
        matches=True,
    )


def setting(path: str, handle: Handler, *parameters: str) -> Endpoint:
    """A signed change of the account's settings."""
    return Endpoint(
        method="POST", path=path, handle=handle, security=Security.SIGNED, weight=1, parameters=frozenset(parameters)
    )
