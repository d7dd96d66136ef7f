"""B7: what is not known at an end is said to be unknown, and the end says why it came and what to type next."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.cli.run_end import Ended, next_step, sum_up
from perpmaker.errors import ExitCode
from perpmaker.journal.state_dir import open_state_dir
from perpmaker.model.event import Halted
from perpmaker.runtime.shutdown import Closing
from perpmaker.testing.session import Session, open_stage
from perpmaker.wire.fault import Fault

from .end_site import EXAMPLE, FAR_TARGET, ended

pytestmark = pytest.mark.anyio

COMMAND = ("perpmaker", "run", "my file.toml")


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


async def end(session: Session, *faults: Fault, reason: str = "signal") -> Ended:
    """Trade until there is a position, have the venue fail like this, and stop: the end as the command has it."""

    async def act() -> None:
        for fault in faults:
            session.sandbox.faults.add(fault)

        session.bot.request_stop()

    return summed(session, await ended(session, act), reason)


def summed(session: Session, closing: Closing, reason: str = "signal") -> Ended:
    """The end as the command has it."""
    return sum_up(
        session.bot,
        closing,
        environment="sandbox",
        seconds=1.0,
        stop_reason=reason,
        origin=(),
        command=COMMAND,
    )


async def test_B7_what_a_dead_venue_has_left_is_unknown_and_not_nothing(tmp_path: Path) -> None:
    """The venue is gone with a position and a target on it: no number is made up, and the page says where to look."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    gone = [Fault(method=method, path="/fapi", act="drop", times=None) for method in ("GET", "POST", "PUT", "DELETE")]

    async with open_stage(EXAMPLE, *FAR_TARGET, seed=3) as stage, stage.open_bot(home=home) as session:
        result = await end(session, *gone)
        known = json.loads(result.summary.as_json())
        assert (known["open_orders_left"], known["exits_left"]) == ("unknown", "unknown")
        assert "position and exits are unknown" in known["unproven"]
        assert Decimal(known["position"]) != 0
        assert "left on venue   unknown: the venue did not answer" in result.page
        assert " as last known\n" in result.page
        assert "0 quotes" not in result.page
        assert "look at the venue, then: perpmaker run 'my file.toml'" in result.page


async def test_B7_only_what_could_not_be_read_is_unknown(tmp_path: Path) -> None:
    """The open orders are listed and the account is not: no quotes are left, and of exits nobody knows."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    blind = Fault(method="GET", path="/fapi/v3/positionRisk", act="drop", times=None)

    async with open_stage(EXAMPLE, *FAR_TARGET, seed=3) as stage, stage.open_bot(home=home) as session:
        result = await end(session, blind)
        assert (result.summary.open_orders_left, result.summary.exits_left) == (0, "unknown")
        assert result.unproven is not None


async def test_B7_the_end_says_whose_run_it_was_why_it_ended_and_what_comes_next(tmp_path: Path) -> None:
    """Account, run, journal and the reason, for a person and as keys of the JSON object."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *FAR_TARGET, seed=3) as stage, stage.open_bot(home=home) as session:
        result = await end(session, reason="--for")
        known = json.loads(result.summary.as_json())
        assert known["account"] == session.bot.connector.account
        assert known["run_id"] == session.bot.known.client_ids.run
        assert (known["stop_reason"], known["halted"], known["unproven"]) == ("--for", None, None)
        assert {"result", "asset", "fees_by_asset", "funding_by_asset"} <= known.keys()
        assert known["journal"] == str(session.bot.journal.path)
        assert f"\n  journal         {known['journal']}\n" in result.page
        assert "  stopped by      --for\n" in result.page
        assert result.page.endswith("next            perpmaker run 'my file.toml' (it goes on with the position)")


async def test_B7_a_halt_is_in_the_summary_also_when_it_comes_at_the_end(tmp_path: Path) -> None:
    """The liquidation is seen while the run ends already: the exit code is 7, and the next step names --resume."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *FAR_TARGET, seed=3) as stage, stage.open_bot(home=home) as session:

        async def act() -> None:
            session.bot.request_stop()
            await anyio.sleep(0.01)
            session.bot.event_queue.put([Halted(reason="liquidated", code=ExitCode.HALTED)])

        result = summed(session, await ended(session, act))
        assert (result.halted, result.halt_code) == ("liquidated", ExitCode.HALTED)
        assert result.summary.halted == "liquidated"
        assert result.page.endswith("look at the account, then: perpmaker run 'my file.toml' --resume")


def test_B7_what_to_type_next_depends_on_the_end() -> None:
    """A halt that only a person releases goes before all, then what is not proven, then what halted it."""
    for flags, words in [
        ((True, True, True, True), "look at the account, then: run x --resume"),
        ((True, False, True, True), "look at the venue, then: run x (it reads everything and takes up what is left)"),
        ((False, False, True, True), "mend what halted it, then: run x"),
        ((False, False, False, True), "run x (it goes on with the position)"),
        ((False, False, False, False), "run x"),
    ]:
        unproven, latched, halted, holds = flags
        assert next_step(("run", "x"), unproven=unproven, latched=latched, halted=halted, holds=holds) == words


def test_B7_a_sandbox_that_ends_with_its_run_leaves_no_position_to_go_on_with() -> None:
    """The next run begins with a new sandbox and a new account; a halt is still to be mended first."""
    for flags, words in [
        ((False, False, False, True), "run x (it begins with a new sandbox: this one has ended, with its account)"),
        ((True, False, False, True), "run x (it begins with a new sandbox: this one has ended, with its account)"),
        ((False, False, True, True), "mend what halted it, then: run x"),
        ((False, False, False, False), "run x"),
    ]:
        unproven, latched, halted, holds = flags
        said = next_step(
            ("run", "x"), unproven=unproven, latched=latched, halted=halted, holds=holds, account_ends=True
        )
        assert said == words
