"""Byte streams: to a host over TCP or TLS, or to a listener in the same process through memory."""

from __future__ import annotations

import errno
import functools
import os
import select
import socket
import ssl
import struct
from collections.abc import Sequence
from typing import Protocol

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSStream

from perpmaker.errors import ConnectivityError, leaves
from perpmaker.wire.memory import MemoryListener, MemoryNetwork, MemoryStream

__all__ = [
    "LOST",
    "Connect",
    "MemoryListener",
    "MemoryNetwork",
    "MemoryStream",
    "Quiet",
    "Resolve",
    "connect_tcp",
    "reset",
    "resolve_names",
    "secure",
    "send_at_once",
]

LOST = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)
"""What a byte stream raises when its connection is gone (TLS errors are OSErrors)."""


class Connect(Protocol):
    """Opens a byte stream to a host; the network is an argument everywhere."""

    async def __call__(self, host: str, port: int, *, tls: bool) -> ByteStream:
        """Connect; ConnectivityError, naming host and port, when that fails."""


class Resolve(Protocol):
    """Finds the addresses of a host's name; an argument, because where tests run there is no name service."""

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses as text, at least one; ConnectivityError, naming the host, when there is none."""


async def resolve_names(host: str, port: int) -> Sequence[str]:
    """Ask the machine's name service; a `Resolve`."""
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectivityError(_unresolved(host, port, error)) from error

    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


async def secure(stream: ByteStream, host: str, port: int) -> ByteStream:
    """TLS over a stream that is connected already, to the host whose certificate must be shown, wherever it leads.

    ConnectivityError when that fails; the stream is closed then.
    """
    try:
        return await TLSStream.wrap(
            stream, server_side=False, hostname=host, ssl_context=_trusted(), standard_compatible=False
        )
    except (OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
        await anyio.aclose_forcefully(stream)
        raise ConnectivityError(_reason(host, port, error)) from error
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise


async def connect_tcp(host: str, port: int, *, tls: bool) -> ByteStream:
    """Connect over TCP, with TLS verified against the machine's certificates; a `Connect`."""
    try:
        stream = await _open(host, port, tls=tls)
    except (OSError, UnicodeError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
        raise ConnectivityError(_reason(host, port, error)) from error

    send_at_once(stream)
    return stream


async def _open(host: str, port: int, *, tls: bool) -> ByteStream:
    if not tls:
        return await anyio.connect_tcp(host, port)

    return await anyio.connect_tcp(
        host, port, tls=True, ssl_context=_trusted(), tls_hostname=host, tls_standard_compatible=False
    )


_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE})


@functools.cache
def _trusted() -> ssl.SSLContext:
    # Reading the machine's certificates takes some 10 ms, hence once.
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # SSLKEYLOGFILE would write every session's keys to a file.
    context.keylog_filename = None  # type: ignore[assignment]  # None unsets it; typeshed knows only the setting

    return context


def _reason(host: str, port: int, error: Exception) -> str:
    """Say what is wrong with a connection that did not come to be, and what to do."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    place = f"{host}:{port}"

    if _is_out_of_files(error, cause):
        return (
            f"{place} cannot be reached: this process may open no more files (file descriptors). "
            "Raise its limit (ulimit -n), and start again."
        )

    if isinstance(cause, socket.gaierror | UnicodeError):
        return _unresolved(host, port, cause)

    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"{place} cannot be trusted: its certificate is not accepted ({cause.verify_message}). "
            "Check the host's name and this machine's clock and certificates; nothing was sent."
        )

    if isinstance(cause, ssl.SSLError | anyio.BrokenResourceError | anyio.EndOfStream):
        return f"{place} cannot be reached: the TLS handshake failed. Check that the port speaks TLS 1.2 or newer."

    if isinstance(cause, ConnectionRefusedError):
        return f"{place} refused the connection: nobody listens there. Start the server, or correct the address."

    return f"{place} cannot be reached: {cause}. Check the network and the address."


def _is_out_of_files(*errors: Exception) -> bool:
    """Whether the number of files is what there are too few of; the resolver of names does not say so itself."""
    inner = [leaf for error in errors for leaf in leaves(error.__cause__ or error)]

    if any(isinstance(one, socket.gaierror) for one in (*errors, *inner)):
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            return error.errno in _OUT_OF_FILES

    return any(isinstance(one, OSError) and one.errno in _OUT_OF_FILES for one in (*errors, *inner))


def _unresolved(host: str, port: int, error: Exception) -> str:
    """Say that a host's name leads nowhere; most hosts are built in, so what is asked for is the network, not them."""
    if isinstance(error, UnicodeError):
        return f"{host}:{port} cannot be reached: {host} cannot be a host's name. Check its spelling."

    return f"{host}:{port} cannot be reached: no DNS answer for {host}: is this machine online?"


def send_at_once(stream: ByteStream) -> None:
    """Switch Nagle's algorithm off, so that an order does not wait for the acknowledgement of the one before."""
    raw = _raw_socket(stream)
    if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Quiet:
    """Tells whether nothing waits to be read from a stream, not even an end: otherwise it is not to be used again.

    Asked before every request, so what it asks is looked up once.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._memory = stream if isinstance(stream, MemoryStream) else None
        self._socket = _raw_socket(stream)
        self._waiting = select.poll()

        if self._socket is not None and self._socket.fileno() >= 0:
            self._waiting.register(self._socket.fileno(), select.POLLIN)

    def __call__(self) -> bool:
        """Whether it is quiet now."""
        if self._memory is not None:
            return self._memory.quiet

        return self._socket is not None and self._socket.fileno() >= 0 and not self._waiting.poll(0)


async def reset(stream: ByteStream) -> None:
    """Tear a connection down so that the other end sees a reset and what is on its way is lost."""
    if isinstance(stream, MemoryStream):
        await stream.reset()
        return

    raw = _raw_socket(stream)
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    await anyio.aclose_forcefully(stream)


def _raw_socket(stream: ByteStream) -> socket.socket | None:
    return stream.extra(SocketAttribute.raw_socket, None)  # noqa: S610  # anyio's typed attribute, not Django's query
