"""Which base addresses may stand for a venue."""

from __future__ import annotations

import pytest

from perpmaker.venue import HTTP_SCHEMES, WEBSOCKET_SCHEMES, is_allowed_base, is_this_machine, stream_base

HOSTS = frozenset({"api.example.test"})


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.test",
        "http://127.0.0.1:8080",
        "https://[::1]",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "https://API.example.test/",
                "https://api.example.test:8443",
                "http://localhost:1",
            )
        ),
    ],
)
def test_the_venue_with_tls_and_this_machine_are_allowed(url: str) -> None:
    """This machine also without TLS: tests and recorders stand there."""
    assert is_allowed_base(url, HTTP_SCHEMES, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.test",
        "https://user@api.example.test",
        "https://api.example.test:99999",
        "https://[::1",
        "http://10.0.0.1",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "wss://api.example.test",
                "https://other.test",
                "https://api.example.test.other.test",
                "https://api.example.test/path",
                "https://api.example.test?x=1",
                "https://api.example.test:0",
                " http://127.0.0.1",
                "http://127.0.0.1\n",
                "http://[fe80::1%251]",
                "https://",
                "",
            )
        ),
    ],
)
def test_every_other_address_is_refused(url: str) -> None:
    """Another host, no TLS, a user name, a path, a port that is none, white space."""
    assert not is_allowed_base(url, HTTP_SCHEMES, HOSTS)


def test_streams_have_their_own_schemes() -> None:
    """And are under the host of REST where one address stands for both."""
    assert is_allowed_base(stream_base("https://api.example.test"), WEBSOCKET_SCHEMES, HOSTS)
    assert stream_base("http://127.0.0.1:5") == "ws://127.0.0.1:5"


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.8.8.8", True),
        ("localhost", True),
        ("", False),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("::1", True),
                ("::ffff:127.0.0.1", True),
                ("::ffff:10.0.0.1", False),
            )
        ),
    ],
)
def test_this_machine_is_known_by_how_it_is_written(host: str, is_ours: bool) -> None:
    """Names are not resolved, so no name but localhost is this machine."""
    assert is_this_machine(host) is is_ours
