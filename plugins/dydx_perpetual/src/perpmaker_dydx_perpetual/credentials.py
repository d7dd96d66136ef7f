"""Who trades: the owner's address, the key that signs for it, and the proof that the chain knows both."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence

import attrs

from perpmaker import AuthenticationError, ConfigurationError, PayloadError, Problem
from perpmaker.venue import ConnectorContext, Environment, KeyRights, RestClient

from . import proto, rest
from .addresses import is_address
from .settings import NAME, Settings
from .signing import ChainKey, read_key
from .transactions import URLS, BatchCancel, CancelOrder, PlaceOrder, UpdateLeverage
from .transactions import Any as AnyMessage

_TRADES = frozenset({URLS[PlaceOrder], URLS[CancelOrder], URLS[BatchCancel]})
_TRANSFERS = frozenset({"/dydxprotocol.sending.MsgCreateTransfer"})
_SETTINGS = frozenset({URLS[UpdateLeverage]})


@attrs.define(kw_only=True)
class Identity:
    """The account that is traded and the key that signs for it; its secret never shows itself.

    `account_number` and `authenticator` are the chain's; they are there once `prove` has been asked.
    """

    owner: str
    subaccount: int
    chain_id: str
    key: ChainKey = attrs.field(repr=False)
    authenticator: int | None = None
    account_number: int = 0
    rights: KeyRights | None = None
    sets_leverage: bool = True
    _is_proven: bool = attrs.field(default=False, init=False)

    @property
    def is_owner(self) -> bool:
        """Whether the key is the owner's own, which may do everything."""
        return self.key.address == self.owner

    @property
    def account(self) -> str:
        """A name of the account; addresses are public."""
        return f"{self.owner}-{self.subaccount}"

    async def prove(self, node: RestClient) -> None:
        """See once that chain, account and key are what they are taken for.

        Raises:
            AuthenticationError: one of them is not; the text says which.
        """
        if self._is_proven:
            return

        network = (await node.read(rest.STATUS)).node_info.network

        if network and network != self.chain_id:
            raise AuthenticationError(f"the node is of the chain {network}, and orders are for {self.chain_id}")

        self.account_number = await _account_number(node, self.owner)

        if not self.is_owner:
            await self._find_authenticator(node)

        self._is_proven = True

    async def _find_authenticator(self, node: RestClient) -> None:
        """Find under which number the chain knows the key, and what it may do with it."""
        asked = _AuthenticatorsRequest(account=self.owner)
        path = "/dydxprotocol.accountplus.Query/GetAuthenticators"
        found = await rest.query_chain(node, path, asked, _AuthenticatorsAnswer)
        listed = () if found is None else found.authenticators
        known = {one.number: one for one in listed if self.key.public_key in _keys(one)}
        number = self.authenticator or min(known, default=0)

        if number not in known:
            raise AuthenticationError(
                f"the key of api_secret (its address is {self.key.address}) is no API trading key of {self.owner}: "
                "create one on the venue's site for that account, or correct address"
            )

        allowed, subaccounts = _listed(known[number], "MessageFilter"), _listed(known[number], "SubaccountFilter")

        if subaccounts is not None and str(self.subaccount) not in subaccounts:
            raise AuthenticationError(
                f"the key of api_secret may not trade subaccount {self.subaccount} of {self.owner}, but only "
                f"{', '.join(sorted(subaccounts))}: set subaccount, or create another API trading key"
            )

        self.authenticator, self.rights = number, _rights(allowed)
        self.sets_leverage = allowed is None or allowed >= _SETTINGS


