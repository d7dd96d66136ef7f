"""The protobuf encoding of the chain: attrs classes, whose fields name their numbers, to bytes and back. Pure.

The encoding is canonical: fields in ascending order, zero and empty values left out, as the chain's own encoder writes
them. Decoding takes whatever is valid protobuf; PayloadError for everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import attrs

from perpmaker import PayloadError

Message = TypeVar("Message")

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10
_DIGIT, _MORE = 0x7F, 0x80
_KEY = "proto"


@attrs.frozen
class _Field:
    """How a field stands on the wire. `read` turns what stood there into one value; `kind` is a nested message's."""

    number: int
    wire: int
    write: Callable[[Any], bytes]
    read: Callable[[Any], Any]
    kind: type[Any] | None = None
    is_repeated: bool = False
    is_always: bool = False


def uint(number: int) -> Any:  # noqa: ANN401  # stands for a field of whatever type, as attrs.field does
    """Declare a field of type uint32, uint64, bool or an enumeration."""
    return _declare(0, _Field(number, _VARINT, varint, int))


def sint(number: int) -> Any:  # noqa: ANN401  # the same
    """Declare a field of type sint32: small numbers of either sign are short."""
    return _declare(0, _Field(number, _VARINT, lambda value: varint(value << 1 ^ value >> 63), _from_zigzag))


def fixed32(number: int) -> Any:  # noqa: ANN401  # the same
    """Declare a field of type fixed32."""
    return _declare(0, _Field(number, _FIXED32, lambda value: value.to_bytes(4, "little"), _little_endian))


def text(number: int) -> Any:  # noqa: ANN401  # the same
    """Declare a field of type string."""
    return _declare("", _Field(number, _BYTES, lambda value: _sized(value.encode()), _as_text))


def data(number: int) -> Any:  # noqa: ANN401  # the same
    """Declare a field of type bytes."""
    return _declare(b"", _Field(number, _BYTES, _sized, bytes))


def many_data(number: int) -> Any:  # noqa: ANN401  # the same
    """Declare a repeated field of type bytes."""
    return _declare((), _Field(number, _BYTES, _sized, bytes, is_repeated=True))


def packed(number: int) -> Any:  # noqa: ANN401  # the same
    """Declare a repeated field of type uint32 or uint64."""
    return _declare((), _Field(number, _BYTES, lambda values: _sized(b"".join(map(varint, values))), _varints))


def one(number: int, kind: type[Any]) -> Any:  # noqa: ANN401  # the same
    """Declare a nested message that is always written."""
    field = _Field(number, _BYTES, lambda value: _sized(encode(value)), bytes, kind, is_always=True)

    return attrs.field(factory=kind, metadata={_KEY: field})


def many(number: int, kind: type[Any]) -> Any:  # noqa: ANN401  # the same
    """Declare a repeated nested message."""
    return _declare((), _Field(number, _BYTES, lambda value: _sized(encode(value)), bytes, kind, is_repeated=True))


def encode(message: object) -> bytes:
    """Return the canonical bytes of a message."""
    out = bytearray()

    for name, field in _fields_of(type(message)):
        value = getattr(message, name)

        for item in value if field.is_repeated else (value,):
            if item or field.is_always or field.is_repeated:
                out += varint(field.number << 3 | field.wire) + field.write(item)

    return bytes(out)


def decode(kind: type[Message], message: bytes, *, strict: bool = False) -> Message:
    """Return what bytes say; `strict` refuses unknown fields, as the chain does. PayloadError for no message."""
    by_number = {field.number: (name, field) for name, field in _fields_of(kind)}
    found: dict[str, Any] = {}

    for number, wire, raw in _tokens(message):
        if number not in by_number:
            if strict:
                raise PayloadError(f"a {kind.__name__} has no field {number}")

            continue

        name, field = by_number[number]
        value = _read(field, wire, raw, strict=strict)

        if isinstance(value, tuple) or field.is_repeated:
            value = (*found.get(name, ()), *(value if isinstance(value, tuple) else (value,)))

        found[name] = value

    return kind(**found)


def varint(value: int) -> bytes:
    """Return a number that is not negative as base-128 digits."""
    out = bytearray()

    while value > _DIGIT:
        out.append(value & _DIGIT | _MORE)
        value >>= 7

    out.append(value)

    return bytes(out)


def _declare(default: object, field: _Field) -> Any:  # noqa: ANN401  # see uint
    return attrs.field(default=default, metadata={_KEY: field})


def _fields_of(kind: type[Any]) -> Iterator[tuple[str, _Field]]:
    for attribute in attrs.fields(kind):
        yield attribute.name, attribute.metadata[_KEY]


def _read(field: _Field, wire: int, raw: int | bytes, *, strict: bool) -> Any:  # noqa: ANN401  # whatever the field holds
    if field.read is _varints and isinstance(raw, int) and wire == _VARINT:
        return (raw,)  # a repeated number may also come alone

    if wire != field.wire:
        raise PayloadError(f"field {field.number} is of wire type {wire} instead of {field.wire}")

    return field.read(raw) if field.kind is None else decode(field.kind, bytes(raw), strict=strict)


def _tokens(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Yield field number, wire type and value: a number of varints, else bytes."""
    at = 0

    while at < len(message):
        tag, at = _varint_at(message, at)
        number, wire = tag >> 3, tag & 7

        if number == 0:
            raise PayloadError("a field has the number 0")

        if wire == _VARINT:
            value, at = _varint_at(message, at)
            yield number, wire, value
            continue

        if wire == _BYTES:
            size, at = _varint_at(message, at)
        elif wire in _WIDTHS:
            size = _WIDTHS[wire]
        else:
            raise PayloadError(f"field {number} is of the unknown wire type {wire}")

        if at + size > len(message):
            raise PayloadError(f"field {number} ends after the message")

        yield number, wire, message[at : at + size]
        at += size


def _varint_at(message: bytes, at: int) -> tuple[int, int]:
    value = 0

    for place in range(_LONGEST_VARINT):
        if at + place >= len(message):
            raise PayloadError("the message ends within a number")

        digit = message[at + place]
        value |= (digit & _DIGIT) << 7 * place

        if digit <= _DIGIT:
            if value >= 2**64:
                break

            return value, at + place + 1

    raise PayloadError("a number has more than 64 bits")


def _varints(raw: bytes) -> tuple[int, ...]:
    values, at = [], 0

    while at < len(raw):
        value, at = _varint_at(raw, at)
        values.append(value)

    return tuple(values)


def _sized(raw: bytes) -> bytes:
    return varint(len(raw)) + raw


def _little_endian(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _from_zigzag(raw: int) -> int:
    return raw >> 1 ^ -(raw & 1)


def _as_text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise PayloadError("a text is no UTF-8") from None
