"""The clients of other people, each with the version that is tried and the script of its session."""

from __future__ import annotations

from typing import Final

import attrs
from steps import BOOK, USER_STREAM


@attrs.frozen(kw_only=True)
class Peer:
    """A client: `requirements` are what its environment holds, the client first.

    `python` is the version that it asks for, None for ours; `without` are the steps that it has no call for.
    """

    name: str
    venue: str
    script: str
    requirements: tuple[str, ...]
    market: str = "BTC-USDT"
    python: str | None = None
    without: frozenset[str] = frozenset()

    @property
    def version(self) -> str:
        """The version of the client itself."""
        return self.requirements[0].partition("==")[2]


PEERS: Final = (
    Peer(
        name="python-binance",
        venue="binance_perpetual",
        script="python_binance.py",
        requirements=("python-binance==1.0.37",),
    ),
    Peer(
        name="python-binance-async",
        venue="binance_perpetual",
        script="python_binance_async.py",
        requirements=("python-binance==1.0.37",),
    ),
    Peer(
        name="ccxt",
        venue="binance_perpetual",
        script="ccxt_binance.py",
        requirements=("ccxt==4.5.90",),
        without=frozenset({BOOK, USER_STREAM}),
    ),
    Peer(
        name="ccxt-pro",
        venue="binance_perpetual",
        script="ccxt_pro_binance.py",
        requirements=("ccxt==4.5.90",),
    ),
    Peer(
        name="binance-sdk",
        venue="binance_perpetual",
        script="binance_sdk.py",
        requirements=("binance-sdk-derivatives-trading-usds-futures==18.1.0",),
    ),
    Peer(
        name="binance-futures-connector",
        venue="binance_perpetual",
        script="binance_connector.py",
        requirements=("binance-futures-connector==4.2.0",),
    ),
    Peer(
        name="nautilus_trader",
        venue="binance_perpetual",
        script="nautilus_binance.py",
        requirements=("nautilus_trader==1.231.0",),
        python="3.12",
    ),
    Peer(
        name="pybit",
        venue="bybit_perpetual",
        script="pybit_session.py",
        requirements=("pybit==5.17.0",),
    ),
    Peer(
        name="ccxt-bybit",
        venue="bybit_perpetual",
        script="ccxt_bybit.py",
        requirements=("ccxt==4.5.90",),
    ),
    Peer(
        name="dydx-v4-client",
        venue="dydx_perpetual",
        market="BTC-USD",
        script="dydx_client.py",
        requirements=("dydx-v4-client==1.1.5",),
    ),
)
