from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import anyio
import attrs
import httpx
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError
from perpmaker.model.event import BalanceReported, Event, OrderFilled, OrderReported, SettingsReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.venue import Credentials, OrderNames, TranslatingReceiver, VenueAccess, begin_receiving
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_binance_perpetual.orders import OrderQuestions
from perpmaker_binance_perpetual.user_stream import account_stream

from .clients import client_over

pytestmark = pytest.mark.anyio

SETTINGS = VenueSettings(leverage=3, position_mode=PositionMode.ONE_WAY, margin_mode=MarginMode.CROSS)
FILL = (
    '{"e":"ORDER_TRADE_UPDATE","E":1,"T":1,"o":{"s":"BTCUSDT","c":"a","S":"BUY","o":"LIMIT","f":"GTX","q":"0.010",'
    '"p":"60000.00","x":"TRADE","X":"FILLED","i":7,"l":"0.010","z":"0.010","L":"60000.00","N":"USDT","n":"0.1",'
    '"T":1,"t":5,"m":true,"R":false,"ps":"BOTH","rp":"0"}}'
)
BALANCE = '{"e":"ACCOUNT_UPDATE","E":1,"T":1,"a":{"m":"DEPOSIT","B":[{"a":"USDT","wb":"5","bc":"5"}],"P":[]}}'


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Keys are renewed over hours."""
    return virtual_time


class ScriptedSocket:
    """A socket that brings what it was given, each message at its time, and then is silent."""

    def __init__(self, *messages: str, at_s: float = 0.0) -> None:
        self._messages = deque(messages)
        self._at_s = at_s

    async def receive(self) -> str:
        """The next message."""
        if not self._messages:
            await anyio.sleep_forever()

        await anyio.sleep(self._at_s)

        return self._messages.popleft()

    async def send(self, message: str | bytes) -> None:
        """Nothing is ever sent on the account's stream."""
        raise AssertionError(message)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Nothing to close."""


class NoSigner:
    """A signer whose signatures nobody looks at."""

    algorithm = "hmac-sha256"

    def sign(self, message: bytes) -> bytes:
        """Not a signature."""
        return message[:4]


@attrs.define
class Venue:
    """Answers the two calls that the stream makes by itself, and counts them."""

    renewal: Callable[[], httpx.Response] = lambda: httpx.Response(200, json={})
    time: object = 1767225600000
    renewals: list[float] = attrs.field(factory=list)
    times: int = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        if request.url.path.endswith("/time"):
            self.times += 1

            return httpx.Response(200, json={"serverTime": self.time})

        assert (request.method, request.url.path) == ("PUT", "/fapi/v1/listenKey")
        assert request.headers["x-mbx-apikey"] == "KEY"
        assert b"signature" not in request.url.query
        self.renewals.append(anyio.current_time())

        return self.renewal()


def receiver(
    venue: Venue, socket: ScriptedSocket, instrument: Instrument, known: OrderNames | None = None
) -> TranslatingReceiver[Event]:
    """An account receiver over a scripted socket and a scripted venue."""
    clock = LoopClock()
    http = httpx.AsyncClient(transport=httpx.MockTransport(venue), base_url="http://venue.test")
    signer: Any = NoSigner()
    client = client_over(http, clock, Credentials(api_key="KEY", signer=signer))
    access = VenueAccess(connect=MemoryNetwork().connect, url="ws://venue.test", client=client)
    orders = OrderQuestions(client, orders=OrderNames() if known is None else known)

    return begin_receiving(account_stream(access, instrument, orders, lambda: SETTINGS), socket, clock)


async def test_F32_the_key_is_renewed_at_a_third_of_its_life(instrument: Instrument) -> None:
    """Over most of a day of silence the key is renewed every twenty minutes, and the clock measured all along."""
    venue = Venue()

    with anyio.move_on_after(82_000):
        await receiver(venue, ScriptedSocket(), instrument).receive()

    gaps = [later - earlier for earlier, later in zip(venue.renewals, venue.renewals[1:], strict=False)]
    assert len(venue.renewals) >= 65
    assert max(gaps) <= 1201
    assert venue.times >= 300


async def test_F32_a_key_that_is_gone_ends_the_stream(instrument: Instrument) -> None:
    """-1125 on renewal: the supervisor opens the stream again, with a new key."""
    venue = Venue(renewal=lambda: httpx.Response(400, json={"code": -1125, "msg": "This listenKey does not exist."}))

    with pytest.raises(ConnectivityError, match="gone"), anyio.fail_after(3600):
        await receiver(venue, ScriptedSocket(), instrument).receive()


async def test_F32_a_renewal_that_fails_is_tried_again_long_before_the_end(instrument: Instrument) -> None:
    """Every half minute, and given up while there is still time to connect anew."""
    venue = Venue(renewal=lambda: httpx.Response(503, text="Service Unavailable."))

    with pytest.raises(ConnectivityError, match="could not be renewed"), anyio.fail_after(3600):
        await receiver(venue, ScriptedSocket(), instrument).receive()

    assert 5 <= len(venue.renewals) <= 20
    assert venue.renewals[1] - venue.renewals[0] < 60


async def test_F18_a_time_that_is_none_costs_no_stream(instrument: Instrument) -> None:
    """The last measurement stands, and the next is tried half a minute later."""
    venue = Venue(time="noon")

    with anyio.move_on_after(600):
        await receiver(venue, ScriptedSocket(), instrument).receive()

    assert venue.times >= 10


async def test_F32_the_expiry_event_ends_the_stream(instrument: Instrument) -> None:
    """The socket stays open after it and brings nothing more."""
    socket = ScriptedSocket('{"e":"listenKeyExpired","E":1,"listenKey":"k"}')

    with pytest.raises(ConnectivityError, match="expired"):
        await receiver(Venue(), socket, instrument).receive()


async def test_events_are_translated_and_orders_remembered(instrument: Instrument) -> None:
    """A fill brings its order's state, whose two names are kept together."""
    known = OrderNames()
    account = receiver(Venue(), ScriptedSocket(FILL, BALANCE), instrument, known)

    assert [type(event) for event in await account.receive()] == [OrderFilled, OrderReported]
    assert [type(event) for event in await account.receive()] == [BalanceReported]
    assert known.client_id("7") == "a"


