"""Who is behind an address: a user where a REGISTER, a Contact or the only Via tells it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ringway.errors import ParseError
from ringway.explain.observed.flows import Flows, History
from ringway.explain.observed.line import Place
from ringway.explain.observed.model import Hop, Sight, status_of
from ringway.explain.observed.registrations import Registration
from ringway.explain.observed.tree import Leg
from ringway.message import NameAddr, Request, Uri
from ringway.message.memory import remember
from ringway.transport.flow import Address

_CONTACTS: Final = 32

# Calls repeat who takes part in them.
_plain: Final[dict[str, str]] = {}


class Places:
    """The places of one conversation.

    Args:
        roots: the trees of its requests.
        flows: what is known of the flows.
    """

    def __init__(self, roots: list[Leg], flows: Flows) -> None:
        self._flows = flows
        self._known: dict[Address, Place] = {}
        legs = [leg for root in roots for leg in root.walk()]
        self._proxies = {leg.exchange.hop.target for leg in legs if leg.children}
        for root in roots:
            self._asks(root)
        for leg in legs:
            self._answers(leg)

    def name(self, address: Address) -> str:
        """Return what a story calls a place."""
        place = self._known.get(address)
        return str(address) if place is None else place.name

    def to(self, hop: Hop) -> str:
        """Return where a hop leads: the place and its address."""
        name, address = self.name(hop.target), str(hop.target)
        over = f"{hop.transport} {address}"
        return over if name == address else f"{name} ({over})"

    def legend(self) -> tuple[Place, ...]:
        """Return the places in the order in which they come up."""
        return tuple(self._known.values())

    def flow_behind(self, leg: Leg, when: float) -> tuple[Registration, History] | None:
        """Return the flow of a phone that a request would have gone over, by who registered it.

        Args:
            leg: it leads to the proxy over which the phone had registered.
            when: seconds; as of then.
        """
        first, proxy = leg.exchange.first, leg.exchange.hop.target
        uri = first.message.uri_text if isinstance(first.message, Request) else ""
        found = [
            each
            for each in self._flows.bindings(user_of(first, "to"), when)
            if each.direct and each.reg_id and each.hop.target.host == proxy.host
        ]
        found = [each for each in found if each.contact == uri] or found
        found = [each for each in found if each.hop.target == proxy] or found
        history = self._flows.at(found[0].hop, when) if len(found) == 1 else None
        return None if history is None else (found[0], history)

    def reported(self, leg: Leg) -> str:
        """Return why the network could not deliver a request; empty if it did not say so."""
        reports = [each for flow in self._flows.of(leg.exchange.hop) for each in flow.unreachable]
        return next((each.reason for each in reports if each.at >= leg.at), "")

    def _asks(self, root: Leg) -> None:
        """Learn who sends: nobody but a user agent sends with one Via."""
        source = root.exchange.hop.source
        if source in self._known:
            return
        if len(root.branches) > 1:
            self._add(source, "", "proxy")
        elif root.exchange.method == "REGISTER":
            self._add(source, user_of(root.exchange.first, "to"), "phone")
        else:
            # What its callee sends in the dialog has the callee in From.
            role = "callee" if root.in_dialog and self._known else "caller"
            self._add(source, user_of(root.exchange.first, "from"), role)

    def _answers(self, leg: Leg) -> None:
        target = leg.exchange.hop.target
        if target in self._known:
            return
        if target in self._proxies:
            self._add(target, "", "proxy")
        elif leg.exchange.method == "REGISTER":
            self._add(target, "", "registrar")
        elif self._flows.user(target):
            self._add(target, "", "callee")
        elif _is_meant(leg) or any(_is_behind(each, target) for each in leg.exchange.responses):
            self._add(target, _callee(leg), "callee")
        else:
            self._add(target, "", "server")

    def _add(self, address: Address, name: str, role: str) -> None:
        name = self._flows.user(address) or name or str(address)
        self._known[address] = Place(address, name, role)


def user_of(sight: Sight, name: str) -> str:
    """Return the URI in From or To, without parameters; empty if it cannot be read."""
    try:
        found = sight.message.from_ if name == "from" else sight.message.to
    except ParseError:
        return ""
    known = _plain.get(found.uri_text)
    return remember(_plain, found.uri_text, plain(found.uri)) if known is None else known


def plain(uri: Uri) -> str:
    """Return a URI without parameters, header parts and password."""
    return str(replace(uri, params=(), headers=(), password=None))


def contacts_of(sight: Sight) -> tuple[NameAddr, ...]:
    """Return the contacts of a message, the first of very many; none if they cannot be read."""
    try:
        return sight.message.contacts[:_CONTACTS]
    except ParseError:
        return ()


def _is_meant(leg: Leg) -> bool:
    """Say whether a proxy put the address it sends to into the Request-URI (RFC 3261 §16.6)."""
    first = leg.exchange.first.message
    if leg.parent is None or not isinstance(first, Request):
        return False
    try:
        return first.uri.user is not None and _is_at(first.uri, leg.exchange.hop.target)
    except ParseError:
        return False


def _is_at(uri: Uri, address: Address) -> bool:
    return uri.host == address.host and (uri.port or 5060) == address.port


def _is_behind(response: Sight, address: Address) -> bool:
    """Say whether a response names the place it came from as its Contact, or a hidden one."""
    if not 100 < status_of(response) < 300:
        return False
    return any(
        each.uri.host.endswith(".invalid") or _is_at(each.uri, address)
        for each in contacts_of(response)
    )


def _callee(leg: Leg) -> str:
    """Return whom a request is for at its end: the user of To, or another one after a redirect."""
    first = leg.exchange.first
    whom = user_of(first, "to")
    try:
        uri = first.message.uri if isinstance(first.message, Request) else None
        if uri is None or uri.user is None or _is_of(uri, first.message.to.uri):
            return whom
    except ParseError:
        return whom
    return plain(uri)


def _is_of(contact: Uri, user: Uri) -> bool:
    """Say whether a Contact is one that a user's phone has made up: bob-0x5575, or anything."""
    made = contact.host.endswith(".invalid")
    return made or bool(contact.user and contact.user.startswith(user.user or contact.user))
