"""Which network addresses may be asked for a price, and a way to connect that asks no other.

A name is resolved once; every address it has must be allowed, and the connection goes to one of those that were
checked, so that a name that answers differently a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable

import attrs
from anyio.abc import ByteStream

from perpmaker import ConnectivityError
from perpmaker.venue import Connect, IPAddress, Resolve, literal_address, secure

_INNER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # shared by carriers; also some clouds' metadata
        "168.63.129.16/32",  # a cloud's own service under a public address
        "192.0.0.0/24",  # protocol assignments, among them a cloud's metadata
        "192.88.99.0/24",  # relays into networks nobody knows
        "198.18.0.0/15",  # test benches
        "2001::/23",  # protocol assignments, among them tunnels
        "2002::/16",  # an IPv4 address in disguise
        "3fff::/20",  # documentation
    )
)
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_HANDED_OUT = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that anybody was given to be reached at; outside of it are also old ways to write an IPv4 address."""


def is_loopback(address: IPAddress) -> bool:
    """Whether an address is this machine, also when written as IPv4 within IPv6."""
    return _plain(address).is_loopback


def refusal_of(address: IPAddress, *, allow_loopback: bool) -> str | None:
    """Why an address is not asked; None when it is a public one, or this machine where that is allowed."""
    plain = _plain(address)

    if plain.is_loopback:
        return None if allow_loopback else "must not lead to this machine; [custom_api] allow_loopback = true allows it"

    is_nowhere = isinstance(plain, ipaddress.IPv6Address) and plain not in _HANDED_OUT

    if is_nowhere or not plain.is_global or plain.is_multicast or any(plain in network for network in _INNER):
        return f"must not lead to {plain}: private, link-local and reserved addresses are not asked"

    return None


def _plain(address: IPAddress) -> IPAddress:
    """The address itself, out of the IPv6 forms that stand for an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped

        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)

    return address


class ForbiddenAddressError(ConnectivityError):
    """A name leads to an address that is not asked; no socket was opened."""


@attrs.frozen(kw_only=True)
class PinnedConnect:
    """A `Connect` that goes only to addresses it has checked, with TLS for the name that was asked for."""

    connect: Connect
    resolve: Resolve
    allow_loopback: bool = False
    secure: Callable[[ByteStream, str, int], Awaitable[ByteStream]] = secure

    async def __call__(self, host: str, port: int, *, tls: bool) -> ByteStream:
        """Resolve, check every address, connect to the first; ForbiddenAddressError before any socket is opened."""
        address = await self._checked(host, port, tls=tls)
        stream = await self.connect(str(address), port, tls=False)

        return await self.secure(stream, host, port) if tls else stream

    async def _checked(self, host: str, port: int, *, tls: bool) -> IPAddress:
        literal = literal_address(host)
        found = [str(literal)] if literal is not None else await self.resolve(host, port)
        addresses = [literal_address(text) for text in found]

        for address in addresses:
            refusal = (
                "leads to no address in its usual form"
                if address is None
                else refusal_of(address, allow_loopback=self.allow_loopback)
            )

            if refusal is not None:
                raise ForbiddenAddressError(f"{host}:{port} {refusal}")

        first = next((address for address in addresses if address is not None), None)

        if first is None:
            raise ConnectivityError(f"{host}:{port} cannot be reached: no address is known for {host}.")

        if not tls and not all(address is not None and is_loopback(address) for address in addresses):
            raise ForbiddenAddressError(f"{host}:{port} is not this machine, and is not asked without TLS")

        return first
