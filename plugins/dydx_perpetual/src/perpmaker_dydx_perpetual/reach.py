"""What leads to the chain and to its Indexer: one for an owner, whose limits and nonces all its markets share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import attrs

from perpmaker.venue import (
    ConnectorContext,
    RequestBudget,
    RestClient,
    ServerClock,
    open_rest_client,
)

from . import rest
from .chain import BlockClock
from .credentials import Identity
from .settings import VENUE, Network, Settings
from .stateful_pace import StatefulPace


async def ask_height(node: RestClient) -> tuple[int, int]:
    """Ask a node for its newest height and that block's time."""
    sync = (await node.read(rest.STATUS)).sync_info

    return sync.latest_block_height, rest.epoch_ms(sync.latest_block_time) if sync.latest_block_time else 0


@attrs.frozen(kw_only=True)
class Reach:
    """What leads to the chain and to its Indexer: one for an owner, whose limits and nonces all its markets share."""

    indexer: RestClient
    node: RestClient
    blocks: BlockClock
    pace: StatefulPace


@asynccontextmanager
async def open_reach(
    settings: Settings, context: ConnectorContext, network: Network, identity: Identity | None
) -> AsyncIterator[Reach]:
    """Open what leads there, bound to the network's addresses."""
    clock = ServerClock(context.clock, least_uncertainty_s=0.25)
    node_limits = {rest.NODE_LIMIT: round(settings.node_rate * rest.NODE_LIMIT.interval_s)}
    opened = partial(open_rest_client, context, deadline_s=settings.deadline_s, server_clock=clock)

    async with AsyncExitStack() as stack:
        indexer = await stack.enter_async_context(
            opened(
                network.indexer,
                rest.IndexerHttp(),
                budget=RequestBudget(f"{VENUE}'s Indexer", rest.INDEXER_LIMITS, context.clock),
            )
        )
        node = await stack.enter_async_context(
            opened(
                network.nodes[0],
                rest.NodeHttp(identity),
                budget=RequestBudget(f"{VENUE}'s node", node_limits, context.clock),
                fallbacks=network.nodes[1:],
            )
        )
        blocks = BlockClock(context.clock, partial(ask_height, node))

        yield Reach(indexer=indexer, node=node, blocks=blocks, pace=StatefulPace(blocks, settings.quote_blocks))
