"""The settings of the table `[bybit_perpetual]`, and the addresses they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import attrs

from perpmaker import Range
from perpmaker import venue as kit

NAME = "bybit_perpetual"


@attrs.frozen(kw_only=True)
class Address:
    """Where a venue is reached: base URLs without a path."""

    rest: str
    stream: str


ADDRESSES = {
    kit.Environment.LIVE: Address(rest="https://api.bybit.com", stream="wss://stream.bybit.com"),
    kit.Environment.PAPER: Address(rest="https://api.bybit.com", stream="wss://stream.bybit.com"),
    kit.Environment.TESTNET: Address(rest="https://api-testnet.bybit.com", stream="wss://stream-testnet.bybit.com"),
}

_DEPTHS = (50, 200, 1000)
_SITES = (
    *("bybit.com", "bytick.com", "bybit.nl", "bybit.eu", "bybit.tr", "bybit.kz", "bybit.ae", "bybit.id"),
    *("bybitgeorgia.ge", "manepa.jp", "spark-fintech.com"),
)
_LIVE_HOSTS = frozenset(f"{part}.{site}" for site in _SITES for part in ("api", "stream"))
_TESTNET_HOSTS = frozenset(f"{part}-testnet.{site}" for site in _SITES for part in ("api", "stream"))
_HOSTS = {
    kit.Environment.LIVE: _LIVE_HOSTS,
    kit.Environment.PAPER: _LIVE_HOSTS,
    kit.Environment.TESTNET: _TESTNET_HOSTS,
}
"""A key belongs to the site that it was made on: its REST and stream hosts go together."""


@attrs.frozen(kw_only=True)
class Settings:
    """How to reach Bybit and prove who we are.

    `api_key` and `api_secret` are references (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`), needed for testnet and
    live; an HMAC secret or an RSA private key. `recv_window_ms` is how long the venue accepts a request after it was
    signed; with `clock_uncertainty_s` and `read_lag_s` (how old an answer of the venue may be) it makes the fence
    after which an order that the venue does not know can never arrive. `deadline_s` is for each whole call.
    `orders_per_s` is how many commands of each kind the venue takes of this account. `book_depth` is how many levels a
    side the book has; `strict_book` false: a message of it may be missing. `orders_by_socket`: commands go over the
    trade socket while it is up, else by REST. `reject_out_of_band`: the account is set so that an order beyond the
    price band is refused, and not moved to its edge; false leaves the account as it is. `disconnect_protection`: the
    account has it.
    `rest_url` and `stream_url` replace the addresses of testnet, live or paper by another one of the same environment,
    or by one on this machine.
    """

    environment: kit.Environment = kit.Environment.SANDBOX
    api_key: str | None = attrs.field(default=None, repr=False)
    api_secret: str | None = attrs.field(default=None, repr=False)
    recv_window_ms: Annotated[int, Range(at_least=100, at_most=60_000)] = 2_000
    clock_uncertainty_s: Annotated[float, Range(at_least=0, at_most=10)] = 0.25
    read_lag_s: Annotated[float, Range(at_least=0, at_most=60)] = 1.0
    deadline_s: Annotated[float, Range(above=0, at_most=60)] = 3.0
    orders_per_s: Annotated[int, Range(at_least=5, at_most=400)] = 10
    book_depth: Annotated[int, Range(at_least=50, at_most=1000)] = 50
    strict_book: bool = True
    orders_by_socket: bool = True
    reject_out_of_band: bool = False
    disconnect_protection: bool = False
    rest_url: str | None = None
    stream_url: str | None = None

    def faults(self) -> Iterator[tuple[str, str]]:
        """Keys where they are needed, and addresses that a key may be sent to."""
        for key, value in (("api_key", self.api_key), ("api_secret", self.api_secret)):
            fault = kit.key_fault(key, value, self.environment, f"env:BYBIT_{key.upper()}")

            if fault is not None:
                yield key, fault

        if self.book_depth not in _DEPTHS:
            yield "book_depth", f"must be one of {', '.join(map(str, _DEPTHS))}: the venue streams no other"

        hosts = _HOSTS.get(self.environment, frozenset())

        for key, url, schemes in (
            ("rest_url", self.rest_url, kit.HTTP_SCHEMES),
            ("stream_url", self.stream_url, kit.WEBSOCKET_SCHEMES),
        ):
            # Never one environment's keys to another environment's host.
            if url is not None and not kit.is_allowed_base(url, schemes, hosts):
                yield key, f"must be an address of Bybit's {self.environment.value}, or one on this machine"


def address_of(settings: Settings, environment: kit.Environment, sandbox: kit.SandboxAccess | None) -> Address:
    """Where this run goes; in the sandbox the streams are under the same host as REST."""
    if sandbox is not None:
        return Address(rest=sandbox.url, stream=kit.stream_base(sandbox.url))

    known = ADDRESSES[environment]

    return Address(
        rest=(settings.rest_url or known.rest).rstrip("/"), stream=(settings.stream_url or known.stream).rstrip("/")
    )
