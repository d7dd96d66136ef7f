"""Where Binance's spot markets may be looked for."""

from __future__ import annotations

from perpmaker.venue import SandboxAccess
from perpmaker_price_sources.binance.settings import REST_URL, STREAM_URL, Settings, address_of


def test_without_settings_the_addresses_are_those_of_market_data() -> None:
    """No key works there, and none is asked for."""
    address = address_of(Settings(), None)
    assert (address.rest, address.stream) == (REST_URL, STREAM_URL)
    assert list(Settings().faults()) == []


def test_sandbox_takes_the_place_of_every_address() -> None:
    """In the sandbox nothing leaves the machine."""
    sandbox = SandboxAccess(url="http://127.0.0.1:5000", api_key="", api_secret="")
    address = address_of(Settings(), sandbox)
    assert (address.rest, address.stream) == ("http://127.0.0.1:5000", "ws://127.0.0.1:5000")


def test_addresses_of_the_venue_and_of_this_machine_are_accepted() -> None:
    """Base addresses can be redirected to loopback, which is how tests exercise them."""
    for key, url in [
        ("rest_url", "https://api.binance.com"),
        ("rest_url", "https://api-gcp.binance.com/"),
        ("rest_url", "http://127.0.0.1:5000"),
        ("rest_url", "http://localhost:5000"),
        ("stream_url", "wss://stream.binance.com:9443"),
        ("stream_url", "ws://[::1]:5000"),
    ]:
        assert list(Settings(**{key: url}).faults()) == []  # type: ignore[arg-type]  # both keys hold text


def test_other_addresses_are_refused() -> None:
    """A price of somebody else under this name is a fault of the key."""
    for key, url in [
        ("rest_url", "http://api.binance.com"),
        ("rest_url", "https://api.binance.com.evil.example"),
        ("rest_url", "https://user@api.binance.com"),
        ("rest_url", "https://api.binance.com/path"),
        ("rest_url", "https://api.binance.com?x=1"),
        ("rest_url", "https://10.0.0.1"),
        ("rest_url", "https://api.binance.com:99999"),
        ("rest_url", " https://api.binance.com"),
        ("rest_url", "https://api.binance.com\n"),
        ("rest_url", "https://api.binance.com#x"),
        ("rest_url", "wss://stream.binance.com"),
        ("stream_url", "ws://stream.binance.com"),
        ("stream_url", "wss://evil.example"),
    ]:
        assert [fault for fault, _ in Settings(**{key: url}).faults()] == [key]  # type: ignore[arg-type]  # the same
