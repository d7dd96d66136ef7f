"""The HTTP protocol that most venues speak: questions as a query, commands as JSON, a signature in headers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import quote, urlencode

import attrs

from perpmaker.errors import AuthenticationError
from perpmaker.venue.answer import Failure
from perpmaker.venue.http_dialect import Access, Endpoint, Parameters
from perpmaker.venue.keys import Credentials
from perpmaker.wire.exchange import Headers, Outgoing

ReadFailure: TypeAlias = Callable[[int, bytes], Failure | None]
"""Reads the venue's no of a status and a body; see `HttpDialect.read_failure`."""

Signing: TypeAlias = Callable[[Credentials, tuple[str, str, str], int], Mapping[str, str]]
"""Signs method, target and body of a request as of a venue time, milliseconds; returns headers by name."""

_HEADERS: Headers = ((b"User-Agent", b"perpmaker"), (b"Accept-Encoding", b"gzip"))
"""Firewalls in front of a venue may turn away who does not say what he is."""

_JSON: Headers = (*_HEADERS, (b"Content-Type", b"application/json"))


@attrs.frozen(kw_only=True)
class JsonHttp:
    """Such a protocol; see `HttpDialect`. What is signed is what is sent.

    Args:
        venue: the venue's name in errors.
        clock: where the venue tells its time.
        read_failure: reads the venue's no.
        credentials: the key; None without one: only public requests can be written.
        sign: signs a request; None where the venue never asks for that.
        table: the table of the configuration that a missing key is to be written into.
        safe: characters that a query leaves as they are.
    """

    venue: str
    clock: Endpoint[int]
    read_failure: ReadFailure
    credentials: Credentials | None = attrs.field(default=None, repr=False)
    sign: Signing | None = None
    table: str = ""
    safe: str = ""

    def encode(self, endpoint: Endpoint[object], parameters: Parameters, at_ms: int) -> Outgoing:
        """Write a request, and sign it where it is not public."""
        target, body, headers = endpoint.path, "", _JSON

        if endpoint.method != "GET":
            body = json.dumps(parameters, separators=(",", ":"))
        else:
            headers = _HEADERS
            query = urlencode(parameters, safe=self.safe, quote_via=quote)
            target = f"{target}?{query}" if query else target

        if endpoint.access is not Access.PUBLIC and self.sign is not None:
            if self.credentials is None:
                raise AuthenticationError(f"this call needs a key; set api_key and api_secret in [{self.table}]")

            signed = self.sign(self.credentials, (endpoint.method, target, body), at_ms)
            headers = (*headers, *((name.encode(), text.encode()) for name, text in signed.items()))

        return Outgoing(method=endpoint.method, target=target.encode("ascii"), headers=headers, body=body.encode())
