"""Settings of a connector whose venue knows its users by API keys: where it is, the key, and how exact times are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, ClassVar

import attrs

from perpmaker.connector.interface import Environment, SandboxAccess
from perpmaker.model.setting import Range
from perpmaker.venue.address import HTTP_SCHEMES, WEBSOCKET_SCHEMES, is_allowed_base, stream_base
from perpmaker.venue.keys import key_fault


@attrs.frozen(kw_only=True)
class Address:
    """Where a venue is reached: base URLs without a path. `others` are further hosts of the venue, lower case."""

    rest: str
    stream: str
    others: Collection[str] = ()

    @property
    def hosts(self) -> Collection[str]:
        """Every host of the venue in this environment."""
        return {base.partition("://")[2] for base in (self.rest, self.stream)}.union(self.others)


_NOWHERE = Address(rest="", stream="")


@attrs.frozen(kw_only=True)
class ApiKeySettings:
    """How to reach a venue and prove who we are. A connector's class adds its own keys, and says `venue`, `addresses`.

    `api_key` and `api_secret` are references (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`), needed for testnet and
    live. `clock_uncertainty_s` is the least that our idea of the venue's clock is taken to be wrong by, `read_lag_s`
    how old an answer of the venue may be; both are part of the fence after which an order that the venue does not know
    can never arrive. `deadline_s` is for each whole call. `rest_url` and `stream_url` replace the addresses of testnet,
    live or paper by another one of the same environment, or by one on this machine.
    """

    venue: ClassVar[str]
    """The venue's name, as people read it and as variables of the environment begin in examples."""

    addresses: ClassVar[Mapping[Environment, Address]]
    """Those of testnet and live."""

    environment: Environment = Environment.SANDBOX
    api_key: str | None = attrs.field(default=None, repr=False)
    api_secret: str | None = attrs.field(default=None, repr=False)
    clock_uncertainty_s: Annotated[float, Range(at_least=0, at_most=10)] = 0.25
    read_lag_s: Annotated[float, Range(at_least=0, at_most=60)] = 0.5
    deadline_s: Annotated[float, Range(above=0, at_most=60)] = 3.0
    rest_url: str | None = None
    stream_url: str | None = None

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield keys that are missing where they are needed, and addresses that no key may be sent to."""
        for key, value in (("api_key", self.api_key), ("api_secret", self.api_secret)):
            fault = key_fault(key, value, self.environment, f"env:{self.venue.upper()}_{key.upper()}")

            if fault is not None:
                yield key, fault

        known = self.addresses.get(_asked(self.environment))
        hosts = () if known is None else known.hosts

        for key, url, schemes in (
            ("rest_url", self.rest_url, HTTP_SCHEMES),
            ("stream_url", self.stream_url, WEBSOCKET_SCHEMES),
        ):
            if url is None and known is None and self.environment is not Environment.SANDBOX:
                yield key, f"is needed: {self.venue} has no address of its own for {self.environment.value}"

            # Never one environment's keys to another environment's host.
            if url is not None and not is_allowed_base(url, schemes, hosts):
                yield key, f"must be an address of {self.venue}'s {self.environment.value}, or one on this machine"

    def address(self, environment: Environment, sandbox: SandboxAccess | None) -> Address:
        """Return where a run goes; in the sandbox the streams are under the same host as REST."""
        if sandbox is not None:
            return Address(rest=sandbox.url, stream=stream_base(sandbox.url))

        known = self.addresses.get(_asked(environment), _NOWHERE)
        rest, stream = self.rest_url or known.rest, self.stream_url or known.stream

        return Address(rest=rest.rstrip("/"), stream=stream.rstrip("/"))


def _asked(environment: Environment) -> Environment:
    """On paper public data is asked for, which is that of live."""
    return Environment.LIVE if environment is Environment.PAPER else environment
