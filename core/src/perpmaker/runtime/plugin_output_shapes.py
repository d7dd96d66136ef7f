"""Whether a value of the model holds what its class says: attrs checks no field's type, and plugins make values."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs

_Fits: TypeAlias = Callable[[Any], bool]


def misfit(fact: object) -> str | None:
    """What is wrong with the first field that does not hold what its class says, in words; None when all do."""
    kind: Any = type(fact)

    for name, words, fits in _fields(kind):
        value = getattr(fact, name)

        if not fits(value):
            inside = value if isinstance(value, tuple) else (value,)

            return (
                next(filter(None, map(misfit, inside)), None)
                or f"{name} of a {type(fact).__name__} is {value!r:.80}, no {words}"
            )

    return None


@cache
def _fields(kind: Any) -> tuple[tuple[str, str, _Fits], ...]:  # noqa: ANN401  # a class
    """Name, words for the type, and the check of each field of an attrs class; none for any other class."""
    if not (isinstance(kind, type) and attrs.has(kind)):
        return ()

    hints = get_type_hints(kind)

    return tuple((field.name, _words(hints[field.name]), _fits(hints[field.name])) for field in attrs.fields(kind))


def _words(hint: Any) -> str:  # noqa: ANN401  # whatever may stand in an annotation
    """A type as a person reads it."""
    if get_origin(hint) in {Union, UnionType}:
        return " or ".join(_words(one) for one in get_args(hint) if one is not NoneType)

    name = getattr(hint, "__name__", str(hint))

    return f"finite {name}" if hint in {Decimal, float} else name


def _fits(hint: Any) -> _Fits:  # noqa: ANN401  # the same
    """The check of one annotation; what is not known here fits always."""
    origin = get_origin(hint)

    if origin in {Union, UnionType}:
        checks = tuple(_fits(one) for one in get_args(hint))
        return lambda value: any(check(value) for check in checks)

    if origin is tuple and len(get_args(hint)) == 2 and get_args(hint)[1] is ...:  # noqa: PLR2004  # tuple[T, ...]
        check = _fits(get_args(hint)[0])
        return lambda value: isinstance(value, tuple) and all(map(check, value))

    return _SIMPLE.get(hint) or _by_class(hint)


def _by_class(hint: Any) -> _Fits:  # noqa: ANN401  # the same
    """The check of a class: an instance of it, and one that is well made."""
    if not isinstance(hint, type):
        return lambda _: True

    if attrs.has(hint):
        return lambda value: isinstance(value, hint) and misfit(value) is None

    return lambda value: isinstance(value, hint)


def _is_finite(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


_SIMPLE: dict[Any, _Fits] = {
    NoneType: lambda value: value is None,
    object: lambda _: True,
    int: lambda value: isinstance(value, int) and not isinstance(value, (bool, Enum)),
    float: _is_finite,
    Decimal: lambda value: isinstance(value, Decimal) and value.is_finite(),
}
