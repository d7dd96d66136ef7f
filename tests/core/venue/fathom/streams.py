"""Fathom's one stream: it brings the market, and the account of whoever has logged in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from perpmaker import Instrument
from perpmaker import venue as kit

from .messages import Said
from .rest import sign
from .translate import translate_message


def _read_reply(message: kit.Message) -> kit.StreamReply | None:
    frame = kit.parser(Said)(message)

    return kit.StreamReply(name=frame.reply, refusal=frame.text) if frame.reply else None


def stream_feed(access: kit.VenueAccess, instrument: Instrument) -> kit.StreamFeed:
    """Offer the stream. What cannot be read ends it: it may be a fill. So does silence: a mark comes each second."""
    client, keys = access.client, access.credentials

    def ask(op: str, **values: str) -> kit.StreamRequest:
        return kit.StreamRequest(name=op, message=json.dumps({"op": op, "market": instrument.symbol, **values}))

    def log_in() -> kit.StreamRequest:
        return ask("login", **sign(keys, "login", client.server_clock.ms()))

    def begin(connection: kit.Messages) -> kit.Translation[kit.Event]:
        book = kit.BookSync(kit.LevelTranslator(instrument), counts_updates=True)

        async def ask_for_snapshot() -> Sequence[kit.Event]:
            await connection.send(ask("book").message)

            return ()

        snapshots = kit.SnapshotChore(book, ask_for_snapshot, client.clock, delay_s=3.0)

        return kit.Translation(translate=partial(translate_message, book, instrument), chores=(snapshots,))

    spec = kit.StreamSpec(
        name=f"{client.venue}'s stream",
        url=f"{access.url}/v1/stream",
        begin=begin,
        authenticate=None if keys is None else log_in,
        subscribe=tuple(map(ask, ("book", "market") if keys is None else ("book", "market", "account"))),
        read_reply=_read_reply,
        heartbeat=('{"op":"ping"}', 15.0),
        life_s=23 * 3600.0,  # the venue closes each connection after a day
        most_malformed=0,
    )

    return access.offer(spec, *set(kit.Channel) - {kit.Channel.REFERENCE}, stall_s=5.0, measure_every_s=240.0)
