"""Several origins that stand for one venue: what certainly did nothing is followed by the next."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import httpx
import pytest

from perpmaker.venue.fallback import Fallback
from perpmaker.wire.exchange import Incoming, Outgoing

REQUEST = Outgoing(method="POST", target=b"/", body=b"x")


class Origin:
    """Answers with a status, or raises, and counts."""

    def __init__(self, *answers: int | Callable[[], Exception]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, request: Outgoing) -> Incoming:
        """Answer the next thing; the last one repeats."""
        assert request is REQUEST
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

        if callable(answer):
            raise answer()

        return Incoming(status=answer, headers={}, body=b"")


def gone() -> Exception:
    """Nothing was sent."""
    return httpx.ConnectError("no way")


def lost() -> Exception:
    """It was sent, or may have been."""
    return httpx.ReadTimeout("no answer")


def ask(fallback: Fallback) -> int:
    """Send the request; the status of the answer."""

    async def send() -> int:
        return (await fallback(REQUEST)).status

    return anyio.run(send)


def test_the_first_origin_serves_while_it_answers() -> None:
    """Whatever it answers, but that it is busy."""
    first, second = Origin(200, 500, 404), Origin(200)
    fallback = Fallback([first, second])

    assert [ask(fallback) for _ in range(3)] == [200, 500, 404]
    assert second.asked == 0


@pytest.mark.parametrize("wrong", [gone, 429])
def test_an_origin_that_did_nothing_is_followed_by_the_next_which_stays(wrong: int | Callable[[], Exception]) -> None:
    """It cannot be reached, or takes no more: nobody else has to wait for it again."""
    first, second = Origin(wrong), Origin(200)
    fallback = Fallback([first, second])

    assert [ask(fallback) for _ in range(3)] == [200, 200, 200]
    assert (first.asked, second.asked) == (1, 3)


def test_what_may_have_been_obeyed_is_not_sent_again() -> None:
    """The error is told; the next request goes elsewhere."""
    first, second = Origin(lost), Origin(200)
    fallback = Fallback([first, second])

    with pytest.raises(httpx.ReadTimeout):
        ask(fallback)

    assert (first.asked, second.asked) == (1, 0)
    assert ask(fallback) == 200
    assert first.asked == 1


def test_each_origin_is_tried_once_at_most() -> None:
    """The last one's word counts, an error as well as a refusal."""
    origins = [Origin(gone), Origin(429), Origin(gone)]

    with pytest.raises(httpx.ConnectError):
        ask(Fallback(origins))

    assert [origin.asked for origin in origins] == [1, 1, 1]
    assert ask(Fallback([Origin(gone), Origin(429)])) == 429
