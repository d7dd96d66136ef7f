"""The parameters of a request, from a query, a form or JSON; read strictly, and refused as the venue refuses them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar
from urllib.parse import unquote_plus

import attrs
import msgspec

from perpmaker.venue.sandbox.refusals import RefusalError

Value = TypeVar("Value")

DECIMAL: Final = re.compile(r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
INTEGER: Final = re.compile(r"^[0-9]{1,20}$")
_FLAGS: Final[Mapping[str, bool]] = {"true": True, "false": False}


@attrs.frozen(kw_only=True)
class ParameterRefusals:
    """A venue's refusals of parameters; each is given the name of the parameter.

    `missing`: it was not sent. `empty`: it has no text. `malformed`: it is no number; the second argument is the
    pattern of those that are. `unfit`: it is none of what may be sent. `unread`: how many parameters the endpoint
    reads, and how many were sent.
    """

    missing: Callable[[str], RefusalError]
    empty: Callable[[str], RefusalError]
    malformed: Callable[[str, str], RefusalError]
    unfit: Callable[[str], RefusalError]
    unread: Callable[[int, int], RefusalError]


class RequestParameters:
    """The parameters of one request (or of one element of a batch), by name, as text.

    Every reading method refuses what is missing, empty or malformed. The methods whose name
    begins with `optional_` return None for what was not sent.
    """

    def __init__(self, values: Mapping[str, str], refusals: ParameterRefusals) -> None:
        self._values = values
        self._refusals = refusals

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def refuse_unread(self, known: Collection[str]) -> None:
        """Refuse when something was sent that nobody reads."""
        read = sum(name in known for name in self._values)

        if read != len(self._values):
            raise self._refusals.unread(read, len(self._values))

    def optional_text(self, name: str) -> str | None:
        """Read a text."""
        text = self._values.get(name)

        if text == "":
            raise self._refusals.empty(name)

        return text

    def text(self, name: str) -> str:
        """Read a text that must be sent."""
        return self._sent(name, self.optional_text(name))

    def optional_integer(self, name: str) -> int | None:
        """Read a natural number."""
        text = self.optional_text(name)

        return None if text is None else int(self._checked(name, text, INTEGER))

    def integer(self, name: str) -> int:
        """Read a natural number that must be sent."""
        return self._sent(name, self.optional_integer(name))

    def optional_decimal(self, name: str) -> Decimal | None:
        """Read a decimal without sign and exponent, exactly."""
        text = self.optional_text(name)

        return None if text is None else Decimal(self._checked(name, text, DECIMAL))

    def decimal(self, name: str) -> Decimal:
        """Read a decimal that must be sent."""
        return self._sent(name, self.optional_decimal(name))

    def flag(self, name: str, *, default: bool | None = False) -> bool:
        """Read `true` or `false`, in any case; with a default of None it must be sent."""
        text = self.optional_text(name)

        if text is None:
            return self._sent(name, default)

        if text.lower() not in _FLAGS:
            raise self._refusals.unfit(name)

        return _FLAGS[text.lower()]

    def word(self, name: str, words: Collection[str], *, default: str | None = None) -> str:
        """Read one of these words; without a default it must be sent."""
        text = self.optional_text(name)

        if text is None:
            return self._sent(name, default)

        if text not in words:
            raise self._refusals.unfit(name)

        return text

    def choice(self, name: str, values: Mapping[str, Value], *, default: str | None = None) -> Value:
        """Read one of these words and return what it means; without a default it must be sent."""
        return values[self.word(name, values, default=default)]

    def limit(self, *, default: int, most: int) -> int:
        """Read the parameter `limit`: from 1 to `most`."""
        value = self.optional_integer("limit")

        if value is not None and not 1 <= value <= most:
            raise self._refusals.unfit("limit")

        return default if value is None else value

    def json_list(self, name: str, *, most: int) -> list[Any]:
        """Read a list of 1 to `most` elements that stands as JSON in the parameter."""
        try:
            value = msgspec.json.decode(self.text(name))
        except (msgspec.DecodeError, RecursionError):
            raise self._refusals.unfit(name) from None

        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise self._refusals.unfit(name)

        return value

    def element(self, name: str, element: object) -> RequestParameters:
        """Return the parameters of an element of the batch that stands in the parameter `name`."""
        if not isinstance(element, dict):
            raise self._refusals.unfit(name)

        return RequestParameters(json_values(element), self._refusals)

    def _sent(self, name: str, value: Value | None) -> Value:
        if value is None:
            raise self._refusals.missing(name)

        return value

    def _checked(self, name: str, text: str, pattern: re.Pattern[str]) -> str:
        if not pattern.match(text):
            raise self._refusals.malformed(name, pattern.pattern)

        return text


def form_values(text: str) -> dict[str, str]:
    """Return the values of a query or a form body, by name."""
    pairs = (part.partition("=") for part in text.split("&") if part)

    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


def json_values(content: Mapping[str, object]) -> dict[str, str]:
    """Return the values of a JSON object as text, by name: what is no text as JSON; null is as if it was not sent."""
    return {str(name): _text(value) for name, value in content.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)

    return msgspec.json.encode(value).decode()
