"""The contracts between the core and a venue: what a connector offers, what it is given, how payloads decode."""
