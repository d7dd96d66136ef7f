"""Which addresses may stand in price_source_custom_api, before anything is resolved."""

from __future__ import annotations

import re

from perpmaker import SourceRequest
from perpmaker_price_sources.custom_api.settings import JSON_PATH, Settings, request_faults, url_fault

HOSTILE = [
    "http://api.example/price",
    "ftp://api.example/price",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "//api.example/price",
    "https:///price",
    "https://",
    "javascript:alert(1)",
    "https://user@api.example/",
    "https://user:password@api.example/",
    "https://api.example@127.0.0.1/",
    "https://api.example:0/",
    "https://api.example:99999/",
    "https://api.example:port/",
    "https://api.example/#fragment",
    "https://api.example\\@evil.example/",
    "https://api.example/a b",
    "https://api.example/\nHost: evil.example",
    "https://api.exämple/",
    "https://127.0.0.1/",
    "https://localhost/",
    "https://localhost./",
    "https://metadata.localhost/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://192.168.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://100.100.100.200/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://api.127.1/",
    "https://-bad-.example/",
    "https://api..example/",
    "https://api.example/" + "a" * 2048,
]
GOOD = [
    "https://api.example/price",
    "https://api.example:8443/v1/ticker?symbol=BTCUSDT&x=%20",
    "https://8.8.8.8/price",
    "https://[2606:4700:4700::1111]/price",
    "https://xn--exmple-cua.example/p",
    "https://api.example./price",
]


def test_S12_hostile_address_is_refused_as_it_is_written() -> None:
    """What is not plainly a public https address is refused with the file."""
    for url in HOSTILE:
        assert url_fault(url, allow_loopback=False) is not None


def test_public_https_address_is_accepted() -> None:
    """Names, ports, queries and public addresses are fine."""
    for url in GOOD:
        assert url_fault(url, allow_loopback=False) is None


def test_this_machine_may_be_asked_where_it_is_allowed() -> None:
    """With allow_loopback this machine may be asked, also without TLS; without it, it may not."""
    for url in ["http://127.0.0.1:8080/p", "http://localhost:8080/", "http://[::1]/", "https://127.0.0.1/"]:
        assert url_fault(url, allow_loopback=True) is None
        assert url_fault(url, allow_loopback=False) is not None


def test_S12_allowing_loopback_allows_no_other_address() -> None:
    """Plain HTTP to anywhere else stays refused, and so do private addresses."""
    for url in ["http://api.example/", "http://10.0.0.1/", "https://10.0.0.1/", "http://2130706433/"]:
        assert url_fault(url, allow_loopback=True) is not None


def test_faults_name_the_key_and_what_to_do() -> None:
    """A fault is one of the key that holds the address, and says how this machine is allowed."""
    request = SourceRequest(market="BTC-USDT", url="http://127.0.0.1/p")
    ((key, words),) = request_faults(Settings(), request)
    assert key == "price_source_custom_api"
    assert "[custom_api] allow_loopback = true" in words


def test_answer_may_not_take_longer_than_the_price_may_be_old() -> None:
    """A timeout beyond three intervals would let every price be stale when it comes."""
    request = SourceRequest(market="BTC-USDT", url="https://api.example/p", interval_s=0.5)
    assert [key for key, _ in request_faults(Settings(timeout_s=1.6), request)] == ["custom_api_update_interval"]
    assert list(request_faults(Settings(timeout_s=1.5), request)) == []


def test_json_path_is_keys_and_positions() -> None:
    """Keys with dots, positions in brackets, other keys in brackets and quotes."""
    for path in ["price", "data.price", "a[0].b[-1]", '[0]["x.y"]', 'data["BTC/USD"].last', "[0][1]"]:
        assert re.fullmatch(JSON_PATH.regex, path)


def test_json_path_is_nothing_else() -> None:
    """A path that means nothing is refused with the file."""
    for path in ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[0", "$.a", "a b", "[0]a", "a[99999999]"]:
        assert not re.fullmatch(JSON_PATH.regex, path)
