"""The key of an account: needed where something is signed for money, and never on paper."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import ConnectorContext, Environment, SandboxAccess
from perpmaker.errors import ConfigurationError
from perpmaker.model.event import BalanceReported, PositionReported
from perpmaker.secret import References, Secret, make_signer
from perpmaker.testing.view import make_account, make_position
from perpmaker.venue import (
    Credentials,
    RequestBudget,
    ServerClock,
    account_events,
    key_fault,
    open_credentials,
    open_rest_client,
)
from perpmaker.wire.memory import MemoryNetwork

from .ore import LIMITS, VENUE, OreHttp

pytestmark = pytest.mark.anyio


@attrs.frozen
class Settings:
    """The table of a venue."""

    environment: Environment
    api_key: str | None = "env:ORE_KEY"
    api_secret: str | None = "env:ORE_SECRET"  # a reference

    def faults(self) -> Iterable[tuple[str, str]]:
        """What is wrong with the keys."""
        for key, value in (("api_key", self.api_key), ("api_secret", self.api_secret)):
            if (fault := key_fault(key, value, self.environment, "env:ORE")) is not None:
                yield key, fault


def context(environment: Environment, sandbox: SandboxAccess | None = None) -> ConnectorContext:
    """What the core hands a connector."""
    references = References(Path(), environ={"ORE_KEY": "the-key-of-ore", "ORE_SECRET": "the-secret-of-ore"})

    return ConnectorContext(
        clock=LoopClock(),
        connect=MemoryNetwork().connect,
        signers=references,
        environment=environment,
        sandbox=sandbox,
    )


@pytest.mark.parametrize("environment", list(Environment))
def test_a_key_is_needed_on_testnet_and_live_alone(environment: Environment) -> None:
    """The fault shows how it is written; a secret in its place is never shown."""
    fault = key_fault("api_key", None, environment, "env:ORE")
    secret = key_fault("api_key", "0123456789abcdef", environment, "env:ORE")

    assert (fault is not None) is (environment in {Environment.TESTNET, Environment.LIVE})
    assert fault is None or 'api_key = "env:ORE"' in fault
    assert secret is not None
    assert "0123456789abcdef" not in secret


async def test_what_references_stand_for_is_the_key_of_the_run() -> None:
    """And names the account without giving it away."""
    found = open_credentials(Settings(Environment.LIVE), context(Environment.LIVE), "ore")

    assert found is not None
    assert found.api_key == "the-key-of-ore"
    assert len(found.account) == 12
    assert "the-key-of-ore" not in repr(found) + found.account


async def test_every_fault_is_named_with_its_table() -> None:
    """Before anything is opened."""
    settings = Settings(Environment.TESTNET, api_key=None, api_secret="")

    with pytest.raises(ConfigurationError) as caught:
        open_credentials(settings, context(Environment.TESTNET), "ore")

    assert [problem.key for problem in caught.value.problems] == ["ore.api_key", "ore.api_secret"]


async def test_on_paper_there_is_no_key_and_in_a_sandbox_its_own() -> None:
    """Whatever the file names."""
    access = SandboxAccess(url="http://127.0.0.1:1", api_key="made-up", api_secret="too")  # it is none
    sandbox = open_credentials(Settings(Environment.SANDBOX), context(Environment.SANDBOX, access), "ore")

    assert open_credentials(Settings(Environment.PAPER), context(Environment.PAPER), "ore") is None
    assert sandbox is not None
    assert sandbox.api_key == "made-up"


async def test_a_client_is_opened_for_one_address() -> None:
    """Nothing is sent; its venue's clock is never better than it is said to be."""
    opened = context(Environment.SANDBOX)
    clock = ServerClock(opened.clock, least_uncertainty_s=0.25)
    budget = RequestBudget(VENUE, LIMITS, opened.clock)

    async with open_rest_client(
        opened, "http://ore.test", OreHttp(), budget=budget, deadline_s=1.0, server_clock=clock
    ) as client:
        client.server_clock.observe(0.0, 0.1, 5_000)

    assert client.venue == VENUE
    assert client.server_clock.uncertainty_s == 0.25
    time = client.server_clock.venue_time(1.05)
    assert time is not None
    assert (time.ms, time.uncertainty_s) == (6_000, 0.25)


class Backwards:
    """Signs by turning a message round."""

    algorithm = "ed25519"

    def sign(self, message: bytes) -> bytes:
        """Sign."""
        return message[::-1]


def test_a_signature_is_written_as_its_kind_usually_is() -> None:
    """Hexadecimal for HMAC, base64 for keys of two halves."""
    hmac = Credentials(api_key="k", signer=make_signer(Secret("0123456789abcdef")))
    other = Credentials(api_key="k", signer=Backwards())

    assert hmac.sign(b"message") == hmac.signer.sign(b"message").hex()
    assert other.sign(b"abc") == "Y2Jh"


def test_a_picture_of_the_account_is_told_asset_by_asset_and_position_by_position() -> None:
    """In this order."""
    (position,) = make_position("2").values()
    account = make_account(position)

    assert account_events(account) == (
        BalanceReported(balance=account.assets[0]),
        PositionReported(position=position),
    )
