"""How the chain refuses: a code of a code space with a text. An answer of the node with it is an answer like others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final

from perpmaker.venue.sandbox import CountWindow, ParameterRefusals, RefusalError

INTERNAL: Final = -32603
UNKNOWN_METHOD: Final = -32601
PARAMETERS: Final = -32602


class ChainError(Exception):
    """A transaction that the chain does not take."""

    def __init__(self, space: str, code: int, text: str) -> None:
        super().__init__(f"{space} {code}: {text}")
        self.space, self.code, self.text = space, code, text


clob: Callable[[int, str], ChainError] = partial(ChainError, "clob")
sdk: Callable[[int, str], ChainError] = partial(ChainError, "sdk")


class IndexerError(RefusalError):
    """The Indexer's refusal; `where` is what it says besides."""

    def __init__(self, text: str, status: HTTPStatus, **where: str) -> None:
        super().__init__(0, text, status=status)
        self.where = where


def node_error(text: str, code: int = INTERNAL) -> RefusalError:
    """Return the node's refusal of a request."""
    return RefusalError(code, text, status=HTTPStatus.INTERNAL_SERVER_ERROR)


def not_found(what: str) -> RefusalError:
    """Return the Indexer's refusal of what it does not have."""
    return IndexerError(what, HTTPStatus.NOT_FOUND)


def _unfit(name: str, *_: object) -> RefusalError:
    return IndexerError(f"{name} must be valid", HTTPStatus.BAD_REQUEST, param=name, location="query")


PARAMETER_REFUSALS: Final = ParameterRefusals(
    missing=_unfit, empty=_unfit, malformed=_unfit, unfit=_unfit, unread=lambda *_: _unfit("query")
)


class CountRefusals:
    """The refusals of requests that are too many."""

    def too_many(self, name: str, window: CountWindow, left_ms: int) -> RefusalError:
        """Refuse with 429; the time to wait is in milliseconds."""
        del window
        error = IndexerError(f"Too many requests to the {name}", HTTPStatus.TOO_MANY_REQUESTS)
        error.headers = {"Retry-After": str(left_ms)}

        return error

    def banned(self, until_ms: int, left_ms: int) -> RefusalError:
        """Nobody is banned."""
        raise AssertionError(until_ms, left_ms)
