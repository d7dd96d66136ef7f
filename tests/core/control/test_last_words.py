from __future__ import annotations

import os
from decimal import Decimal

import attrs

from perpmaker.control import last_words
from perpmaker.control.last_words import forget_oldest, read_last_words, write_last_words
from perpmaker.journal.state_dir import StateDir
from perpmaker.report.status import (
    EndStatus,
    LevelStatus,
    NoticeStatus,
    PnlStatus,
    PositionStatus,
    ReasonStatus,
    Status,
    as_plain,
    decode_status,
)

STATUS = Status(
    name="sandbox:BTC-USDT",
    environment="sandbox",
    venue="binance_perpetual",
    market="BTC-USDT",
    account="8f3a",
    file="/home/me/sandbox.toml",
    pid=4711,
    run_id="abc",
    running=True,
    since="2026-11-30T22:00:00.000Z",
    at="2026-11-30T22:01:00.000Z",
    mode="run",
    mode_reason="",
    tick=Decimal("0.1"),
    positions=(
        PositionStatus(
            side="net",
            amount=Decimal("-1E+1"),
            entry=Decimal("60000.10"),
            notional=None,
            unrealized_pnl=Decimal("-0.5"),
            target=Decimal(59000),
            stop=None,
            stop_distance=None,
            stop_fired=False,
            venue_stop=None,
            liquidation=None,
            liquidation_distance=None,
        ),
    ),
    quotes=(
        LevelStatus(
            level="buy 0",
            side="buy",
            position_side="net",
            state="open",
            price=Decimal("1E-8"),
            reasons=(ReasonStatus(rule="spread", text="0.04 % below the reference", value=Decimal("0.0004")),),
        ),
    ),
    pnl=PnlStatus(
        asset="USDT",
        realized_pnl=Decimal(0),
        unrealized_pnl=Decimal("1.5"),
        fees_by_asset={"USDT": Decimal("0.1"), "BNB": Decimal("0.002")},
        funding_by_asset={},
        result=Decimal("1.4"),
        result_by_asset={"USDT": Decimal("1.4")},
    ),
    notices=(NoticeStatus(at="2026-11-30T22:00:59.000Z", text="quote: bought"),),
)


def test_a_status_survives_the_way_through_json() -> None:
    """Money stays exact, and is text without an exponent; what has no value is null."""
    plain = as_plain(STATUS)
    assert isinstance(plain, dict)
    assert plain["positions"][0]["amount"] == "-10"
    assert plain["positions"][0]["stop"] is None
    assert plain["quotes"][0]["price"] == "0.00000001"
    assert plain["quotes"][0]["reasons"][0] == {
        "rule": "spread",
        "text": "0.04 % below the reference",
        "value": "0.0004",
    }
    assert plain["pnl"]["fees_by_asset"] == {"USDT": "0.1", "BNB": "0.002"}
    assert decode_status(plain) == STATUS


def test_last_words_are_kept_and_say_that_nobody_runs(home: StateDir) -> None:
    """The newest of each file and market; an end is in them where the bot lived to say it."""
    write_last_words(home, STATUS)
    later = attrs.evolve(STATUS, at="2026-11-30T22:02:00.000Z", mode="stop")
    ended = EndStatus(at=later.at, exit_code=0, stop_reason="signal", left="0 quotes, 2 exits, flat")
    write_last_words(home, attrs.evolve(later, ended=ended))
    other = attrs.evolve(STATUS, market="ETH-USDT", at="2026-11-30T22:01:30.000Z")
    write_last_words(home, other)

    assert read_last_words(home) == [
        attrs.evolve(later, running=False, ended=ended),
        attrs.evolve(other, running=False),
    ]


def test_what_cannot_be_read_is_no_word(home: StateDir) -> None:
    """A file of another version, cut off, or no text at all."""
    write_last_words(home, STATUS)

    for number, content in enumerate([b"{", b"[]", b"\xff", b'{"name": 1}']):
        (home.private(last_words.DIRECTORY) / f"{number}.json").write_bytes(content)

    assert [status.name for status in read_last_words(home)] == [STATUS.name]


def test_bots_that_nobody_has_run_for_longest_are_forgotten(home: StateDir) -> None:
    """A person who tries files for years does not fill his disk."""
    last_words_of = home.private(last_words.DIRECTORY)

    for number in range(last_words.MOST_BOTS + 2):
        path = last_words_of / f"{number}.json"
        path.write_text("{}")
        os.utime(path, (number, number))

    forget_oldest(home)
    left = sorted(int(path.stem) for path in last_words_of.iterdir())
    assert left == list(range(2, last_words.MOST_BOTS + 2))
