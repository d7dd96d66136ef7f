"""What Binance's documents leave open: the experiments of `perpmaker probe binance_perpetual`."""

from __future__ import annotations

from perpmaker.venue import (
    AssetMode,
    Bench,
    Conclusion,
    Experiment,
    Finding,
    stop_beside_target,
    stop_meets_own_quote,
    stop_when_flat,
    switch_takes_stops,
)
from perpmaker_binance_perpetual.account import CREDITS

_OWN, _CREDITS, _ELSEWHERE = "settlement asset", "credits", "no credits"


def experiments() -> tuple[Experiment, ...]:
    """Return those of section 12 of the venue's page: each stands in docs/venues/binance.md."""
    return (switch_takes_stops(), stop_beside_target(), stop_when_flat(), stop_meets_own_quote(), _free_in_credits())


def _free_in_credits() -> Experiment:
    return Experiment(
        name="free_in_credits_mode",
        question="Which row of the account says what is free for margin in credits mode?",
        does="reads the account, and trades nothing",
        conclusions=(
            Conclusion(_OWN, "what is free is the settlement asset's row"),
            Conclusion(_CREDITS, f"what is free is the row of {CREDITS}"),
            Conclusion(_ELSEWHERE, "this account is not in credits mode: what is free is documented"),
        ),
        carry_out=_look_at_account,
    )


async def _look_at_account(bench: Bench) -> Finding:
    quote = bench.instrument.quote
    account = await bench.connector.fetch_account(bench.instrument)

    if account.asset_mode is not AssetMode.CREDITS:
        return Finding(_ELSEWHERE, f"the account holds no {CREDITS}")

    free = {one.asset: one.available for one in account.assets}
    seen = f"{quote} {free.get(quote)}, {CREDITS} {free.get(CREDITS)} are free, by their rows"

    return Finding(_OWN if free.get(quote) else _CREDITS, seen)
