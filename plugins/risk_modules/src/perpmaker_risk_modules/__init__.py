"""Risk modules for perpmaker: what reviews every quote before it may be sent, and what may end quoting."""

from __future__ import annotations

from typing import Any

from perpmaker import Register, RiskModuleDeclaration, hookimpl
from perpmaker_risk_modules import funding_guard, liquidation_guard
from perpmaker_risk_modules.exposure_limit import ExposureLimit, ExposureLimitSettings
from perpmaker_risk_modules.funding_guard import FundingGuard, FundingGuardSettings
from perpmaker_risk_modules.leverage_advice import LeverageAdvice, LeverageAdviceSettings
from perpmaker_risk_modules.liquidation_guard import LiquidationGuard, LiquidationGuardSettings
from perpmaker_risk_modules.loss_limit import LossLimit, LossLimitSettings
from perpmaker_risk_modules.margin_guard import MarginGuard, MarginGuardSettings
from perpmaker_risk_modules.order_rate_limit import OrderRateLimit, OrderRateLimitSettings
from perpmaker_risk_modules.volatility_guard import VolatilityGuard, VolatilityGuardSettings

__plugin_api__ = 1

DECLARATIONS: tuple[RiskModuleDeclaration[Any], ...] = (
    RiskModuleDeclaration(
        name="exposure_limit",
        summary="Keeps the position, with everything that may still fill, below a cap",
        settings=ExposureLimitSettings,
        build=ExposureLimit,
        bounds_exposure=True,
        cap_key="max_position",
    ),
    RiskModuleDeclaration(
        name="margin_guard",
        summary="Quotes nothing new that leaves too little margin free, and nothing at all below a lower mark",
        settings=MarginGuardSettings,
        build=MarginGuard,
    ),
    RiskModuleDeclaration(
        name="liquidation_guard",
        summary="Adds nothing to a position that is near to its liquidation, and closes it before it gets there",
        settings=LiquidationGuardSettings,
        build=LiquidationGuard,
        check=liquidation_guard.check,
    ),
    RiskModuleDeclaration(
        name="funding_guard",
        summary="Leaves positions that pay funding sooner, and adds nothing to them shortly before a payment",
        settings=FundingGuardSettings,
        build=FundingGuard,
        changes_targets=True,
        check=funding_guard.check,
    ),
    RiskModuleDeclaration(
        name="loss_limit",
        summary="Ends quoting at a loss of the day or from the best, and after too many stops",
        settings=LossLimitSettings,
        build=LossLimit,
    ),
    RiskModuleDeclaration(
        name="volatility_guard",
        summary="Takes quotes off, or moves them away, when the reference moves too far too soon",
        settings=VolatilityGuardSettings,
        build=VolatilityGuard,
    ),
    RiskModuleDeclaration(
        name="order_rate_limit",
        summary="Sends no quote beyond so many orders in so many seconds",
        settings=OrderRateLimitSettings,
        build=OrderRateLimit,
    ),
    RiskModuleDeclaration(
        name="leverage_advice",
        summary="Says for whom the leverage is, and refuses to quote above a mark",
        settings=LeverageAdviceSettings,
        build=LeverageAdvice,
    ),
)


@hookimpl
def register_risk_modules(register: Register[RiskModuleDeclaration[Any]]) -> None:
    """Declare the modules."""
    for declaration in DECLARATIONS:
        register(declaration)
