"""Amends on their way to the matching engine: while one of an order is, the venue refuses a second one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class PendingAmends:
    """Which orders a request that is under way is about to move: the first one may, those that come meanwhile not."""

    def __init__(self) -> None:
        self._moving: set[int] = set()
        self._refused: frozenset[int] = frozenset()

    @contextmanager
    def claim(self, order_ids: Iterable[int]) -> Iterator[frozenset[int]]:
        """A request about these orders is under way; those of them that it may not move."""
        wanted = frozenset(order_ids)
        refused = wanted & self._moving
        self._moving |= wanted

        try:
            yield refused
        finally:
            self._moving -= wanted - refused

    def match(self, refused: frozenset[int]) -> None:
        """A request is being carried out that may not move these."""
        self._refused = refused

    def may_move(self, order_id: int) -> bool:
        """Whether the request that is being carried out may move this order."""
        return order_id not in self._refused
