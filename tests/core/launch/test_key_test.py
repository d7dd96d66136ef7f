"""What `perpmaker keys test` finds: what is read, what the venue tells, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from perpmaker.connector.abilities import KeyRights
from perpmaker.errors import AuthenticationError, ConnectivityError
from perpmaker.launch.key_test import rows, try_key

PLAIN = KeyRights(can_read=True, can_trade=True, can_withdraw=False, can_transfer=False, ip_restricted=True)
MARKET: Any = SimpleNamespace(market="BTC-USDT")


class Silent:
    """A venue that does not tell what a key may do."""

    name = "venue"
    account = "a1"

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    async def fetch_account(self, _: object) -> None:
        """Answer, or refuse."""
        if self._error is not None:
            raise self._error


class Telling(Silent):
    """One that tells."""

    def __init__(self, rights: KeyRights | None) -> None:
        super().__init__()
        self._rights = rights

    async def fetch_key_rights(self) -> KeyRights | None:
        """What it tells."""
        return self._rights


async def found(venue: Silent) -> Any:
    """Try the key of a venue."""
    connector: Any = venue

    return await try_key(connector, MARKET)


@pytest.mark.anyio
async def test_verdict_is_that_of_the_worst_right() -> None:
    """A key that may move money is refused in each environment; what is merely unwise is to be looked at."""
    for changes, verdict, words in (
        ({}, "OK", ""),
        ({"can_withdraw": True}, "REFUSED", "may withdraw"),
        ({"can_transfer": True}, "REFUSED", "may transfer"),
        ({"can_trade": False}, "REFUSED", "may not trade"),
        ({"ip_restricted": False}, "1 to look at", "every address"),
    ):
        test = await found(Telling(attrs.evolve(PLAIN, **changes)))
        assert test.verdict == verdict
        assert words in " ".join((*test.faults, *test.remarks))
        assert test.account == "a1"


@pytest.mark.anyio
async def test_what_the_venue_does_not_tell_is_said_to_be_unknown() -> None:
    """By a connector without the question, and by one whose environment has no answer."""
    for venue in (Silent(), Telling(None)):
        test = await found(venue)
        assert test.verdict == "1 to look at"
        assert "trade or withdraw or transfer" in test.remarks[0]
        assert [answer for _, answer in rows(test)] == ["yes", *["not told"] * 4]


@pytest.mark.anyio
async def test_a_key_that_is_not_accepted_is_refused_and_silence_is_no_answer() -> None:
    """The venue's word is shown; without any there is nothing to show."""
    test = await found(Silent(AuthenticationError("no such key", code="-2015")))
    assert test.verdict == "REFUSED"
    assert "no such key" in test.faults[0]

    with pytest.raises(ConnectivityError):
        await found(Silent(ConnectivityError("gone")))
