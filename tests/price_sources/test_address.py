"""Which addresses are asked, and that a name cannot lead anywhere else."""

from __future__ import annotations

import ipaddress
from typing import Any

import attrs
import pytest
from anyio.abc import ByteStream

from perpmaker.errors import ConnectivityError
from perpmaker.venue import literal_address
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_price_sources.address import ForbiddenAddressError, PinnedConnect, refusal_of

pytestmark = pytest.mark.anyio

FORBIDDEN = [
    "0.0.0.0",  # noqa: S104  # looked at, not listened on
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "::10.0.0.1",
    "::ffff:0:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


def test_S12_private_and_reserved_addresses_are_not_asked() -> None:
    """Nothing inside this machine, its network, its cloud or another network's inside is asked for a price."""
    for text in FORBIDDEN:
        assert refusal_of(ipaddress.ip_address(text), allow_loopback=False) is not None


def test_public_addresses_are_asked() -> None:
    """Public addresses are asked, also where IPv6 is only how IPv4 is written."""
    for text in PUBLIC:
        assert refusal_of(ipaddress.ip_address(text), allow_loopback=False) is None


def test_allowing_loopback_allows_nothing_else() -> None:
    """allow_loopback opens this machine and no other address."""
    for text in FORBIDDEN:
        address = ipaddress.ip_address(text)
        is_here = text in {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"}
        assert (refusal_of(address, allow_loopback=True) is None) is is_here


def test_only_the_usual_form_is_an_address() -> None:
    """Forms that some readers take for an address are names here, and names are resolved and checked."""
    for host in ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "fe80::1%eth0", "example.com", ""]:
        assert literal_address(host) is None


@attrs.define
class Recorded:
    """A connect that only writes down where it was sent, and answers with streams of a network in memory."""

    network: MemoryNetwork = attrs.field(factory=MemoryNetwork)
    sent_to: list[tuple[str, int, bool]] = attrs.field(factory=list)
    secured: list[tuple[str, int]] = attrs.field(factory=list)

    async def connect(self, host: str, port: int, *, tls: bool) -> ByteStream:
        """Connect to whatever it is: somebody listens everywhere."""
        self.sent_to.append((host, port, tls))
        await self.network.listen(host, port)

        return await self.network.connect(host, port, tls=tls)

    async def secure(self, stream: ByteStream, host: str, port: int) -> ByteStream:
        """Pretend that the certificate of the host was shown."""
        self.secured.append((host, port))

        return stream


def pinned(recorded: Recorded, names: Any, **changes: Any) -> PinnedConnect:
    """A pinned connect over what is recorded."""
    return PinnedConnect(connect=recorded.connect, resolve=names, secure=recorded.secure, **changes)


async def test_connection_goes_to_the_address_that_was_checked(scripted_names: Any) -> None:
    """The name is resolved once; the socket goes to that address, the certificate is asked for that name."""
    recorded, names = Recorded(), scripted_names(answers={"api.example": [["8.8.8.8", "1.1.1.1"]]})
    await pinned(recorded, names)("api.example", 443, tls=True)
    assert recorded.sent_to == [("8.8.8.8", 443, False)]
    assert recorded.secured == [("api.example", 443)]
    assert names.asked == ["api.example"]


async def test_F64_name_that_rebinds_is_never_followed(scripted_names: Any) -> None:
    """A name that was public a moment ago and is link-local now is refused, and no socket is opened to it."""
    names = scripted_names(answers={"rebind.example": [["8.8.8.8"], ["169.254.169.254"]]})
    recorded = Recorded()
    connect = pinned(recorded, names)
    await connect("rebind.example", 443, tls=True)

    with pytest.raises(ForbiddenAddressError, match=r"rebind.example:443 must not lead to 169\.254\.169\.254"):
        await connect("rebind.example", 443, tls=True)

    assert [host for host, _, _ in recorded.sent_to] == ["8.8.8.8"]


async def test_S12_one_forbidden_address_among_public_ones_is_enough(scripted_names: Any) -> None:
    """A name with one private address beside public ones is refused whole."""
    recorded, names = Recorded(), scripted_names(answers={"mixed.example": [["8.8.8.8", "10.0.0.1"]]})

    with pytest.raises(ForbiddenAddressError, match=r"10\.0\.0\.1"):
        await pinned(recorded, names)("mixed.example", 443, tls=True)

    assert recorded.sent_to == []


async def test_S12_without_tls_only_this_machine_is_asked(scripted_names: Any) -> None:
    """Plain HTTP goes to loopback where that is allowed, and to no public address."""
    names = scripted_names(answers={"localhost": [["127.0.0.1", "::1"]], "api.example": [["8.8.8.8"]]})
    recorded = Recorded()
    await pinned(recorded, names, allow_loopback=True)("localhost", 8080, tls=False)
    assert recorded.sent_to == [("127.0.0.1", 8080, False)]

    with pytest.raises(ForbiddenAddressError, match="without TLS"):
        await pinned(recorded, names, allow_loopback=True)("api.example", 80, tls=False)


async def test_F02_name_without_an_address_cannot_be_reached(scripted_names: Any) -> None:
    """An unknown name, and one that resolves to nothing, are connectivity errors that name the host."""
    names = scripted_names(answers={"empty.example": [[]]})

    for host in ("unknown.example", "empty.example"):
        with pytest.raises(ConnectivityError, match=host):
            await pinned(Recorded(), names)(host, 443, tls=True)
