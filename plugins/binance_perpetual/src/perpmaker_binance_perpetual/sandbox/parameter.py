"""Parameters as they arrive: in the query, in a form body, or in both; read strictly, with the venue's codes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec

from perpmaker_binance_perpetual.sandbox.refusal import refusal

DECIMAL: Final = re.compile(r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
INTEGER: Final = re.compile(r"^[0-9]{1,20}$")
FLAGS: Final[Mapping[str, bool]] = {"true": True, "false": False}


class Parameters:
    """The parameters of one request (or of one element of a batch), by name, as text.

    Every reading method refuses with the venue's code for what is missing (-1102), empty (-1105) or malformed
    (-1100, -1130); the names that an endpoint does not know are refused with -1104 before it is called.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Refuse with -1104 when something was sent that nobody reads."""
        read = sum(name in known for name in self._values)

        if read != len(self._values):
            raise refusal(-1104, read=read, sent=len(self._values))

    def optional_text(self, name: str) -> str | None:
        """The text; None when it was not sent, -1105 when it is empty."""
        text = self._values.get(name)

        if text == "":
            raise refusal(-1105, name=name)

        return text

    def text(self, name: str) -> str:
        """The text; -1102 when it was not sent."""
        text = self.optional_text(name)

        if text is None:
            raise refusal(-1102, name=name)

        return text

    def optional_integer(self, name: str) -> int | None:
        """A natural number; -1100 when it is none."""
        text = self.optional_text(name)

        if text is None:
            return None

        if not INTEGER.match(text):
            raise refusal(-1100, name=name, legal=INTEGER.pattern)

        return int(text)

    def integer(self, name: str) -> int:
        """A natural number that must be sent."""
        self.text(name)
        value = self.optional_integer(name)
        assert value is not None  # noqa: S101  # text() has just refused its absence

        return value

    def optional_decimal(self, name: str) -> Decimal | None:
        """A decimal without sign and exponent, exact; -1100 when it is none."""
        text = self.optional_text(name)

        if text is None:
            return None

        if not DECIMAL.match(text):
            raise refusal(-1100, name=name, legal=DECIMAL.pattern)

        return Decimal(text)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """`true` or `false`, in any case; -1130 for anything else."""
        text = self.optional_text(name)

        if text is None:
            return default

        if text.lower() not in FLAGS:
            raise refusal(-1130, name=name)

        return FLAGS[text.lower()]

    def choice(self, name: str, allowed: Collection[str], *, default: str | None = None, code: int = -1130) -> str:
        """One of the allowed words; `code` (with the name, where its words want it) for any other."""
        text = self.text(name) if default is None else self.optional_text(name) or default

        if text not in allowed:
            raise refusal(code, name=name)

        return text

    def limit(self, *, default: int, most: int) -> int:
        """The parameter `limit`, from 1 to `most`; larger is refused with -1130."""
        value = self.optional_integer("limit")

        if value is None:
            return default

        if not 1 <= value <= most:
            raise refusal(-1130, name="limit")

        return value

    def json_list(self, name: str, *, most: int) -> list[Any]:
        """A JSON list of 1 to `most` elements that stands in the parameter; -1130 for anything else."""
        try:
            value = msgspec.json.decode(self.text(name))
        except (msgspec.DecodeError, RecursionError):
            raise refusal(-1130, name=name) from None

        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise refusal(-1130, name=name)

        return value


def parse_parameters(query: str, body: bytes) -> Parameters:
    """The parameters of raw query and raw body; where both have one, the query's counts."""
    return Parameters({**_parse(body.decode("utf-8", "replace")), **_parse(query)})


def element_parameters(element: object) -> Parameters:
    """The parameters of one element of a batch, whose values may be strings, numbers or booleans."""
    if not isinstance(element, dict):
        raise refusal(-1130, name="batchOrders")

    return Parameters({str(name): _word(value) for name, value in element.items() if value is not None})


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"

    return str(value)


def _parse(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split("&") if part)

    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}
