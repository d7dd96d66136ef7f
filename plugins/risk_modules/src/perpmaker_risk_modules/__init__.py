"""Risk modules for perpmaker: what reviews every quote before it may be sent, and what may end quoting."""

from __future__ import annotations

from typing import Any

from perpmaker import Register, RiskModuleDeclaration, hookimpl
from perpmaker_risk_modules.exposure_limit import ExposureLimit, ExposureLimitSettings
from perpmaker_risk_modules.leverage_advice import LeverageAdvice, LeverageAdviceSettings
from perpmaker_risk_modules.loss_limit import LossLimit, LossLimitSettings
from perpmaker_risk_modules.order_rate_limit import OrderRateLimit, OrderRateLimitSettings
from perpmaker_risk_modules.volatility_guard import VolatilityGuard, VolatilityGuardSettings

__plugin_api__ = 1


@hookimpl
def register_risk_modules(register: Register[RiskModuleDeclaration[Any]]) -> None:
    """Declare the modules."""
    register(
        RiskModuleDeclaration(
            name="exposure_limit",
            summary="Keeps the position, with everything that may still fill, below a cap",
            settings=ExposureLimitSettings,
            build=ExposureLimit,
            bounds_exposure=True,
            cap_key="max_position",
        )
    )
    register(
        RiskModuleDeclaration(
            name="loss_limit",
            summary="Ends quoting at a loss of the day or from the best, and after too many stops",
            settings=LossLimitSettings,
            build=LossLimit,
        )
    )
    register(
        RiskModuleDeclaration(
            name="volatility_guard",
            summary="Takes quotes off, or moves them away, when the reference moves too far too soon",
            settings=VolatilityGuardSettings,
            build=VolatilityGuard,
        )
    )
    register(
        RiskModuleDeclaration(
            name="order_rate_limit",
            summary="Sends no quote beyond so many orders in so many seconds",
            settings=OrderRateLimitSettings,
            build=OrderRateLimit,
        )
    )
    register(
        RiskModuleDeclaration(
            name="leverage_advice",
            summary="Says for whom the leverage is, and refuses to quote above a mark",
            settings=LeverageAdviceSettings,
            build=LeverageAdvice,
        )
    )
