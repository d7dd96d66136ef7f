"""HTML that nobody can break out of."""

from __future__ import annotations

import pytest

from perpmaker.page.html import Html, joined, raw, tag, text


def test_texts_and_attributes_are_escaped_and_elements_are_not() -> None:
    """A name with tags, quotes and entities is shown as it is."""
    assert tag("p", "<b>&amp;</b>", title='"x" onload=1') == (
        '<p title="&quot;x&quot; onload=1">&lt;b&gt;&amp;amp;&lt;/b&gt;</p>'
    )
    assert tag("p", tag("b", "x"), None) == "<p><b>x</b></p>"
    assert joined("<", Html("<br>")) == "&lt;<br>"
    assert tag("meta", name="a", content=None, hidden=True, open=False) == '<meta name="a" hidden>'


def test_what_cannot_be_seen_is_replaced() -> None:
    """A right-to-left mark or a control could make one name look like another."""
    assert text("a\u202eb\x00c\u200bd\ufeff") == "a\ufffdb\ufffdc\ufffdd\ufffd"
    assert text("a\tb\nc é 市") == "a\tb\nc é 市"


@pytest.mark.parametrize("content", ["</script>", "</ScRiPt >", "<!--"])
def test_a_script_cannot_end_early(content: str) -> None:
    """What would end it is no script of ours."""
    with pytest.raises(ValueError, match="would end"):
        raw("script", content)
