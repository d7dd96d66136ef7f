"""What a code means within its codespace, and what proves nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from perpmaker.errors import PayloadError
from perpmaker.venue import Answer, RefusalReason
from perpmaker.venue.http_dialect import throttle_of
from perpmaker_dydx_perpetual.rest import IndexerHttp, NodeHttp, was_taken

NODE, INDEXER = NodeHttp(None), IndexerHttp()
R = RefusalReason

CODES = [
    ("sdk", 32, R.TIMESTAMP),
    ("clob", 19, R.OTHER),
    ("sdk", 4, R.AUTHENTICATION),
    ("clob", 4, R.FILTER),
    ("sdk", 20, R.BUSY),
    ("clob", 20, R.AMEND_PENDING),
    ("sdk", 9, R.AUTHENTICATION),
    ("sdk", 22, R.NOT_FOUND),
    ("clob", 7, R.BUSY),
    ("clob", 10, R.BUSY),
    ("clob", 11, R.BUSY),
    ("clob", 12, R.FILTER),
    ("clob", 24, R.NOT_FOUND),
    ("clob", 34, R.RESTRICTED),
    ("clob", 2001, R.REDUCE_ONLY),
    ("clob", 2003, R.POST_ONLY_WOULD_TAKE),
    ("clob", 3005, R.DUPLICATE_ID),
    ("clob", 3006, R.NOT_FOUND),
    ("clob", 3007, R.INSUFFICIENT_MARGIN),
    ("clob", 5001, R.RATE_LIMIT),
    ("clob", 9003, R.REDUCE_ONLY),
    ("clob", 10001, R.TOO_MANY_ORDERS),
    ("dydxaccountplus", 104, R.AUTHENTICATION),
    ("subaccounts", 701, R.OTHER),
]


def broadcast(**result: Any) -> bytes:
    """A node's answer to a transaction."""
    known = {"code": 0, "data": "", "log": "[]", "codespace": "", "hash": "CB"}

    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": {**known, **result}}).encode()


def error(message: str, data: str = "") -> bytes:
    """A node's own no."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": message, "data": data}}).encode()


@pytest.mark.parametrize(("codespace", "code", "reason"), CODES)
def test_a_code_means_something_within_its_codespace(codespace: str, code: int, reason: RefusalReason) -> None:
    """The same number is another thing elsewhere."""
    failure = NODE.read_failure(200, broadcast(codespace=codespace, code=code, log="why\nso"))

    assert failure is not None
    assert (failure.reason, failure.code, failure.text) == (reason, f"{codespace}:{code}", "why so")


def test_what_is_no_refusal() -> None:
    """Yes; the same bytes again; a cancel that is known already, in memory or in the chain's state."""
    for body in (
        broadcast(),
        error("Internal error", "tx already exists in cache"),
        broadcast(codespace="sdk", code=19),
        broadcast(codespace="clob", code=9),
        broadcast(codespace="clob", code=32),
    ):
        assert NODE.read_failure(200, body) is None
        assert was_taken(body)


@pytest.mark.parametrize(
    "text", ["mempool is full: number of txs 5000", "endpoint is closed while node is catching up"]
)
def test_a_busy_node_has_done_nothing(text: str) -> None:
    """It says so in words, and the next one is asked."""
    failure = NODE.read_failure(200, error("Internal error", text))

    assert failure is not None
    assert failure.reason is R.BUSY


def test_other_errors_of_a_node_prove_nothing() -> None:
    """The transaction may have been passed on before."""
    failure = NODE.read_failure(500, error("Internal error", "timed out waiting for tx"))

    assert failure is not None
    assert failure.reason is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"result":{}}',
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                b"<html>",
                b"[]",
                b"null",
                b'{"so',
            )
        ),
    ],
)
def test_what_no_node_has_said_is_neither_yes_nor_no(body: bytes) -> None:
    """A proxy's page, half an answer."""
    assert NODE.read_failure(200, body) is None

    with pytest.raises(PayloadError):
        was_taken(body)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, R.NOT_FOUND),
        (500, None),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (400, R.OTHER),
                (403, R.RESTRICTED),
                (429, R.RATE_LIMIT),
            )
        ),
    ],
)
def test_the_indexers_no_is_its_own(status: int, reason: RefusalReason | None) -> None:
    """It has a list of errors; everything else came from something in between."""
    failure = INDEXER.read_failure(status, b'{"errors":[{"msg":"No subaccount found"}]}')

    assert failure is not None
    assert (failure.reason, failure.text) == (reason, "No subaccount found")
    assert INDEXER.read_failure(status, b"<html>no</html>") is None


def test_the_indexer_tells_milliseconds_to_wait() -> None:
    """Where HTTP says seconds."""
    answer = Answer(status=429, body=b"", signed_at=0)
    told = INDEXER.read_throttle(answer, {"retry-after": "2500"}, 0)
    node = throttle_of(NODE, answer, {"retry-after": "2"}, 0)

    assert told is not None
    assert node is not None
    assert (told.seconds, node.seconds) == (2.5, 2.0)
