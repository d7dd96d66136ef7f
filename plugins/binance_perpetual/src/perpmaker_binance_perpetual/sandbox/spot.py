"""The few calls to the spot host that clients of both markets make before anything else."""

from __future__ import annotations

from typing import Final

from perpmaker.venue.sandbox import Access, RequestParameters, ServedEndpoint
from perpmaker_binance_perpetual.sandbox.counts import WEIGHT
from perpmaker_binance_perpetual.sandbox.venue import SIGNED_PARAMETERS, Venue, VenueEndpoint, public, query


def coins(venue: Venue, _parameters: RequestParameters) -> object:
    """List the coins of the market's pair: the spot wallet is empty, and no network leads to it."""
    instrument = venue.instrument
    held = dict.fromkeys(("free", "locked", "freeze", "withdrawing", "ipoing", "ipoable", "storage"), "0")

    return [
        {
            "coin": coin,
            "name": coin,
            "depositAllEnable": False,
            "withdrawAllEnable": False,
            "isLegalMoney": False,
            "trading": True,
            **held,
            "networkList": [],
        }
        for coin in (instrument.base, instrument.quote)
    ]


ENDPOINTS: Final[tuple[VenueEndpoint, ...]] = (
    public("/api/v3/ping", lambda _venue, _parameters: {}),
    public("/api/v3/time", lambda venue, _: {"serverTime": venue.server_ms()}),
    query("/sapi/v1/capital/config/getall", coins, weight=10),
    ServedEndpoint(  # no pair is traded on margin; it wants a key and no signature, which clients send all the same
        method="GET",
        path="/sapi/v1/margin/allPairs",
        handle=lambda _venue, _parameters: [],
        access=Access.KEYED,
        parameters=SIGNED_PARAMETERS | {"symbol"},
        costs={WEIGHT: 1},
    ),
)
