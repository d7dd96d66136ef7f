"""B11: a market is named as its venue names it, also with letters that are not ASCII."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import attrs
import pytest

from perpmaker.config.loading import load_configuration
from perpmaker.errors import ConfigurationError
from perpmaker.journal.state_dir import Key, StateDir
from perpmaker.plugins.catalog import load_catalog
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.secret import Secret, make_signer
from perpmaker.simulation import rules
from perpmaker.testing.session import open_session
from perpmaker_binance_perpetual.signing import signed_query

pytestmark = pytest.mark.anyio

FILE = Path(__file__).parents[1] / "practice.toml"
NAMES = ["测试-USDT", "币安人生-USDC", "1000ÄÖ-USDT", "ПЕПЕ-USDT", "हिन्दी-USDT"]


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Sessions take seconds."""
    return virtual_time


def test_B11_a_file_may_name_it() -> None:
    """BASE-QUOTE as the venue lists them; capitals where a letter has some."""
    for market in NAMES:
        assert load_configuration(FILE, [f'market="{market}"'], load_catalog()).run.market == market


def test_B11_what_is_no_name_is_still_refused() -> None:
    """Spaces, small ASCII letters, signs that turn the line round."""
    for market in ["btc-USDT", "BTC USDT", "测 试-USDT", "BTC\u202e-USDT", "-USDT", "测试"]:
        with pytest.raises(ConfigurationError, match="market"):
            load_configuration(FILE, [f'market="{market}"'], load_catalog())


def test_B11_the_signature_is_over_what_is_sent() -> None:
    """Percent-encoded first, then signed: the vector of the protocol's description."""
    secret = "NOT_A_SECRET_binance_test_0123456789abcdef"  # made up
    signer = make_signer(Secret(secret))
    query = signed_query({"symbol": "测试USDT"}, signer, timestamp_ms=1767225600000, recv_window_ms=5000)
    sent, _, signature = query.partition("&signature=")
    assert sent == "symbol=%E6%B5%8B%E8%AF%95USDT&recvWindow=5000&timestamp=1767225600000"
    assert signature == hmac.new(secret.encode(), sent.encode("ascii"), hashlib.sha256).hexdigest()


def test_B11_each_market_has_files_of_its_own(tmp_path: Path) -> None:
    """Safe names, no two the same; those of ASCII markets are what they were."""
    keys = [Key(environment="testnet", venue="v", account="a", market=market) for market in [*NAMES, "_-USDT"]]
    stems = [StateDir(tmp_path).journal(key).stem for key in keys]
    assert len({*stems, *(key.lock_name for key in keys)}) == 2 * len(keys)
    assert all(stem.isascii() and "/" not in stem for stem in stems)
    plain = Key(environment="testnet", venue="v", account="a", market="BTC-USDT")
    assert plain.file_name == "testnet~v~a~BTC-USDT"


@pytest.mark.parametrize("market", [NAMES[0], *(pytest.param(one, marks=pytest.mark.full) for one in NAMES[1:])])
async def test_B11_a_bot_trades_it(market: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """REST, batches, streams, journal: quotes on both sides, and their fills, through the Binance sandbox."""
    base, _, quote = market.partition("-")
    known = rules.MARKETS["BTC-USDT"]
    instrument = attrs.evolve(known.instrument, market=market, symbol=base + quote, base=base, quote=quote)
    monkeypatch.setitem(rules.MARKETS, market, attrs.evolve(known, instrument=instrument))

    async with open_session(FILE, f'market="{market}"', home=StateDir(tmp_path)) as session:
        summary = await session.run(20)
        assert session.sandbox.exchange.orders(ACCOUNT)
        assert session.bot.trader.state.market.last_trade is not None
        assert summary.fills == len(session.sandbox.exchange.executions(ACCOUNT))
        assert session.bot.halted is None
