"""What can be set about a venue's behaviour, so that a test can make it slow, late, strict or forgetful."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import attrs
from attrs import AttrsInstance, validators

Kind = TypeVar("Kind", bound=AttrsInstance)


def natural(_options: object, field: attrs.Attribute[int], value: object) -> None:
    """Validate a whole number from 0 on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{field.name} must be a whole number from 0 on, not {value!r}")


def seconds(_options: object, field: attrs.Attribute[float], value: object) -> None:
    """Validate a number of seconds above 0."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
        raise ValueError(f"{field.name} must be a number of seconds above 0, not {value!r}")


@attrs.frozen(kw_only=True)
class VenueOptions:
    """What can be set of every venue; times in the unit of their name.

    Args:
        server_time_offset_ms: the venue's clock is ahead of ours by so much.
        read_lag_ms: what is asked about orders, trades and positions is answered as it was that long ago.
        hidden_for_ms: a new order is not found by queries for that long.
        late_match_ms: a command reaches the matching engine that much later than the sandbox's order latency has it.
        checks_window_at_match: there the window of the request is checked again.
        race_ms: answers to commands and user events are each held back by up to that long, at random from `seed`, so
            that they and the kinds of events overtake each other.
        seed: of what is random.
        socket_life_s: after which every socket is closed.
        enforce_limits: whether requests that are too many are refused.
        rhythm_ms: how often the fastest public streams speak.
    """

    server_time_offset_ms: int = attrs.field(default=0, validator=validators.instance_of(int))
    read_lag_ms: int = attrs.field(default=0, validator=natural)
    hidden_for_ms: int = attrs.field(default=0, validator=natural)
    late_match_ms: int = attrs.field(default=0, validator=natural)
    checks_window_at_match: bool = attrs.field(default=True, validator=validators.instance_of(bool))
    race_ms: int = attrs.field(default=0, validator=natural)
    seed: int = attrs.field(default=0, validator=validators.instance_of(int))
    socket_life_s: float = attrs.field(default=86_400.0, validator=seconds)
    enforce_limits: bool = attrs.field(default=True, validator=validators.instance_of(bool))
    rhythm_ms: int = attrs.field(default=100, validator=[natural, validators.ge(1)])


def parse_options(values: Mapping[str, Any], own: type[Kind]) -> tuple[VenueOptions, Kind]:
    """Return the options of every venue and those of this one, from one table of both.

    Raises:
        ValueError: a name is of neither, or a value cannot be.
        TypeError: a value is of another type.
    """
    common, others = ({field.name for field in attrs.fields(kind)} for kind in (VenueOptions, own))
    unknown = sorted(set(values) - common - others)

    if unknown:
        raise ValueError(f"unknown options {', '.join(unknown)}; there are {', '.join(sorted(common | others))}")

    return (
        _made(VenueOptions, {name: value for name, value in values.items() if name in common}),
        _made(own, {name: value for name, value in values.items() if name in others}),
    )


def _made(kind: type[Kind], values: Mapping[str, Any]) -> Kind:
    """The options; a value that cannot be is refused in a sentence."""
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        match error.args:
            case (str(), attrs.Attribute(name=name), allowed, value):  # how attrs tells it
                raise type(error)(f"{name} must be {_words(allowed)}, not {_word(value)}") from error
            case _:
                raise


def _words(allowed: object) -> str:
    """What a value may be, as it is written."""
    if isinstance(allowed, type):
        return {bool: "true or false", int: "a whole number", str: "a text in quotes"}.get(allowed, allowed.__name__)

    return " or ".join(_word(one) for one in allowed) if isinstance(allowed, Iterable) else str(allowed)


def _word(value: object) -> str:
    """A value as it is written in TOML: a text in quotes, unlike a number."""
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
