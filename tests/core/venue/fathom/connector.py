"""The connector `fathom`: the venue's words put together with the kit, and their declaration."""

from __future__ import annotations

import perpmaker
from perpmaker import venue as kit

from . import rest
from . import translate as words
from .messages import Said
from .orders import write_cancels, write_orders
from .sandbox.app import FathomDialect
from .streams import describe

__plugin_api__ = 1

FATHOM = kit.Venue(
    name="fathom",
    title="Fathom",
    live=rest.address_of("live"),
    testnet=rest.address_of("testnet"),
    limits=rest.LIMITS,
    window_s=2.0,
    clock=rest.TIME,
    sign=rest.sign,
    failure=(Said, rest.failure_of),
    markets=rest.MARKETS,
    listed=lambda row: (row.market, "" if row.is_open else "closed"),
    rules=words.translate_market,
    order=kit.Question(
        rest.ORDER,
        words.translate_order,
        lambda instrument, client_id, _: {"market": instrument.symbol, "client": client_id},
    ),
    open_orders=kit.Question(rest.ORDERS, words.translate_order),
    fills=kit.Question(
        rest.FILLS,
        words.translate_execution,
        lambda instrument, since_ms: {"market": instrument.symbol, "since": since_ms},
    ),
    account=kit.Question(rest.ACCOUNT, words.translate_account),
    leverage=kit.Question(rest.ACCOUNT, lambda row, _: row.leverage),
    set_leverage=(rest.LEVERAGE, lambda instrument, leverage: {"market": instrument.symbol, "leverage": leverage}),
    orders=kit.OrderLists(
        new=(rest.PLACE, write_orders),
        gone=(rest.CANCEL, write_cancels),
        said=rest.failure_of,
        most_placed=5,
        most_cancelled=5,
        by_gateway=True,
    ),
    streams=describe,
    number_ids=True,
)


@perpmaker.hookimpl
def register_derivative_connectors(register: perpmaker.Register[perpmaker.DerivativeConnectorDeclaration]) -> None:
    """Declare `fathom`, which has one net position a market."""
    register(
        perpmaker.DerivativeConnectorDeclaration(
            name="fathom",
            summary="Fathom",
            settings=FATHOM.settings,
            open=FATHOM.open,
            sandbox=FathomDialect,
            hedge_mode=False,
        )
    )
