"""Reads the result of a bot's runs out of its journal, in constant memory, while the bot runs or long afterwards."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs
import msgspec

from perpmaker.backtest.builder import ResultBuilder
from perpmaker.backtest.market_look import MarketLook
from perpmaker.backtest.result import JOURNAL, MarketFacts, Result, Whose
from perpmaker.config.recorded import CONFIGURATION, FILE
from perpmaker.control.names import bot_name
from perpmaker.errors import ResultError
from perpmaker.execution.action import Action, Amend, Place
from perpmaker.journal.booked import ENTRY, entries_in
from perpmaker.journal.carried import END, INTENT
from perpmaker.journal.inputs import INPUTS, START, decode_batches
from perpmaker.journal.parts import FIRST
from perpmaker.journal.read_file import ReadRow
from perpmaker.journal.reading import JournalReader
from perpmaker.journal.state_dir import Key
from perpmaker.launch.trader_start import TraderStart
from perpmaker.ledger.entries import AccountEntry, LedgerEntry
from perpmaker.model.command_event import OrderRefused
from perpmaker.model.event import Event, OrderAmended, OrderCancelled, OrderReported, Resynced
from perpmaker.model.instrument import Instrument
from perpmaker.model.reading import AccountSeen
from perpmaker.report.status import iso

_KINDS: Final = frozenset({"run", START, "step", INTENT, ENTRY, INPUTS, "notice", END})
_EVENTS: Final[Mapping[str, type[Event]]] = {
    "OrderCancelled": OrderCancelled,
    "OrderRefused": OrderRefused,
    "OrderReported": OrderReported,
    "OrderAmended": OrderAmended,
    "Resynced": Resynced,
    "AccountSeen": AccountSeen,
}
_ACTIONS: Final[Mapping[str, type[Action]]] = {"Place": Place, "Amend": Amend}
_UNIT: Final = Decimal(1)


def result_of_journal(
    reader: JournalReader,
    *,
    from_ms: int | None = None,
    until_ms: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Result:
    """Return what happened in the runs of a journal, or in a window of time of them.

    `progress` is given the time of each row.

    Raises:
        ResultError: the journal does not say whose it is, or nothing happened in the window.
    """
    key = reader.key()

    if key is None:
        raise ResultError(f"{reader.path} does not say whose journal it is: {_reason(reader)}")

    return _Reading(reader, key, from_ms, until_ms, progress).result()


def _reason(reader: JournalReader) -> str:
    return "; ".join(one.reason for one in reader.unread) or "nothing was written into it yet"


@attrs.define
class _Run:
    """What is known of the run whose rows are read."""

    run: str
    about: Mapping[str, Any]
    look: MarketLook | None = None


class _Reading:
    """Goes through a journal once."""

    def __init__(
        self,
        reader: JournalReader,
        key: Key,
        from_ms: int | None,
        until_ms: int | None,
        progress: Callable[[int], None],
    ) -> None:
        self._reader = reader
        self._key = key
        self._from_ms = from_ms
        self._until_ms = until_ms
        self._progress = progress
        self._run: _Run | None = None
        self._about: dict[str, Mapping[str, Any]] = {}
        self._instrument: Instrument | None = None
        self._versions: dict[str, str] = {}
        self._quote = key.market.partition("-")[2]
        self._builder = ResultBuilder(self._whose(), tick=_UNIT, lot=_UNIT)
        self._row_ms = 0
        self._at_ms = 0
        self._is_counting = from_ms is None
        self._notes: dict[str, None] = {}

    def result(self) -> Result:
        """Read it all, and return what it comes to."""
        for _, entry in entries_in(self._rows()):
            self._book(entry)

        if not self._at_ms or not self._is_counting:
            raise ResultError(self._empty())

        self._remark()
        self._builder.whose = self._whose()

        return self._builder.result(self._at_ms, tuple(self._notes))

    # --- rows -------------------------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[ReadRow]:
        """The rows of the window. What a row says beside its entries is taken in before it is handed on."""
        is_first = True

        for row in self._reader.rows(kinds=_KINDS):
            if is_first and row.at.part > FIRST:
                self._notes["older parts of the journal were removed after their time: what was before is missing"] = (
                    None
                )

            is_first = False

            if row.utc_ms:
                if self._until_ms is not None and row.utc_ms >= self._until_ms:
                    return

                self._pass(row.utc_ms)

            self._take(row)
            yield row

    def _pass(self, utc_ms: int) -> None:
        self._row_ms = utc_ms
        self._progress(utc_ms)

        if not self._is_counting and self._from_ms is not None and utc_ms >= self._from_ms:
            self._is_counting = True
            self._builder.count_from(self._from_ms)

        self._at_ms = max(self._at_ms, utc_ms)

    def _take(self, row: ReadRow) -> None:
        match row.kind:
            case "run":
                self._begin(row)
            case "start":
                self._start(row)
            case "inputs":
                self._look(row)
            case "step":
                self._step(row)
            case "notice":
                text = _decoded(row.payload)

                if isinstance(text, str):
                    self._builder.tell(row.utc_ms, text)
            case "end":
                self._builder.end_run(row.utc_ms)
            case _:
                pass

    def _begin(self, row: ReadRow) -> None:
        about = _decoded(row.payload)

        if isinstance(about, dict) and row.utc_ms:
            self._about[row.run] = about
            self._run = _Run(row.run, about)
            self._builder.begin_run(row.utc_ms, row.run)

    def _start(self, row: ReadRow) -> None:
        """Take in the rules of the market, as the run found them."""
        try:
            start = msgspec.json.decode(row.payload, type=TraderStart)
        except msgspec.MsgspecError:
            return

        instrument, known = start.instrument, self._instrument

        if known is not None and (known.tick, known.lot) != (instrument.tick, instrument.lot):
            note = "the market's steps of price or amount have changed: quotes of earlier runs are left out"
            self._notes[note] = None

        self._instrument, self._versions, self._quote = instrument, start.versions, instrument.quote
        self._builder.rules(instrument.tick, instrument.lot)
        self._builder.whose = self._whose()

        if self._run is not None and self._run.run == row.run and start.market_data:
            self._run.look = MarketLook()

    def _step(self, row: ReadRow) -> None:
        content = _decoded(row.payload)

        if not isinstance(content, dict):
            return

        has_rules = self._instrument is not None
        events = list(_converted(content.get("events", ()), _EVENTS)) if has_rules else []
        actions = list(_converted(content.get("actions", ()), _ACTIONS)) if has_rules else []
        self._builder.step(row.utc_ms, events, actions, (), [str(one) for one in content.get("notices", ())])
        mode = content.get("mode")

        if isinstance(mode, list) and len(mode) == len(("mode", "reason")) and mode[0]:
            self._builder.mode(row.utc_ms, str(mode[0]), str(mode[1] or ""))

    def _look(self, row: ReadRow) -> None:
        """Follow the market through all that the trader was given since the row of inputs before."""
        if self._run is None or self._run.look is None or self._run.run != row.run:
            return

        try:
            batches = decode_batches(row.payload)
        except ValueError:
            self._notes["what the market did cannot be read for a part of the time"] = None
            return

        look, last_at = self._run.look, batches[-1].at if batches else 0.0

        for batch in batches:
            if look.take(batch):
                at_ms = row.utc_ms - round((last_at - batch.at) * 1000)
                self._builder.look(
                    at_ms, bid=look.bid, ask=look.ask, reference=look.reference(self._instrument), mark=look.mark
                )

    def _book(self, entry: LedgerEntry) -> None:
        if isinstance(entry, AccountEntry) and entry.quote and self._instrument is None:
            self._quote = entry.quote

        self._builder.book(self._row_ms, (entry,))

    # --- words ------------------------------------------------------------------------------------------------------

    def _empty(self) -> str:
        if not self._at_ms and self._until_ms is not None:
            return f"{self._reader.path} has nothing before {iso(self._until_ms)} (--until, UTC)"

        if not self._at_ms:
            return f"{self._reader.path} has nothing of a run: {_reason(self._reader)}"

        return (
            f"nothing is in the journal from {iso(self._from_ms or 0)} on: it ends at {iso(self._at_ms)} (--from, UTC)"
        )

    def _remark(self) -> None:
        if self._instrument is None:
            words = "an early version wrote this journal, without the rules of the market: its quotes are not shown"
            self._notes[words] = None

        for one in self._reader.unread:
            self._notes[f"a part could not be read, and is missing here: {one}"] = None

        if self._run is not None and self._run.look is None:
            words = "the journal was kept without market data: prices are known at fills and readings only"
            self._notes[words] = None

    def _whose(self) -> Whose:
        about = self._run.about if self._run is not None else {}
        file, key = str(about.get(FILE) or ""), self._key
        values = _values(str(about.get(CONFIGURATION) or ""))
        base, _, quote = key.market.partition("-")
        facts = MarketFacts(market=key.market, base=base, quote=self._quote or quote)
        sandbox = values.get("sandbox")
        is_recorded = isinstance(sandbox, dict) and bool(sandbox.get("recording"))

        return Whose(
            kind=JOURNAL,
            name=bot_name(Path(file), key.market) if file else key.market,
            environment=key.environment,
            connector=key.venue,
            account=key.account,
            market=facts if self._instrument is None else MarketFacts.of(self._instrument),
            sources=(self._reader.path.name,),
            strategy=str(values.get("strategy", "")),
            program=self._versions.get("perpmaker", ""),
            synthetic=key.environment == "sandbox" and not is_recorded,
            settings={name: _text(value) for name, value in values.items() if not isinstance(value, dict | list)},
        )


def _converted(content: Sequence[Any], classes: Mapping[str, type[Any]]) -> Iterator[Any]:
    """What of a step's events or actions is asked for; what a newer version wrote in other words is left out."""
    for word, fields in content:
        if word in classes:
            try:
                yield msgspec.convert(fields, classes[word], strict=False)
            except msgspec.ValidationError:
                continue


def _decoded(payload: bytes) -> object:
    try:
        return msgspec.json.decode(payload)
    except msgspec.MsgspecError:
        return None


def _values(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
