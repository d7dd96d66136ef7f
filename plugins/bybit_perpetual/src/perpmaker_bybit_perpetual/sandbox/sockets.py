"""One client's socket: public topics, private topics, or commands."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from perpmaker.venue.sandbox import RefusalError, RequestParameters, Window, json_values
from perpmaker_bybit_perpetual.sandbox.market_streams import Topic
from perpmaker_bybit_perpetual.sandbox.refusals import PARAMETER_REFUSALS, bad, refusal
from perpmaker_bybit_perpetual.sandbox.signing import Authenticator
from perpmaker_bybit_perpetual.sandbox.venue import Answer, Row, Venue, VenueEndpoint

Answers: TypeAlias = Sequence[object]
CarryOut: TypeAlias = Callable[[VenueEndpoint, RequestParameters, Window], Awaitable[object]]

MOST_CHARACTERS: Final = 21_000
LONGEST_ID: Final = 36
DCP_TOPIC: Final = "dcp.future"
PRIVATE_TOPICS: Final = ("order", "execution", "position", "wallet")
OPS: Final[Mapping[str, str]] = {
    f"order.{op}": f"/v5/order/{op}"
    for op in ("create", "amend", "cancel", "create-batch", "amend-batch", "cancel-batch")
}
_CHANGE: Final = re.compile(r'"type":"delta".*"u":([0-9]+)')


class Control:
    """A control message that could be read, and the shape of its answers."""

    def __init__(self, message: str | bytes) -> None:
        try:
            content = msgspec.json.decode(message)
        except (msgspec.DecodeError, RecursionError):
            content = None

        self.content: dict[str, Any] = content if isinstance(content, dict) else {}
        self.op = str(self.content.get("op", ""))
        args = self.content.get("args")
        self.args: list[Any] = args if isinstance(args, list) else []

    def answer(self, conn_id: str, *, success: bool = True, text: str = "") -> Row:
        """The answer of the public and the private socket."""
        known = {"req_id": self.content["req_id"]} if "req_id" in self.content else {}

        return {"success": success, "ret_msg": text, "conn_id": conn_id, **known, "op": self.op}


class PublicSession:
    """What a client of the public socket has subscribed to."""

    def __init__(self, venue: Venue, topics: Mapping[str, Topic], conn_id: str) -> None:
        self._venue = venue
        self._topics = topics
        self._conn_id = conn_id
        self._joined: dict[str, None] = {}
        self._snapshots: dict[str, int] = {}

    def hears(self, stream: str) -> bool:
        """Whether the topic was subscribed."""
        return stream in self._joined

    def frame(self, stream: str, _kind: str, payload: str) -> str | None:
        """The message as it is; None for a change of the book that was under way before the snapshot was taken."""
        known = self._snapshots.get(stream)

        if known is not None:
            change = _CHANGE.search(payload)

            if change is not None and int(change[1]) <= known:
                return None

            del self._snapshots[stream]

        return payload

    def obey(self, message: str | bytes) -> Answers:
        """Obey `subscribe`, `unsubscribe` and `ping`."""
        control = Control(message)

        match control.op:
            case "ping":
                return ({"req_id": "", **control.answer(self._conn_id, text="pong")},)
            case "subscribe":
                return self._subscribe(control)
            case "unsubscribe":
                for name in control.args:
                    self._joined.pop(str(name), None)

                return (control.answer(self._conn_id),)
            case _:
                return (control.answer(self._conn_id, success=False, text="error:request is not valid"),)

    def _subscribe(self, control: Control) -> Answers:
        names = [str(name) for name in control.args]
        bad_names = [name for name in names if name not in self._topics]

        if sum(map(len, {**self._joined, **dict.fromkeys(names)})) > MOST_CHARACTERS:
            return (control.answer(self._conn_id, success=False, text="error:args too long"),)

        fault = f"error:handler not found,topic:{bad_names[0]}" if bad_names else ""
        again = [name for name in names if name in self._joined]
        fault = fault or (f"error:already subscribed,topic:{again[0]}" if again else "")
        is_void = bool(bad_names) and self._venue.options.bad_topic_voids
        joined = [] if is_void else [name for name in names if name in self._topics and name not in self._joined]
        # What the others hear first is heard before this client is one of them.
        snapshots = [self._topics[name].snapshot() for name in joined]

        for name, snapshot in zip(joined, snapshots, strict=True):
            self._joined[name] = None
            data = {} if snapshot is None else snapshot["data"]

            if isinstance(data, dict) and "u" in data:
                self._snapshots[name] = data["u"]

        told = [one for one in snapshots if one is not None]

        return (control.answer(self._conn_id, success=not fault, text=fault), *told)


class PrivateSession:
    """What a client of the private socket has subscribed to, once it has shown its key."""

    def __init__(self, venue: Venue, authenticator: Authenticator, conn_id: str) -> None:
        self._venue = venue
        self._authenticator = authenticator
        self._conn_id = conn_id
        self._is_known = False
        self._joined: dict[str, str] = {}

    def hears(self, stream: str) -> bool:
        """Whether the topic was subscribed, for all categories or for ours."""
        return stream in self._joined

    def frame(self, stream: str, _kind: str, payload: str) -> str:
        """The message under the name of the topic that was subscribed."""
        return f'{{"topic":"{self._joined[stream]}",{payload[1:]}'

    def obey(self, message: str | bytes) -> Answers:
        """Obey `auth`, `subscribe`, `unsubscribe` and `ping`, whose answer has another shape than in public."""
        control = Control(message)

        match control.op:
            case "ping":
                asked, now = str(control.content.get("req_id", "")), str(self._venue.server_ms())
                return ({"req_id": asked, "op": "pong", "args": [now], "conn_id": self._conn_id},)
            case "auth":
                fault = self._authenticator.check_socket(control.args)
                self._is_known = self._is_known or fault is None
                return (self._answer(control, "" if fault is None else fault.text),)
            case "subscribe" if self._is_known:
                return (self._answer(control, self._subscribe([str(name) for name in control.args])),)
            case "unsubscribe" if self._is_known:
                self._joined = {one: name for one, name in self._joined.items() if name not in control.args}
                return (self._answer(control, ""),)
            case _:
                return (self._answer(control, "Request not authorized"),)

    def _answer(self, control: Control, fault: str) -> Row:
        return control.answer(self._conn_id, success=not fault, text=fault)

    def _subscribe(self, names: list[str]) -> str:
        """Subscribe; what is wrong with it."""
        known = {**{name: name for name in PRIVATE_TOPICS}, DCP_TOPIC: DCP_TOPIC}
        known |= {f"{name}.linear": name for name in PRIVATE_TOPICS}
        unknown = [name for name in names if name not in known]

        if unknown:
            return f"error:handler not found,topic:{unknown[0]}"

        kinds = {"." in name for name in names if name != DCP_TOPIC}

        if len(kinds) > 1:
            return "error:all-in-one and categorised topics in one request"

        self._joined |= {known[name]: name for name in names}

        return ""


class TradeSession:
    """Commands of a client that has shown its key; they are counted with those of HTTP."""

    def __init__(
        self,
        venue: Venue,
        authenticator: Authenticator,
        find: Callable[[str], VenueEndpoint | None],
        carry_out: CarryOut,
        conn_id: str,
    ) -> None:
        self._venue = venue
        self._authenticator = authenticator
        self._find = find
        self._carry_out = carry_out
        self._conn_id = conn_id
        self._is_known = False
        self._used: set[str] = set()

    def hears(self, _stream: str) -> bool:
        """Nothing is told here but answers."""
        return False

    def frame(self, _stream: str, _kind: str, _payload: str) -> None:
        """See `hears`."""

    def obey(self, message: str | bytes) -> Answers | Awaitable[Answers]:
        """Obey `auth`, `ping` and the commands."""
        control = Control(message)

        match control.op:
            case "ping":
                now = [str(self._venue.server_ms())]
                return ({"retCode": 0, "retMsg": "OK", "op": "pong", "data": now, "connId": self._conn_id},)
            case "auth":
                return (self._authenticate(control),)
            case _:
                return self._command(control)

    def _authenticate(self, control: Control) -> Row:
        fault = refusal(20001) if self._is_known else self._authenticator.check_socket(control.args)
        self._is_known = self._is_known or fault is None

        return self._answer(control, fault)

    async def _command(self, control: Control) -> Answers:
        endpoint = self._find(OPS.get(control.op, ""))
        shown: Row = {}

        try:
            window = self._checked(control)

            if endpoint is None:
                raise refusal(10404)

            parameters = self._read(control, window)
            result = await self._carry_out(endpoint, parameters, window)
            answer = result if isinstance(result, Answer) else Answer(result)
            shown, fault = {"data": answer.result, "retExtInfo": answer.parts}, None
        except RefusalError as error:
            fault = error

        counted = self._venue.limits.headers_of(endpoint)
        header = {**counted, "Traceid": self._venue.orders.new_id(), "Timenow": str(self._venue.server_ms())}

        return ({"data": {}, "retExtInfo": {}, **self._answer(control, fault), **shown, "header": header},)

    def _checked(self, control: Control) -> Window:
        """The window of a command: 10005 before the key is shown, 20006 for an id once more, 10002 out of its time."""
        number = control.content.get("reqId", "")

        if not self._is_known:
            raise refusal(10005)

        if not isinstance(number, str) or len(number) > LONGEST_ID:
            raise bad("reqId invalid")

        if number in self._used:
            raise refusal(20006)

        self._used |= {number} - {""}
        header = control.content.get("header")

        if not isinstance(header, dict):
            raise bad("header is required")

        stamp, length = (str(header.get(f"X-BAPI-{name}", "")) for name in ("TIMESTAMP", "RECV-WINDOW"))

        return self._authenticator.window(stamp, length)

    def _read(self, control: Control, window: Window) -> RequestParameters:
        match control.args:
            case [dict() as asked]:
                until = str(window.timestamp_ms + window.length_ms)
                sent = {name: value for name, value in asked.items() if value != ""}

                return RequestParameters({**json_values(sent), "_until": until}, PARAMETER_REFUSALS)
            case _:
                raise bad("args must be one object")

    def _answer(self, control: Control, fault: RefusalError | None) -> Row:
        code, text = (0, "OK") if fault is None else (fault.code, fault.text)
        known = {"reqId": control.content["reqId"]} if "reqId" in control.content else {}

        return {**known, "retCode": code, "retMsg": text, "op": control.op, "connId": self._conn_id}
