"""Requests of a venue that does not exist: signed by its clock, within its limits, sent once, and never guessed at."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import (
    AuthenticationError,
    ConnectivityError,
    DeadlineError,
    PayloadError,
    RateLimitedError,
    RefusedError,
)
from perpmaker.venue import LateAnswerError, LostAnswerError, NotSentError, RequestBudget, RestClient, side_by_side

from .ore import CREDENTIALS, KEY, LIMITS, PLACE, RULES, SERVER_MS, WALLET, OreHttp, Venue, client_of, said

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Limits are of minutes."""
    return virtual_time


@pytest.fixture
async def venue() -> Venue:
    """A venue that says yes to everything."""
    return Venue(LoopClock())


# --- what is sent


async def test_a_request_is_signed_by_the_venue_s_clock(venue: Venue) -> None:
    """It is measured before the first signed request, and not again while it is near."""
    client = client_of(venue)
    await client.read(WALLET, {"a": 1})
    await client.read(WALLET)

    assert [one.target for one in venue.asked] == [b"/time"] + [b"/wallet"] * 2
    headers = dict(venue.asked[1].headers)
    assert headers[b"Ore-Time"] == b"%d" % SERVER_MS
    assert headers[b"Ore-Sign"].decode() == CREDENTIALS.signer.sign(b'%d{"a": 1}' % SERVER_MS).hex()


async def test_the_quickest_measurement_counts(venue: Venue) -> None:
    """An answer that was long on its way tells least."""
    clock, times = venue.clock, [(0.4, 1_000), (0.1, 2_000), (0.3, 3_000)]
    client = client_of(venue)

    async def slow(request: Any) -> Any:
        wait_s, ms = times.pop(0)
        await anyio.sleep(wait_s)
        del request

        return said({"ms": ms})

    client._exchange = slow
    started = clock.now()
    await client.measure_clock()

    assert client.server_clock.ms(started + 0.45) == 2_000
    assert client.server_clock.uncertainty_s == pytest.approx(0.05)


async def test_a_public_request_shows_nothing_and_a_keyed_one_the_key(venue: Venue) -> None:
    """Neither needs the venue's time."""
    client = client_of(venue)
    await client.read(RULES)
    await client.read(KEY)

    assert [dict(one.headers) for one in venue.asked] == [{}, {b"Ore-Key": b"KEY"}]


async def test_without_a_key_what_needs_one_is_not_sent(venue: Venue) -> None:
    """The dialect says which settings are missing."""
    client = client_of(venue, None)
    await client.read(RULES)

    with pytest.raises(AuthenticationError, match="ore_key"):
        await client.read(KEY)

    assert venue.paths() == ["/rules"]


# --- the clock


async def test_a_refused_time_is_measured_anew_and_the_question_asked_once_more(venue: Venue) -> None:
    """Once: a venue that refuses it again is not asked for ever."""
    venue.answers["/wallet"] = {"code": 1, "text": "late"}
    client = client_of(venue)

    with pytest.raises(RefusedError, match="late"):
        await client.read(WALLET)

    assert venue.paths() == ["/wallet"] * 2
    assert len(venue.asked) == 1 + 1 + 1 + 1


async def test_what_is_sent_once_is_sent_once_and_the_clock_is_measured_before_the_next(venue: Venue) -> None:
    """An order of a moment ago may be wrong by now."""
    venue.answers["/orders"] = {"code": 1, "text": "late"}
    client = client_of(venue)
    answer = await client.send(PLACE, {})

    assert answer.refusal is not None
    assert venue.paths() == ["/orders"]
    assert not client.server_clock.known


async def test_without_the_venue_s_time_nothing_signed_is_sent(venue: Venue) -> None:
    """Whatever the reason."""
    for answer in ({"strange": 1}, said(b"<html>", 502), httpx.ReadTimeout("silent")):
        venue.answers["/time"] = answer

        with pytest.raises(NotSentError, match="Ore Exchange's clock cannot be read"):
            await client_of(venue).send(PLACE, {})

    assert venue.paths() == []


async def test_one_client_may_measure_for_another(venue: Venue) -> None:
    """A second origin of the venue has the same clock."""
    first = client_of(venue)
    await first.measure_clock()
    second = client_of(venue, server_clock=first.server_clock)

    assert await second.now_ms() == SERVER_MS
    assert len(venue.asked) == 1


# --- no answer


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (httpx.ConnectError("nobody"), NotSentError),
        (httpx.PoolTimeout("full"), NotSentError),
        (httpx.ReadTimeout("silent"), LateAnswerError),
        (httpx.RemoteProtocolError("not HTTP"), LostAnswerError),
    ],
)
async def test_what_may_have_left_is_told_from_what_has_not(
    venue: Venue, raised: Exception, kind: type[Exception]
) -> None:
    """An error of the second kind knows when it was signed, and no cause of it shows the request."""
    client = client_of(venue)
    await client.measure_clock()
    await anyio.sleep(5)
    venue.answers["/orders"] = raised
    now = venue.clock.now()

    with pytest.raises(kind) as caught:
        await client.send(PLACE, {})

    assert type(caught.value) is kind
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert getattr(caught.value, "signed_at", now) == now
    assert isinstance(caught.value, DeadlineError) is (kind is LateAnswerError)


# --- limits


async def test_quotes_leave_the_reserve_to_what_is_urgent_and_do_not_wait(venue: Venue) -> None:
    """Four fifths of ten; then a quote would be stale before its turn."""
    client = client_of(venue)

    for _ in range(8):
        await client.send(PLACE, {})

    with pytest.raises(RateLimitedError, match="Ore Exchange's request budget"):
        await client.send(PLACE, {})

    assert (await client.send(PLACE, {}, urgent=True)).ok
    assert (await client.send(WALLET, {})).ok
    assert venue.paths() == ["/orders"] * 9 + ["/wallet"]


