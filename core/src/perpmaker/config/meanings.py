"""What each key of the core means, in a few words, and in which order a written file has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "What is traded": {
        "strategy": "an installed strategy",
        "derivative": "an installed connector",
        "market": "BASE-QUOTE, such as BTC-USDT",
        "leverage": "changes the margin of a position, not its size",
        "position_mode": "one net position, or a long and a short one beside each other",
        "margin_mode": "keep leaves what the account is set to",
    },
    "The quotes": {
        "bid_spread": "percent from the reference price to the first bid",
        "ask_spread": "percent from the reference price to the first ask",
        "order_amount": "base asset in each quote of the first level",
        "order_amount_basis": "margin multiplies all amounts by the leverage",
        "order_levels": "quotes on each side",
        "order_level_spread": "percent further out with each level",
        "order_level_amount": "base asset more with each level",
        "order_override": "name = [side, spread, amount] for each quote, instead of the ladder",
        "order_refresh_time": "seconds after which quotes are looked at again",
        "order_refresh_tolerance_pct": "percent: quotes this near to their new price stay; negative: all are replaced",
        "minimum_spread": "percent: a quote nearer to the reference than this does not stay",
        "filled_order_delay": "seconds without new quotes after a quote was filled",
        "when_in_position": "what quotes do while a position is open",
        "inventory_skew": "how much of inventory_skew_distance a full position moves the ladder against itself",
        "inventory_skew_distance": "percent that the middle of the ladder is moved at most",
        "skew_may_close_at_loss": "quotes that a skew brings to the closing side may realise a loss",
        "max_margin": "the most that quotes may bind, in quote asset",
        "price_ceiling": "no bids while the reference is at it or above",
        "price_floor": "no asks while the reference is at it or below",
        "order_optimization_enabled": "place quotes by the top of the book",
        "order_optimization_mode": "fall back to it, or always stand there",
        "bid_order_optimization_depth": "base asset ignored at the top of the bids",
        "ask_order_optimization_depth": "base asset ignored at the top of the asks",
    },
    "The exits": {
        "long_profit_taking_spread": "percent above the entry price of a long position; 0 leaves at the entry price",
        "short_profit_taking_spread": "percent below the entry price of a short position; 0 leaves at the entry price",
        "stop_loss_spread": "percent against the entry price at which a position is closed; 0: no stop loss",
        "stop_loss_order": "how: bounded, at once, or resting on the venue",
        "stop_loss_trigger": "the price that fires it",
        "stop_loss_slippage_buffer": "percent past the market that a stop's limit may be",
        "time_between_stop_loss_orders": "seconds after which an unfilled stop order is renewed at the latest",
        "venue_backstop": "a stop rests on the venue for when this program dies",
    },
    "The reference price": {
        "price_source": "where the price comes from",
        "price_type": "which price",
        "price_source_derivative": "whose market, with external_market",
        "price_source_market": "which market, with external_market",
        "price_source_custom_api": "the address, with custom_api",
        "custom_api_update_interval": "seconds between two questions, with custom_api",
        "price_source_max_age": "seconds: older than this all quotes are pulled",
        "price_source_max_deviation": "percent: an external price further from the market than this pulls all quotes",
    },
    "How it runs": {
        "dead_man_switch_s": "seconds after which the venue cancels the orders of a program that died; 0: never",
        "dead_man_switch_takes_foreign_orders": "use it also beside orders that are not this program's",
        "stop_wait_s": "seconds that a clean end lets a stop that has fired go on",
    },
}
"""The headings of a written file, and the keys below each."""

MEANINGS: Final[Mapping[str, str]] = {key: words for keys in SECTIONS.values() for key, words in keys.items()}


def in_sections(keys: Mapping[str, object]) -> Mapping[str, tuple[str, ...]]:
    """Return the keys below their headings, in order; those of no section (another strategy's) come last."""
    found = {heading: tuple(key for key in known if key in keys) for heading, known in SECTIONS.items()}
    rest = tuple(key for key in keys if key not in MEANINGS)

    return {heading: below for heading, below in {**found, "Further settings": rest}.items() if below}
