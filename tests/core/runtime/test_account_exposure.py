"""Markets of one account hear of each other's exposure before they next decide, and of no other account's."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.model.event import Event, OtherMarketsChanged
from perpmaker.runtime.account_exposure import AccountExposures, MarketExposure

VENUE = ("live", "venue")


def heard(events: list[Event]) -> list[tuple[Decimal, tuple[str, ...]]]:
    """What a bot was told: the notional, and whose is not known."""
    return [(each.notional, each.unread) for each in events if isinstance(each, OtherMarketsChanged)]


class Process:
    """Markets of one process, and what their bots hear."""

    def __init__(self, *names: str) -> None:
        self.exposures = AccountExposures()
        self.parts: dict[str, MarketExposure] = {name: self.exposures.expect(name, VENUE) for name in names}
        self.events: dict[str, list[Event]] = {name: [] for name in names}

    def join(self, name: str, account: str = "account") -> MarketExposure:
        """Have a market tell whose account it is."""
        return self.parts[name].join(account, self.events[name].extend)


def test_each_market_is_told_what_the_others_of_its_account_come_to() -> None:
    """Only when that has changed; never its own, never another account's; one that joins late hears at once."""
    process = Process("btc", "eth", "else")
    btc, eth, other = process.join("btc"), process.join("eth"), process.join("else", "another")

    for each in (btc, eth, other):
        each.tell(Decimal(0))

    for each in process.events.values():
        each.clear()

    btc.tell(Decimal(600))
    eth.tell(Decimal(50))
    eth.tell(Decimal(50))
    btc.tell(Decimal(0))
    late: list[Event] = []
    process.exposures.expect("late", VENUE).join("account", late.extend)

    assert heard(process.events["btc"]) == [(50, ()), (50, ("late",))]
    assert heard(process.events["eth"]) == [(600, ()), (0, ()), (0, ("late",))]
    assert heard(process.events["else"]) == []
    assert heard(late) == [(50, ())]


def test_a_market_that_has_not_read_its_account_is_unknown_and_not_nothing() -> None:
    """From before it is connected, when it may be any account of the venue, until it has read all of its own."""
    process = Process("btc", "eth", "else")
    process.exposures.expect("far", ("live", "another venue"))
    process.join("btc").tell(Decimal(600))
    assert heard(process.events["btc"]) == [(0, ("eth", "else"))]

    process.join("else", "another")
    assert heard(process.events["btc"])[-1] == (0, ("eth",))

    eth = process.join("eth")
    eth.tell(Decimal(70), is_read=False)
    assert heard(process.events["btc"])[-1] == (70, ("eth",))
    eth.tell(Decimal(90))
    eth.tell(Decimal(80), is_read=False)
    assert heard(process.events["btc"])[-2:] == [(90, ()), (80, ())]


def test_a_market_that_has_ended_counts_with_what_it_told_last() -> None:
    """One that never began as nothing; its own bot hears nothing any more."""
    process = Process("btc", "eth", "sol", "never")
    process.join("btc")
    process.join("eth").tell(Decimal(90))
    process.join("sol").tell(Decimal(30), is_read=False)
    assert heard(process.events["btc"])[-1] == (120, ("sol", "never"))

    for name in ("eth", "sol", "never"):
        process.parts[name].end()

    assert heard(process.events["btc"])[-1] == (120, ())
    before = len(process.events["eth"])
    process.parts["btc"].tell(Decimal(1))
    assert len(process.events["eth"]) == before


def test_no_market_is_waited_for_for_ever() -> None:
    """The names of those that somebody waits for are told; one that comes later counts from then on."""
    process = Process("btc", "eth")
    process.exposures.expect("far", ("live", "another venue"))
    process.join("btc").tell(Decimal(600))
    assert process.exposures.wait_no_longer() == ["eth"]
    assert heard(process.events["btc"])[-1] == (0, ())
    assert process.exposures.wait_no_longer() == []

    process.join("eth").tell(Decimal(40))
    assert heard(process.events["btc"])[-1] == (40, ())
