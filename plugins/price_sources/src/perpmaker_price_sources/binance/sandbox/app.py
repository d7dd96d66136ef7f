"""The venue's front door: market data over REST, and combined streams of best prices and trades."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

import anyio
import attrs
import msgspec

from perpmaker import Clock, Instrument, Side
from perpmaker.venue.sandbox import (
    AT_ONCE,
    DelayLine,
    Exchange,
    Latency,
    Request,
    Response,
    SimulationEvent,
    SocketHub,
    SocketRules,
    TestKeys,
    TradePrinted,
    WebSocket,
)
from perpmaker_price_sources.binance.sandbox.capture import SpotCapture

TICK_S: Final = 0.025
POLICY_VIOLATION: Final = 1008
_JSON: Final = {"Content-Type": "application/json"}
_STREAMS: Final = "/stream"


class _RefusedError(Exception):
    """The venue's no: a code and its words, with status 400."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(text)


class SpotApp:
    """Speaks the venue's protocol over a simulated exchange, of which it uses the market alone."""

    def __init__(self, exchange: Exchange, clock: Clock, latency: Latency = AT_ONCE) -> None:
        self._exchange = exchange
        self._clock = clock
        self._symbol = exchange.instrument.symbol
        self._trades: list[TradePrinted] = []
        self._best_id = 0
        self._feed = DelayLine(clock, latency.feed_ms)
        self._hub = SocketHub(clock, SocketRules(life_s=math.inf), self._feed)
        self._endpoints: Mapping[str, Callable[[Mapping[str, str]], object]] = {
            "/api/v3/ping": lambda _: {},
            "/api/v3/time": lambda _: {"serverTime": self._clock.utc_ms()},
            "/api/v3/exchangeInfo": self._exchange_info,
            "/api/v3/ticker/bookTicker": self._book_ticker,
            "/api/v3/ticker/price": self._price,
        }
        exchange.subscribe(self._note)

    async def respond(self, request: Request) -> Response:
        """Answer one request; refusals are JSON bodies with the venue's codes."""
        endpoint = self._endpoints.get(request.path) if request.method == "GET" else None

        if endpoint is None:
            return Response(status=404, body=b"<html><body><h2>404 Not found</h2></body></html>")

        try:
            return Response(body=msgspec.json.encode(endpoint(dict(parse_qsl(request.query)))), headers=_JSON)
        except _RefusedError as refused:
            body = {"code": refused.code, "msg": refused.text}

            return Response(status=400, body=msgspec.json.encode(body), headers=_JSON)

    async def converse(self, request: Request, socket: WebSocket) -> None:
        """Send the streams that the query names, until the socket ends."""
        names = dict(parse_qsl(request.query)).get("streams", "")

        if request.path != _STREAMS or not names:
            await socket.close(POLICY_VIOLATION, "no such path")
            return

        await self._hub.converse(socket, _NamedStreams(frozenset(names.split("/"))))

    async def run(self) -> None:
        """Push what is new, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._feed.run)
            await self._push()

    async def _push(self) -> None:
        while True:
            self._exchange.advance(self._clock.utc_ms())
            self._publish_trades()
            self._publish_best()
            await anyio.sleep(TICK_S)

    # --- REST ------------------------------------------------------------------------------------------------------

    def _exchange_info(self, asked: Mapping[str, str]) -> object:
        instrument = self._exchange.instrument

        try:
            names = msgspec.json.decode(asked.get("symbols", f'["{self._symbol}"]'), type=list[str])
        except msgspec.MsgspecError:
            raise _RefusedError(-1100, "Illegal characters found in parameter 'symbols'.") from None

        if names != [self._symbol]:
            raise _RefusedError(-1121, "Invalid symbol.")

        assets = {"baseAsset": instrument.base, "quoteAsset": instrument.quote}

        return {"timezone": "UTC", "symbols": [{"symbol": self._symbol, "status": "TRADING", **assets}]}

    def _book_ticker(self, asked: Mapping[str, str]) -> object:
        self._require_symbol(asked)
        bid, ask = self._level(Side.BUY), self._level(Side.SELL)

        return {"symbol": self._symbol, "bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}

    def _price(self, asked: Mapping[str, str]) -> object:
        self._require_symbol(asked)
        last = self._exchange.last_ticks

        if last is None:
            last = (self._exchange.best(Side.BUY) or self._exchange.best(Side.SELL) or (0, 0))[0]

        return {"symbol": self._symbol, "price": self._text(last)}

    def _require_symbol(self, asked: Mapping[str, str]) -> None:
        if asked.get("symbol") != self._symbol:
            raise _RefusedError(-1121, "Invalid symbol.")

        self._exchange.advance(self._clock.utc_ms())

    # --- streams ---------------------------------------------------------------------------------------------------

    def _note(self, event: SimulationEvent) -> None:
        if isinstance(event, TradePrinted):
            self._trades.append(event)

    def _publish_trades(self) -> None:
        for trade in self._trades:
            self._publish("trade", partial(self._trade, trade))

        self._trades.clear()

    def _trade(self, trade: TradePrinted) -> dict[str, object]:
        return {
            "e": "trade",
            "E": self._clock.utc_ms(),
            "s": self._symbol,
            "t": trade.trade_id,
            "p": self._text(trade.ticks),
            "q": f"{self._exchange.instrument.amount(trade.lots):.8f}",
            "T": trade.now_ms,
            "m": trade.taker is Side.SELL,
            "M": True,
        }

    def _publish_best(self) -> None:
        update_id = self._exchange.depth(1).update_id

        if update_id != self._best_id:
            self._best_id = update_id
            self._publish("bookTicker", self._best)

    def _best(self) -> dict[str, object]:
        bid, ask = self._level(Side.BUY), self._level(Side.SELL)

        return {"u": self._best_id, "s": self._symbol, "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}

    def _publish(self, stream: str, make: Callable[[], Mapping[str, object]]) -> None:
        self._hub.publish(f"{self._symbol.lower()}@{stream}", make)

    # --- words -----------------------------------------------------------------------------------------------------

    def _level(self, side: Side) -> tuple[str, str]:
        """Price and amount of the best level; zeros on an empty side, as the venue writes it."""
        ticks, lots = self._exchange.best(side) or (0, 0)

        return self._text(ticks), f"{self._exchange.instrument.amount(lots):.8f}"

    def _text(self, ticks: int) -> str:
        return f"{self._exchange.instrument.price(ticks):.8f}"


@attrs.frozen
class _NamedStreams:
    """The streams that a socket's address names; whatever else a client says changes nothing."""

    names: frozenset[str]

    def hears(self, stream: str) -> bool:
        """Whether the address names it."""
        return stream in self.names

    def frame(self, stream: str, _kind: str, payload: str) -> str:
        """The message of a combined stream."""
        return f'{{"stream":"{stream}","data":{payload}}}'

    def obey(self, _message: str | bytes) -> tuple[()]:
        """Give no answer."""
        return ()


class SpotDialect:
    """The sandbox dialect of Binance's spot markets; it knows no accounts, so its keys are only words."""

    @property
    def keys(self) -> TestKeys:
        """No key is asked for."""
        return TestKeys(api_key="none", api_secret="none")  # noqa: S106  # not a secret: nobody asks for it

    def symbol(self, market: str) -> str:
        """The venue's name: `BTC-USDT` is `BTCUSDT`."""
        return market.replace("-", "")

    def capture(self, instrument: Instrument) -> SpotCapture:
        """Begin the translation of a recorded market."""
        return SpotCapture(instrument)

    def app(self, exchange: Exchange, clock: Clock, options: dict[str, Any], latency: Latency = AT_ONCE) -> SpotApp:
        """The app over this exchange; it has no options."""
        if options:
            raise ValueError(f"the sandbox of binance has no option {', '.join(options)}")

        return SpotApp(exchange, clock, latency)
