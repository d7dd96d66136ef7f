"""The steps of an end."""

from __future__ import annotations

import pytest

from perpmaker.runtime.run_end import _contained

pytestmark = pytest.mark.anyio


async def test_a_step_of_the_end_that_fails_itself_is_told_and_keeps_no_other_one_back() -> None:
    """The next step runs, and what failed is in the words of the end."""

    async def broken() -> str | None:
        raise KeyError("no such order")

    async def works() -> str | None:
        return None

    assert await _contained(broken) == "a step of the end failed itself (KeyError: 'no such order')"
    assert await _contained(works) is None
