"""The endpoints of a sandbox as a table: who may call one, with which parameters, at what cost, and what answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from enum import Enum, unique
from typing import Generic, TypeAlias, TypeVar

import attrs

from perpmaker.venue.sandbox.parameters import Parameters

Venue = TypeVar("Venue")
"""What the handlers of a dialect work on."""

Cost: TypeAlias = int | Callable[[Parameters], int]
"""Units of a count window that a call takes; they may depend on its parameters."""


@unique
class Security(Enum):
    """What an endpoint asks of its caller."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


@attrs.frozen(kw_only=True)
class Endpoint(Generic[Venue]):
    """One endpoint.

    Args:
        method: of the request.
        path: of the request.
        handle: returns what is encoded as JSON. RefusalError when the venue refuses, RejectionError when the exchange
            rejects the command.
        security: what the caller must show.
        parameters: the names that may be sent; None where the venue takes no notice of names that it does not know.
        costs: of one call, by the name of the count window.
        matches: whether the call is a command for the matching engine: it may be late, and its answer held back.
        under_way: entered when the command has arrived, left when it is done; what it gives is called when the command
            has come to the matching engine.
    """

    method: str
    path: str
    handle: Callable[[Venue, Parameters], object]
    security: Security = Security.NONE
    parameters: frozenset[str] | None = None
    costs: Mapping[str, Cost] = attrs.field(factory=dict)
    matches: bool = False
    under_way: Callable[[Venue, Parameters], AbstractContextManager[Callable[[], None]]] | None = None

    def costs_of(self, parameters: Parameters) -> dict[str, int]:
        """Return what this call costs."""
        return {name: cost if isinstance(cost, int) else cost(parameters) for name, cost in self.costs.items()}


def endpoint_table(endpoints: Iterable[Endpoint[Venue]]) -> dict[tuple[str, str], Endpoint[Venue]]:
    """Return the endpoints by method and path."""
    return {(endpoint.method, endpoint.path): endpoint for endpoint in endpoints}
