"""The endpoints of a sandbox as a table: who may call one, with which parameters, at what cost, and what answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Generic, TypeAlias, TypeVar
from urllib.parse import unquote

import attrs

from perpmaker.venue.http_dialect import Access
from perpmaker.venue.sandbox.parameters import RequestParameters

Venue = TypeVar("Venue")
"""What the handlers of a dialect work on."""

Cost: TypeAlias = int | Callable[[RequestParameters], int]
"""Units of a count window that a call costs; they may depend on its parameters."""


@attrs.frozen(kw_only=True)
class ServedEndpoint(Generic[Venue]):
    """One endpoint, from the venue's side.

    Args:
        method: of the request.
        path: of the request; a part like `{name}` is a parameter.
        handle: returns what is encoded as JSON. RefusalError when the venue refuses, RejectionError when the exchange
            rejects the command.
        access: what the caller must show.
        parameters: the names that may be sent; None where the venue takes no notice of names that it does not know.
        costs: of one call, by the name of the count window.
        matches: whether the call is a command for the matching engine: it may be late, and its answer held back.
        acknowledges: whether a gateway answers before the matching engine has seen the command, which goes there by
            `SandboxParts.commands`: the answer may be held back.
        under_way: entered when the command has arrived, left when it is done; what it gives is called when the command
            has come to the matching engine.
    """

    method: str
    path: str
    handle: Callable[[Venue, RequestParameters], object]
    access: Access = Access.PUBLIC
    parameters: frozenset[str] | None = None
    costs: Mapping[str, Cost] = attrs.field(factory=dict)
    matches: bool = False
    acknowledges: bool = False
    under_way: Callable[[Venue, RequestParameters], AbstractContextManager[Callable[[], None]]] | None = None

    def costs_of(self, parameters: RequestParameters) -> dict[str, int]:
        """Return what this call costs."""
        return {name: cost if isinstance(cost, int) else cost(parameters) for name, cost in self.costs.items()}


class EndpointTable(Generic[Venue]):
    """The endpoints of a venue by method and path, of which a part like `{name}` is a parameter."""

    def __init__(self, endpoints: Iterable[ServedEndpoint[Venue]]) -> None:
        self.endpoints = tuple(endpoints)
        self._exact = {(endpoint.method, endpoint.path): endpoint for endpoint in self.endpoints}
        self._patterns = [
            (endpoint, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", endpoint.path)))
            for endpoint in self.endpoints
            if "{" in endpoint.path
        ]

    def find(self, method: str, path: str) -> tuple[ServedEndpoint[Venue] | None, dict[str, str]]:
        """Return the endpoint, and the parameters that stand in the path; None where there is no such endpoint."""
        exact = self._exact.get((method, path))

        if exact is not None:
            return exact, {}

        for endpoint, pattern in self._patterns:
            match = pattern.fullmatch(path)

            if match is not None and endpoint.method == method:
                return endpoint, {name: unquote(value) for name, value in match.groupdict().items()}

        return None, {}
