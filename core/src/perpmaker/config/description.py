"""What the keys of a settings class allow, and what they are without a word: in the units of a file."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, get_args, get_origin

import attrs

from perpmaker.config.reader import Fault, reader_for
from perpmaker.config.structure import is_secret
from perpmaker.config.toml_text import toml_value
from perpmaker.model.setting import Percent, Range
from perpmaker.secret import reference_fault


@attrs.frozen(kw_only=True)
class Description:
    """One key: what is allowed in words, and its default as a file has it.

    `default` is empty where there is no way to write it (not set); `required`: it has none.
    """

    key: str
    allowed: str
    default: str
    required: bool
    kind: Any = attrs.field(eq=False, repr=False)

    @property
    def is_secret(self) -> bool:
        """Whether only a reference to its value may stand in a file."""
        return is_secret(self.key)

    def fault(self, value: object) -> str | None:
        """Return what is wrong with a value of a file, by itself; None for one that is allowed."""
        try:
            read = reader_for(self.kind)(value)
        except Fault as fault:
            near = "" if fault.nearest is None else f"; did you mean {fault.nearest!r}?"
            inside = "".join(f"; {name} {inner.allowed}" for name, inner in fault.inside.items())

            return f"{fault.allowed}{near}{inside}"

        return reference_fault(read) if self.is_secret and isinstance(read, str) else None


def describe(settings: Any) -> tuple[Description, ...]:  # noqa: ANN401  # an attrs class, of which there is no type
    """Return the keys of a settings class, in its order."""
    attrs.resolve_types(settings)

    return tuple(_descriptions(settings))


def _descriptions(settings: type) -> Iterator[Description]:
    for field in attrs.fields(settings):
        if field.init:
            yield Description(
                key=field.name,
                allowed=reader_for(field.type).words.removeprefix("must be "),
                default=_default(field),
                required=field.default is attrs.NOTHING,
                kind=field.type,
            )


def _default(field: Any) -> str:  # noqa: ANN401  # attrs' own generic of any type
    """The default as a file has it: what is off by its number, a share in percent."""
    default, bounds = field.default, _bounds_of(field.type)

    if default is attrs.NOTHING or isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class as well
        return ""

    if default is None:
        return "" if bounds is None or bounds.off is None else str(bounds.off)

    if isinstance(bounds, Percent):
        default = (Decimal(default) * 100).normalize()

    return toml_value(default.value if isinstance(default, Enum) else default)


def _bounds_of(wanted: Any) -> Range | None:  # noqa: ANN401  # a type, of which there is no type
    if get_origin(wanted) is not Annotated:
        return None

    return next((note for note in get_args(wanted)[1:] if isinstance(note, Range)), None)
