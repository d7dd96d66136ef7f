"""The experiments on Binance's sandbox, set either way."""

from __future__ import annotations

from typing import Any

from perpmaker import DerivativeConnectorDeclaration
from perpmaker.testing.contract import ProbingContract
from perpmaker_binance_perpetual import register_derivative_connectors

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)


class TestBinanceProbing(ProbingContract):
    """What stands at the end of docs/venues/binance.md."""

    (declaration,) = DECLARED
    as_it_is = {  # noqa: RUF012  # read only
        "switch_takes_stops": "no",
        "stop_beside_target": "yes",
        "stop_when_flat": "no",
        "stop_meets_own_quote": "no",
        "free_in_credits_mode": "no credits",
    }
    other_way = {  # noqa: RUF012  # the same
        "switch_takes_stops": ({"switch_takes_stops": True}, "yes"),
        "stop_beside_target": ({"refuses_stop_beside_target": True}, "no"),
        "stop_when_flat": ({"keeps_stop_when_flat": False}, "yes"),
        "stop_meets_own_quote": ({"stop_trades_with_own": True}, "yes"),
        "free_in_credits_mode": ({"credits": "BNFCR"}, "credits"),
    }
