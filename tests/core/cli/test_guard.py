from __future__ import annotations

import sys

import click
import pytest

from perpmaker.cli.guard import AccountCheck, check_surroundings, require_consent
from perpmaker.connector.interface import Environment
from perpmaker.errors import ConfigurationError, ExitCode

pytestmark = pytest.mark.anyio

NOT_LIVE = [environment for environment in Environment if environment is not Environment.LIVE]


async def test_S24_real_money_is_traded_only_when_that_is_said() -> None:
    """The file alone is not enough."""
    with pytest.raises(click.UsageError, match="trades real money: add --live"):
        require_consent(Environment.LIVE, live=False)

    require_consent(Environment.LIVE, live=True)


async def test_S24_live_is_not_said_of_anything_else() -> None:
    """Somebody who says --live and trades on something else is told; without it nothing is asked."""
    for environment in NOT_LIVE:
        require_consent(environment, live=False)

        with pytest.raises(click.UsageError, match=f'the configuration says "{environment.value}"'):
            require_consent(environment, live=True)


async def test_S10_live_is_refused_where_somebody_may_read_along() -> None:
    """The variable is named and its value, which may hold a password, is not shown; elsewhere it means nothing."""
    for name in ["SSLKEYLOGFILE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "http_proxy"]:
        variables = {name: "http://me:secret@there", "PATH": "/bin"}

        with pytest.raises(ConfigurationError) as refused:
            check_surroundings(Environment.LIVE, variables)

        assert name in str(refused.value)
        assert "secret" not in str(refused.value)
        assert refused.value.exit_code is ExitCode.FILE
        check_surroundings(Environment.LIVE, {name: "", "NO_PROXY": "*"})

        for environment in NOT_LIVE:
            check_surroundings(environment, variables)


async def test_S24_the_account_is_confirmed_by_its_name() -> None:
    """The right name passes, a wrong one is told which account it is; once is enough."""
    check = AccountCheck(Environment.LIVE, "8f3a")
    await check.confirm("a_venue", "8f3a")
    await check.confirm("a_venue", "8f3a")

    with pytest.raises(click.UsageError, match=r"opens account 8f3a of a_venue \(live\), and not 'other'"):
        await AccountCheck(Environment.LIVE, "other").confirm("a_venue", "8f3a")


async def test_S24_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait for an answer that cannot come, and says which option to add."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)

    with pytest.raises(click.UsageError, match="add --confirm-account 8f3a"):
        await AccountCheck(Environment.LIVE, None).confirm("a_venue", "8f3a")


async def test_elsewhere_nothing_is_asked_and_a_name_that_is_given_is_held_to() -> None:
    """Practising needs no ceremony."""
    for environment in NOT_LIVE:
        await AccountCheck(environment, None).confirm("a_venue", "8f3a")

        with pytest.raises(click.UsageError, match="and not 'other'"):
            await AccountCheck(environment, "other").confirm("a_venue", "8f3a")
