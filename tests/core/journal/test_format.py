"""The journal is a format: what an earlier version wrote is continued, and no renaming changes what is written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import get_args

from perpmaker.execution.action import Action
from perpmaker.journal.last_orders import last_live
from perpmaker.journal.opening import open_journal
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.journal.state_dir import Key
from perpmaker.journal.words import WORDS
from perpmaker.model.client_id import TextIds
from perpmaker.model.event import Event
from perpmaker.model.order import OrderKind, PositionSide

# Written at 7a7309f: a sandbox run with a long position whose stop had fired and could not be sent, killed there.
OLDER = Path(__file__).with_name("journal_of_7a7309f.sqlite3")
KEY = Key(environment="sandbox", venue="binance_perpetual", account="5e58be34b267@127.0.0.1:49152", market="BTC-USDT")
RUN = "mjuohs0g"


def test_a_journal_of_an_earlier_version_is_continued(tmp_path: Path) -> None:
    """Its run, the stop that had fired, what was filled, and every order that may still live are known."""
    path = tmp_path / "journal.sqlite3"
    shutil.copy(OLDER, path)

    with open_journal(path, KEY, "later") as (journal, damage):
        assert damage is None
        assert journal.knows_run(RUN)
        memory = journal.memory()
        assert memory is not None
        assert list(memory.fired) == [PositionSide.NET]
        known = journal.last_known()
        assert known is not None
        assert known.trades
        intents = OrderIntents(journal=journal, client_ids=TextIds("ea17b1", "later"))
        live = last_live(journal.last_steps(), intents)
        assert {order.slot.kind for order in live} == {OrderKind.STOP_LOSS}
        journal.record_notice("continued", 1)

    with open_journal(path, KEY, "last") as (journal, damage):
        assert damage is None
        assert journal.knows_run("later") is False
        assert journal.knows_run(RUN)


def test_every_event_and_action_has_one_word() -> None:
    """A new class needs one before it can be written."""
    assert set(WORDS) == {*get_args(Event), *get_args(Action)}
    assert len(set(WORDS.values())) == len(WORDS)
