"""Connections: which are open, which are being opened, and what goes out over them.

RFC 3261 §18: connections are indexed by their far end so that requests reuse them, responses take
the one their request came over. A flow is found again only by its generation, never by its
addresses alone. A TLS connection is reused for a next hop only if it was opened to that name, for
another name's certificate was never asked for (RFC 5923 §5, RFC 5922 §7); one that was accepted,
only if its client asked for it and showed a certificate for that name (RFC 5923 §8.2).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from ringway.endpoint.commands import CloseFlow, Connect, SendDatagram, SendStream
from ringway.endpoint.identity import Identity
from ringway.endpoint.schedule import Timer
from ringway.endpoint.settings import EndpointSettings
from ringway.message import Draft, Request, Response
from ringway.message.memory import keep
from ringway.transport.flow import (
    DEFAULT_PORTS,
    SECURE_TRANSPORTS,
    TLS,
    UDP,
    Address,
    Flow,
    NextHop,
)
from ringway.transport.framing import Framer, client_framer, server_framer


class Waiter(Protocol):
    """Something to be sent as soon as a connection is there."""

    def opened(self, flow: Flow, now: float) -> None:
        """Send it."""

    def failed(self, reason: str, now: float) -> None:
        """Tell whom it concerns that it cannot be sent."""


class Own:
    """Somebody who waits for a connection of its own."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[Flow | None, str, float], None]) -> None:
        self._callback = callback

    def opened(self, flow: Flow, now: float) -> None:
        """Hand it over."""
        self._callback(flow, "", now)

    def failed(self, reason: str, now: float) -> None:
        """Say that there is none."""
        self._callback(None, reason, now)


class Connection:
    """An open connection.

    Attributes:
        framer: cuts its bytes into messages.
        name: what it was opened as; empty if it was accepted.
        names: the SIP domains that the peer's certificate proves.
        aliases: where else in the table of peers it stands (RFC 5923 §5).
        deadline: closes it, unless what is under way comes to its end before.
    """

    __slots__ = ("aliases", "deadline", "framer", "name", "names")

    def __init__(self, framer: Framer, name: str, names: tuple[str, ...]) -> None:
        self.framer = framer
        self.name = name
        self.names = names
        self.aliases: tuple[tuple[str, Address, str], ...] = ()
        self.deadline: Timer | None = None


