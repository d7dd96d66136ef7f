"""From a checked configuration to a plan: what the file names, and nothing of how the file is written."""

from __future__ import annotations

import sys
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import attrs

from perpmaker.config.configuration import Configuration
from perpmaker.config.cross_checks import position_cap
from perpmaker.config.recorded import recorded
from perpmaker.connector.interface import ConnectorContext, DerivativeConnector, Environment
from perpmaker.journal.retention import Retention
from perpmaker.launch.plan import Plan
from perpmaker.launch.price_source import SourcePlan
from perpmaker.paper.connector import paper_declaration
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
from perpmaker.plugins.start import code_of
from perpmaker.runtime.plugin_guard import open_guarded
from perpmaker.runtime.run_end import STOP_WAIT_S
from perpmaker.strategy.interface import StrategyTraits

AT_TERMINAL_S = 30.0
"""Seconds that a clean end at a terminal waits for a stop that has fired, where nothing else is set."""

_SIMULATED = frozenset({Environment.SANDBOX, Environment.PAPER})


def plan_of(configuration: Configuration) -> Plan:
    """Return the plan that a configuration comes to."""
    run, settings = configuration.run, configuration.strategy.settings
    is_external = configuration.price_source.declaration.open is not None

    return Plan(
        market=run.market,
        leverage=run.leverage,
        position_mode=run.position_mode,
        margin_mode=run.margin_mode_wanted,
        connector=_connector(configuration),
        connector_settings=configuration.connector.settings,
        strategy=configuration.strategy.declaration,
        strategy_settings=settings,
        exits=configuration.exits,
        price_source=_source_plan(configuration),
        risk=tuple((chosen.declaration, chosen.settings) for chosen in configuration.risk),
        quotes_continue=configuration.traits.quotes_in_position,
        position_cap=position_cap(configuration.risk),
        book_max_age_s=(StrategyTraits() if is_external else configuration.traits).max_age_s,
        dead_man_switch_s=run.dead_man_switch_s,
        dead_man_switch_takes_foreign_orders=run.dead_man_switch_takes_foreign_orders,
        stop_wait_s=_stop_wait_s(run.stop_wait_s),
        recorded=recorded(configuration),
        retention=Retention(days=run.journal_days, gb=run.journal_gb),
        journals_market_data=_journals_market_data(configuration),
    )


def _journals_market_data(configuration: Configuration) -> bool:
    """Whether the journal keeps market data: as set, else where the market is nowhere else to be had again."""
    wanted = configuration.run.journal_market_data

    return configuration.environment in _SIMULATED if wanted is None else wanted


def _connector(configuration: Configuration) -> DerivativeConnectorDeclaration[Any]:
    """The venue's connector; on paper the venue is only looked at."""
    declaration = configuration.connector.declaration

    if configuration.environment is Environment.PAPER:
        return paper_declaration(
            _guarded(declaration),
            configuration.sandbox.balance,
            order_latency_ms=configuration.sandbox.order_latency_ms,
        )

    return declaration


def _guarded(declaration: DerivativeConnectorDeclaration[Any]) -> DerivativeConnectorDeclaration[Any]:
    """The same venue, guarded by itself: what is put around it on paper is ours."""
    code = code_of(declaration)

    def opened(settings: object, context: ConnectorContext) -> AbstractAsyncContextManager[DerivativeConnector]:
        return open_guarded(code, partial(declaration.open, settings, context))

    return attrs.evolve(declaration, open=opened)


def _source_plan(configuration: Configuration) -> SourcePlan | None:
    """The price source; None for the traded market itself."""
    source, external = configuration.price_source, configuration.external

    if source.declaration.open is None:
        return None

    return SourcePlan(
        declaration=source.declaration,
        settings=source.settings,
        request=configuration.source_request,
        external=None if external is None else (external.declaration, external.settings),
    )


def _stop_wait_s(given: float | None) -> float:
    """How long a clean end waits for a stop that has fired: longer at a terminal, where a person may hurry it."""
    if given is not None:
        return given

    return AT_TERMINAL_S if sys.stderr.isatty() else STOP_WAIT_S
