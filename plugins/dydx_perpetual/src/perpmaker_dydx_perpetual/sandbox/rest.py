"""The Indexer's REST: markets, and what it knows of the account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from perpmaker.venue.sandbox import RequestParameters, ServedEndpoint
from perpmaker_dydx_perpetual.sandbox.records import Row, moment
from perpmaker_dydx_perpetual.sandbox.refusals import PARAMETER_REFUSALS, not_found
from perpmaker_dydx_perpetual.sandbox.venue import INDEXER, Handler, Venue, up_to_date
from perpmaker_dydx_perpetual.sandbox.words import balance_row

MOST: Final = 1000


# --- the market -------------------------------------------------------------------------------------------------------


def _time(venue: Venue, _: RequestParameters) -> Row:
    now_ms = venue.world.server_ms()

    return {"iso": moment(now_ms), "epoch": now_ms / 1000}


def _height(venue: Venue, _: RequestParameters) -> Row:
    return venue.block()


def _markets(venue: Venue, parameters: RequestParameters) -> Row:
    wanted = parameters.optional_text("ticker") or parameters.optional_text("market")

    if wanted is not None and wanted != venue.world.instrument.symbol:
        raise not_found(f"{wanted} not found in markets of type PERPETUAL")

    return venue.markets()


def _book(venue: Venue, parameters: RequestParameters) -> Row:
    _require_market(venue, parameters)

    return venue.book()


def _trades(venue: Venue, parameters: RequestParameters) -> Row:
    _require_market(venue, parameters)
    newest = list(reversed(venue.indexer.trades))

    return {"trades": newest[: _limit(parameters)]}


# --- the account ------------------------------------------------------------------------------------------------------


def _subaccounts(venue: Venue, parameters: RequestParameters) -> Row:
    if parameters.text("address") != venue.world.owner:
        raise not_found(f"No subaccounts found for address {parameters.text('address')}")

    return {"subaccounts": [venue.subaccount()], "totalTradingRewards": "0"}


def _subaccount(venue: Venue, parameters: RequestParameters) -> Row:
    address, subaccount = parameters.text("address"), parameters.integer("number")

    if (address, subaccount) != (venue.world.owner, 0):
        raise not_found(f"No subaccount found with address {address} and subaccountNumber {subaccount}")

    return {"subaccount": venue.subaccount()}


def _orders(venue: Venue, parameters: RequestParameters) -> list[Row]:
    if not _is_account(venue, parameters):
        return []

    wanted = {
        "status": parameters.optional_text("status"),
        "ticker": parameters.optional_text("ticker"),
        "side": parameters.optional_text("side"),
        "type": parameters.optional_text("type"),
    }
    rows = [
        row for row in venue.indexer.order_rows().values() if all(_is_wanted(row[key], wanted[key]) for key in wanted)
    ]

    return [_listed(row) for row in rows[::-1][: _limit(parameters)]]


def _order(venue: Venue, parameters: RequestParameters) -> Row:
    row = venue.indexer.order_rows().get(parameters.text("id"))

    if row is None:
        raise not_found(f"Unable to find order id {parameters.text('id')}")

    return _listed(row)


def _fills(venue: Venue, parameters: RequestParameters) -> Row:
    market = parameters.optional_text("market")

    if (market is None) is not (parameters.optional_text("marketType") is None):
        raise PARAMETER_REFUSALS.unfit("market")

    before = parameters.optional_text("createdBeforeOrAt")
    height = parameters.optional_integer("createdBeforeOrAtHeight")
    rows: Sequence[Row] = venue.indexer.seen().fills if _is_account(venue, parameters) else ()
    found = [row for row in reversed(rows) if _is_until(row, before, height) and _is_wanted(row["market"], market)]

    return _paged("fills", found, parameters)


def _positions(venue: Venue, parameters: RequestParameters) -> Row:
    status = parameters.optional_text("status")
    lives = venue.indexer.seen().positions.lives if _is_account(venue, parameters) else ()
    rows = [life.row(venue.world.instrument.symbol, 0, venue.world.exchange.mark) for life in reversed(lives)]

    return {"positions": [row for row in rows if _is_wanted(row["status"], status)][: _limit(parameters)]}


def _assets(venue: Venue, parameters: RequestParameters) -> Row:
    return {"positions": [balance_row(venue.indexer.seen().usdc)] if _is_account(venue, parameters) else []}


def _payments(venue: Venue, parameters: RequestParameters) -> Row:
    since = parameters.optional_text("createdOnOrAfter")
    rows = venue.payments.listed() if _is_account(venue, parameters) else []
    found = [row for row in rows if since is None or _epoch(row["createdAt"]) >= _epoch(since)]

    return _paged("fundingPayments", found, parameters)


def _transfers(venue: Venue, parameters: RequestParameters) -> Row:
    rows = venue.indexer.transfers if _is_account(venue, parameters) else []

    return _paged("transfers", list(reversed(rows)), parameters)


# --- reading ----------------------------------------------------------------------------------------------------------


def _require_market(venue: Venue, parameters: RequestParameters) -> None:
    if parameters.text("ticker") != venue.world.instrument.symbol:
        raise PARAMETER_REFUSALS.unfit("ticker")


def _is_account(venue: Venue, parameters: RequestParameters) -> bool:
    """Whether what is asked for is the account; both parameters must be sent."""
    return (parameters.text("address"), parameters.integer("subaccountNumber")) == (venue.world.owner, 0)


def _limit(parameters: RequestParameters) -> int:
    return parameters.limit(default=MOST, most=MOST)


def _is_wanted(value: object, wanted: str | None) -> bool:
    return wanted is None or value in wanted.split(",")


def _is_until(row: Row, before: str | None, height: int | None) -> bool:
    is_before = before is None or _epoch(row["createdAt"]) <= _epoch(before)

    return is_before and (height is None or int(str(row["createdAtHeight"])) <= height)


def _epoch(text: object) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError):
        raise PARAMETER_REFUSALS.unfit("createdBeforeOrAt") from None


def _paged(name: str, rows: Sequence[Row], parameters: RequestParameters) -> Row:
    limit, page = _limit(parameters), parameters.optional_integer("page")

    if page is None:
        return {name: rows[:limit]}

    offset = (max(page, 1) - 1) * limit
    counts = {"pageSize": limit, "totalResults": len(rows), "offset": offset}

    return {name: rows[offset : offset + limit], **counts}


def _listed(row: Row) -> Row:
    """Return an order as an answer shows it, beside what the stream shows."""
    return {**row, "subaccountNumber": 0, "removalReason": row.get("removalReason")}


def _served(path: str, handle: Handler) -> ServedEndpoint[Venue]:
    return ServedEndpoint(method="GET", path=f"/v4/{path}", handle=up_to_date(handle), costs={INDEXER: 1})


ENDPOINTS: Final = (
    _served("time", _time),
    _served("height", _height),
    _served("perpetualMarkets", _markets),
    _served("orderbooks/perpetualMarket/{ticker}", _book),
    _served("trades/perpetualMarket/{ticker}", _trades),
    _served("addresses/{address}", _subaccounts),
    _served("addresses/{address}/subaccountNumber/{number}", _subaccount),
    _served("orders", _orders),
    _served("orders/{id}", _order),
    _served("fills", _fills),
    _served("perpetualPositions", _positions),
    _served("assetPositions", _assets),
    _served("fundingPayments", _payments),
    _served("transfers", _transfers),
)