async def test_a_changed_leverage_is_reported(instrument: Instrument) -> None:
    """Somebody else's change of leverage shows as the settings that now hold; other markets' do not."""
    other = '{"e":"ACCOUNT_CONFIG_UPDATE","E":1,"T":1,"ac":{"s":"ETHUSDT","l":9}}'
    assets = '{"e":"ACCOUNT_CONFIG_UPDATE","E":1,"T":1,"ai":{"j":true}}'
    ours = '{"e":"ACCOUNT_CONFIG_UPDATE","E":1,"T":1,"ac":{"s":"BTCUSDT","l":25}}'
    (event,) = await receiver(Venue(), ScriptedSocket(other, assets, ours), instrument).receive()

    assert isinstance(event, SettingsReported)
    assert event.settings == attrs.evolve(SETTINGS, leverage=25)


async def test_F19_unknown_events_are_kept_out_and_counted(instrument: Instrument) -> None:
    """Names that this version does not know do no harm, nor do those that repeat what others say."""
    lite = '{"e":"TRADE_LITE","s":"BTCUSDT","t":5}'
    account = receiver(Venue(), ScriptedSocket('{"e":"NEW_THING"}', lite, "{}", BALANCE), instrument)
    await account.receive()

    assert dict(account.tolerance.unknown) == {"NEW_THING": 1, "": 1}


OURS = FILL.replace('"c":"a"', '"c":"pm-t-1-1"')


@pytest.mark.parametrize(
    "frame",
    [
        "",
        OURS.replace('"0.010"', '"NaN"'),
        OURS.replace('"x":"TRADE",', ""),
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "<html>",
                OURS[:-5],
            )
        ),
    ],
)
async def test_F18_a_private_frame_that_cannot_be_read_ends_the_stream(instrument: Instrument, frame: str) -> None:
    """It may have been a fill: the resync that follows finds it."""
    with pytest.raises(ConnectivityError, match="cannot be understood"):
        await receiver(Venue(), ScriptedSocket(frame), instrument).receive()


async def test_other_markets_are_somebody_elses(instrument: Instrument) -> None:
    """Orders of other markets, however strange their numbers, say nothing here."""
    other = FILL.replace("BTCUSDT", "SHIBUSDT").replace("60000.00", "0.0000123")
    events = await receiver(Venue(), ScriptedSocket(other, BALANCE), instrument).receive()

    assert [type(event) for event in events] == [BalanceReported]


async def test_a_cancelled_wait_loses_no_event(instrument: Instrument) -> None:
    """Receiving may be given up at any time; what comes later comes to the next call."""
    account = receiver(Venue(), ScriptedSocket(FILL, at_s=2.0), instrument)

    with anyio.move_on_after(1.0) as scope:
        await account.receive()

    assert scope.cancelled_caught
    assert len(await account.receive()) == 2
