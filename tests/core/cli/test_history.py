"""`perpmaker history`: which bot is meant, what is shown of it, and what is said where something is missing."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli import main
from perpmaker.journal.opening import open_journal
from perpmaker.journal.state_dir import Key, StateDir, open_state_dir
from perpmaker.journal.step import Step
from perpmaker.ledger.entries import AccountEntry, FillEntry, IncomeEntry, LedgerEntry, MarkoutEntry, Wallet
from perpmaker.model.income import IncomeKind, IncomeRecord
from perpmaker.model.order import OrderKind, PositionSide, Side
from perpmaker.model.position import Position

DAY_MS = 24 * 3_600_000
NOON_MS = 1_767_268_800_000  # 2026-01-01T12:00:00Z
COLUMNS = (
    "at kind what side position_side amount price maker asset money fee fee_asset mid markout_1s markout_10s "
    "markout_60s own id order"
)


def key(account: str = "a", market: str = "BTC-USDT") -> Key:
    """Whose journal it is."""
    return Key(environment="testnet", venue="binance_perpetual", account=account, market=market)


def fill(number: int, side: Side, price: str, *, at_ms: int = NOON_MS, **changes: Any) -> FillEntry:
    """An execution of 2, fee 0.1 USDT, the middle of the book 0.5 away on the good side."""
    plain: dict[str, Any] = {
        "client_id": f"pm-x-{number}",
        "position_side": PositionSide.NET,
        "amount": Decimal(2),
        "fee": Decimal("0.1"),
        "fee_asset": "USDT",
        "maker": True,
        "realized": Decimal(0),
        "own_profit": Decimal(0),
        "ours": True,
        "what": OrderKind.QUOTE,
        "mid": Decimal(price) + side.sign * Decimal("0.5"),
    }

    return FillEntry(trade_id=str(number), side=side, price=Decimal(price), venue_ms=at_ms, **{**plain, **changes})


def row(kind: IncomeKind, amount: str, *, at_ms: int = NOON_MS, symbol: str = "BTCUSDT") -> IncomeEntry:
    """A row of the income history."""
    record = IncomeRecord(
        kind=kind, word=kind.name, income_id="1", asset="USDT", amount=Decimal(amount), venue_ms=at_ms, symbol=symbol
    )

    return IncomeEntry(record=record)


def reading(at_ms: int, wallet: str, held: str = "0", unrealized: str | None = "0", bnb: str = "1") -> AccountEntry:
    """A reading of the account."""
    wallets = {"USDT": wallet, "BNB": bnb}
    position = Position(side=PositionSide.NET, amount=Decimal(held), entry=Decimal(100))

    return AccountEntry(
        at_ms=at_ms,
        wallets=tuple(Wallet(asset=asset, amount=Decimal(one), venue_ms=at_ms) for asset, one in wallets.items()),
        positions=(position,),
        mark=Decimal(101),
        unrealized=None if unrealized is None else Decimal(unrealized),
        quote="USDT",
    )


STORY: tuple[LedgerEntry, ...] = (
    reading(NOON_MS - 60_000, "1000"),
    fill(1, Side.BUY, "100"),
    MarkoutEntry(trade_id="1", side=Side.BUY, after_s=1, mid=Decimal(99), venue_ms=NOON_MS + 1000),
    row(IncomeKind.FUNDING, "-0.25", at_ms=NOON_MS + 60_000),
    row(IncomeKind.TRANSFER, "50", at_ms=NOON_MS + 70_000, symbol=""),
    fill(2, Side.SELL, "103", at_ms=NOON_MS + DAY_MS, realized=Decimal(6), what=OrderKind.TAKE_PROFIT),
    fill(3, Side.BUY, "102", at_ms=NOON_MS + DAY_MS + 1, fee=Decimal("0.0002"), fee_asset="BNB"),
    reading(NOON_MS + DAY_MS + 60_000, "1055.55", "2", "-1", "0.9998"),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateDir:
    """A state directory of its own."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "state"))

    return open_state_dir({"PERPMAKER_HOME": str(tmp_path / "state")})


def write(home: StateDir, *entries: LedgerEntry, whose: Key | None = None, file: str = "/etc/bots/calm.toml") -> Path:
    """Write the journal of a bot that has booked this."""
    whose = whose or key()
    path = home.journal(whose)

    with open_journal(path, whose, "r1") as (journal, _):
        journal.record_run(NOON_MS, {"file": file})
        journal.record_step(Step(at=1.0, events=(), actions=(), notices=(), entries=entries), NOON_MS)

    return path


