"""What events and actions are called in the journal: a format, which no renaming of a class changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from perpmaker.execution import action
from perpmaker.model import command_event, event, forced_closure, parameters, reading

WORDS: Final[Mapping[type, str]] = {
    event.BookSnapshot: "BookSnapshot",
    event.BookChanged: "BookChanged",
    event.BookLost: "BookLost",
    event.Traded: "Traded",
    event.MarkChanged: "MarkChanged",
    event.ReferenceChanged: "ReferenceChanged",
    event.FeedAlive: "FeedAlive",
    event.InstrumentChanged: "InstrumentChanged",
    event.TradingChanged: "TradingChanged",
    command_event.OrderAccepted: "OrderAccepted",
    command_event.OrderRefused: "OrderRefused",
    command_event.OrderUnknown: "OrderUnknown",
    command_event.OrderNotFound: "OrderNotFound",
    event.OrderCancelled: "OrderCancelled",
    command_event.CancelHandedOn: "CancelHandedOn",
    command_event.CancelRefused: "CancelRefused",
    event.OrderAmended: "OrderAmended",
    command_event.AmendHandedOn: "AmendHandedOn",
    command_event.AmendRefused: "AmendRefused",
    event.OrderReported: "OrderReported",
    event.OrderFilled: "OrderFilled",
    event.PositionReported: "PositionReported",
    event.BalanceReported: "BalanceReported",
    reading.AccountReported: "AccountReported",
    event.FundingPaid: "FundingPaid",
    forced_closure.MarginCalled: "MarginCalled",
    event.IncomeReported: "IncomeReported",
    event.SettingsReported: "SettingsReported",
    reading.AccountSeen: "AccountSeen",
    event.Resynced: "Resynced",
    event.StreamLost: "StreamLost",
    event.StreamRestored: "StreamRestored",
    event.AccountUnread: "AccountUnread",
    event.OtherMarketsChanged: "OtherMarketsChanged",
    parameters.ParametersChanged: "ParametersChanged",
    event.StopRequested: "StopRequested",
    event.Halted: "Halted",
    action.Place: "Place",
    action.Cancel: "Cancel",
    action.Amend: "Amend",
    action.Ask: "Ask",
    action.AskPrice: "AskPrice",
    action.Resync: "Resync",
    action.Reconnect: "Reconnect",
}
"""The word of each class, as a step of the journal has it."""
