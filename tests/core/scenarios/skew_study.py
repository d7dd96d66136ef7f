"""What inventory skew does on the calibrated market: inventory and fills with it and without, over seeds.

    uv run python tests/core/scenarios/skew_study.py --seeds 50 --minutes 15

prints both, seed by seed, and what they come to together. Nothing of it says anything about profit.
"""

from __future__ import annotations

import math
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import attrs

from perpmaker.testing.scenario import Scenario
from perpmaker.testing.view import make_instrument

CAP = Decimal("0.03")
CONFIGURATION: dict[str, Any] = {
    "leverage": 5,
    "bid_spread": 0.03,
    "ask_spread": 0.03,
    "order_amount": 0.001,
    "order_refresh_time": 5,
    "filled_order_delay": 0,
    "long_profit_taking_spread": 0.2,
    "short_profit_taking_spread": 0.2,
    "when_in_position": "continue",
    "dead_man_switch_s": 0,
    "sandbox": {"balance": 10_000},
}
"""Quotes of a thirtieth of the cap, 0.03 % from the reference, looked at every 5 s."""

SKEW: dict[str, Any] = {"inventory_skew": 1, "inventory_skew_distance": 0.03}
RULES: dict[str, Any] = {
    "tick": Decimal("0.1"),
    "min_notional": Decimal(50),
    "maker_fee": Decimal("0.0002"),
    "taker_fee": Decimal("0.0005"),
}
PRICE = 60_000


@attrs.frozen(kw_only=True)
class Held:
    """What one session came to: executions, and the sum of squares of the net position of each second, over the cap."""

    fills: int
    squares: float
    seconds: int


@attrs.frozen(kw_only=True)
class Study:
    """Sessions of the same seeds without and with skew."""

    plain: tuple[Held, ...]
    skewed: tuple[Held, ...]

    @property
    def fills(self) -> float:
        """Executions with skew, as a multiple of those without."""
        return sum(one.fills for one in self.skewed) / sum(one.fills for one in self.plain)

    @property
    def inventory(self) -> float:
        """The root mean square of the net position with skew, as a multiple of that without."""
        return root_mean_square(self.skewed) / root_mean_square(self.plain)


def root_mean_square(sessions: Sequence[Held]) -> float:
    """Return the root mean square of the net position of all seconds, as a share of the cap."""
    return math.sqrt(sum(one.squares for one in sessions) / sum(one.seconds for one in sessions))


def trade(seed: int, seconds: int, changes: dict[str, Any], cap: Decimal = CAP) -> Held:
    """Trade on the calibrated market of this seed, and look at the net position once a second."""
    limit = {"risk": {"exposure_limit": {"max_position": cap}}}
    scenario = Scenario({**CONFIGURATION, **limit, **changes}, instrument=make_instrument(**RULES))
    scenario.market(seed, price=PRICE)
    squares = 0.0

    for _ in range(seconds):
        scenario.advance(1)
        squares += float(scenario.net / cap) ** 2

    return Held(fills=len(scenario.fills()), squares=squares, seconds=seconds)


def study(seeds: Iterable[int], seconds: int, skew: dict[str, Any] | None = None, cap: Decimal = CAP) -> Study:
    """Trade each seed without and with skew."""
    skew = SKEW if skew is None else skew
    pairs = [(trade(seed, seconds, {}, cap), trade(seed, seconds, skew, cap)) for seed in seeds]

    return Study(plain=tuple(one for one, _ in pairs), skewed=tuple(other for _, other in pairs))


def table(seeds: Sequence[int], found: Study) -> Iterator[str]:
    """Yield the lines of the table: each seed, then all of them."""
    yield "seed   fills   with skew   inventory   with skew"

    for seed, plain, skewed in zip(seeds, found.plain, found.skewed, strict=True):
        held = f"{root_mean_square([plain]):9.3f}   {root_mean_square([skewed]):9.3f}"
        yield f"{seed:4d}   {plain.fills:5d}   {skewed.fills:9d}   {held}"

    plain_fills, fills = sum(one.fills for one in found.plain), sum(one.fills for one in found.skewed)
    held = f"{root_mean_square(found.plain):9.3f}   {root_mean_square(found.skewed):9.3f}"
    yield f" all   {plain_fills:5d}   {fills:9d}   {held}"
    yield f"fills {100 * (found.fills - 1):+.1f} %, root mean square of the inventory {found.inventory:.3f} times"


def main() -> None:
    """Print the table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--distance", help="inventory_skew_distance, in percent")
    parser.add_argument("--at-loss", action="store_true", help="with skew_may_close_at_loss")
    given = parser.parse_args()
    skew = SKEW if given.distance is None else {**SKEW, "inventory_skew_distance": given.distance}
    skew = {**skew, "skew_may_close_at_loss": given.at_loss}
    seeds = range(given.first, given.first + given.seeds)
    sys.stdout.writelines(f"{line}\n" for line in table(seeds, study(seeds, round(given.minutes * 60), skew)))


if __name__ == "__main__":
    main()
