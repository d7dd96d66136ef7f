"""The experiments on Bybit's sandbox, set either way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perpmaker import DerivativeConnectorDeclaration
from perpmaker.testing.contract import ProbingContract
from perpmaker.testing.contract.probing import carried_out, laboratory
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
        "self_match": "trades",
    }
    other_way = {  # noqa: RUF012  # the same
        "post_only_with_stop": ({"post_only_takes_stop": False}, "no"),
        "fill_stop_replaces": ({"fill_stop_replaces": False}, "no"),
        "cut_first": ({"cuts_oldest": True}, "older"),
        "crossing_amend": ({"crossing_amend": "refuses"}, "refuses"),
        "stops_count": ({"stops_count": True}, "yes"),
        "stop_meets_own_quote": ({"stop_trades_with_own": False}, "no"),
        "self_match": ({"smp_type": "1"}, "maker"),
    }

    @pytest.mark.anyio
    @pytest.mark.parametrize(("setting", "answer"), [("2", "taker"), ("3", "both")])
    async def test_each_self_match_setting_is_told_apart(self, tmp_path: Path, setting: str, answer: str) -> None:
        """Two orders that say nothing themselves; the number of the setting is in what was seen."""
        async with laboratory(self.declaration, self.market, tmp_path, smp_type=setting) as lab:
            experiment = next(one for one in lab.experiments if one.name == "self_match")
            found = await carried_out(lab, experiment)

        assert (found.answer, found.seen[:9]) == (answer, f"smpType {setting}")
