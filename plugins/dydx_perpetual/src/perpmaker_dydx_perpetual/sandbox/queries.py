"""What a node can be asked of the chain's state, as protobuf in and out."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import attrs

from perpmaker import PayloadError
from perpmaker_dydx_perpetual import proto
from perpmaker_dydx_perpetual.sandbox.records import Row
from perpmaker_dydx_perpetual.sandbox.refusals import ChainError, sdk
from perpmaker_dydx_perpetual.transactions import Any

if TYPE_CHECKING:
    from perpmaker_dydx_perpetual.sandbox.venue import Venue


@attrs.frozen(kw_only=True)
class OfAccount:
    """A question about an address."""

    address: str = proto.text(1)
    number: int = proto.uint(2)


@attrs.frozen(kw_only=True)
class BaseAccount:
    """An account."""

    address: str = proto.text(1)
    public_key: bytes = proto.data(2)
    number: int = proto.uint(3)
    sequence: int = proto.uint(4)


@attrs.frozen(kw_only=True)
class One:
    """An answer with one message."""

    value: Any = proto.one(1, Any)  # noqa: RUF009  # a declaration, made once


@attrs.frozen(kw_only=True)
class Authenticator:
    """A key that an owner permits."""

    number: int = proto.uint(1)
    kind: str = proto.text(2)
    config: bytes = proto.data(3)


@attrs.frozen(kw_only=True)
class Authenticators:
    """All of them."""

    listed: tuple[Authenticator, ...] = proto.many(1, Authenticator)


@attrs.frozen(kw_only=True)
class MarketMargin:
    """The initial margin that an owner has set for a market."""

    clob_pair: int = proto.uint(1)
    margin_ppm: int = proto.uint(2)


@attrs.frozen(kw_only=True)
class Margins:
    """All of them."""

    listed: tuple[MarketMargin, ...] = proto.many(1, MarketMargin)


def query(venue: Venue, path: str, data: bytes) -> Row:
    """Answer a question about the chain's state."""
    height = str(venue.world.chain.height)

    try:
        asked = proto.decode(OfAccount, data)
        answered = proto.encode(QUERIES[path](venue, asked))
    except KeyError:
        return _refused(sdk(6, f"unknown query path: {path}: unknown request"), height)
    except PayloadError as error:
        return _refused(sdk(2, f"{error}: tx parse error"), height)
    except ChainError as error:
        return _refused(error, height)

    value = base64.b64encode(answered).decode()

    return {"code": 0, "log": "", "value": value, "height": height, "codespace": ""}


def _refused(error: ChainError, height: str) -> Row:
    return {"code": error.code, "log": error.text, "value": None, "height": height, "codespace": error.space}


def _account(venue: Venue, asked: OfAccount) -> One:
    account = venue.node.account

    if asked.address != account.address:
        raise sdk(22, f"account {asked.address} not found: key not found")

    base = BaseAccount(address=account.address, number=account.number, sequence=account.sequence)

    return One(value=Any("/cosmos.auth.v1beta1.BaseAccount", proto.encode(base)))


def _authenticators(venue: Venue, asked: OfAccount) -> Authenticators:
    account = venue.node.account
    known = account.permissions if asked.address == account.address else {}
    listed = (Authenticator(number=number, kind="AllOf", config=one.config()) for number, one in known.items())

    return Authenticators(listed=tuple(listed))


def _leverage(venue: Venue, asked: OfAccount) -> Margins:
    ppm = venue.node.leverage_ppm

    if ppm is None or asked.address != venue.node.account.address or asked.number:
        return Margins()

    return Margins(listed=(MarketMargin(clob_pair=venue.world.market.clob_pair, margin_ppm=ppm),))


QUERIES: Final[dict[str, Callable[[Venue, OfAccount], object]]] = {
    "/cosmos.auth.v1beta1.Query/Account": _account,
    "/dydxprotocol.accountplus.Query/GetAuthenticators": _authenticators,
    "/dydxprotocol.clob.Query/Leverage": _leverage,
}
