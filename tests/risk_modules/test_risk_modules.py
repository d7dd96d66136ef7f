"""The distribution perpmaker-risk-modules: what it declares, and how it is installed."""

from __future__ import annotations

from importlib.metadata import entry_points

from perpmaker import RiskModuleDeclaration
from perpmaker.plugins.catalog import FIRST_PARTY, load_catalog
from perpmaker_risk_modules import DECLARATIONS, register_risk_modules


def test_modules_are_declared() -> None:
    """Each by its name."""
    declared: list[RiskModuleDeclaration] = []
    register_risk_modules(declared.append)
    names = {module.name for module in declared}
    assert names >= {"exposure_limit", "volatility_guard", "order_rate_limit", "leverage_advice"}
    assert names >= {"margin_guard", "liquidation_guard", "funding_guard"}


def test_every_module_is_known_for_ours() -> None:
    """So that a missing distribution can be said with what to install."""
    assert {module.name for module in DECLARATIONS} == set(FIRST_PARTY[RiskModuleDeclaration])


def test_distribution_is_found_by_its_entry_point() -> None:
    """The installed distribution is a plugin like a stranger's: found through its metadata alone."""
    (entry_point,) = entry_points(group="perpmaker", name="risk_modules")
    assert entry_point.dist is not None
    assert entry_point.dist.name == "perpmaker-risk-modules"
    assert load_catalog({}).risk_module("exposure_limit").name == "exposure_limit"
