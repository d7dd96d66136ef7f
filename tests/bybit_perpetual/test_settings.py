"""The table `[bybit_perpetual]`: what it allows, and where it leads."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import ConnectorContext, Environment, SandboxAccess
from perpmaker.errors import ConfigurationError
from perpmaker.secret import References
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_bybit_perpetual.connector import BybitPerpetual, ProtectedBybit, open_connector
from perpmaker_bybit_perpetual.settings import Settings

KEYS = {"api_key": "env:KEY", "api_secret": "env:SECRET"}


def faults(environment: Environment, **values: Any) -> list[str]:
    """The keys that are wrong."""
    return [key for key, _ in Settings(environment=environment, **values).faults()]


def test_keys_are_references_and_needed_where_money_is() -> None:
    """Sandbox and paper need none; a secret itself is refused."""
    assert faults(Environment.SANDBOX) == faults(Environment.PAPER) == []
    assert faults(Environment.LIVE) == ["api_key", "api_secret"]
    assert faults(Environment.LIVE, **KEYS) == []
    assert faults(Environment.TESTNET, api_key="env:KEY", api_secret="the secret itself") == ["api_secret"]


def test_bybit_B14_a_depth_that_the_venue_does_not_stream_is_refused() -> None:
    """It has streamed 500 levels once, and refuses to subscribe them now."""
    assert faults(Environment.SANDBOX, book_depth=500) == ["book_depth"]
    assert [faults(Environment.SANDBOX, book_depth=depth) for depth in (50, 200, 1000)] == [[], [], []]


def test_a_key_goes_only_to_the_venues_own_hosts() -> None:
    """Of the same environment, a regional site among them, with TLS; or to this machine."""
    for environment, url, is_right in [
        (Environment.LIVE, "https://api.bytick.com", True),
        (Environment.LIVE, "https://api.bybit.eu", True),
        (Environment.LIVE, "https://api-testnet.bybit.com", False),
        (Environment.LIVE, "http://api.bybit.com", False),
        (Environment.LIVE, "https://api.bybit.com.example.org", False),
        (Environment.TESTNET, "https://api-testnet.bybit.com", True),
        (Environment.TESTNET, "http://127.0.0.1:9000", True),
    ]:
        assert (faults(environment, rest_url=url, **KEYS) == []) is is_right, url

    live = Settings(environment=Environment.LIVE).address(Environment.LIVE, None)
    assert (live.rest, live.stream) == ("https://api.bybit.com", "wss://stream.bybit.com")
    access = SandboxAccess(url="http://127.0.0.1:1", api_key="k", api_secret="s")
    assert Settings().address(Environment.SANDBOX, access).stream == "ws://127.0.0.1:1"


def context(secret: str) -> ConnectorContext:
    """A run against a sandbox with this secret."""
    return ConnectorContext(
        clock=LoopClock(),
        connect=MemoryNetwork().connect,
        signers=References(None, environ={}),  # type: ignore[arg-type]  # nothing is read
        environment=Environment.SANDBOX,
        sandbox=SandboxAccess(url="http://127.0.0.1:1", api_key="k", api_secret=secret),
    )


@pytest.mark.anyio
async def test_an_ed25519_key_is_refused_with_words() -> None:
    """The venue knows HMAC and RSA only."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    with pytest.raises(ConfigurationError, match="HMAC secret or an RSA private key"):
        await open_connector(Settings(), context(pem)).__aenter__()


@pytest.mark.anyio
async def test_an_account_with_disconnect_protection_needs_no_attached_stops() -> None:
    """What the account has is said in the file; the two connectors differ in that alone."""
    async with open_connector(Settings(), context("s")) as plain:
        assert type(plain) is BybitPerpetual
        assert plain.attaches_stops

    async with open_connector(Settings(disconnect_protection=True), context("s")) as protected:
        assert type(protected) is ProtectedBybit
        assert not protected.attaches_stops
