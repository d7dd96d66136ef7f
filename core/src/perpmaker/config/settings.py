"""The settings of a run that are no plugin's: what is traded where, and the sandbox's own table."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

import attrs

from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode
from perpmaker.model.setting import Pattern, Range

MARKET = Pattern(
    # Some venues list markets whose base asset is written in other letters; what cannot be printed is refused anyway.
    regex=r"(?:[A-Z0-9]|[^\x00-\x7F]){1,40}-(?:[A-Z0-9]|[^\x00-\x7F]){1,20}",
    words='must be a market as BASE-QUOTE in capitals, such as "BTC-USDT"',
)
NAME = Pattern(regex=r"[a-z0-9_]{1,64}", words="must be the name of an installed plugin: a-z, 0-9 and _")
RULES = Pattern(
    regex=r".+\.(toml|json)",
    words="must be a file: .toml with a market's rules, or .json, a venue's own list of markets",
)
URL = Pattern(regex=r"https?://[^\s/@]+(/\S*)?", words="must be an address that begins with https://")


@attrs.frozen(kw_only=True)
class RunSettings:
    """The keys at the top of the file that are not the strategy's.

    `price_source` is None for the traded market itself; `dead_man_switch_s` is None when it is off.
    `journal_market_data` None: on in sandbox and paper, where nothing but the journal tells what the market was.
    """

    strategy: Annotated[str, NAME]
    derivative: Annotated[str, NAME]
    market: Annotated[str, MARKET]
    leverage: Annotated[int, Range(at_least=1)]
    position_mode: PositionMode = PositionMode.ONE_WAY
    margin_mode: Literal["keep", "cross", "isolated"] = "keep"
    price_source: Annotated[str | None, NAME] = None
    price_source_derivative: Annotated[str | None, NAME] = None
    price_source_market: Annotated[str | None, MARKET] = None
    price_source_custom_api: Annotated[str | None, URL] = None
    custom_api_update_interval: Annotated[float, Range(at_least=Decimal("0.5"))] = 5.0
    dead_man_switch_s: Annotated[float | None, Range(at_least=5, off=0)] = 30.0
    dead_man_switch_takes_foreign_orders: bool = False
    stop_wait_s: Annotated[float | None, Range(at_least=0, at_most=300)] = None
    journal_market_data: bool | None = None
    journal_days: Annotated[float, Range(at_least=1)] = 90.0
    journal_gb: Annotated[float, Range(at_least=Decimal("0.2"))] = 2.0

    @property
    def margin_mode_wanted(self) -> MarginMode | None:
        """The margin mode to set. None leaves the account's."""
        return None if self.margin_mode == "keep" else MarginMode(self.margin_mode)

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed): keys of what is not used do nothing."""
        if self.dead_man_switch_takes_foreign_orders and self.dead_man_switch_s is None:
            yield "dead_man_switch_takes_foreign_orders", "does nothing with dead_man_switch_s = 0: leave it out"


@attrs.frozen(kw_only=True)
class SandboxSettings:
    """The table [sandbox]. `seed` None takes a new market each time, `port` 0 any free one.

    Balance in quote.

    `shape` is how the synthetic market behaves; None is the calibrated default, calm.

    `recording` are the files of a capture that is traded instead, in order, from `recording_start` seconds on.
    `rules` is a file with the rules of a market that no sandbox knows, `price` where its synthetic market begins.
    `order_latency_ms` is how long commands are under way to the matching engine, also on paper, `feed_latency_ms` how
    much later the sandbox's market data come.
    """

    seed: Annotated[int | None, Range(at_least=0)] = None
    shape: Literal["calm", "trend", "wild", "practice"] | None = None
    balance: Annotated[Decimal, Range(above=0)] = Decimal(10_000)
    port: Annotated[int, Range(at_least=0, at_most=65_535)] = 0
    recording: tuple[str, ...] = ()
    recording_start: Annotated[float | None, Range(at_least=0)] = None
    rules: Annotated[str | None, RULES] = None
    price: Annotated[Decimal | None, Range(above=0)] = None
    order_latency_ms: Annotated[int, Range(at_least=0, at_most=10_000)] = 5
    feed_latency_ms: Annotated[int, Range(at_least=0, at_most=10_000)] = 0

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed) for a key that does nothing."""
        if self.recording_start is not None and not self.recording:
            yield "recording_start", "does nothing without recording: leave it out, or name the files"

        if self.price is not None and self.rules is None:
            yield "price", "does nothing without rules: leave it out, or name the file with the market's rules"

        if self.shape is not None and self.recording:
            yield "shape", "is of the synthetic market, and a recording takes its place: leave one of them out"
