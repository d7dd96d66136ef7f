"""The settings of the table `[bybit_perpetual]`, and the addresses they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import attrs

from perpmaker import Range
from perpmaker import venue as kit

NAME = "bybit_perpetual"

_DEPTHS = (50, 200, 1000)
_SITES = (
    *("bybit.com", "bytick.com", "bybit.nl", "bybit.eu", "bybit.tr", "bybit.kz", "bybit.ae", "bybit.id"),
    *("bybitgeorgia.ge", "manepa.jp", "spark-fintech.com"),
)
"""A key belongs to the site that it was made on: its REST and stream hosts go together."""


def _address(infix: str) -> kit.Address:
    hosts = tuple(f"{part}{infix}.{site}" for site in _SITES for part in ("api", "stream"))

    return kit.Address(rest=f"https://{hosts[0]}", stream=f"wss://{hosts[1]}", others=hosts)


@attrs.frozen(kw_only=True)
class Settings(kit.ApiKeySettings):
    """How to reach Bybit and prove who we are; see `ApiKeySettings`.

    The secret is that of an HMAC key, or an RSA private key. `recv_window_ms` is how long the venue accepts a request
    after it was signed: a part of the fence.
    `orders_per_s` is how many commands of each kind the venue takes of this account. `book_depth` is how many levels a
    side the book has; `strict_book` false: a message of it may be missing. `orders_by_socket`: commands go over the
    trade socket while it is up, else by REST. `reject_out_of_band`: the account is set so that an order beyond the
    price band is refused, and not moved to its edge; false leaves the account as it is. `disconnect_protection`: the
    account has it.
    """

    venue = "Bybit"
    addresses = {  # noqa: RUF012  # never changed
        kit.Environment.LIVE: _address(""),
        kit.Environment.TESTNET: _address("-testnet"),
    }

    read_lag_s: Annotated[float, Range(at_least=0, at_most=60)] = 1.0
    recv_window_ms: Annotated[int, Range(at_least=100, at_most=60_000)] = 2_000
    orders_per_s: Annotated[int, Range(at_least=5, at_most=400)] = 10
    book_depth: Annotated[int, Range(at_least=50, at_most=1000)] = 50
    strict_book: bool = True
    orders_by_socket: bool = True
    reject_out_of_band: bool = False
    disconnect_protection: bool = False

    def faults(self) -> Iterator[tuple[str, str]]:
        """Keys where they are needed, addresses that a key may be sent to, and a depth that is streamed."""
        yield from super().faults()

        if self.book_depth not in _DEPTHS:
            yield "book_depth", f"must be one of {', '.join(map(str, _DEPTHS))}: the venue streams no other"
