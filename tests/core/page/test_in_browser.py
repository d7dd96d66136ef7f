"""Pages in a Chromium without a window: nothing is asked for, nothing complains, nothing is cut, keys work."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from tests.browser import Page, browser, opened
from tests.core.page.results import backtested, long_result
from tests.core.page.test_report_page import HOSTILE, saying

from perpmaker.page.report_page import report_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser() is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
]

PLOTTED = "document.querySelectorAll('canvas').length"
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
INKED = """[...document.querySelectorAll('canvas')].map(canvas => new Set(
  new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size)"""


def shown(page: Page, address: str, width: int, *, dark: bool) -> None:
    """Show it, and hold it against what holds at every width in light and dark."""
    page.open(address, width=width, dark=dark)
    assert page.requests == [address]
    assert page.complaints == []
    assert page.run(WIDE) <= 0, width
    assert page.run(PLOTTED) == 5
    assert all(colors > 3 for colors in page.run(INKED)), "each chart has lines on it"


@pytest.mark.full
def test_the_report_in_a_browser(tmp_path: Path) -> None:
    """At 390 to 1,920 pixels, light and dark; arrow keys move the cursor of all charts, a button takes a line away."""
    file, evil = tmp_path / "report.html", tmp_path / "evil.html"
    result = long_result(120)
    file.write_text(report_page(result), encoding="utf-8")
    hostile = saying(backtested(result), HOSTILE)
    fills = tuple(attrs.evolve(fill, what=HOSTILE) for fill in hostile.fills)
    evil.write_text(report_page(attrs.evolve(hostile, fills=fills)), encoding="utf-8")

    with opened() as page:
        for width, dark in ((390, True), (1280, False), (1920, True), (390, False), (1280, True)):
            shown(page, file.as_uri(), width, dark=dark)

        page.run("document.querySelector('#c-price .plot').focus()")
        page.press("Home")
        said = page.run("document.querySelector('#c-price .said').textContent")
        assert said.startswith("2026-01-01 12:00:00 UTC")
        page.press("ArrowRight")
        assert page.run("document.querySelector('#c-price .said').textContent") != said
        page.press("+")
        assert page.run("[...document.querySelectorAll('.legend > button:last-child')].every(one => !one.hidden)")
        page.press("0")
        assert page.run("document.querySelector('#c-result .legend > button:last-child').hidden")
        page.run("document.querySelector('#c-result .legend button').click()")
        assert page.run("document.querySelector('#c-result .legend button').getAttribute('aria-pressed')") == "false"
        dark = page.run("getComputedStyle(document.body).backgroundColor")
        shown(page, evil.as_uri(), 390, dark=False)
        assert page.run("document.title") != "owned"
        assert page.run("document.querySelectorAll('script').length") == 4
        assert page.run("getComputedStyle(document.body).backgroundColor") != dark
