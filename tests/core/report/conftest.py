"""What the tests of the pre-flight report share: a market at 100, a strategy of 1 % spreads, and its situation."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.exits.settings import ExitSettings
from perpmaker.model.instrument import MarginTier
from perpmaker.model.position import MarginMode
from perpmaker.report.preflight import Preflight, assess
from perpmaker.report.preflight_figure import Situation
from perpmaker.risk.review import review
from perpmaker.strategy.perpetual_market_making import PerpetualMarketMaking
from perpmaker.strategy.settings import StrategySettings
from perpmaker.testing.view import make_instrument, make_view


def flat_tier(ratio: str) -> tuple[MarginTier, ...]:
    """One tier for every notional."""
    return (
        MarginTier(
            floor=Decimal(0),
            cap=Decimal(10_000_000),
            maintenance_ratio=Decimal(ratio),
            deduction=Decimal(0),
            max_leverage=125,
        ),
    )


def _exact(cls: type, changes: dict[str, Any]) -> dict[str, Any]:
    """Texts become Decimal where the field is one."""
    decimals = {field.name for field in attrs.fields(cls) if "Decimal" in str(field.type)}

    return {
        key: Decimal(value) if key in decimals and isinstance(value, str) else value for key, value in changes.items()
    }


@attrs.define
class Desk:
    """Builds situations and reports; every key may be changed by name, whichever settings it belongs to."""

    strategy: dict[str, Any] = attrs.field(
        factory=lambda: {"bid_spread": "0.01", "ask_spread": "0.01", "order_amount": "1", "order_refresh_time": 30.0}
    )
    exits: dict[str, Any] = attrs.field(
        factory=lambda: {
            "long_profit_taking_spread": "0.01",
            "short_profit_taking_spread": "0.01",
            "stop_loss_spread": "0.03",
        }
    )
    market: dict[str, Any] = attrs.field(
        factory=lambda: {
            "maker_fee": Decimal("0.0002"),
            "taker_fee": Decimal("0.0005"),
            "tiers": flat_tier("0.01"),
            "orders_per_minute": 1200,
        }
    )
    view: dict[str, Any] = attrs.field(factory=lambda: {"leverage": 3})
    rest: dict[str, Any] = attrs.field(
        factory=lambda: {
            "margin_mode": MarginMode.ISOLATED,
            "wallet": Decimal(1000),
            "funding_rate": Decimal("0.0001"),
        }
    )
    modules: tuple[Any, ...] = ()

    def situation(self, **changes: Any) -> Situation:
        """The situation with some keys changed."""
        parts = {name: dict(getattr(self, name)) for name in ("strategy", "exits", "market", "view", "rest")}
        owners = {
            "strategy": {field.name for field in attrs.fields(StrategySettings)},
            "exits": {field.name for field in attrs.fields(ExitSettings)},
            "market": {field.name for field in attrs.fields(type(make_instrument()))},
            "rest": {field.name for field in attrs.fields(Situation)},
        }

        for key, value in changes.items():
            parts[next((name for name, keys in owners.items() if key in keys), "view")][key] = value

        instrument = make_instrument(**_exact(type(make_instrument()), parts["market"]))
        rest = _exact(Situation, parts["rest"])
        view = make_view(**{"capital": rest["wallet"], **parts["view"], "instrument": instrument})
        settings = StrategySettings(**_exact(StrategySettings, parts["strategy"]))
        wanted = PerpetualMarketMaking(settings, instrument).decide(view)
        reviewed = review(view, wanted.quotes, self.modules)

        return Situation(
            environment="sandbox",
            venue="binance_perpetual",
            view=view,
            wanted=wanted,
            approved=reviewed.approved,
            refused=reviewed.refused,
            strategy=settings,
            exits=ExitSettings(**_exact(ExitSettings, parts["exits"])),
            **rest,
        )

    def report(self, **changes: Any) -> Preflight:
        """The report with some keys changed."""
        return assess(self.situation(**changes))


@pytest.fixture
def desk() -> Desk:
    """A market at 99.99 / 100.01 with fees of 0.02 % and 0.05 %, leverage 3, 1000 USDT, isolated."""
    return Desk()
