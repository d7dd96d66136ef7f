"""The account's stream: orders, fills, positions, balances and funding, for as long as its key is renewed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import attrs

from perpmaker import ConnectivityError, Instrument, PayloadError, RefusedError
from perpmaker import venue as kit
from perpmaker_binance_perpetual import rest, user_messages
from perpmaker_binance_perpetual.account import translate_account_update, translate_margin_call
from perpmaker_binance_perpetual.orders import OrderQuestions
from perpmaker_binance_perpetual.refusals import LISTEN_KEY_GONE
from perpmaker_binance_perpetual.rest import Head
from perpmaker_binance_perpetual.stops import translate_stop_update
from perpmaker_binance_perpetual.streams import LIFE_S, STREAM_NAME, read_event
from perpmaker_binance_perpetual.translate import translate_order_update

_ORDER_TRADE_UPDATE = kit.PayloadDecoder(user_messages.OrderTradeUpdate)
_ACCOUNT_CONFIG_UPDATE = kit.PayloadDecoder(user_messages.AccountConfigUpdate)
_CONDITIONAL_UPDATE = kit.PayloadDecoder(user_messages.ConditionalUpdate)
_ACCOUNT_UPDATE = kit.PayloadDecoder(user_messages.AccountUpdate)
_MARGIN_CALL = kit.PayloadDecoder(user_messages.MarginCall)
_OWNED_EVENT = kit.PayloadDecoder(user_messages.OwnedEvent)

_RENEWAL_S = 20 * 60.0
"""Seconds: a third of the hour that a key lives."""

_MOST_RENEWAL_FAILURES = 10
_CLOCK_S = 4 * 60.0

_ORDERS = frozenset({"ORDER_TRADE_UPDATE", "ALGO_UPDATE"})
_OWNED = _ORDERS | {"ACCOUNT_CONFIG_UPDATE"}
"""Events about an order, or about a market: those of other markets are not looked into."""

_ELSEWHERE = frozenset({"TRADE_LITE", "STRATEGY_UPDATE", "GRID_UPDATE"})
"""Events that say nothing beyond what the others say, or nothing about what this program places."""


SettingsSource: TypeAlias = Callable[[], kit.VenueSettings | None]
"""What the market is set to, as it was read last."""


def account_stream(
    access: kit.VenueAccess, instrument: Instrument, orders: OrderQuestions, settings: SettingsSource
) -> kit.StreamSpec[kit.Event]:
    """Describe the account's stream. What cannot be understood ends it: it may have been a fill.

    The key in its address is made, or renewed, for each connection: there is one for all processes, valid for an hour.
    """
    client, clock = access.client, access.client.clock

    async def url() -> str:
        key = await client.read(rest.CREATE_LISTEN_KEY)

        return f"{access.url}/private/ws?listenKey={key.listenKey}"

    def begin(_: kit.Messages) -> kit.Translation[kit.Event]:
        renewal = kit.RecurringChore(
            lambda: _renew(client),
            clock,
            every_s=_RENEWAL_S,
            most_failures=_MOST_RENEWAL_FAILURES,
            name="the key of Binance's user stream",
        )

        return kit.Translation(translate=AccountTranslator(instrument, orders, settings).translate, chores=(renewal,))

    stream = kit.StreamSpec[kit.Event](name=STREAM_NAME, url=url, begin=begin, life_s=LIFE_S, most_malformed=0)

    return access.measuring(stream, _CLOCK_S)


async def _renew(client: kit.RestClient) -> None:
    """Renew the key for another hour."""
    try:
        await client.read(rest.RENEW_LISTEN_KEY)
    except RefusedError as error:
        if error.code == LISTEN_KEY_GONE:
            raise kit.StreamEndedError("the key of Binance's user stream is gone") from None

        raise


class AccountTranslator:
    """Translates the account's events, those of this market and those of orders that are ours."""

    def __init__(self, instrument: Instrument, orders: OrderQuestions, settings: SettingsSource) -> None:
        self._instrument = instrument
        self._orders = orders
        self._settings = settings
        self._translators: Mapping[str, Callable[[kit.Message], Iterable[kit.Event]]] = {
            "ORDER_TRADE_UPDATE": self._translate_order,
            "ALGO_UPDATE": self._translate_stop,
            "ACCOUNT_UPDATE": self._translate_account,
            "ACCOUNT_CONFIG_UPDATE": self._translate_config,
            "MARGIN_CALL": self._translate_call,
            "listenKeyExpired": self._end,
        }

    def translate(self, message: kit.Message) -> Sequence[kit.Event]:
        """Translate one message; an order that is not ours and cannot be read is left out."""
        name = read_event(message)
        translate = self._translators.get(name)

        if translate is None:
            if name in _ELSEWHERE:
                return ()

            raise kit.UnknownMessageError(name)

        owner = _owner_of(message) if name in _OWNED else None

        if owner is not None and not self._is_ours(owner):
            return ()

        try:
            return tuple(translate(message))
        except PayloadError:
            if owner is None or name not in _ORDERS or owner.is_own_order:
                raise

        self._orders.reader.skipped[name] += 1

        return ()

    def _end(self, _: kit.Message) -> Iterable[kit.Event]:
        raise ConnectivityError("the key of Binance's user stream has expired")

    def _translate_account(self, message: kit.Message) -> Iterable[kit.Event]:
        settings = self._settings()
        mode = kit.PositionMode.ONE_WAY if settings is None else settings.position_mode

        return translate_account_update(_ACCOUNT_UPDATE.decode(message), self._instrument, mode, self._orders.reader)

    def _translate_call(self, message: kit.Message) -> Iterable[kit.Event]:
        call = _MARGIN_CALL.decode(message)

        return translate_margin_call(call, self._instrument, self._settings(), self._orders.reader)

    def _translate_order(self, message: kit.Message) -> Iterable[kit.Event]:
        update = _ORDER_TRADE_UPDATE.decode(message).o
        events = tuple(translate_order_update(update, self._instrument))
        stop = self._orders.stops.origin(update, self._instrument)

        if stop is not None:  # what became of the stop itself comes as ALGO_UPDATE; its fills come only here
            fills = (event.fill for event in events if isinstance(event, kit.OrderFilled))

            return tuple(kit.OrderFilled(fill=attrs.evolve(fill, client_id=stop)) for fill in fills)

        for event in events:
            if isinstance(event, kit.OrderReported):
                self._orders.orders.remember(event.report)

        return events

    def _translate_stop(self, message: kit.Message) -> Iterable[kit.Event]:
        update = _CONDITIONAL_UPDATE.decode(message)
        report = translate_stop_update(update.o, self._instrument, update.T)
        self._orders.stops.tell(update.o.caid, None if update.o.ai is None else str(update.o.ai))

        return (kit.OrderReported(report=report, by_stream=True),)

    def _translate_config(self, message: kit.Message) -> Iterable[kit.Event]:
        change = _ACCOUNT_CONFIG_UPDATE.decode(message).ac
        known = self._settings()

        if change is None or known is None:
            return ()

        return (kit.SettingsReported(settings=attrs.evolve(known, leverage=change.l)),)

    def _is_ours(self, owner: Head) -> bool:
        """Whether an event is about this market, or says of an order of ours that it is of no market."""
        market = owner.market

        return market == self._instrument.symbol or (not isinstance(market, str) and owner.is_own_order)


def _owner_of(message: kit.Message) -> Head:
    try:
        event = _OWNED_EVENT.decode(message)
    except PayloadError:
        return Head()

    return event.o or event.ac or Head()
