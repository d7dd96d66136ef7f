"""The settings of the table `[dydx_perpetual]`, and the addresses they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import attrs

from perpmaker import Range
from perpmaker.venue import (
    HTTP_SCHEMES,
    WEBSOCKET_SCHEMES,
    Environment,
    SandboxAccess,
    is_allowed_base,
    key_fault,
    stream_base,
)

NAME = "dydx_perpetual"
VENUE = "dYdX"
LARGEST_SUBACCOUNT = 128_000
"""The chain's largest subaccount number (dydxprotocol/v4-chain, x/subaccounts)."""


@attrs.frozen(kw_only=True)
class Network:
    """Where one chain is reached: base URLs without a path. Nodes are tried in their order."""

    chain_id: str
    indexer: str
    stream: str
    nodes: tuple[str, ...]


NETWORKS = {
    Environment.LIVE: Network(
        chain_id="dydx-mainnet-1",
        indexer="https://indexer.dydx.trade",
        stream="wss://indexer.dydx.trade",
        nodes=("https://oegs.dydx.trade", "https://dydx-ops-rpc.kingnodes.com", "https://dydx-dao-rpc.polkachu.com"),
    ),
    Environment.TESTNET: Network(
        chain_id="dydx-testnet-4",
        indexer="https://indexer.v4testnet.dydx.exchange",
        stream="wss://indexer.v4testnet.dydx.exchange",
        nodes=("https://oegs-testnet.dydx.exchange", "https://test-dydx-rpc.kingnodes.com"),
    ),
}
# On paper only public data is asked for, which is that of live.
NETWORKS[Environment.PAPER] = NETWORKS[Environment.LIVE]
SANDBOX_CHAIN = "localdydxprotocol"
_MORE_NODES = {
    Environment.LIVE: ("dydx-rpc.publicnode.com",),
    Environment.TESTNET: ("dydx-testnet-rpc.polkachu.com",),
}


@attrs.frozen(kw_only=True)
class Settings:
    """How to reach dYdX and prove who we are.

    `address` is the owner's address (`dydx1...`), which is public. `api_secret` is a reference (`env:NAME`,
    `file:PATH`, `keyring:SERVICE/NAME`) to the private key of an API trading key, 64 hexadecimal digits. The owner's
    own key, or the words that it comes from, can take everything from the account: it is used only with
    `allow_owner_key`. `authenticator` is the number under which the chain knows the API trading key; 0: look it up.

    `quote_blocks` is for how many blocks a quote lives; it is renewed when half of them have passed.
    `read_lag_s` is how old the Indexer's answers may be, `deadline_s` is for each whole call, `node_rate` is how
    many requests a second are sent to a node (public ones take about 4). `indexer_url`,
    `stream_url` and `node_urls` replace the addresses of testnet, live or paper by others of the same environment, or
    by some on this machine.
    """

    environment: Environment = Environment.SANDBOX
    address: str | None = None
    subaccount: Annotated[int, Range(at_least=0, at_most=LARGEST_SUBACCOUNT)] = 0
    api_secret: str | None = attrs.field(default=None, repr=False)
    allow_owner_key: bool = False
    authenticator: Annotated[int, Range(at_least=0)] = 0
    quote_blocks: Annotated[int, Range(at_least=6, at_most=15)] = 10
    read_lag_s: Annotated[float, Range(at_least=0, at_most=60)] = 1.0
    deadline_s: Annotated[float, Range(above=0, at_most=60)] = 3.0
    node_rate: Annotated[float, Range(above=0, at_most=500)] = 20.0
    indexer_url: str | None = None
    stream_url: str | None = None
    node_urls: tuple[str, ...] = ()

    def faults(self) -> Iterator[tuple[str, str]]:
        """Keys where they are needed, and addresses that a signed order may be sent to."""
        fault = key_fault("api_secret", self.api_secret, self.environment, "env:DYDX_API_SECRET")

        if fault is not None:
            yield "api_secret", fault

        is_keyed = self.environment in {Environment.LIVE, Environment.TESTNET}

        if self.address is None and is_keyed and not self.allow_owner_key:
            yield "address", f'is needed for {self.environment.value}: the owner\'s address, "dydx1..."'

        known = NETWORKS.get(self.environment)
        hosts = () if known is None else _hosts(self.environment, known)

        for key, urls, schemes in (
            ("indexer_url", (self.indexer_url,), HTTP_SCHEMES),
            ("stream_url", (self.stream_url,), WEBSOCKET_SCHEMES),
            ("node_urls", self.node_urls, HTTP_SCHEMES),
        ):
            # Never one environment's orders to another environment's host.
            if any(url is not None and not is_allowed_base(url, schemes, hosts) for url in urls):
                yield key, f"must be an address of dYdX's {self.environment.value}, or one on this machine"


def network_of(settings: Settings, environment: Environment, sandbox: SandboxAccess | None) -> Network:
    """Return where this run goes; the sandbox serves everything under one host."""
    if sandbox is not None:
        base = sandbox.url
        return Network(chain_id=SANDBOX_CHAIN, indexer=base, stream=stream_base(base), nodes=(base,))

    known = NETWORKS[environment]

    return Network(
        chain_id=known.chain_id,
        indexer=(settings.indexer_url or known.indexer).rstrip("/"),
        stream=(settings.stream_url or known.stream).rstrip("/"),
        nodes=tuple(url.rstrip("/") for url in settings.node_urls) or known.nodes,
    )


def _hosts(environment: Environment, network: Network) -> frozenset[str]:
    urls = (network.indexer, network.stream, *network.nodes)

    return frozenset({*(url.partition("://")[2] for url in urls), *_MORE_NODES.get(environment, ())})
