"""The experiments on Bybit's sandbox, set either way."""

from __future__ import annotations

from typing import Any

from perpmaker import DerivativeConnectorDeclaration
from perpmaker.testing.contract import ProbingContract
from perpmaker_bybit_perpetual import register_derivative_connectors

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)


class TestBybitProbing(ProbingContract):
    """What stands at the end of docs/venues/bybit.md."""

    (declaration,) = DECLARED
    as_it_is = {  # noqa: RUF012  # read only
        "post_only_with_stop": "yes",
        "fill_stop_replaces": "yes",
        "cut_first": "newer",
        "crossing_amend": "cancels",
        "stops_count": "no",
        "stop_meets_own_quote": "yes",
    }
    other_way = {  # noqa: RUF012  # the same
        "post_only_with_stop": ({"post_only_takes_stop": False}, "no"),
        "fill_stop_replaces": ({"fill_stop_replaces": False}, "no"),
        "cut_first": ({"cuts_oldest": True}, "older"),
        "crossing_amend": ({"crossing_amend": "refuses"}, "refuses"),
        "stops_count": ({"stops_count": True}, "yes"),
        "stop_meets_own_quote": ({"stop_trades_with_own": False}, "no"),
    }
