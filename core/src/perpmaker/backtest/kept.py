"""The first and the newest items of a long list, in constant memory, and how many were left out between them."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import attrs

_Item = TypeVar("_Item")


@attrs.frozen
class Kept(Generic[_Item]):
    """What was kept, oldest first, and how much was not."""

    items: tuple[_Item, ...]
    left_out: int


class Ends(Generic[_Item]):
    """Keeps the `first` things that are told, and the `newest`."""

    def __init__(self, first: int, newest: int) -> None:
        self._most = first
        self._first: list[_Item] = []
        self._newest: deque[_Item] = deque(maxlen=newest)
        self._told = 0

    def add(self, item: _Item) -> None:
        """Take one in."""
        self._told += 1

        if len(self._first) < self._most:
            self._first.append(item)
        else:
            self._newest.append(item)

    @property
    def newest(self) -> _Item | None:
        """The one that was taken last."""
        return self._newest[-1] if self._newest else self._first[-1] if self._first else None

    def kept(self) -> Kept[_Item]:
        """Return what is kept."""
        items = (*self._first, *self._newest)

        return Kept(items, self._told - len(items))
