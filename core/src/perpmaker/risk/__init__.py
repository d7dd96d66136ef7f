"""Pure review of quotes before they may be sent."""
