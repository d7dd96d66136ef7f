from __future__ import annotations

from typing import Any

import httpx
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import AuthenticationError, MarketRulesError, RateLimitedError, RefusedError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.secret import Secret, make_signer
from perpmaker.venue import Credentials, VenueAccess
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_binance_perpetual.connector import BinancePerpetual

from .clients import client_over

pytestmark = pytest.mark.anyio


class Account:
    """An account's settings, with the venue's refusals by call; `obeys` False: says yes and changes nothing."""

    def __init__(self, *, obeys: bool = True, can_trade: bool = True, refusals: dict[str, int] | None = None) -> None:
        self.hedge, self.margin, self.leverage = False, "CROSSED", 20
        self.calls: list[str] = []
        self._obeys = obeys
        self._can_trade = can_trade
        self._refusals = refusals or {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer as the venue does."""
        asked, path = dict(request.url.params), request.url.path
        assert asked.get("symbol", "BTCUSDT") == "BTCUSDT"

        match request.method, path:
            case "GET", "/fapi/v1/time":
                return httpx.Response(200, json={"serverTime": 1_767_225_600_000})
            case "GET", "/fapi/v1/accountConfig":
                return httpx.Response(200, json={"dualSidePosition": self.hedge, "canTrade": self._can_trade})
            case "GET", "/fapi/v1/symbolConfig":
                row = {"symbol": "BTCUSDT", "marginType": self.margin, "leverage": self.leverage}

                return httpx.Response(200, json=[row])
            case "POST", "/fapi/v1/positionSide/dual":
                return self._change("position_mode", hedge=asked["dualSidePosition"] == "true")
            case "POST", "/fapi/v1/marginType":
                return self._change("margin_type", margin=asked["marginType"])
            case "POST", "/fapi/v1/leverage":
                return self._change("leverage", leverage=int(asked["leverage"]))

        raise AssertionError(path)

    def _change(self, call: str, **values: Any) -> httpx.Response:
        self.calls.append(call)

        if call in self._refusals:
            return httpx.Response(400, json={"code": self._refusals[call], "msg": "the venue's words"})

        if self._obeys:
            vars(self).update(values)

        return httpx.Response(200, json={"code": 200, "msg": "success"})


async def prepare(
    account: Account,
    instrument: Instrument,
    leverage: int = 3,
    mode: PositionMode = PositionMode.HEDGE,
    margin: MarginMode | None = MarginMode.ISOLATED,
) -> VenueSettings:
    """Prepare the market on a scripted account."""
    credentials = Credentials(api_key="KEY", signer=make_signer(Secret("0123456789abcdef0123456789abcdef")))

    async with httpx.AsyncClient(transport=httpx.MockTransport(account.answer), base_url="https://fapi.test") as http:
        clock = LoopClock()
        client = client_over(http, clock, credentials)
        access = VenueAccess(connect=MemoryNetwork().connect, url="ws://x", client=client, credentials=credentials)
        connector = BinancePerpetual(access)

        return await connector.prepare(instrument, leverage, mode, margin)


async def test_what_differs_is_set_and_read_back(instrument: Instrument) -> None:
    """Each setting is changed once, and the result is the venue's word."""
    account = Account()

    assert await prepare(account, instrument) == VenueSettings(
        leverage=3, position_mode=PositionMode.HEDGE, margin_mode=MarginMode.ISOLATED
    )
    assert account.calls == ["position_mode", "margin_type", "leverage"]


async def test_what_is_right_is_left_alone(instrument: Instrument) -> None:
    """Nothing is sent when nothing differs, and a margin mode of None is never touched."""
    account = Account()
    settings = await prepare(account, instrument, 20, PositionMode.ONE_WAY, None)

    assert (account.calls, settings.margin_mode) == ([], MarginMode.CROSS)


async def test_F42_already_set_is_success(instrument: Instrument) -> None:
    """Somebody else was quicker: the venue's refusals of that kind are none."""
    account = Account(refusals={"position_mode": -4059, "margin_type": -4046})

    assert (await prepare(account, instrument)).leverage == 3


async def test_F42_a_change_that_was_not_made_shows_in_what_is_read_back(instrument: Instrument) -> None:
    """The venue said yes and did nothing: the result says what holds."""
    settings = await prepare(Account(obeys=False), instrument)

    assert (settings.leverage, settings.position_mode) == (20, PositionMode.ONE_WAY)


@pytest.mark.parametrize(
    ("call", "code", "words"),
    [
        ("position_mode", -4067, "open orders"),
        ("margin_type", -4168, "the venue's words"),
        ("leverage", -4028, "Lower leverage in the configuration"),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("position_mode", -4068, "open position"),
                ("margin_type", -4047, "open orders"),
                ("margin_type", -4048, "open position"),
                ("leverage", -4161, "Write the leverage that is set there in the configuration"),
                ("leverage", -2027, "the venue's words"),
            )
        ),
    ],
)
async def test_F42_what_stands_in_the_way_is_worded(instrument: Instrument, call: str, code: int, words: str) -> None:
    """The message says what is in the way and what to do."""
    with pytest.raises(MarketRulesError, match=words):
        await prepare(Account(refusals={call: code}), instrument)


@pytest.mark.parametrize("call", ["position_mode", "margin_type", "leverage"])
async def test_other_refusals_stay_what_they_are(instrument: Instrument, call: str) -> None:
    """A refusal without a meaning of ours keeps its code."""
    with pytest.raises(RefusedError) as caught:
        await prepare(Account(refusals={call: -1102}), instrument)

    assert caught.value.code == "-1102"


async def test_leverage_above_the_maximum_is_refused_unsent(instrument: Instrument) -> None:
    """The maximum is named."""
    account = Account()

    with pytest.raises(MarketRulesError, match="125"):
        await prepare(account, instrument, leverage=126)

    assert account.calls == []


async def test_an_account_that_may_not_trade_is_named(instrument: Instrument) -> None:
    """The key has no permission for futures."""
    with pytest.raises(AuthenticationError, match="may not trade"):
        await prepare(Account(can_trade=False), instrument)


@pytest.mark.parametrize("call", ["position_mode", "margin_type", "leverage"])
async def test_too_many_requests_stay_what_they_are(instrument: Instrument, call: str) -> None:
    """A 429 without words of the venue has no code."""
    account = Account()
    answer = account._change

    def throttled(name: str, **values: Any) -> httpx.Response:
        return httpx.Response(429, text="") if name == call else answer(name, **values)

    account._change = throttled  # type: ignore[method-assign]  # for this test

    with pytest.raises(RateLimitedError):
        await prepare(account, instrument)
