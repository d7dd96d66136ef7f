from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from perpmaker.errors import AuthenticationError, ConnectivityError, RateLimitedError, RefusedError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderReport
from perpmaker.model.outcome import Accepted, Outcome, Rejected, Unknown
from perpmaker.model.refusal import RefusalReason
from perpmaker.venue import (
    Answer,
    LateAnswerError,
    LostAnswerError,
    NotSentError,
    OutcomeReader,
    cancelled,
    error_of,
    placed,
)
from perpmaker_binance_perpetual.orders import OrderWords
from perpmaker_binance_perpetual.refusals import ban_of, read_failure


def order(client_id: str = "a", **values: Any) -> dict[str, Any]:
    """An order as the venue answers with it."""
    usual = {
        "orderId": 7,
        "symbol": "BTCUSDT",
        "status": "NEW",
        "clientOrderId": client_id,
        "price": "60000.00",
        "origQty": "0.010",
        "executedQty": "0.000",
        "timeInForce": "GTX",
        "type": "LIMIT",
        "side": "BUY",
        "positionSide": "BOTH",
        "updateTime": 1767225600050,
    }

    return usual | values


def refused(code: int, text: str = "no") -> dict[str, Any]:
    """A refusal as the venue words it."""
    return {"code": code, "msg": text}


def answer(body: Any, status: int = 200) -> Answer:
    """An answer signed at 5 s."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)

    return Answer(status=status, body=raw, signed_at=5.0, failure=read_failure(status, raw))


def outcomes_of(
    answered: Answer,
    client_ids: Sequence[str],
    instrument: Instrument,
    evidence: Callable[[OrderReport, str], str] = placed,
) -> list[Outcome]:
    """The outcomes of a command about these orders."""
    reader = OutcomeReader("Binance", evidence)

    return list(
        reader.outcomes(answered, lambda body: OrderWords().read(instrument, body, len(client_ids)), list(client_ids))
    )


def single(body: Any, instrument: Instrument, status: int = 200) -> Outcome:
    """The outcome of placing order `a`."""
    return outcomes_of(answer(body, status), "a", instrument)[0]


def test_an_order_in_the_answer_is_accepted(instrument: Instrument) -> None:
    """The venue's own id, time and view of the order come along."""
    outcome = single(order(), instrument)

    assert isinstance(outcome, Accepted)
    assert (outcome.client_id, outcome.venue_id, outcome.venue_ms) == ("a", "7", 1767225600050)
    assert outcome.report is not None


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, -5022, RefusalReason.POST_ONLY_WOULD_TAKE),
        (503, -1008, RefusalReason.BUSY),
        (200, -2019, RefusalReason.INSUFFICIENT_MARGIN),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (400, -2022, RefusalReason.REDUCE_ONLY),
                (400, -4118, RefusalReason.REDUCE_ONLY),
                (400, -2019, RefusalReason.INSUFFICIENT_MARGIN),
                (400, -2018, RefusalReason.INSUFFICIENT_MARGIN),
                (400, -4164, RefusalReason.FILTER),
                (400, -1111, RefusalReason.FILTER),
                (400, -4014, RefusalReason.FILTER),
                (400, -4016, RefusalReason.PRICE_BAND),
                (400, -4131, RefusalReason.PRICE_BAND),
                (400, -2011, RefusalReason.NOT_FOUND),
                (400, -2013, RefusalReason.NOT_FOUND),
                (429, -1003, RefusalReason.RATE_LIMIT),
                (429, -1015, RefusalReason.RATE_LIMIT),
                (400, -2025, RefusalReason.TOO_MANY_ORDERS),
                (400, -1021, RefusalReason.TIMESTAMP),
                (400, -5028, RefusalReason.TIMESTAMP),
                (401, -2015, RefusalReason.AUTHENTICATION),
                (401, -2014, RefusalReason.AUTHENTICATION),
                (400, -1022, RefusalReason.AUTHENTICATION),
                (400, -4061, RefusalReason.POSITION_MODE),
                (400, -4400, RefusalReason.RESTRICTED),
                (400, -1102, RefusalReason.OTHER),
            )
        ),
    ],
)
def test_a_refusal_is_certain_and_keeps_the_venues_words(
    instrument: Instrument, status: int, code: int, reason: RefusalReason
) -> None:
    """Our reason, the venue's code and text."""
    outcome = single(refused(code, "the venue's words"), instrument, status)

    assert isinstance(outcome, Rejected)
    assert (outcome.refusal.reason, outcome.refusal.code) == (reason, str(code))
    assert outcome.refusal.text == "the venue's words"


