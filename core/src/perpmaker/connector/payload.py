"""Bytes from outside to typed payloads, and text to numbers: the one place where garbage is turned away.

Every way in which bytes can be wrong ends as PayloadError, whatever msgspec, Decimal or the interpreter would have
raised. Payload classes keep a venue's numbers as they came (`Number`); `parse_decimal` and its stricter siblings turn
them into finite Decimals of sane size, so that no NaN and no 400-digit price ever reaches sizing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import msgspec

from perpmaker.errors import PayloadError

T = TypeVar("T")

Number: TypeAlias = str | int | float
"""A number as venues write it: text, or a bare JSON number."""

Id: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""An identifier or a sequence number: at most 63 bits, as text or as a number."""

Millis: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A venue's time, milliseconds since the epoch."""

MAX_BYTES = 16 * 1024 * 1024
"""Larger payloads are refused undecoded; the largest honest one (all markets of a venue) is about 2 MB."""

_SANE_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{0,30})?(?:[eE][+-]?[0-9]{1,2})?")
_LARGEST_EXPONENT = 30
_PATH_MARK = " - at `"
_SHOWN = 40


class PayloadDecoder(Generic[T]):
    """Decodes JSON straight into one type (an attrs class, or a list of one). Unknown fields are skipped."""

    def __init__(self, kind: type[T], *, max_bytes: int = MAX_BYTES) -> None:
        # Not strict: a venue that writes 1 as "1" means 1.
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind, strict=False)
        self._max_bytes = max_bytes

    def decode(self, data: bytes | str) -> T:
        """Decode one whole payload. PayloadError, with the path of the fault, for everything that cannot be."""
        if len(data) > self._max_bytes:
            raise PayloadError(f"{len(data)} bytes, more than the {self._max_bytes} that are read")

        try:
            return self._decoder.decode(data)
        except msgspec.MsgspecError as error:
            text, _, path = str(error).partition(_PATH_MARK)
            raise PayloadError(text, path=path.rstrip("`") or "$") from None
        except (ValueError, ArithmeticError) as error:
            raise PayloadError(f"not readable as JSON: {type(error).__name__}") from None
        except RecursionError:
            raise PayloadError("nested too deeply") from None


_PARSERS: dict[Any, Callable[[bytes | str], Any]] = {}


def parser(kind: type[T]) -> Callable[[bytes | str], T]:
    """Return what decodes one whole payload of a type. It is made once and kept."""
    if kind not in _PARSERS:
        _PARSERS[kind] = PayloadDecoder(kind).decode

    return _PARSERS[kind]


_ANYTHING: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def is_json(data: bytes) -> bool:
    """Return whether the bytes are JSON at all, of whatever shape: tells a wrong answer from no answer."""
    try:
        _ANYTHING.decode(data)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return False

    return True


def parse_decimal(value: Number, *, path: str = "$") -> Decimal:
    """Return the finite Decimal that a venue's number stands for. Minus zero is zero.

    PayloadError for NaN, infinities, more than 30 digits on either side of the point, exponents beyond 30, and
    whatever else is not a plain number. A bare JSON number counts as its shortest decimal text, never as its binary
    expansion.
    """
    text = value if isinstance(value, str) else repr(value)

    if _SANE_NUMBER.fullmatch(text) is None:
        raise PayloadError(f"{_shown(text)} is no number of a sane size", path=path)

    number = Decimal(text)

    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise PayloadError(f"{_shown(text)} is no number of a sane size", path=path)

    return number or Decimal(0)


def parse_amount(value: Number, *, path: str = "$") -> Decimal:
    """Return a number that cannot be negative: an amount, a wallet's share, an unset price."""
    number = parse_decimal(value, path=path)

    if number < 0:
        raise PayloadError(f"{_shown(str(value))} must not be negative", path=path)

    return number


def parse_price(value: Number, *, path: str = "$") -> Decimal:
    """Return a number that must be above zero: a price at which something happened or may happen."""
    number = parse_decimal(value, path=path)

    if number <= 0:
        raise PayloadError(f"{_shown(str(value))} must be above zero", path=path)

    return number


def _shown(text: str) -> str:
    """Foreign text, bounded and with its control characters escaped."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
