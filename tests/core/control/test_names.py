from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from perpmaker.control.card import Card
from perpmaker.control.names import bot_name, matching, the_one
from perpmaker.errors import AmbiguousBotError, UnknownBotError

BTC = Card(
    id="1",
    name="sandbox:BTC-USDT",
    file="/home/me/sandbox.toml",
    environment="sandbox",
    venue="binance_perpetual",
    market="BTC-USDT",
    pid=11,
    since="2026-11-30T22:00:00.000Z",
)


def card_of(**changes: Any) -> Card:
    """The card of another bot."""
    return attrs.evolve(BTC, **changes)


ETH = card_of(id="2", name="eth:ETH-USDT", file="/home/me/eth.toml", market="ETH-USDT", pid=22)
TWIN = card_of(id="3", file="/home/me/other/sandbox.toml", pid=33)


def test_a_bot_is_called_by_its_file_and_its_market() -> None:
    """The same file on two markets is two bots."""
    assert bot_name(Path("examples/sandbox.toml"), "BTC-USDT") == "sandbox:BTC-USDT"


@pytest.mark.parametrize(
    "words",
    [
        "eth",
        "/home/me/eth.toml",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "eth:ETH-USDT",
                "ETH-USDT",
                "22",
            )
        ),
    ],
)
def test_any_part_of_a_name_finds_the_bot_that_alone_is_meant(words: str) -> None:
    """Name, stem, market, process or file."""
    assert the_one([BTC, ETH], words) == ETH


def test_without_a_name_the_only_bot_is_meant() -> None:
    """Somebody with one bot types no names."""
    assert the_one([BTC], None) == BTC


def test_a_name_that_several_have_is_refused_with_the_list() -> None:
    """Nothing is stopped that was not meant; the process tells them apart."""
    with pytest.raises(AmbiguousBotError) as caught:
        the_one([BTC, ETH, TWIN], "sandbox")

    assert "pid 11  /home/me/sandbox.toml" in str(caught.value)
    assert "pid 33  /home/me/other/sandbox.toml" in str(caught.value)
    assert "eth" not in str(caught.value)
    assert the_one([BTC, ETH, TWIN], "33") == TWIN

    with pytest.raises(AmbiguousBotError, match="Which bot"):
        the_one([BTC, ETH], None)


def test_a_name_that_nobody_has_is_told_with_those_that_are_there() -> None:
    """The right one can be read from it."""
    with pytest.raises(UnknownBotError, match=r"^No running bot is called 'doge'\. Running: sandbox:BTC-USDT, eth:ETH"):
        the_one([BTC, ETH], "doge")

    with pytest.raises(UnknownBotError, match=r"^No running bot was found\.$"):
        the_one([], None)


def test_a_whole_name_goes_before_a_part_of_another(tmp_path: Path) -> None:
    """A file may be called as a market is."""
    odd = card_of(id="4", name="ETH-USDT:BTC-USDT", pid=44)
    assert matching([ETH, odd], "eth:ETH-USDT") == [ETH]
    assert matching([ETH, odd], "ETH-USDT") == [ETH, odd]
    assert matching([ETH], str(tmp_path / "eth.toml")) == []
