"""An address asked over real TLS: the socket goes to a checked address, the certificate is asked for the name."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSListener
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from perpmaker import SourceContext, SourceRequest
from perpmaker.clock import SystemClock
from perpmaker.wire import pipe
from perpmaker.wire.pipe import connect_tcp, resolve_names
from perpmaker.wire.server import serve
from perpmaker_price_sources.custom_api.settings import Settings
from perpmaker_price_sources.custom_api.source import open_custom_api

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", pytest.param("trio", marks=pytest.mark.full)])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Real sockets take real time."""
    return str(request.param)


class QuietListener(TLSListener):
    """Does not log the handshakes that clients break off."""

    @staticmethod
    async def handle_handshake_error(exc: BaseException, stream: Any) -> None:
        """Close, and say nothing."""
        del exc
        await anyio.aclose_forcefully(stream)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and certificate of price.example, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "price.example")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("price.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )

    return path


@pytest.fixture
def trusting(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts that certificate, and no other."""
    context = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(pipe, "_trusted", lambda: context)


@pytest.fixture
def open_api(
    certificate: Path, make_context: Callable[..., SourceContext], scripted_api: Any, scripted_names: Any
) -> Callable[[str], Any]:
    """Serve a price over TLS on this machine, and open the source that asks for it under a name."""

    @asynccontextmanager
    async def opened(host: str) -> AsyncIterator[tuple[Any, Any]]:
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(certificate)
        api: Any = scripted_api(body=b"60000.5")
        tcp: Any = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = tcp.extra(SocketAttribute.local_port)  # noqa: S610  # anyio's typed attribute
        context = make_context(
            clock=SystemClock(),
            connect=connect_tcp,
            resolve=scripted_names(answers={host: [["127.0.0.1"]]}),
            request=SourceRequest(market="BTC-USDT", url=f"https://{host}:{port}/p"),
        )

        async with tcp, anyio.create_task_group() as tasks:
            tasks.start_soon(serve, QuietListener(tcp, server, standard_compatible=False), api)

            async with open_custom_api(Settings(allow_loopback=True, timeout_s=10), context) as source:
                yield source, api

            tasks.cancel_scope.cancel()

    return opened


@pytest.mark.usefixtures("trusting")
async def test_certificate_is_asked_for_the_name(open_api: Any) -> None:
    """The name's own certificate is accepted, although the socket goes to an address."""
    async with open_api("price.example") as (source, api):
        assert str((await source.receive()).price) == "60000.5"
        assert api.asked[0].headers["host"].startswith("price.example:")


@pytest.mark.usefixtures("trusting")
async def test_F64_certificate_of_another_name_is_no_answer(open_api: Any) -> None:
    """A certificate that is good for another name is refused, and nothing is asked."""
    async with open_api("other.example") as (source, api):
        assert "cannot be trusted" in (await source.receive()).doubt
        assert api.asked == []


async def test_F64_certificate_that_nobody_vouches_for_is_no_answer(open_api: Any) -> None:
    """A self-signed certificate is refused, and nothing is asked."""
    async with open_api("price.example") as (source, api):
        assert "cannot be trusted" in (await source.receive()).doubt
        assert api.asked == []


async def test_machine_knows_its_own_name() -> None:
    """The machine's name service gives addresses as text, each once."""
    found = await resolve_names("localhost", 443)
    assert set(found) <= {"127.0.0.1", "::1"}
    assert len(found) == len(set(found)) > 0
