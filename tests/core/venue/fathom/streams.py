"""Fathom's one stream: it brings the market, and the account of whoever has logged in."""

from __future__ import annotations

import json

from perpmaker import Instrument
from perpmaker import venue as kit

from . import messages
from . import translate as words
from .rest import sign

TOPICS = {
    "book": (messages.Book, words.translate_book),
    "mark": (messages.Mark, words.translate_mark),
    "trades": (messages.Trade, words.translate_trade),
    "orders": (messages.Order, words.translate_order),
    "fills": (messages.Execution, words.translate_execution),
    "account": (messages.Account, words.translate_account),
    "funding": (messages.Funding, words.translate_funding),
}


def describe(instrument: Instrument) -> tuple[kit.Stream]:
    """Describe the stream of a market. A mark comes each second."""

    def ask(op: str, **values: str) -> tuple[str, str]:
        return op, json.dumps({"op": op, "market": instrument.symbol, **values})

    return (
        kit.Stream(
            path="/v1/stream",
            frame=messages.Said,
            topic=lambda said: said.topic if said.market == instrument.symbol else None,
            data=lambda said: said.data,
            topics=TOPICS,
            login=lambda keys, at_ms: ask("login", **sign(keys, ("login", "", ""), at_ms)),
            subscribe=tuple(map(ask, ("book", "market"))),
            account=(ask("account"),),
            read_reply=lambda said: (said.reply, said.text) if said.reply else None,
            snapshot=ask("book")[1],
            counts_updates=True,
            heartbeat=('{"op":"ping"}', 15.0),
            life_s=23 * 3600.0,  # the venue closes each connection after a day
            stall_s=5.0,
            measure_every_s=240.0,
        ),
    )
