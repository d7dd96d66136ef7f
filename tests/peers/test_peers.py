"""Unmodified clients of other people have a session with our sandboxes; `run.py` beside it says how."""

from __future__ import annotations

import pytest
from peers import PEERS, Peer
from run import NotTriedError, try_peer

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_client_completes_a_session(peer: Peer) -> None:
    """Every step of the client's session passes; it is skipped where the client cannot be tried."""
    try:
        outcome = try_peer(peer)
    except NotTriedError as error:
        pytest.skip(str(error))

    assert not outcome.failed, outcome.errors
