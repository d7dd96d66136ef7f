"""Markets of one account hear of each other's exposure before they next decide, and of no other account's."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.model.event import Event, OtherMarketsChanged
from perpmaker.runtime.account_exposure import AccountExposures


def test_each_market_is_told_what_the_others_of_its_account_come_to() -> None:
    """Only when that has changed; never its own, never another account's; one that joins late hears at once."""
    exposures = AccountExposures()
    heard: dict[str, list[Event]] = {name: [] for name in ("btc", "eth", "else", "late")}
    btc, eth = (exposures.join("account", heard[name].extend) for name in ("btc", "eth"))
    exposures.join("another", heard["else"].extend)

    btc.tell(Decimal(600))
    eth.tell(Decimal(50))
    eth.tell(Decimal(50))
    btc.tell(Decimal(0))
    exposures.join("account", heard["late"].extend)

    notional = {
        name: [each.notional for each in told if isinstance(each, OtherMarketsChanged)] for name, told in heard.items()
    }
    assert notional == {"btc": [50], "eth": [600, 0], "else": [], "late": [50]}
