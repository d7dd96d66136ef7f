"""The account's stream: orders, fills, positions, balances and funding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

from perpmaker import Instrument
from perpmaker import venue as kit
from perpmaker_bybit_perpetual import rest
from perpmaker_bybit_perpetual.account import belongs, translate_funding, translate_position_row, translate_wallet
from perpmaker_bybit_perpetual.messages import SocketReply
from perpmaker_bybit_perpetual.streams import describe, read_topic
from perpmaker_bybit_perpetual.translate import FUNDING, translate_execution, translate_order_row
from perpmaker_bybit_perpetual.user_messages import Execution, Order, PositionRow, Wallet

PATH = "/v5/private"
ACCOUNT_STALL_S = 50.0
"""Seconds of silence; the answers to heartbeats come every 20."""

_TOPICS = ("order.linear", "execution.linear", "position.linear", "wallet")
_PROTECTION = "dcp.future"
_CLOCK_S = 4 * 60.0
_PONG = kit.PayloadDecoder(SocketReply)

_Row = TypeVar("_Row")
SettingsSource: TypeAlias = Callable[[], kit.VenueSettings | None]
"""What the market is set to, as it was read last."""


def account_stream(
    access: kit.VenueAccess,
    instrument: Instrument,
    credentials: kit.Credentials,
    reader: kit.RowReader[rest.Head],
    settings: SettingsSource,
    *,
    is_protected: bool = False,
) -> kit.StreamSpec[kit.Event]:
    """Describe the account's stream. What cannot be understood ends it: it may have been a fill.

    `is_protected`: the venue cancels the account's orders when this connection is gone.
    """
    client = access.client
    topics = (*_TOPICS, _PROTECTION) if is_protected else _TOPICS

    def begin(_: kit.Messages) -> kit.Translation[kit.Event]:
        measurement = kit.RecurringChore(client.measure_clock, client.clock, every_s=_CLOCK_S)
        translator = AccountTranslator(instrument, reader, settings)

        return kit.Translation(translate=translator.translate, chores=(measurement,))

    return describe(access, PATH, begin, topics, credentials=credentials, most_malformed=0)


class AccountTranslator:
    """Translates the account's events, those of this market and those of orders that are ours."""

    def __init__(self, instrument: Instrument, reader: kit.RowReader[rest.Head], settings: SettingsSource) -> None:
        self._instrument = instrument
        self._reader = reader
        self._settings = settings
        self._translators: Mapping[str, Callable[[kit.Rows, int], Iterable[kit.Event]]] = {
            "order": self._translate_orders,
            "execution": self._translate_executions,
            "position": self._translate_positions,
            "wallet": self._translate_wallets,
            "dcp": lambda _rows, _ms: (),
        }

    def translate(self, message: kit.Message) -> Sequence[kit.Event]:
        """Translate one message of several rows; a row that is not ours and cannot be read is left out."""
        said = read_topic(message)

        if said is None:
            return _alive(message)

        translate = self._translators.get(str(said.topic).partition(".")[0])

        if translate is None:
            raise kit.UnknownMessageError(str(said.topic))

        return tuple(translate(kit.parser(kit.Rows)(bytes(said.data)), said.creationTime))

    def _translate_orders(self, rows: kit.Rows, _: int) -> Iterator[kit.Event]:
        parse = kit.parser(Order)

        return self._read(rows, lambda row: translate_order_row(parse(row), self._instrument), _is_own)

    def _translate_executions(self, rows: kit.Rows, _: int) -> Iterator[kit.Event]:
        parse = kit.parser(Execution)

        return self._read(rows, lambda row: self._translate_execution(parse(row)), _is_own)

    def _read(
        self, rows: kit.Rows, translate: Callable[[bytes], _Row], is_needed: Callable[[rest.Head], bool]
    ) -> Iterator[_Row]:
        """Read the rows of this market."""
        return self._reader.read(rows, translate, "rows", market=self._instrument.symbol, is_needed=is_needed)

    def _translate_execution(self, row: Execution) -> kit.Event:
        if row.execType == FUNDING:
            return translate_funding(row, self._instrument)

        return kit.OrderFilled(fill=translate_execution(row, self._instrument, self._mode))

    def _translate_positions(self, rows: kit.Rows, venue_ms: int) -> Iterator[kit.Event]:
        for row in self._read(rows, kit.parser(PositionRow), lambda _: True):
            if belongs(row, self._mode):
                yield from translate_position_row(row, venue_ms)

    def _translate_wallets(self, rows: kit.Rows, venue_ms: int) -> Iterator[kit.Event]:
        settings = self._settings()
        mode = None if settings is None else settings.margin_mode

        for wallet in self._reader.read(rows, kit.parser(Wallet), "wallet"):
            yield from translate_wallet(wallet, mode, venue_ms, self._reader)

    @property
    def _mode(self) -> kit.PositionMode:
        settings = self._settings()

        return kit.PositionMode.ONE_WAY if settings is None else settings.position_mode


def _is_own(head: rest.Head) -> bool:
    return head.is_own_order


def _alive(message: kit.Message) -> Sequence[kit.Event]:
    """The answer to a heartbeat proves that the stream is alive, however quiet."""
    return (kit.FeedAlive(channel=kit.Channel.ACCOUNT),) if _PONG.decode(message).op == "pong" else ()
