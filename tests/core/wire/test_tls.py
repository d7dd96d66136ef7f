"""TLS: a certificate that this machine does not trust is refused before anything is sent."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from perpmaker.errors import ConnectivityError
from perpmaker.wire.pipe import _trusted, connect_tcp

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["tcp-asyncio", pytest.param("tcp-trio", marks=pytest.mark.full)])
def wire_kind(request: pytest.FixtureRequest) -> str:
    """There is no TLS in memory."""
    return str(request.param)


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)

    return context


async def test_F03_self_signed_certificate_is_refused_in_words(self_signed: ssl.SSLContext) -> None:
    """The error names host, port and the certificate's fault, and the server hears nothing."""
    heard: list[bytes] = []

    async def listen(stream: ByteStream) -> None:
        heard.append(await stream.receive())

    class Quiet(TLSListener):
        @staticmethod
        async def handle_handshake_error(exc: BaseException, stream: Any) -> None:
            del exc
            await anyio.aclose_forcefully(stream)

    tcp: Any = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = tcp.extra(SocketAttribute.local_port)  # noqa: S610  # anyio's typed attribute
    async with tcp, anyio.create_task_group() as tasks:
        tasks.start_soon(Quiet(tcp, self_signed).serve, listen, tasks)
        with pytest.raises(ConnectivityError, match=rf"127\.0\.0\.1:{port} cannot be trusted: .*self-signed"):
            await connect_tcp("127.0.0.1", port, tls=True)

        tasks.cancel_scope.cancel()

    assert heard == []


async def test_S10_keys_of_sessions_are_never_written_to_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """SSLKEYLOGFILE is not honoured, and verification has no off switch."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    _trusted.cache_clear()
    context = _trusted()
    _trusted.cache_clear()

    assert not context.keylog_filename
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