@pytest.mark.parametrize(
    ("reason", "codes"),
    [
        (RefusalReason.AUTHENTICATION, (-1002, -1022, -2014, -2015, -2017)),
        (RefusalReason.PRICE_BAND, (-4016, -4024, -4131)),
        (
            RefusalReason.RESTRICTED,
            (-4108, -4109, -4140, -4141, -4192, -4400, -4401, -4405, -4407, -4517, -4518, -4519),
        ),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (RefusalReason.INSUFFICIENT_MARGIN, (-2018, -2019, -2027, -2028)),
                (RefusalReason.WOULD_TRIGGER, (-2021,)),
                (RefusalReason.STOP_EXISTS, (-4130,)),
                (RefusalReason.FILTER, (-1111, -4001, -4002, -4003, -4004, -4005, -4013, -4014, -4023, -4164, -5029)),
                (RefusalReason.POSITION_MODE, (-4061, -4062)),
                (RefusalReason.LIQUIDATION, (-2023,)),
                (RefusalReason.UNCHANGED, (-5027,)),
            )
        ),
    ],
)
def test_every_code_of_a_reason_is_known(instrument: Instrument, reason: RefusalReason, codes: tuple[int, ...]) -> None:
    """What is done about a refusal goes by its reason; a code that is not known is any other refusal."""
    outcomes = [single(refused(code), instrument, 400) for code in codes]
    assert [isinstance(one, Rejected) and one.refusal.reason for one in outcomes] == [reason] * len(codes)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, refused(-1000, "Unknown error, please check your request or try again later.")),
        (503, b"Unknown error, please check your request or try again later."),
        (408, refused(-1007)),
        (408, b""),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (500, refused(-1001)),
                (500, refused(-2019)),
                (504, refused(-1, "Service Unavailable.")),
                (502, b"<html>Bad gateway</html>"),
                (504, b""),
                (400, refused(-1006)),
                (400, refused(-1007)),
                (400, refused(-1000)),
                (400, refused(-1010)),
                (400, refused(-1016)),
                (400, refused(-1001)),
                (400, refused(-4116, "ClientOrderId is duplicated.")),
                (400, b"<html>"),
                (404, b"not here"),
                (302, b""),
                (401, b"<html>"),
                (403, b"<html>"),
                (451, b""),
            )
        ),
    ],
)
def test_F11_what_proves_nothing_is_unknown(instrument: Instrument, status: int, body: Any) -> None:
    """A server error, a time-out of the venue, a page of a proxy: the order may live. So may one of that id."""
    outcome = single(body, instrument, status)

    assert isinstance(outcome, Unknown)
    assert (outcome.client_id, outcome.signed_at) == ("a", 5.0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        order("b"),
        order(price="NaN"),
        order(origQty="0.0001"),
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                b"<html>ok</html>",
                b'{"orderId":7',
                {},
                [],
                order(symbol="X"),
            )
        ),
    ],
)
def test_F18_a_garbled_success_is_unknown(instrument: Instrument, body: Any) -> None:
    """HTTP 200 with anything but this very order proves nothing about it."""
    assert isinstance(single(body, instrument), Unknown)


@pytest.mark.parametrize(
    "text", ["Service Unavailable.", "Internal error; unable to process your request. Please try again."]
)
def test_documented_failures_with_503_are_certain(instrument: Instrument, text: str) -> None:
    """Two texts of a 503 are documented as a failure for certain."""
    outcome = single(refused(-1, text), instrument, 503)

    assert isinstance(outcome, Rejected)
    assert outcome.refusal.reason is RefusalReason.BUSY


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (418, RefusalReason.RATE_LIMIT),
        (429, RefusalReason.RATE_LIMIT),
    ],
)
def test_F14_doors_that_are_shut_are_certain_whatever_the_body(
    instrument: Instrument, status: int, reason: RefusalReason
) -> None:
    """These answers come from before the matching engine."""
    outcome = single(b"<html>", instrument, status)

    assert isinstance(outcome, Rejected)
    assert outcome.refusal.reason is reason


def batch(body: Any, instrument: Instrument, ids: str = "abc") -> list[Outcome]:
    """The outcomes of placing one order for each letter."""
    return outcomes_of(answer(body), ids, instrument)


def test_F10_a_batch_is_judged_order_by_order(instrument: Instrument) -> None:
    """Orders and refusals of one answer stand side by side, in the order of the request."""
    first, second, third = batch([order("a"), refused(-5022), order("c")], instrument)

    assert isinstance(first, Accepted)
    assert isinstance(second, Rejected)
    assert second.refusal.reason is RefusalReason.POST_ONLY_WOULD_TAKE
    assert isinstance(third, Accepted)


