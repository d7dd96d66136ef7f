"""Amends on their way to the matching engine: while one of an order is, the venue refuses a second one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class PendingAmends:
    """Which order each request has claimed when it came in; the first one has it."""

    def __init__(self) -> None:
        self._claims: dict[int, object] = {}
        self._matched: object = None

    @contextmanager
    def claim(self, order_ids: Iterable[int]) -> Iterator[object]:
        """A request about these orders is under way, by the mark that this yields."""
        mark, named = object(), tuple(order_ids)

        for order_id in named:
            self._claims.setdefault(order_id, mark)

        try:
            yield mark
        finally:
            for order_id in named:
                if self._claims.get(order_id) is mark:
                    del self._claims[order_id]

    def match(self, mark: object) -> None:
        """The request with this mark is being carried out."""
        self._matched = mark

    def may_move(self, order_id: int) -> bool:
        """Whether the request that is being carried out was the first about this order."""
        return self._claims.get(order_id, self._matched) is self._matched
