"""Which base addresses may stand for a venue: its own hosts with TLS, or this machine. Pure: nothing is resolved."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from typing import TypeAlias
from urllib.parse import urlsplit

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

HTTP_SCHEMES = ("https", "http")
WEBSOCKET_SCHEMES = ("wss", "ws")
"""The scheme with TLS, and the one without, which is only for this machine."""

# Visible ASCII without @, ? and #. Spaces and line breaks urlsplit forgives, but not who sends the request.
_PLAIN = re.compile(r"[!\"$->A-~]+")


def literal_address(host: str) -> IPAddress | None:
    """Return the IP address that a host is written as, or None for a name and for an address with a zone."""
    try:
        return None if "%" in host else ipaddress.ip_address(host)
    except ValueError:
        return None


def is_this_machine(host: str) -> bool:
    """Return whether a host is written as this machine: `localhost`, or a loopback address."""
    address = literal_address(host)

    if address is None:
        return host == "localhost"

    # What an IPv4 address within IPv6 is differs between versions of Python.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None

    return (mapped or address).is_loopback


def is_allowed_base(url: str, schemes: tuple[str, str], hosts: Collection[str]) -> bool:
    """Return whether a URL may replace a venue's base address.

    Args:
        url: as a person wrote it.
        schemes: `HTTP_SCHEMES` or `WEBSOCKET_SCHEMES`.
        hosts: the venue's own hosts, lower case. They are allowed with TLS, this machine also without.
    """
    encrypted, plain = schemes

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a bracket left open, a port that is none
        return False

    if not _PLAIN.fullmatch(url) or parts.path not in {"", "/"} or port == 0:
        return False

    host = parts.hostname or ""

    if is_this_machine(host):
        return parts.scheme in {encrypted, plain}

    return parts.scheme == encrypted and host in hosts


def stream_base(rest_url: str) -> str:
    """Return the base address of WebSockets under the host of a REST base address."""
    return f"ws{rest_url.removeprefix('http')}"
