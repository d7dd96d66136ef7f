"""Fathom's HTTP protocol: what can be asked, how it is signed, and what its codes mean."""

from __future__ import annotations

from functools import partial

from perpmaker import venue as kit

from .messages import Account, Execution, Market, Order, Said

LIMITS = {kit.Limit("calls", 1.0): 50}
_WORDS = ("timestamp", "authentication", "rate_limit", "not_found", "insufficient_margin", "filter")
REASONS = dict(enumerate(map(kit.RefusalReason, (*_WORDS, "post_only_would_take", "price_band")), 1))

_ask = partial(kit.Endpoint, method="GET", cost=dict.fromkeys(LIMITS, 1), urgent=True)
_tell = partial(kit.Endpoint, method="POST", cost=dict.fromkeys(LIMITS, 1), parse=kit.parser(list[Said]))
TIME, MARKETS = _ask(path="/v1/time", parse=kit.parser(int)), _ask(path="/v1/markets", parse=kit.parser(Market))
ORDER, ACCOUNT = _ask(path="/v1/order", parse=kit.parser(Order)), _ask(path="/v1/account", parse=kit.parser(Account))
ORDERS, FILLS = _ask(path="/v1/orders", parse=kit.parser(Order)), _ask(path="/v1/fills", parse=kit.parser(Execution))
PLACE, CANCEL = _tell(path="/v1/orders", once=True), _tell(path="/v1/cancels")
LEVERAGE = _tell(path="/v1/leverage", parse=kit.parser(Said))


def address_of(environment: str) -> kit.Address:
    """Return where the venue is reached."""
    host = f"{environment}.fathom.test"

    return kit.Address(rest=f"https://{host}", stream=f"wss://{host}")


def failure_of(row: Said | Order) -> kit.Failure | None:
    """Return the venue's no; None where it said none."""
    if not row.code:
        return None

    return kit.Failure(reason=REASONS.get(row.code, kit.RefusalReason.OTHER), code=str(row.code), text=row.text)


def sign(keys: kit.Credentials, said: tuple[str, str, str], at_ms: int) -> dict[str, str]:
    """Sign method, target and body of a request, or a word of the stream, with the time: HMAC-SHA256."""
    signature = keys.sign(f"{''.join(said)}{at_ms}".encode())

    return {"Fathom-Key": keys.api_key, "Fathom-Time": str(at_ms), "Fathom-Sign": signature}
