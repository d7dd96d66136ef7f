"""A stop that comes too near to liquidation takes quotes off, with each reading of the account."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.exits.settings import ExitSettings
from perpmaker.model.order import PositionSide
from perpmaker.model.position import Position
from perpmaker.model.reading import AccountReported
from perpmaker.testing.scene import Scene
from perpmaker.testing.view import make_account

STOPS = ExitSettings(stop_loss_spread=Decimal("0.1"))


def reading(liquidation: str | None, amount: str = "0.005") -> AccountReported:
    """The account with a position from 100 that would be liquidated there."""
    found = None if liquidation is None else Decimal(liquidation)
    position = Position(
        side=PositionSide.NET, amount=Decimal(amount), entry=Decimal(100), venue_ms=900, liquidation=found
    )

    return AccountReported(account=make_account(position))


def modes(*readings: AccountReported, stops: ExitSettings | None = STOPS) -> tuple[list[str], list[str]]:
    """The mode after each reading, and every line that was told of liquidation."""
    scene = Scene(stops=stops).quoting()
    decisions = [scene.tell(one, after=1) for one in readings]
    lines = [line for one in decisions for line in one.notices if "liquidation" in line]

    return [one.mode.value for one in decisions], lines


def test_quotes_go_off_while_the_stop_is_too_near_to_liquidation() -> None:
    """10 % and 0.54 % of buffer and fee: four fifths of 12 % are too little, of 14 % enough."""
    for amount, near, far in [("0.005", "88", "86"), ("-0.005", "112", "114")]:
        found, lines = modes(reading(near, amount), reading(far, amount), reading(near, amount))

        assert found == ["reduce", "run", "reduce"]
        assert [line.startswith("the stop keeps its distance") for line in lines] == [False, True, False]


def test_it_is_told_once_with_the_numbers() -> None:
    """A liquidation price that moves with each reading is no news."""
    found, lines = modes(reading("92"), reading("92.1"), reading("92.2"))

    assert found == ["reduce"] * 3
    (line,) = lines
    assert line == (
        "the stop of the long position is too near to liquidation at 92: stop, buffer and taker fee reach 10.54% "
        "from the entry, and 80% of the way are 6.40%; it fires at 93.6; nothing is quoted until the stop keeps its "
        "distance again"
    )


def test_a_liquidation_price_that_is_none_or_far_keeps_nothing_off() -> None:
    """No price, or one on the side of the profit, means that nothing is liquidated."""
    for liquidation in [None, "0", "104", "50"]:
        assert modes(reading(liquidation)) == (["run"], [])


def test_without_a_stop_there_is_nothing_to_keep_a_distance() -> None:
    """The report has warned of that; dust has no stop either."""
    assert modes(reading("92"), stops=ExitSettings()) == (["run"], [])
    assert modes(reading("92", "0.0004")) == (["run"], [])


def test_a_whole_reading_is_judged_as_well() -> None:
    """Before the first quote of a run, too."""
    scene = Scene(stops=STOPS)
    position = reading("92").account.positions[0]
    decision = scene.start(positions=(position,))

    assert decision.mode.value == "reduce"
    assert "too near to liquidation" in decision.mode_reason
