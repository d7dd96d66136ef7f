"""The settings of the table `[binance_perpetual]`, and the addresses they stand for."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

import attrs

from perpmaker import Range
from perpmaker.venue import Address, ApiKeySettings, Environment, SandboxAccess, is_this_machine

NAME: Final = "binance_perpetual"

_KEY_URL = "https://api.binance.com"
"""The host of the spot market alone tells what a key may do, and only of a live one."""


@attrs.frozen(kw_only=True)
class Settings(ApiKeySettings):
    """How to reach Binance and prove who we are; see `ApiKeySettings`.

    The secret is that of an HMAC key, or an Ed25519 private key. `recv_window_ms` is how long the venue accepts a
    request after it was signed: a part of the fence.
    """

    venue = "Binance"
    addresses = {  # noqa: RUF012  # never changed
        Environment.LIVE: Address(rest="https://fapi.binance.com", stream="wss://fstream.binance.com"),
        Environment.TESTNET: Address(
            rest="https://demo-fapi.binance.com",
            stream="wss://demo-fstream.binance.com",
            others=("testnet.binancefuture.com", "fstream.binancefuture.com", "stream.binancefuture.com"),
        ),
    }

    recv_window_ms: Annotated[int, Range(at_least=100, at_most=60_000)] = 2_000


def key_url(settings: Settings, environment: Environment, sandbox: SandboxAccess | None) -> str | None:
    """Return where is asked what a key may do; None where nobody tells.

    A live key is asked about where it is used: on the venue itself, or on the machine that stands in for it.
    """
    if sandbox is not None:
        return sandbox.url

    if environment is not Environment.LIVE:
        return None

    rest = settings.address(environment, None).rest

    return rest if is_this_machine(urlsplit(rest).hostname or "") else _KEY_URL
