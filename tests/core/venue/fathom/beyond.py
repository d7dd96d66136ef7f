"""Where the author of a connector finds what is behind neither door; `test_names` has the list of what that is."""

from perpmaker.connector import interface, payload
from perpmaker.model import account, client_id, event, order, position
from perpmaker.wire import exchange

__all__ = ["account", "client_id", "event", "exchange", "interface", "order", "payload", "position"]