def open_identity(settings: Settings, context: ConnectorContext, chain_id: str) -> Identity | None:
    """Return whom the sandbox or the settings name; None on paper and for a recording: nothing is ever signed.

    Raises:
        ConfigurationError: something in the table is wrong; every fault is named, and no secret is shown.
    """
    if context.tape is not None:
        return None

    if context.sandbox is not None:
        key, owner = read_key(context.sandbox.api_secret), context.sandbox.api_key

        return Identity(owner=owner, subaccount=settings.subaccount, chain_id=chain_id, key=key)

    if faults := [_fault(key, allowed) for key, allowed in settings.faults()]:
        raise ConfigurationError(tuple(faults))

    if context.environment is Environment.PAPER:
        return None

    try:
        key = read_key(context.signers.reveal(settings.api_secret or ""))
    except ValueError as error:
        raise ConfigurationError((_fault("api_secret", str(error)),)) from None

    identity = Identity(
        owner=settings.address or key.address,
        subaccount=settings.subaccount,
        chain_id=chain_id,
        key=key,
        authenticator=settings.authenticator or None,
    )

    if not is_address(identity.owner):
        raise ConfigurationError((_fault("address", 'must be an address of the chain, "dydx1..."; look for a slip'),))

    if identity.is_owner and not settings.allow_owner_key:
        allowed = (
            "is the owner's own key, which can take everything from the account: create an API trading key on the "
            "venue's site and use that one; allow_owner_key = true uses the owner's all the same"
        )
        raise ConfigurationError((_fault("api_secret", allowed),))

    return identity


def _fault(key: str, allowed: str) -> Problem:
    return Problem(file="the configuration", key=f"{NAME}.{key}", allowed=allowed)


# --- the chain's word -------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _AccountRequest:
    address: str = proto.text(1)


@attrs.frozen(kw_only=True)
class _BaseAccount:
    address: str = proto.text(1)
    public_key: bytes = proto.data(2)
    number: int = proto.uint(3)
    sequence: int = proto.uint(4)


@attrs.frozen(kw_only=True)
class _AccountAnswer:
    account: AnyMessage = proto.one(1, AnyMessage)  # noqa: RUF009  # a declaration, made once


@attrs.frozen(kw_only=True)
class _AuthenticatorsRequest:
    account: str = proto.text(1)


@attrs.frozen(kw_only=True)
class _Authenticator:
    number: int = proto.uint(1)
    kind: str = proto.text(2)
    config: bytes = proto.data(3)


@attrs.frozen(kw_only=True)
class _AuthenticatorsAnswer:
    authenticators: tuple[_Authenticator, ...] = proto.many(1, _Authenticator)


async def _account_number(node: RestClient, owner: str) -> int:
    asked = _AccountRequest(address=owner)
    found = await rest.query_chain(node, "/cosmos.auth.v1beta1.Query/Account", asked, _AccountAnswer)
    account = None if found is None else proto.decode(_BaseAccount, found.account.value)

    if account is None or account.address != owner:
        raise AuthenticationError(f"the chain does not know the account {owner}: it has never been funded")

    return account.number


def _parts(one: _Authenticator) -> Iterator[tuple[str, bytes]]:
    """Yield kinds and configurations of an authenticator, also of those that it is made of."""
    yield one.kind, one.config

    if one.kind not in {"AllOf", "AnyOf"}:
        return

    try:
        inner = json.loads(one.config)
        parts = [_Authenticator(kind=part["type"], config=base64.b64decode(part["config"])) for part in inner]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise PayloadError(f"the authenticator {one.number} cannot be read") from None

    for part in parts:
        yield from _parts(part)


def _keys(one: _Authenticator) -> Sequence[bytes]:
    return [config for kind, config in _parts(one) if kind == "SignatureVerification"]


def _listed(one: _Authenticator, filter_: str) -> set[str] | None:
    """Return what the filters of a kind let pass; None where there are none, so that all does."""
    filters = [config.decode("ascii", "replace") for kind, config in _parts(one) if kind == filter_]

    return set(re.split(r"[,;]", ",".join(filters))) if filters else None


def _rights(allowed: set[str] | None) -> KeyRights:
    return KeyRights(
        can_read=True,
        can_trade=allowed is None or allowed >= _TRADES,
        can_withdraw=allowed is None or bool(allowed - _TRADES - _TRANSFERS - _SETTINGS),
        can_transfer=allowed is None or bool(allowed & _TRANSFERS),
        ip_restricted=False,
    )
