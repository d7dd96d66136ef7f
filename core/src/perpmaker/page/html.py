"""HTML out of texts that nobody has to trust: whatever is not made by `tag` itself is escaped."""

from __future__ import annotations

import re
from html import escape
from typing import Final

_VOID: Final = frozenset({"meta", "br", "link", "input"})
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Controls, and characters that change the order of those around them: a name could look like another one."""


class Html(str):
    """A text that is HTML already."""

    __slots__ = ()


def text(words: str) -> Html:
    """Return a text as HTML shows it, as it is; what cannot be seen becomes a replacement character."""
    return words if isinstance(words, Html) else Html(escape(_UNSEEN.sub("\ufffd", words), quote=True))


def tag(name: str, /, *content: str | None, **attributes: str | int | bool | None) -> Html:
    """Return an element. What is None is left out; an attribute that is True has no value.

    Attributes are named as Python allows: `class_` is `class`, `aria_label` is `aria-label`.
    """
    words = [name]

    for key, value in attributes.items():
        if value is None or value is False:
            continue

        attribute = key.rstrip("_").replace("_", "-")
        words.append(attribute if value is True else f'{attribute}="{text(str(value))}"')

    opened = f"<{' '.join(words)}>"

    if name in _VOID:
        return Html(opened)

    return Html(f"{opened}{joined(*content)}</{name}>")


def joined(*content: str | None) -> Html:
    """Return texts and elements, one after the other."""
    return Html("".join(text(one) for one in content if one is not None))


def raw(name: str, content: str, /, **attributes: str | bool) -> Html:
    """Return a script or a style whose content is our own, as it is. ValueError where the content would end it."""
    if f"</{name}" in content.lower() or "<!--" in content:
        raise ValueError(f"the content would end its {name}")

    head = tag(name, **attributes).removesuffix(f"</{name}>")

    return Html(f"{head}{content}</{name}>")
