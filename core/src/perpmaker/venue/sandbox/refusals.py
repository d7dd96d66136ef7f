"""How a sandbox refuses: the exception that ends a request, whose body the dialect writes."""

from __future__ import annotations

from collections.abc import Mapping


class RefusalError(Exception):
    """The venue refuses a request.

    Args:
        code: the venue's own.
        text: the venue's.
        status: the HTTP status of the answer.
        headers: further headers of the answer.
    """

    def __init__(self, code: int, text: str, *, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.status = status
        self.headers = headers or {}
