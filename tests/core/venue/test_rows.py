"""Lists row by row: what is not ours cannot keep us from reading what is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import PayloadError
from perpmaker.venue import RowReader

ANYTHING = PayloadDecoder(object)
NUMBERS = PayloadDecoder(dict[str, int])
RAW = PayloadDecoder(list[msgspec.Raw])


def read_head(row: bytes) -> dict[str, Any]:
    """Whatever it is."""
    head = ANYTHING.decode(row)

    return head if isinstance(head, dict) else {}


def reader() -> RowReader[dict[str, Any]]:
    """A reader of rows that name their market."""
    return RowReader(read_head, lambda head: head.get("at"))


def read(rows: RowReader[dict[str, Any]], body: bytes, **options: Any) -> list[int]:
    """The numbers `n` of a list."""

    def parse(row: bytes) -> int:
        return PayloadDecoder(Row).decode(row).n

    return list(rows.read(RAW.decode(body), parse, "numbers", **options))


class Row(msgspec.Struct):
    """A row."""

    n: int


def test_rows_of_other_markets_are_not_looked_into() -> None:
    """A row without a market is counted: it may have been ours."""
    rows = reader()

    assert read(rows, b'[{"at":"A","n":1},{"at":"B","n":"x"},{"n":2},7]', market="A") == [1]
    assert rows.skipped == {"numbers": 2}


def test_a_row_that_makes_no_sense_is_left_out_and_counted() -> None:
    """Unless it is needed."""
    rows = reader()
    body = b'[{"n":1},{"n":"x","mine":true},{"n":3}]'

    assert read(rows, body) == [1, 3]
    assert rows.skipped == {"numbers": 1}

    with pytest.raises(PayloadError):
        read(rows, body, is_needed=lambda head: head.get("mine"))


def test_the_same_holds_for_what_is_translated() -> None:
    """A row that reads well may still mean nothing."""
    rows = reader()

    def translate(number: int) -> int:
        if number == 2:
            raise PayloadError("two")

        return number * 10

    assert list(rows.translate([1, 2, 3], translate, "tens", lambda _: False)) == [10, 30]
    assert rows.skipped == {"tens": 1}

    with pytest.raises(PayloadError):
        list(rows.translate([1, 2, 3], translate, "tens", lambda number: number == 2))


def test_a_list_that_is_none_has_no_rows() -> None:
    """And is counted: the rest of its payload may make sense."""
    rows = reader()

    assert [bytes(row) for row in rows.rows(msgspec.Raw(b'[1,{"n":2}]'), "lists")] == [b"1", b'{"n":2}']
    assert rows.rows(msgspec.Raw(b"17"), "lists") == []
    assert rows.skipped == {"lists": 1}


class Head(msgspec.Struct, kw_only=True):
    """Whose a row is."""

    at: Any = None


def test_a_row_that_is_none_has_an_empty_head() -> None:
    """It is nobody's: left out and counted, and the others are read."""
    reader = RowReader.of(Head, lambda head: head.at)
    rows = [msgspec.Raw(b'{"at":"here","n":1}'), msgspec.Raw(b"7"), msgspec.Raw(b'{"at":"there"}')]
    assert list(reader.read(rows, msgspec.json.decode, "rows", market="here")) == [{"at": "here", "n": 1}]
    assert dict(reader.skipped) == {"rows": 1}
