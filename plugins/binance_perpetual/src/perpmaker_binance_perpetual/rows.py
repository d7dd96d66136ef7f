"""Lists of the venue, decoded row by row: what is not ours cannot keep us from reading what is.

A row of another market is not looked into. A row of ours that makes no sense is a PayloadError, as it would be alone;
anybody else's is left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import attrs
import msgspec

from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import PayloadError
from perpmaker.model.order import OWN_PREFIX

T = TypeVar("T")
R = TypeVar("R")


@attrs.frozen(kw_only=True)
class Head:
    """What tells whose a row is; of whatever type, since it may be anybody's."""

    symbol: Any = None
    asset: Any = None
    clientOrderId: Any = None  # noqa: N815  # the venue's own word
    clientAlgoId: Any = None  # noqa: N815  # the same

    @property
    def is_own_order(self) -> bool:
        """Whether the row is about an order of ours."""
        return is_own(self.clientOrderId) or is_own(self.clientAlgoId)


_HEAD = PayloadDecoder(Head)
_RAW_ROWS = PayloadDecoder(list[msgspec.Raw])


def is_own(client_id: object) -> bool:
    """Whether an id is one that the core makes. What cannot be attributed is somebody else's."""
    return isinstance(client_id, str) and client_id.startswith(OWN_PREFIX)


@attrs.frozen
class Page(Generic[T]):
    """Some rows of a longer list, and how many rows the venue sent, those left out included."""

    rows: Sequence[T]
    sent: int


class RowReader:
    """Reads rows, and counts what it leaves out: `skipped`, by the list's name."""

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()

    def read(
        self,
        body: bytes,
        decoder: PayloadDecoder[T],
        name: str,
        *,
        symbol: str | None = None,
        is_needed: Callable[[Head], bool] = lambda _: False,
    ) -> Page[T]:
        """The rows of a market (None: of all). PayloadError for one that `is_needed` and makes no sense."""
        raw = _RAW_ROWS.decode(body)

        return Page(list(self.decode(raw, decoder, name, symbol=symbol, is_needed=is_needed)), len(raw))

    def decode(
        self,
        rows: Iterable[msgspec.Raw],
        decoder: PayloadDecoder[T],
        name: str,
        *,
        symbol: str | None = None,
        is_needed: Callable[[Head], bool] = lambda _: False,
    ) -> Iterator[T]:
        """The same of rows that are there already."""
        for row in rows:
            head = _head_of(row)

            if symbol is not None and head.symbol != symbol:
                self.skipped[name] += not isinstance(head.symbol, str)
                continue

            try:
                yield decoder.decode(bytes(row))
            except PayloadError:
                if is_needed(head):
                    raise

                self.skipped[name] += 1

    def translate(
        self, rows: Iterable[T], translate: Callable[[T], R], name: str, is_needed: Callable[[T], bool]
    ) -> Iterator[R]:
        """Rows in the core's words, by the same rule."""
        for row in rows:
            try:
                yield translate(row)
            except PayloadError:
                if is_needed(row):
                    raise

                self.skipped[name] += 1


def _head_of(row: msgspec.Raw) -> Head:
    try:
        return _HEAD.decode(bytes(row))
    except PayloadError:
        return Head()
