"""From the bytes of an answer to a price: JSON or plain text, or PayloadError for everything that is no price."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from perpmaker import PayloadError
from perpmaker.venue import parse_price

_STEP = re.compile(r'\.?([A-Za-z0-9_-]+)|\[(-?\d{1,6})\]|\["([^"\]]+)"\]')
_DEFAULT_KEY = "price"
# Numbers stay text: through a binary float their digits would change.
_JSON: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=str)


def parse_answer(body: bytes, json_path: str | None = None) -> Decimal:
    """The price in an answer: at `json_path`, or a JSON number, the key `price` of a JSON object, or plain text.

    A price written as text in JSON counts as a number, because many venues write it so. PayloadError says what is
    there instead.
    """
    text = _text(body)

    try:
        found = _JSON.decode(text)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        if json_path is not None:
            raise PayloadError("the answer is not JSON") from None

        found = text
    else:
        found = _at(found, json_path)

    if isinstance(found, bool) or not isinstance(found, str | int):
        raise PayloadError(f"{_kind(found)} is no price", path=json_path or "$")

    return parse_price(found.strip() if isinstance(found, str) else str(found), path=json_path or "$")


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise PayloadError("the answer is not text") from None


def _at(found: Any, json_path: str | None) -> Any:  # noqa: ANN401  # JSON
    """What stands at the path; without one a number itself, or the key `price` of an object."""
    if json_path is None:
        return found[_DEFAULT_KEY] if isinstance(found, dict) and _DEFAULT_KEY in found else found

    for step in _steps(json_path):
        if not isinstance(found, dict if isinstance(step, str) else list):
            raise PayloadError(f"{_kind(found)} has no {step!r}", path=json_path)

        into: Any = found

        try:
            found = into[step]
        except LookupError:
            raise PayloadError(f"there is no {step!r}", path=json_path) from None

    return found


def _steps(json_path: str) -> Iterator[str | int]:
    """The keys and positions of a path: `data.rows[0]["a.b"]` is data, rows, 0, a.b."""
    for match in _STEP.finditer(json_path):
        key, position, quoted = match.groups()

        yield int(position) if position is not None else key if key is not None else quoted


def _kind(found: Any) -> str:  # noqa: ANN401  # JSON
    """What JSON calls a value."""
    if found is None:
        return "null"

    if isinstance(found, bool):
        return str(found).lower()

    kinds: dict[type, str] = {dict: "an object", list: "a list", str: "text", int: "a number"}

    return kinds[type(found)]
