"""Settings of a venue with API keys: what is missing, what is refused, and where a run goes."""

from __future__ import annotations

import attrs
import pytest

from perpmaker.config.structure import fields_of
from perpmaker.venue import Address, ApiKeySettings, Environment, SandboxAccess

KEYS = {"api_key": "env:ORE_API_KEY", "api_secret": "file:secret"}


@attrs.frozen(kw_only=True)
class Settings(ApiKeySettings):
    """Those of a made-up venue."""

    venue = "Ore"
    addresses = {  # noqa: RUF012  # never changed
        Environment.LIVE: Address(rest="https://api.ore.test", stream="wss://ws.ore.test", others=("eu.ore.test",)),
        Environment.TESTNET: Address(rest="https://demo.ore.test", stream="wss://demo.ore.test"),
    }

    depth: int = 50


def test_a_connectors_own_keys_stand_beside_those_of_every_venue() -> None:
    """The configuration knows both."""
    assert {"api_key", "read_lag_s", "rest_url", "depth"} <= set(fields_of(Settings))
    assert Settings(depth=20).depth == 20
    assert "env:" not in repr(Settings(api_key="env:A", api_secret="env:B"))


@pytest.mark.parametrize("environment", list(Environment))
def test_keys_are_needed_where_they_are_used(environment: Environment) -> None:
    """With an example that begins with the venue's name."""
    found = dict(Settings(environment=environment).faults())
    is_needed = environment in {Environment.TESTNET, Environment.LIVE}

    assert set(found) == ({"api_key", "api_secret"} if is_needed else set())
    assert not is_needed or 'api_key = "env:ORE_API_KEY"' in found["api_key"]


@pytest.mark.parametrize(
    ("environment", "url", "is_allowed"),
    [
        (Environment.LIVE, "https://api.ore.test", True),
        (Environment.LIVE, "https://demo.ore.test", False),
        (Environment.SANDBOX, "http://localhost:1", True),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (Environment.LIVE, "https://eu.ore.test", True),
                (Environment.PAPER, "https://api.ore.test", True),
                (Environment.TESTNET, "https://demo.ore.test", True),
                (Environment.TESTNET, "https://api.ore.test", False),
                (Environment.SANDBOX, "https://api.ore.test", False),
                (Environment.LIVE, "http://localhost:1", True),
            )
        ),
    ],
)
def test_no_key_goes_to_a_host_of_another_environment(environment: Environment, url: str, is_allowed: bool) -> None:
    """Nor to a stranger's; this machine may stand in for all."""
    found = dict(Settings(environment=environment, rest_url=url, **KEYS).faults())

    assert ("rest_url" not in found) is is_allowed
    assert is_allowed or "Ore's" in found["rest_url"]


def test_a_run_goes_to_its_environment_or_to_the_sandbox() -> None:
    """A slash at the end of an address changes nothing, and each half may be replaced alone."""
    live = Settings().address(Environment.LIVE, None)
    other = Settings(rest_url="http://localhost:1/").address(Environment.LIVE, None)
    sandbox = Settings().address(Environment.SANDBOX, SandboxAccess(url="http://h:1", api_key="k", api_secret="s"))

    assert (live.rest, live.stream) == ("https://api.ore.test", "wss://ws.ore.test")
    assert Settings().address(Environment.PAPER, None) == live
    assert (other.rest, other.stream) == ("http://localhost:1", "wss://ws.ore.test")
    assert (sandbox.rest, sandbox.stream) == ("http://h:1", "ws://h:1")
