"""Frozen values that are made quickly: of orders, quotes and reasons a decision makes hundreds.

The constructor that attrs writes for a frozen class sets every field through `object.__setattr__`, since the class
itself refuses. That is four fifths of what such a value costs. Here each field is stored plainly, by a twin of the
class that refuses nothing; then the object becomes what it was asked for. It cannot be told from one that attrs
has made: equality, hash, repr, `attrs.evolve` and the refusal to be changed are those of the class.
"""

from __future__ import annotations

from typing import Any, TypeVar

import attrs

_Frozen = TypeVar("_Frozen")

_turn = object.__dict__["__class__"].__set__


def quick(frozen: type[_Frozen]) -> type[_Frozen]:
    """Give a frozen attrs class with slots, without converters and validators, its quicker constructor."""
    fields = attrs.fields(frozen)  # type: ignore[arg-type]  # attrs tells where it is no class of its own
    plain = {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    names: dict[str, Any] = {"_turn": _turn, "_Frozen": frozen, "_Open": type(frozen.__name__, (frozen,), plain)}
    arguments, lines = [], []

    for field in fields:
        argument = made = field.alias or field.name
        default: Any = field.default

        if field.converter is not None or field.validator is not None or not field.init:
            raise TypeError(f"{frozen.__name__}.{field.name}: only fields that are taken as they come")

        if default is not attrs.NOTHING:
            argument = f"{made}=_of_{made}"
            names[f"_of_{made}"] = default

        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class, whatever its stub says
            if default.takes_self:
                raise TypeError(f"{frozen.__name__}.{field.name}: only factories that take nothing")

            names[f"_make_{made}"] = default.factory
            made = f"_make_{made}() if {made} is _of_{made} else {made}"

        arguments.append(argument)
        lines.append(f"    self.{field.name} = {made}")

    star = "*, " if fields and all(field.kw_only for field in fields) else ""
    source = [f"def __init__(self, {star}{', '.join(arguments)}):", "    _turn(self, _Open)", *lines]
    exec("\n".join([*source, "    _turn(self, _Frozen)"]), names)  # noqa: S102  # as attrs writes its own
    names["__init__"].__annotations__ = frozen.__init__.__annotations__
    frozen.__init__ = names["__init__"]  # type: ignore[method-assign]  # on purpose

    return frozen
