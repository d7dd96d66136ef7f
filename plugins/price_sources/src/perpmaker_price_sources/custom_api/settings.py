"""The settings of the table `[custom_api]`, and which addresses may stand in price_source_custom_api at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

import attrs

from perpmaker import Pattern, Range, SourceRequest
from perpmaker.venue import literal_address
from perpmaker_price_sources.address import is_loopback, refusal_of

NAME = "custom_api"
_LONGEST_URL = 2048
_PLAIN = re.compile(r"[!-\[\]-~]+")  # visible ASCII without the backslash, which some readers take for a slash
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?", re.IGNORECASE)
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?", re.IGNORECASE)

JSON_PATH = Pattern(
    regex=r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+|\[-?\d{1,6}\]|\[\"[^\"\]]+\"\])*"
    r"|(\[-?\d{1,6}\]|\[\"[^\"\]]+\"\])(\.[A-Za-z0-9_-]+|\[-?\d{1,6}\]|\[\"[^\"\]]+\"\])*",
    words='must be a path into the answer such as "data.price", "[0].last" or "quotes[\\"BTC/USD\\"]"',
)


@attrs.frozen(kw_only=True)
class Settings:
    """How the address is asked.

    `json_path` says where in a JSON answer the price is; without it, it is the answer itself, or its key `price`.
    `timeout_s` is for a whole call, `max_bytes` for its answer after decompression. `allow_loopback` lets the address
    be one on this machine, also without TLS.
    """

    json_path: Annotated[str | None, JSON_PATH] = None
    timeout_s: Annotated[float, Range(above=0, at_most=60)] = 2.0
    max_bytes: Annotated[int, Range(at_least=16, at_most=16_777_216)] = 1_048_576
    allow_loopback: bool = False


def request_faults(settings: Settings, request: SourceRequest) -> Iterator[tuple[str, str]]:
    """Yield (key, what is allowed) where the address can be seen to be none that may be asked."""
    if request.url is not None:
        fault = url_fault(request.url, allow_loopback=settings.allow_loopback)

        if fault is not None:
            yield "price_source_custom_api", fault

    if settings.timeout_s > 3 * request.interval_s:
        yield "custom_api_update_interval", "must be at least a third of [custom_api] timeout_s"


def url_fault(url: str, *, allow_loopback: bool) -> str | None:
    """What is wrong with an address as it is written; None when only its name's addresses remain to be checked."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "must be an address that begins with https://"

    if len(url) > _LONGEST_URL or not _PLAIN.fullmatch(url):
        return "must be plain ASCII without spaces or backslashes; other characters are written as %xx or xn--"

    if parts.scheme not in {"https", "http"} or not host or port == 0:
        return "must be an address that begins with https://"

    if "@" in parts.netloc or parts.fragment:
        return "must have no user name, password or fragment (#)"

    return _host_fault(host, allow_loopback=allow_loopback) or _scheme_fault(
        parts.scheme, host, allow_loopback=allow_loopback
    )


def _host_fault(host: str, *, allow_loopback: bool) -> str | None:
    address = literal_address(host)

    if address is not None:
        return refusal_of(address, allow_loopback=allow_loopback)

    if _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]) or not _HOST.fullmatch(host):
        return "must name a host, or an address in its usual form"

    if is_local_name(host) and not allow_loopback:
        return "must not lead to this machine; [custom_api] allow_loopback = true allows it"

    return None


def _scheme_fault(scheme: str, host: str, *, allow_loopback: bool) -> str | None:
    """Without TLS only this machine is spoken to, and only where that is allowed."""
    address = literal_address(host)
    here = is_local_name(host) or (address is not None and is_loopback(address))

    if scheme == "http" and not (allow_loopback and here):
        return "must begin with https://; http:// is only for this machine, with [custom_api] allow_loopback = true"

    return None


def is_local_name(host: str) -> bool:
    """Whether a name stands for this machine by convention."""
    name = host.rstrip(".").lower()

    return name == "localhost" or name.endswith(".localhost")
