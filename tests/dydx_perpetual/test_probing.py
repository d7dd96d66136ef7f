"""The experiments on dYdX's sandbox, set either way."""

from __future__ import annotations

from typing import Any

from perpmaker import DerivativeConnectorDeclaration
from perpmaker.testing.contract import ProbingContract
from perpmaker_dydx_perpetual import register_derivative_connectors

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)


class TestDydxProbing(ProbingContract):
    """What stands at the end of docs/venues/dydx.md."""

    (declaration,) = DECLARED
    market = "BTC-USD"
    as_it_is = {  # noqa: RUF012  # read only
        "fill_memory": "forgets",
        "refused_replacement": "goes",
        "crossing_post_only": "refused",
        "stop_without_position": "stays",
        "failing_batch": "zero",
    }
    other_way = {  # noqa: RUF012  # the same
        "fill_memory": ({"forgets_fills": False}, "remembers"),
        "refused_replacement": ({"replacement_survives": True}, "stays"),
        "crossing_post_only": ({"post_only_is_refused": False}, "cancelled"),
        "stop_without_position": ({"keeps_ghosts": False}, "goes"),
        "failing_batch": ({"batch_tells": True}, "told"),
    }
