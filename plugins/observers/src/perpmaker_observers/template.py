"""Bodies of webhooks: a text in which {name} stands for what happened by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_NAME: Final = re.compile(r"\{([a-z_]+)\}")
_JSON: Final = re.compile(r"\s*(\[|\{(?![a-z_]+\}))")

_WORDS: Final = """
at kind text bot environment venue market account run_id version process purpose side position_side price amount fee
fee_asset realized_pnl maker forced trade_id client_id channels command reason code venue_text level result asset
position fees funding unrealized_pnl stop_reason unproven halted error volume fills merged
"""
NAMES: Final = frozenset(_WORDS.split())
"""Everything that a template may name. What one kind of happening does not have is left empty there."""


def unknown_names(template: str) -> list[str]:
    """Return the names in a template that nothing is called by."""
    return [name for name in _NAME.findall(template) if name not in NAMES]


def is_json(template: str) -> bool:
    """Return whether a template is one of JSON, in which what is filled in has to be escaped."""
    return _JSON.match(template) is not None


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return a template with its names filled in, each by a text without control characters of its own."""
    escape = is_json(template)

    def filled(found: re.Match[str]) -> str:
        value = values.get(found[1])
        text = "" if value is None else value if isinstance(value, str) else json.dumps(value)

        return json.dumps(text)[1:-1] if escape else text

    return _NAME.sub(filled, template)
