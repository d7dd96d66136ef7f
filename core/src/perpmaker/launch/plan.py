"""What is to be traded, and with what: all that a start needs to know of a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs

from perpmaker.exits.settings import ExitSettings
from perpmaker.journal.retention import UNLIMITED, Retention
from perpmaker.launch.price_source import SourcePlan
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode
from perpmaker.plugins.declarations import (
    DerivativeConnectorDeclaration,
    RiskModuleDeclaration,
    StrategyDeclaration,
)
from perpmaker.runtime.run_end import STOP_WAIT_S


@attrs.frozen(kw_only=True)
class Plan:
    """What a configuration comes to: what is traded, and each declaration that it names with its settings.

    `price_source` is None for the traded market itself. `quotes_continue`: quoting goes on while a position is open.
    `position_cap`: the largest position that the risk modules let come to be, in base, where one says it.
    `book_max_age_s`: the age from which the traded book is stale. `dead_man_switch_s` None: the venue's timer is not
    used; `dead_man_switch_takes_foreign_orders`: it is, also beside foreign orders. `stop_wait_s`: how long a
    clean end lets a stop that has fired go on. `recorded` is what the row of the run has of the configuration.
    `retention`: how long older parts of the journal are kept; `journals_market_data`: it keeps all that the trader was
    given, market data included.
    """

    market: str
    leverage: int
    position_mode: PositionMode
    margin_mode: MarginMode | None
    connector: DerivativeConnectorDeclaration[Any]
    connector_settings: Any
    strategy: StrategyDeclaration[Any]
    strategy_settings: Any
    exits: ExitSettings
    price_source: SourcePlan | None = None
    risk: Sequence[tuple[RiskModuleDeclaration[Any], Any]] = ()
    quotes_continue: bool = False
    position_cap: Decimal | None = None
    book_max_age_s: float = 10.0
    dead_man_switch_s: float | None = None
    dead_man_switch_takes_foreign_orders: bool = False
    stop_wait_s: float = STOP_WAIT_S
    recorded: Mapping[str, str] = attrs.field(factory=dict)
    retention: Retention = UNLIMITED
    journals_market_data: bool = False
