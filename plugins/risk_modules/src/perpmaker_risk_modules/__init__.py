"""Risk modules for perpmaker: what reviews every quote before it may be sent."""

from __future__ import annotations

from perpmaker import Register, RiskModuleDeclaration, hookimpl
from perpmaker_risk_modules.exposure_limit import ExposureLimit, ExposureLimitSettings

__plugin_api__ = 1


@hookimpl
def register_risk_modules(register: Register[RiskModuleDeclaration[ExposureLimitSettings]]) -> None:
    """Declare `exposure_limit`."""
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