async def test_what_the_venue_counts_is_taken_over(venue: Venue) -> None:
    """Others share the address."""
    venue.answers["/rules"] = said({}, ore_used="80")
    client = client_of(venue)
    await client.read(RULES)

    with pytest.raises(RateLimitedError):
        await client.read(RULES)

    assert (await client.send(RULES, {}, urgent=True)).ok


async def test_the_venue_s_silence_is_kept_for_what_it_is_meant_for(venue: Venue) -> None:
    """Orders here; the answer says for how long, and urgent ones go on."""
    client = client_of(venue)
    await client.measure_clock()
    venue.answers["/orders"] = [
        said({"code": 2, "text": "enough"}, 429, ore_until=str(SERVER_MS + 9_000), ore_kind="orders"),
        {},
    ]
    refusal = (await client.send(PLACE, {})).refusal
    assert refusal is not None
    assert refusal.retry_after_s == pytest.approx(9.0)

    with pytest.raises(RateLimitedError):
        await client.send(PLACE, {})

    assert (await client.send(PLACE, {}, urgent=True)).ok
    assert (await client.send(RULES, {})).ok
    await anyio.sleep(9.1)
    assert (await client.send(PLACE, {})).ok


class Terse:
    """The venue's protocol without what it says of limits."""

    venue, clock = OreHttp.venue, OreHttp.clock

    def __init__(self) -> None:
        whole = OreHttp()
        self.encode, self.read_failure = whole.encode, whole.read_failure


async def test_a_protocol_need_not_say_what_a_429_means(venue: Venue) -> None:
    """Its `Retry-After` does, for everything; what is counted is then what was sent from here."""
    budget = RequestBudget("Ore", LIMITS, venue.clock)
    client = RestClient(venue, Terse(), venue.clock, budget=budget, place="ore.test:443", patience_s=1.0)
    await client.measure_clock()
    venue.answers["/orders"] = [said({"code": 2, "text": "enough"}, 429, retry_after="7", ore_used="99"), {}]
    answer = await client.send(PLACE, {})
    assert answer.retry_after_s == 7.0

    with pytest.raises(RateLimitedError):
        await client.send(RULES, {})

    await anyio.sleep(7.1)
    assert (await client.send(RULES, {})).ok


async def test_a_ban_stops_all_of_it(venue: Venue) -> None:
    """A read ends with when to come back."""
    client = client_of(venue)
    await client.measure_clock()
    venue.answers["/rules"] = [said({"code": 2}, 403, ore_until=str(SERVER_MS + 60_000)), {}]

    with pytest.raises(RateLimitedError) as caught:
        await client.read(RULES)

    assert caught.value.retry_after_s == pytest.approx(60.0)

    with pytest.raises(RateLimitedError, match="shut this address out"):
        await client.send(PLACE, {}, urgent=True)

    await anyio.sleep(60.1)
    await client.read(RULES)


# --- answers


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (said({"code": 5, "text": "poor"}), RefusedError, r"poor \(code 5\)"),
        (said({"code": 3, "text": "who?"}), AuthenticationError, r"who\? \(is it on\?\)"),
        (said({"code": 2, "text": "enough"}), RateLimitedError, "enough"),
        (said({"code": 6, "text": "busy"}), ConnectivityError, "Ore Exchange is not available: busy"),
        (said(b"<html>\nno", 403), ConnectivityError, "something between here and Ore Exchange .*403: <html> no"),
        (said(b"<html>"), ConnectivityError, "did not answer in JSON"),
        (said({"ms": "noon"}), PayloadError, "ms"),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (said({"code": 9, "text": "hm"}), ConnectivityError, "not available"),
                (said({"code": 5, "text": "poor"}, 503), ConnectivityError, "not available"),
                (said({}, 302), ConnectivityError, "something between"),
                (said(b'{"code":'), ConnectivityError, "did not answer in JSON"),
            )
        ),
    ],
)
async def test_a_question_ends_with_what_the_answer_means(
    venue: Venue, answer: Any, kind: type[Exception], words: str
) -> None:
    """Only the venue's own no is a refusal; a page of something in between is connectivity."""
    venue.answers["/rules"] = answer

    with pytest.raises(kind, match=words) as caught:
        await client_of(venue).read(RULES)

    assert type(caught.value) is kind


async def test_what_the_venue_does_not_know_is_none(venue: Venue) -> None:
    """Where it may not exist; every other no is an error."""
    client = client_of(venue)
    venue.answers["/wallet"] = [{"code": 4}, {"code": 5, "text": "poor"}, {"text": "here"}]

    assert await client.find(WALLET) is None

    with pytest.raises(RefusedError, match="poor"):
        await client.find(WALLET)

    found = await client.find(WALLET)
    assert found is not None
    assert found.text == "here"


async def test_questions_side_by_side_take_as_long_as_the_longest(venue: Venue) -> None:
    """And the first failure is raised as it was, the others given up."""

    async def later(seconds: float) -> float:
        await anyio.sleep(seconds)

        return seconds

    async def fail() -> float:
        await anyio.sleep(1)
        raise RefusedError("no")

    started = venue.clock.now()
    assert await side_by_side(lambda: later(3), lambda: later(1), lambda: later(2)) == (3, 1, 2)
    assert venue.clock.now() - started == pytest.approx(3)

    with pytest.raises(RefusedError, match="no"):
        await side_by_side(lambda: later(9), fail, lambda: later(9))

    assert venue.clock.now() - started == pytest.approx(4)
