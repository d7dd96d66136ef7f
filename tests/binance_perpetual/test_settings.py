from __future__ import annotations

from typing import Any

import pytest

import perpmaker_binance_perpetual
from perpmaker.connector.interface import Environment, SandboxAccess
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
from perpmaker_binance_perpetual.settings import Settings, key_url

KEYS = {"api_key": "env:BINANCE_API_KEY", "api_secret": "file:secret"}


def faults(**values: Any) -> dict[str, str]:
    """The faults of settings with these values, by key."""
    return dict(Settings(**values).faults())


def test_the_plugin_declares_one_connector_and_imports_nothing_for_it() -> None:
    """Name, settings, sandbox and Hedge mode stand in the declaration."""
    declared: list[DerivativeConnectorDeclaration] = []
    perpmaker_binance_perpetual.register_derivative_connectors(declared.append)
    (declaration,) = declared

    assert (declaration.name, declaration.settings, declaration.hedge_mode) == ("binance_perpetual", Settings, True)
    assert declaration.sandbox is not None
    assert declaration.sandbox().symbol("BTC-USDT") == "BTCUSDT"


def test_the_sandbox_needs_nothing() -> None:
    """Without a word in the file, everything is right."""
    assert faults() == {}


@pytest.mark.parametrize("environment", [Environment.TESTNET, Environment.LIVE])
def test_missing_keys_are_named_with_an_example(environment: Environment) -> None:
    """Both keys, and how they are written."""
    found = faults(environment=environment)

    assert set(found) == {"api_key", "api_secret"}
    assert 'api_key = "env:BINANCE_API_KEY"' in found["api_key"]
    assert faults(environment=environment, **KEYS) == {}


def test_a_literal_secret_is_refused_and_not_shown() -> None:
    """What is no reference may be the secret itself."""
    found = faults(environment=Environment.LIVE, api_key="env:A", api_secret="canary-0123456789")

    assert set(found) == {"api_secret"}
    assert "canary" not in str(found)


def test_paper_needs_no_key_and_goes_where_live_goes() -> None:
    """Public data is asked of the venue itself, and nobody there is asked about a key."""
    assert faults(environment=Environment.PAPER) == {}
    paper, live = (Settings().address(environment, None) for environment in (Environment.PAPER, Environment.LIVE))
    assert (paper.rest, paper.stream) == (live.rest, live.stream)
    assert key_url(Settings(), Environment.PAPER, None) is None


@pytest.mark.parametrize(
    ("environment", "key", "url", "allowed"),
    [
        (Environment.LIVE, "rest_url", "http://127.0.0.1:8080", True),
        (Environment.LIVE, "rest_url", "https://demo-fapi.binance.com", False),
        (Environment.LIVE, "rest_url", "https://user@fapi.binance.com", False),
        (Environment.LIVE, "rest_url", "http://[::1", False),
        (Environment.LIVE, "rest_url", "http://127.0.0.1:99999", False),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (Environment.LIVE, "rest_url", "https://fapi.binance.com", True),
                (Environment.LIVE, "rest_url", "http://[::1]:8080", True),
                (Environment.LIVE, "rest_url", "http://localhost:8080/", True),
                (Environment.LIVE, "stream_url", "ws://127.0.0.1:8080", True),
                (Environment.LIVE, "rest_url", "http://fapi.binance.com", False),
                (Environment.LIVE, "rest_url", "https://fapi.binance.com.evil.test", False),
                (Environment.LIVE, "rest_url", "https://fapi.binance.com/path", False),
                (Environment.LIVE, "rest_url", "http://127.0.0.1:x", False),
                (Environment.LIVE, "rest_url", "http://localhost:0", False),
                (Environment.LIVE, "stream_url", "wss://fstream.binance.com:0x1bb", False),
                (Environment.LIVE, "rest_url", " http://127.0.0.1:1", False),
                (Environment.LIVE, "rest_url", "http://127.0.0.1:1\t", False),
                (Environment.LIVE, "rest_url", "https://fapi.binance.com?x=1", False),
                (Environment.LIVE, "rest_url", "https://fapi.binance.com#x", False),
                (Environment.LIVE, "rest_url", "https://127.0.0.1.evil.test", False),
                (Environment.LIVE, "rest_url", "wss://fapi.binance.com", False),
                (Environment.LIVE, "stream_url", "https://fstream.binance.com", False),
                (Environment.TESTNET, "rest_url", "https://testnet.binancefuture.com", True),
                (Environment.TESTNET, "stream_url", "wss://fstream.binancefuture.com", True),
                (Environment.TESTNET, "rest_url", "https://fapi.binance.com", False),
            )
        ),
    ],
)
def test_addresses_lead_to_their_own_environment_or_to_this_machine(
    environment: Environment, key: str, url: str, allowed: bool
) -> None:
    """No key of one environment is ever sent to a host of another, or of a stranger."""
    assert (key not in faults(environment=environment, **KEYS, **{key: url})) is allowed


def test_the_sandbox_is_where_it_says_it_is() -> None:
    """Streams are under the same host; live addresses stand in the code."""
    access = SandboxAccess(url="http://127.0.0.1:5000", api_key="k", api_secret="s")
    address = Settings().address(Environment.SANDBOX, access)
    live = Settings().address(Environment.LIVE, None)
    other = Settings(rest_url="http://127.0.0.1:1").address(Environment.LIVE, None)

    assert (address.rest, address.stream) == ("http://127.0.0.1:5000", "ws://127.0.0.1:5000")
    assert (live.rest, live.stream) == ("https://fapi.binance.com", "wss://fstream.binance.com")
    assert (other.rest, other.stream) == ("http://127.0.0.1:1", "wss://fstream.binance.com")


def test_a_slash_at_the_end_of_an_address_changes_nothing() -> None:
    """Paths begin with one of their own, and the venue knows none that begins with two."""
    settings = Settings(rest_url="https://fapi.binance.com/", stream_url="wss://fstream.binance.com/")
    address = settings.address(Environment.LIVE, None)
    here = Settings(rest_url="http://localhost:8080/")

    assert (address.rest, address.stream) == ("https://fapi.binance.com", "wss://fstream.binance.com")
    assert here.address(Environment.LIVE, None).rest == "http://localhost:8080"
    assert key_url(here, Environment.LIVE, None) == "http://localhost:8080"
