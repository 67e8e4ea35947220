"""Who sent a message and to whom, where a text does not say.

A log tells the other side at best; what a mail quotes tells neither. The message itself tells the
rest: the Via of a request says where it comes from and a response goes to (RFC 3261 §18.2.2,
RFC 3581 §4), the Route or Request-URI where a request goes, and a response comes from where its
request went. Who wrote the log stands in the Via of what they send.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from ringway.capture.text_marks import Mark
from ringway.errors import ParseError
from ringway.message import Request, Response, Uri, Via
from ringway.transport.flow import DEFAULT_PORTS, TRANSPORTS, UDP, Address, is_numeric

HERE: Final = "here"
"""Stands for the address of who wrote the log, where nothing tells it."""

ELSEWHERE: Final = "elsewhere"
"""Stands for an address that nothing tells."""

_REMEMBERED: Final = 4096


class Way(NamedTuple):
    """From where to where a message went, as far as it is known.

    Attributes:
        transport: one of ``TRANSPORTS``.
        source: who sent it; None for who wrote the log, if their address is not known yet.
        target: to whom; None likewise.
        guess: the address they may have, if nothing better comes; None if there is none.
    """

    transport: str
    source: Address | None
    target: Address | None
    guess: Address | None


class Sides:
    """Finds both sides of messages, in the order in which they stand in the text."""

    def __init__(self) -> None:
        self._local: dict[str, Address] = {}
        self._contact: dict[str, Address] = {}
        self._ways: OrderedDict[tuple[str, str], Way] = OrderedDict()

    def find(self, message: Request | Response | None, mark: Mark) -> Way:
        """Return the way of the next message.

        Args:
            message: as far as it could be read.
            mark: what the text told about it.
        """
        via = _top_via(message)
        transport = mark.transport or (via.transport if via is not None else "")
        if transport not in TRANSPORTS:
            transport = UDP
        source = _with_port(mark.source, transport)
        target = _with_port(mark.target, transport)
        if message is None:
            elsewhere = Address(ELSEWHERE, DEFAULT_PORTS[transport])
            if mark.out:
                return Way(transport, None, target or elsewhere, None)
            return Way(transport, source or elsewhere, target, None)
        if isinstance(message, Request):
            way = self._of_request(message, via, Way(transport, source, target, None), mark.out)
            self._remember(message, via, way)
            return way
        return self._of_response(message, via, Way(transport, source, target, None), mark.out)

    def settle(self, way: Way) -> tuple[Address, Address]:
        """Return source and target, with the address of who wrote the log as it is known by now."""
        if way.source is not None and way.target is not None:
            return way.source, way.target
        local = self._local.get(way.transport) or self._contact.get(way.transport) or way.guess
        if local is None:
            host = next(iter(self._local.values()), Address(HERE, 0)).host
            local = Address(host, DEFAULT_PORTS[way.transport])
        return way.source or local, way.target or local

    def _of_request(self, request: Request, via: Via | None, way: Way, out: bool | None) -> Way:
        transport = way.transport
        next_hop = _next_hop(request, transport)
        if out:
            source = way.source or self._learn(transport, _sent_by(via, transport))
            target = way.target or next_hop or Address(ELSEWHERE, DEFAULT_PORTS[transport])
            return Way(transport, source, target, None)
        source = way.source or _answer_to(via, transport)
        source = source or Address(ELSEWHERE, DEFAULT_PORTS[transport])
        if way.target is not None or (out is None and way.source is None):
            target = way.target or next_hop or Address(ELSEWHERE, DEFAULT_PORTS[transport])
            return Way(transport, source, target, None)
        guess = next_hop if next_hop is not None and is_numeric(next_hop.host) else None
        return Way(transport, source, None, guess)

    def _of_response(self, response: Response, via: Via | None, way: Way, out: bool | None) -> Way:
        transport = way.transport
        request = self._ways.get(_key(response, via))
        elsewhere = Address(ELSEWHERE, DEFAULT_PORTS[transport])
        if out is False and way.target is None:
            target = self._learn(transport, _sent_by(via, transport))
            source = way.source or (request.target if request is not None else None)
            return Way(transport, source or _addressed(response, transport), target, None)
        if out:
            # A proxy would pass on another's Contact; but a proxy's own Via is known by then.
            self._note_contact(response, transport)
            guess = request.guess if request is not None else None
            target = way.target or _answer_to(via, transport) or elsewhere
            source = way.source or (request.target if request is not None else None)
            return Way(transport, source, target, guess)
        if request is not None:
            source, target = way.source or request.target, way.target or request.source
            return Way(transport, source, target, request.guess)
        source = way.source or _addressed(response, transport)
        return Way(transport, source, way.target or _answer_to(via, transport) or elsewhere, None)

    def _learn(self, transport: str, address: Address | None) -> Address | None:
        if address is not None and is_numeric(address.host):
            self._local.setdefault(transport, address)
        return address

    def _note_contact(self, response: Response, transport: str) -> None:
        try:
            contacts = response.contacts if response.cseq.method != "REGISTER" else ()
        except ParseError:
            return
        address = _of_uri(contacts[0].uri, transport) if contacts else None
        if address is not None and is_numeric(address.host):
            self._contact.setdefault(transport, address)

    def _remember(self, request: Request, via: Via | None, way: Way) -> None:
        self._ways[_key(request, via)] = way
        if len(self._ways) > _REMEMBERED:
            self._ways.popitem(last=False)


def _key(message: Request | Response, via: Via | None) -> tuple[str, str]:
    try:
        cseq = message.cseq
    except ParseError:
        return ("", "")
    return (via.branch if via is not None else "", str(cseq))


def _top_via(message: Request | Response | None) -> Via | None:
    try:
        return message.top_via if message is not None else None
    except ParseError:
        return None


def _sent_by(via: Via | None, transport: str) -> Address | None:
    return None if via is None else Address(via.host, via.port or DEFAULT_PORTS[transport])


def _answer_to(via: Via | None, transport: str) -> Address | None:
    """Return where a response to this Via goes."""
    if via is None:
        return None
    rport = via.rport or ""
    port = int(rport) if rport.isascii() and rport.isdigit() and len(rport) < 6 else 0
    port = port if 0 < port < 65536 else via.port or DEFAULT_PORTS[transport]
    return Address(via.received or via.host, port)


def _next_hop(request: Request, transport: str) -> Address | None:
    try:
        routes = request.routes
        uri = routes[0].uri if routes else request.uri
    except ParseError:
        return None
    return _of_uri(uri, transport)


def _addressed(response: Response, transport: str) -> Address:
    """Return who is to have answered, by the To."""
    try:
        found = _of_uri(response.to.uri, transport)
    except ParseError:
        found = None
    return found or Address(ELSEWHERE, DEFAULT_PORTS[transport])


def _of_uri(uri: Uri, transport: str) -> Address | None:
    return Address(uri.host, uri.port or DEFAULT_PORTS[transport]) if uri.host else None


def _with_port(address: Address | None, transport: str) -> Address | None:
    if address is None or address.port:
        return address
    return Address(address.host, DEFAULT_PORTS[transport])