def test_F10_a_short_list_leaves_the_others_unknown(instrument: Instrument) -> None:
    """An order that the answer shows is accepted; a refusal without an id belongs to nobody then."""
    assert [type(outcome) for outcome in batch([order("b"), refused(-5022)], instrument)] == [
        Unknown,
        Accepted,
        Unknown,
    ]


def test_F10_a_list_in_another_order_is_read_by_id(instrument: Instrument) -> None:
    """Orders are known by their ids; a refusal in a shuffled list proves nothing."""
    outcomes = batch([order("b"), refused(-5022), order("a")], instrument)

    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted, Unknown]
    assert [outcome.client_id for outcome in outcomes] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (refused(-2015), 401, Rejected),
        (refused(-1007), 503, Unknown),
        (b"<html>", 502, Unknown),
        (b"", 200, Unknown),
        ([order("a"), {"strange": 1}, refused(-1007)], 200, None),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (refused(-1121), 400, Rejected),
                (order("a"), 200, Unknown),
            )
        ),
    ],
)
def test_F10_a_whole_batch_fails_only_with_proof(
    instrument: Instrument, body: Any, status: int, kind: type[Outcome] | None
) -> None:
    """A refusal of the whole request refuses each order; anything else leaves each unknown that is not shown."""
    outcomes = outcomes_of(answer(body, status), "abc", instrument)
    expected = [Accepted, Unknown, Unknown] if kind is None else [kind] * 3

    assert [type(outcome) for outcome in outcomes] == expected


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("CANCELED", Accepted),
        ("NEW", Unknown),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("FILLED", Accepted),
                ("HUH", Unknown),
            )
        ),
    ],
)
def test_F08_a_cancel_is_accepted_once_the_order_is_final(
    instrument: Instrument, status: str, kind: type[Outcome]
) -> None:
    """An order that the answer still shows open may still fill."""
    (outcome,) = outcomes_of(answer(order(status=status)), "a", instrument, cancelled)

    assert isinstance(outcome, kind)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NotSentError("refused"), RefusalReason.BUSY),
        (RateLimitedError("spent", retry_after_s=3), RefusalReason.RATE_LIMIT),
        (AuthenticationError("no key"), RefusalReason.AUTHENTICATION),
    ],
)
def test_what_was_never_sent_is_rejected(error: Any, reason: RefusalReason) -> None:
    """No byte left, so nothing can become of the order."""
    outcome = OutcomeReader("Binance", placed).unsent_or_lost(error, "a")

    assert isinstance(outcome, Rejected)
    assert outcome.refusal.reason is reason


@pytest.mark.parametrize("kind", [LostAnswerError, LateAnswerError])
def test_F05_a_lost_answer_is_unknown(kind: type[LostAnswerError]) -> None:
    """The time of signing is where the fence starts."""
    outcome = OutcomeReader("Binance", placed).unsent_or_lost(kind("gone", signed_at=4.5), "a")

    assert isinstance(outcome, Unknown)
    assert outcome.signed_at == 4.5


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, refused(-1121), RefusedError),
        (401, refused(-2015), AuthenticationError),
        (403, b"<html>", ConnectivityError),
        (451, b"", ConnectivityError),
        (400, refused(-1022), AuthenticationError),
        (429, refused(-1003), RateLimitedError),
        (418, b"", RateLimitedError),
        (500, b"", ConnectivityError),
        (503, refused(-1008), ConnectivityError),
        *((400, refused(code), ConnectivityError) for code in (-1000, -1001, -1006, -1007, -1010, -1016)),
        (408, b"", ConnectivityError),
        (302, b"", ConnectivityError),
    ],
)
def test_reads_end_in_connectivity_or_refusal(status: int, body: Any, kind: type[Exception]) -> None:
    """What helps to wait for is told apart from what does not."""
    assert type(error_of(answer(body, status), "Binance")) is kind


def test_foreign_text_is_bounded_and_on_one_line() -> None:
    """A page of a proxy does not flood a log."""
    error = error_of(answer(b"<html>\n\x1b" + b"x" * 5000, 502), "Binance")

    assert len(str(error)) < 400
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Way too many requests; IP banned until 1767225660000. Please use the websocket.", 60.0),
        ("banned until 1767225500000", 0.0),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("banned until 1", None),
                ("", None),
            )
        ),
    ],
)
def test_F13_a_ban_says_until_when(text: str, seconds: float | None) -> None:
    """The venue's words name the end in its own time."""
    assert ban_of(text, 1767225600000) == seconds