class Flows:
    """The flow table of one endpoint, and its outlet for commands.

    Args:
        settings: the endpoint's.
        identity: knows the UDP listener to send from.
        generation: number of the first connection.
    """

    __slots__ = (
        "_by_peer",
        "_connections",
        "_datagram_flows",
        "_datagram_locals",
        "_generation",
        "_identity",
        "_opening",
        "_opening_own",
        "_settings",
        "commands",
        "sending",
    )

    def __init__(self, settings: EndpointSettings, identity: Identity, generation: int) -> None:
        self.commands: list[object] = []
        self.sending: Callable[[Flow, bytes], None] | None = None
        """Who is told of all that is sent; see `Intake.witness`."""
        self._settings = settings
        self._identity = identity
        self._generation = generation
        self._connections: dict[Flow, Connection] = {}
        self._by_peer: dict[tuple[str, Address, str], Flow] = {}
        self._opening: dict[NextHop, list[Waiter]] = {}
        self._opening_own: dict[NextHop, deque[Waiter]] = {}
        self._datagram_flows: dict[tuple[Address, Address], Flow] = {}
        self._datagram_locals: set[Address] = {
            listener.address for listener in settings.local if listener.transport == UDP
        }

    def connection(self, flow: Flow) -> Connection | None:
        """Return an open connection."""
        return self._connections.get(flow)

    def is_live(self, flow: Flow) -> bool:
        """Say whether what is sent to this flow goes anywhere."""
        if flow.transport == UDP:
            return flow.local in self._datagram_locals
        return flow in self._connections

    def flow_to(self, target: NextHop) -> Flow | None:
        """Return a live flow to a next hop, None if there is none."""
        transport, address, name = target
        if transport == UDP:
            local = self._identity.datagram_local(address.host)
            return None if local is None else self.datagram_flow(local, address)
        return self._by_peer.get(_peer(transport, address, name))

    def datagram_flow(self, local: Address, remote: Address) -> Flow:
        """Return the UDP flow between two addresses.

        The same object as last time, as a rule: transactions that linger by the ten thousand share
        it, and comparing a flow with itself costs nothing.
        """
        addresses = (local, remote)
        flow = self._datagram_flows.get(addresses)
        if flow is None:
            flow = keep(self._datagram_flows, addresses, Flow(UDP, local, remote))
        return flow

    def send(self, flow: Flow, data: bytes) -> bool:
        """Send a serialized message; False if the flow is gone."""
        if flow.transport == UDP:
            self.commands.append(SendDatagram(flow, data))
        else:
            connection = self._connections.get(flow)
            if connection is None:
                return False
            framed = connection.framer.wrap(data)
            if framed:
                self.commands.append(SendStream(flow, framed))
        if self.sending is not None:
            self.sending(flow, data)
        return True

    def ping(self, flow: Flow) -> bool:
        """Send the keep-alive of a connection (RFC 5626 §3.5.1); False if the flow is gone."""
        connection = self._connections.get(flow)
        if connection is None:
            return False
        data = connection.framer.ping()
        if data:
            self.commands.append(SendStream(flow, data))
        return True

    def write(self, flow: Flow, data: bytes) -> None:
        """Send bytes that are framed already."""
        self.commands.append(SendStream(flow, data))

    def connect(self, target: NextHop, waiter: Waiter) -> None:
        """Open a connection for ``waiter``, or let it wait for one that is being opened."""
        waiters = self._opening.get(target)
        if waiters is None:
            self._opening[target] = [waiter]
            self.commands.append(Connect(target))
        else:
            waiters.append(waiter)

    def connect_own(self, target: NextHop, waiter: Waiter) -> None:
        """Open a connection for ``waiter`` alone, whatever others there are."""
        self._opening_own.setdefault(target, deque()).append(waiter)
        self.commands.append(Connect(target))

    def opened(
        self,
        transport: str,
        local: Address,
        remote: Address,
        target: NextHop | None,
        names: tuple[str, ...] = (),
    ) -> tuple[Flow, list[Waiter]]:
        """Enter a new connection; return its flow and who waited for it."""
        flow = Flow(transport, local, remote, self._generation)
        self._generation += 1
        name = target.name if target else ""
        connection = Connection(self._framer(transport, local, target), name, names)
        self._connections[flow] = connection
        if target is not None:
            self._by_peer.setdefault(_peer(transport, target.address, target.name), flow)
        elif transport not in SECURE_TRANSPORTS:
            self._by_peer[_peer(transport, remote, "")] = flow
        greeting = connection.framer.outgoing()
        if greeting:
            self.commands.append(SendStream(flow, greeting))
        return flow, self._waiting(target) if target is not None else []

    def alias(self, flow: Flow, port: int | None) -> None:
        """Let requests to the client of a TLS connection take this connection (RFC 5923 §8.2).

        Args:
            flow: accepted by us; without a verified certificate nothing changes (§9.2).
            port: what the client says it listens on; None for the default one.
        """
        connection = self._connections.get(flow)
        if connection is None or connection.aliases or flow.transport != TLS:
            return
        address = Address(flow.remote.host, port or DEFAULT_PORTS[TLS])
        connection.aliases = tuple(_peer(TLS, address, name) for name in connection.names)
        for peer in connection.aliases:
            self._by_peer.setdefault(peer, flow)

    def not_opened(self, target: NextHop) -> list[Waiter]:
        """Return who waited for a connection that cannot be had."""
        return self._waiting(target)

    def closed(self, flow: Flow) -> bool:
        """Forget a connection; False if it was not known any more."""
        connection = self._connections.pop(flow, None)
        if connection is None:
            return False
        if connection.deadline is not None:
            connection.deadline.cancel()
        for peer in (
            _peer(flow.transport, flow.remote, connection.name),
            _peer(flow.transport, flow.remote, ""),
            *connection.aliases,
        ):
            if self._by_peer.get(peer) == flow:
                del self._by_peer[peer]
        return True

    def close(self, flow: Flow, reason: str) -> bool:
        """Close a connection from our side; False if it was not known any more."""
        connection = self._connections.get(flow)
        if connection is None:
            return False
        parting = connection.framer.close()
        if parting:
            self.commands.append(SendStream(flow, parting))
        self.commands.append(CloseFlow(flow, reason))
        return self.closed(flow)

    def _waiting(self, target: NextHop) -> list[Waiter]:
        """Return whom the end of one attempt to connect is for; equal attempts are as good."""
        own = self._opening_own.get(target)
        if own is None:
            return self._opening.pop(target, [])
        waiter = own.popleft()
        if not own:
            del self._opening_own[target]
        return [waiter]

    def _framer(self, transport: str, local: Address, target: NextHop | None) -> Framer:
        settings = self._settings
        if target is None:
            pages = settings.page_hosts
            hosts = None if pages is None else pages | {local.host}
            return server_framer(transport, settings.limits, settings.origins, hosts)
        return client_framer(target, settings.limits)


def serialize(
    message: Request | Response | Draft[Request] | Draft[Response], *, reliable: bool
) -> bytes:
    """Return a message for the wire; a stream needs to know where its body ends (§18.3)."""
    if reliable and not message.has("content-length"):
        draft = message if isinstance(message, Draft) else message.edit()
        draft.append("Content-Length", str(len(draft.content)))
        return draft.to_bytes()
    return message.to_bytes()


def _peer(transport: str, address: Address, name: str) -> tuple[str, Address, str]:
    return transport, address, name if transport in SECURE_TRANSPORTS else ""
