"""The page of running bots: a frame that its script fills with what `perpmaker web` tells it."""

from __future__ import annotations

from typing import Final

import attrs

from perpmaker.page.assets import ICON, asset, digest, style, uplot_script
from perpmaker.page.html import raw, tag

TITLE: Final = "perpmaker: running bots"


@attrs.frozen
class LivePage:
    """The page and the policy that goes with it."""

    content: bytes
    policy: str


def live_page() -> LivePage:
    """Return the page, the same for everybody."""
    scripts = [uplot_script(), asset("static", "charts.js"), asset("static", "live.js")]
    look = f"{style()}\n{asset('static', 'live.css').strip()}"
    policy = (
        f"default-src 'none'; script-src {' '.join(map(digest, scripts))}; style-src {digest(look)}; "
        "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", TITLE),
        tag("link", rel="icon", href=ICON),
        raw("style", look),
    )
    body = tag(
        "body",
        tag("a", "To the bots", href="#bots", class_="skip"),
        tag(
            "header",
            tag("h1", "Running bots"),
            tag("p", "Connecting ...", id="state", class_="soft", role="status"),
            class_="top",
        ),
        tag("main", tag("div", id="bots", class_="bots"), id="main"),
        tag("div", id="said", class_="unseen", aria_live="polite"),
        tag(
            "footer",
            tag("p", "Read only. Times are UTC. What it says of a bot is what perpmaker status says."),
            tag("details", tag("summary", "Licence of the charts (uPlot)"), tag("pre", asset("uplot", "LICENSE"))),
        ),
        tag("noscript", "This page needs JavaScript, which it brings along: perpmaker status --watch does without."),
        *(raw("script", script) for script in scripts),
    )

    return LivePage(f"<!doctype html>\n{tag('html', head, body, lang='en')}\n".encode(), policy)
