"""A listenKey lives an hour after its last renewal, and is the account's only one."""

from __future__ import annotations

import pytest

from perpmaker.venue.sandbox import RefusalError
from perpmaker_binance_perpetual.sandbox.listen_keys import ListenKeys


class Time:
    """A venue's clock that a test moves."""

    ms = 0

    def __call__(self) -> int:
        """Milliseconds."""
        return self.ms


def test_second_post_returns_the_same_key_and_extends_it() -> None:
    """POST while a key is active renews it."""
    time = Time()
    keys = ListenKeys(time, life_s=3600, seed=1)
    key = keys.create()
    time.ms = 3_000_000

    assert keys.create() == key
    assert len(key) == 64

    time.ms = 6_000_000

    assert keys.active == key
    assert keys.expire() is None


def test_key_ends_when_its_time_is_over() -> None:
    """Without renewal the key expires once, and the next one is another."""
    time = Time()
    keys = ListenKeys(time, life_s=3600, seed=1)
    key = keys.create()
    time.ms = 3_600_000

    assert keys.active is None
    assert keys.expire() == key
    assert keys.expire() is None
    assert keys.create() != key


@pytest.mark.parametrize("call", [ListenKeys.renew, ListenKeys.close])
def test_without_a_key_renewal_and_close_are_refused(call: object) -> None:
    """PUT and DELETE answer -1125 when there is no key."""
    assert callable(call)

    with pytest.raises(RefusalError) as raised:
        call(ListenKeys(Time(), life_s=1, seed=0))

    assert raised.value.code == -1125


def test_closed_key_is_dead() -> None:
    """DELETE ends the key for everyone."""
    keys = ListenKeys(Time(), life_s=3600, seed=1)
    key = keys.create()

    assert keys.close() == key
    assert keys.active is None