def shown(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    """What the command writes, to standard output and to standard error."""
    with pytest.raises(SystemExit) as ended:
        main(["history", *words])

    assert ended.value.code == code
    said = capsys.readouterr()

    return said.out, said.err


def test_the_page_has_days_sums_and_the_wallet(home: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    """80 columns, UTC, each amount with its asset."""
    write(home, *STORY)
    out, _ = shown(capsys, "--markout")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "testnet BTC-USDT on binance_perpetual, account a (calm:BTC-USDT)"
    assert [line.split() for line in lines if line.startswith("2026-01-0")][1:] == [
        ["2026-01-01", "USDT", "1", "0.00", "0.10", "-0.25", "-0.35"],
        ["2026-01-02", "USDT", "2", "6.00", "0.10", "0.00", "5.90"],
    ]
    assert ["BNB", "0.00", "0.0002", "0.00", "-0.0002"] in [line.split() for line in lines]
    assert "result        5.55 USDT, -0.0002 BNB" in lines
    assert "transfers     50.00 USDT" in lines
    assert "unrealised    -1.00 USDT at the mark price, not in the result" in lines
    assert "of which      spread 3.00 USDT, inventory 2.00 USDT" in lines  # 6 realised and -1 not, less 3
    assert "wallet USDT   1000 to 1055.55, +55.55 USDT: all of it booked" in lines
    assert "quote            1 s      1               1.00              -2.00          -100" in lines
    assert lines[-1] == "01-02 12:00:00  quote     bought 2 at 102, fee 0.0002 BNB"


def test_json_has_sums_in_every_asset_exactly(home: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    """Money as text; the parts of the profit are the whole of it."""
    write(home, *STORY)
    told = json.loads(shown(capsys, "--json")[0])
    assert told["fills"] == 3
    assert (told["realized_pnl"], told["fees_by_asset"]) == ("6", {"USDT": "0.2", "BNB": "0.0002"})
    assert (told["funding_by_asset"], told["result"]) == ({"USDT": "-0.25"}, "5.55")
    assert told["wallet"]["USDT"]["difference"] == "0"
    assert [day["day"] for day in told["days"]] == ["2026-01-01", "2026-01-02"]
    pnl = {name: Decimal(text) for name, text in told["pnl"].items()}
    assert pnl["spread"] + pnl["inventory"] + pnl["fees"] + pnl["funding"] == pnl["total"] == Decimal("4.55")
    assert told["markout"][0] | {"after_s": 1, "bp": "-100", "amount": "-2", "at_fill": "1"} == told["markout"][0]
    assert (told["name"], told["since"], told["runs"]) == ("calm:BTC-USDT", "2026-01-01T11:59:00.000Z", 1)
    assert told["notes"] == []


def test_csv_has_a_line_for_each_entry_under_columns_that_stay(
    home: StateDir, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its columns are a format, as its header is."""
    write(home, *STORY)
    lines = list(csv.DictReader(io.StringIO(shown(capsys, "--csv")[0])))
    assert " ".join(lines[0]) == COLUMNS
    assert [(line["kind"], line["money"], line["asset"]) for line in lines] == [
        ("fill", "0", "USDT"),
        ("funding", "-0.25", "USDT"),
        ("transfer", "50", "USDT"),
        ("fill", "6", "USDT"),
        ("fill", "0", "USDT"),
    ]
    assert (lines[0]["markout_1s"], lines[0]["markout_10s"], lines[0]["own"]) == ("-2", "", "true")


def test_days_begin_at_midnight_utc(
    home: StateDir, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Today is the first of them; what a position was worth before is not earned in them."""
    monkeypatch.setattr("perpmaker.clock.SystemClock.utc_ms", lambda _: NOON_MS + DAY_MS + 5)
    write(
        home, reading(NOON_MS - DAY_MS, "1000"), *STORY[:5], reading(NOON_MS + 80_000, "1049.65", "2", "2"), *STORY[5:]
    )
    told = json.loads(shown(capsys, "--days", "1", "--json")[0])
    assert [day["day"] for day in told["days"]] == ["2026-01-02"]
    assert (told["fills"], told["result"], len(told["entries"])) == (2, "5.9", 2)
    assert (told["pnl"]["unrealized_before"], told["pnl"]["inventory"]) == ("2", "1")
    assert told["wallet"]["USDT"] | {"opening": "1049.65", "difference": "0"} == told["wallet"]["USDT"]
    assert json.loads(shown(capsys, "--days", "2", "--json")[0])["fills"] == 3


def test_what_does_not_add_up_is_said_with_its_asset(home: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    """Never absorbed: another market of the account, or something that was not told."""
    write(home, *STORY[:-1], reading(NOON_MS + DAY_MS + 60_000, "1055.54", "2", "-1", "0.9998"))
    out, _ = shown(capsys)
    assert "-0.01 USDT of it not explained" in out
    assert "!! the wallet changed by -0.01 USDT that no entry explains" in " ".join(out.split())
    assert json.loads(shown(capsys, "--json")[0])["wallet"]["USDT"]["difference"] == "-0.01"


def test_a_part_of_the_journal_that_is_lost_is_said(home: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    """What was put aside by a start is not read, and what is left is shown."""
    path = write(home, *STORY)
    path.with_name(f"{path.name}.damaged-1").write_bytes(b"nothing that can be read")
    out, _ = shown(capsys)
    assert "3, volume" in out
    assert "!! a part of the journal was lost" in out
    out, err = shown(capsys, "--csv")
    assert "a part of the journal was lost" in err
    assert "lost" not in out


def test_the_newest_bot_is_shown_and_the_others_are_named(home: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    """A name, its parts, an account or a file are enough where one bot alone is meant."""
    write(home, *STORY)
    write(home, *STORY[:2], whose=key("b", "ETH-USDT"), file="/etc/bots/wild.toml")
    names = {bot for bot in ("calm:BTC-USDT", "wild:ETH-USDT") if f"({bot})" in shown(capsys)[0]}
    assert len(names) == 1
    assert "2 bots have a history" in shown(capsys)[0]

    for words in ("wild:ETH-USDT", "wild", "ETH-USDT", "b", "/etc/bots/wild.toml"):
        assert "(wild:ETH-USDT)" in shown(capsys, words)[0]

    write(home, *STORY[:2], whose=key("c"))
    _, err = shown(capsys, "calm", code=2)
    assert "Which bot?" in err
    assert err.count("calm:BTC-USDT") == 2
    assert "(calm:BTC-USDT)" in shown(capsys, "c")[0]
    _, err = shown(capsys, "nobody", code=2)
    assert "No bot called 'nobody' has a history" in err


def test_without_any_history_the_next_step_is_said(home: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    """And a bot that has booked nothing yet has a page."""
    assert "perpmaker run CONFIG" in shown(capsys, code=2)[1]
    write(home)
    out, _ = shown(capsys)
    assert "nothing was booked yet" in out
