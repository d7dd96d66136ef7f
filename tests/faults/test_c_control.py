"""Row C: the sandbox's control endpoints answer its own people only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from perpmaker.cli.sandbox import _line
from perpmaker.clock import LoopClock
from perpmaker.sandbox.server import Sandbox, SandboxSettings, open_sandbox
from perpmaker.wire.fault import parse_fault
from perpmaker.wire.http import open_client
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_binance_perpetual.sandbox import dialect

pytestmark = pytest.mark.anyio

CONTROLS = (
    ("GET", "/_ctl/oracle"),
    ("POST", "/_ctl/fault"),
    ("POST", "/_ctl/clear"),
    ("POST", "/_ctl/market"),
    ("POST", "/_ctl/account"),
    ("GET", "/_ctl/nothing"),
)


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Sandbox, httpx.AsyncClient]]:
    """A sandbox in memory and a client that nobody has told the token."""
    network = MemoryNetwork()
    listener = await network.listen("127.0.0.1")
    settings = SandboxSettings(venue="binance_perpetual", seed=4)

    async with (
        open_sandbox(dialect(), settings, clock=LoopClock(), listener=listener) as sandbox,
        open_client(network.connect, sandbox.line.url) as client,
    ):
        yield sandbox, client


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


async def test_C_controls_want_the_token_of_the_line() -> None:
    """Without a token, with a wrong one and with another scheme: 401, and nothing was done."""
    for method, path in CONTROLS:
        async with served() as (sandbox, client):
            token = sandbox.line.control_token
            wrong = (
                {},
                bearer(token[:-1]),
                bearer("guess"),
                {"Authorization": f"Basic {token}"},
                {"Authorization": token},
            )

            for headers in wrong:
                answer = await client.request(
                    method, path, headers=headers, content=b'{"do": "transfer", "amount": "1"}'
                )
                assert (answer.status_code, headers) == (401, headers)
                assert answer.headers["www-authenticate"] == "Bearer"
                assert token not in answer.text

            assert sandbox.exchange.account("main").wallet == 10_000


async def test_C_controls_refuse_what_a_web_page_sends() -> None:
    """A foreign Host (a name that was rebound to this machine) or Origin: 403, with the right token too."""
    for headers in [
        {"Host": "sandbox.example"},
        {"Host": "attacker.example:80"},
        {"Host": "127.0.0.1.attacker.example"},
        {"Host": "localhost.attacker.example:1"},
        {"Host": "10.0.0.1"},
        {"Host": "[::2]:80"},
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.attacker.example"},
        {"Origin": "file://"},
    ]:
        async with served() as (sandbox, client):
            for path in ("/_ctl/oracle", "/_sandbox"):
                answer = await client.get(path, headers={**bearer(sandbox.line.control_token), **headers})
                assert answer.status_code == 403
                assert "this machine" in answer.json()["error"]


async def test_C_controls_answer_this_machine_by_any_of_its_names() -> None:
    """Loopback by name or number, with any port, from a page of this machine or none."""
    for host in ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "LOCALHOST", "[::1]:80", "127.1.2.3"]:
        async with served() as (sandbox, client):
            for more in ({}, {"Origin": f"http://{host}"}):
                headers = {**bearer(sandbox.line.control_token), "Host": host, **more}
                assert (await client.get("/_ctl/oracle", headers=headers)).status_code == 200


async def test_C_the_token_is_in_the_json_line_and_nowhere_else() -> None:
    """Who may read the child's output has it; who asks the port, reads the line for people or a repr has not."""
    async with served() as (sandbox, client), served() as (other, _):
        token = sandbox.line.control_token
        assert len(token) >= 32
        assert token != other.line.control_token
        assert token in _line(sandbox.line, as_json=True)
        assert token not in _line(sandbox.line, as_json=False) + repr(sandbox.line)
        assert token not in (await client.get("/_sandbox")).text


async def test_C_what_no_server_can_do_is_refused_and_ends_no_sandbox() -> None:
    """A delay that is none ended the sandbox at the next request; a price of no tick is no market."""
    for path, body in [
        ("/_ctl/fault", '{"do": {"act": "delay", "arg": -5}}'),
        ("/_ctl/fault", '{"do": {"act": "delay", "arg": 1e9}}'),
        ("/_ctl/fault", '{"do": {"act": "status", "arg": 99999}}'),
        ("/_ctl/fault", '{"do": {"act": "status", "arg": {"status": 7}}}'),
        ("/_ctl/market", '{"jump": 1e-320}'),
        ("/_ctl/market", '{"jump": 0.0001}'),
    ]:
        async with served() as (sandbox, client):
            headers = bearer(sandbox.line.control_token)
            answer = await client.post(path, headers=headers, content=body)
            assert answer.status_code == 400
            assert (await client.get("/fapi/v1/time")).status_code == 200


async def test_C_jumps_in_a_row_leave_a_market() -> None:
    """Each is within bounds by itself, and the price still stays one at which a book can be made."""
    async with served() as (sandbox, client):
        headers = bearer(sandbox.line.control_token)
        codes = [
            (await client.post("/_ctl/market", headers=headers, content='{"jump": 0.01}')).status_code for _ in range(5)
        ]
        assert codes == [200, 400, 400, 400, 400]


def test_C_the_faults_of_the_page_are_faults() -> None:
    """Each example of docs/sandbox.md is read as one."""
    page = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    examples = [line.strip() for line in page.splitlines() if line.strip().startswith('{"match"')]
    assert len(examples) == 2
    assert [parse_fault(line.encode()).method for line in examples] == ["POST", "POST"]
