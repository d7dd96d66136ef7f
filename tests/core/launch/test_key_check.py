"""What a key may do before it is used for money."""

from __future__ import annotations

from typing import Any, cast

import attrs
import pytest

from perpmaker.connector.abilities import KeyRights
from perpmaker.connector.interface import Environment
from perpmaker.errors import ExitCode, KeyRightsError, PluginError
from perpmaker.launch.key_check import check_key

pytestmark = pytest.mark.anyio

PLAIN = KeyRights(can_read=True, can_trade=True, can_withdraw=False, can_transfer=False, ip_restricted=True)


@attrs.define
class Venue:
    """Tells this of the key."""

    rights: KeyRights | None
    name: str = "fake"
    asked: int = 0

    async def fetch_key_rights(self) -> KeyRights | None:
        """The rights given."""
        self.asked += 1

        return self.rights


@attrs.define
class SilentVenue:
    """Cannot be asked."""

    name: str = "mute"


async def check(venue: Any, environment: Environment = Environment.LIVE) -> list[str]:
    """Check the key of a venue; what was told."""
    told: list[str] = []
    await check_key(cast("Any", venue), environment, told.append)

    return told


async def test_S1_a_key_that_can_only_trade_is_used() -> None:
    """Nothing is said about it."""
    assert await check(Venue(PLAIN)) == []


async def test_S1_a_live_key_with_too_many_or_too_few_rights_is_refused() -> None:
    """The refusal names each of them, and the exit code is that of a refusal."""
    for changes, words in [
        ({"can_withdraw": True}, "may withdraw"),
        ({"can_transfer": True}, "may transfer"),
        ({"can_trade": False}, "may not trade"),
        ({"can_read": False}, "may not read"),
        ({"can_withdraw": True, "can_trade": False}, "may withdraw, and may not trade"),
    ]:
        with pytest.raises(KeyRightsError, match=words) as refused:
            await check(Venue(attrs.evolve(PLAIN, **changes)))

        assert refused.value.exit_code is ExitCode.REFUSED


async def test_S1_a_key_for_every_address_is_warned_about() -> None:
    """It is used all the same."""
    (line,) = await check(Venue(attrs.evolve(PLAIN, ip_restricted=False)))

    assert "every address" in line


async def test_S1_a_venue_that_does_not_tell_leaves_it_to_the_person() -> None:
    """Refused, with what to make sure of; a person who has made sure of it says so, and that is told."""
    for venue in [Venue(None), SilentVenue()]:
        with pytest.raises(KeyRightsError, match=r"make sure that it cannot withdraw .* --trust-key"):
            await check(venue)

        told: list[str] = []
        await check_key(cast("Any", venue), Environment.LIVE, told.append, trust=True)

        assert len(told) == 1
        assert "it is trusted" in told[0]


async def test_no_money_is_at_stake_elsewhere() -> None:
    """Only a live key is asked about."""
    for environment in [Environment.SANDBOX, Environment.PAPER, Environment.TESTNET]:
        venue = Venue(attrs.evolve(PLAIN, can_withdraw=True))

        assert (await check(venue, environment), venue.asked) == ([], 0)


async def test_connector_that_breaks_while_it_is_asked_is_named() -> None:
    """That is its mistake, and no bug of perpmaker."""

    class Broken(Venue):
        async def fetch_key_rights(self) -> KeyRights | None:
            raise KeyError("x")

    with pytest.raises(PluginError, match=r"The connector fake failed at its start \(KeyError: 'x'\)"):
        await check(Broken(PLAIN))
