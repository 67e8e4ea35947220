"""A user agent that sends requests, and who asks it to.

    w = Asking()                             # no registration: RFC 3263 says where to
    bob = w.server("bob.example", "10.0.0.2")
    sending, asker = w.ask("INVITE", "sip:bob@bob.example")
    bob.answer(bob.last, 486)
    asker.failure.status

`Asking(*proxies)` has registered over a flow to each of them.
"""

from __future__ import annotations

from typing import Any

from tests.harness import HOST, Headers, Peer
from tests.unit.ua.edges import World

from ringway.dialog.dialog import Dialog
from ringway.endpoint import Kind
from ringway.message import Request, Response
from ringway.transport.flow import Address, Flow, NextHop
from ringway.ua.events import Failure, Redirected
from ringway.ua.requests.sending import Follow, Outgoing, Sending

BOB = "sip:bob@bob.example"
EDGES = ("sip:10.0.0.11;transport=tcp", "sip:10.0.0.12;transport=tcp")


class Asker:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.provisionals: list[int] = []
        self.answers: list[tuple[Request, Response, Flow]] = []
        self.redirects: list[Redirected] = []
        self.failures: list[Failure] = []
        self.sending: Sending | None = None
        self.gives_up = False

    @property
    def failure(self) -> Failure:
        (failure,) = self.failures
        return failure

    def provisional(self, _request: Request, response: Response, _flow: Flow, _now: float) -> None:
        self.provisionals.append(response.status)

    def succeeded(self, request: Request, response: Response, flow: Flow, _now: float) -> None:
        self.answers.append((request, response, flow))

    def redirected(self, event: Redirected, now: float) -> None:
        self.redirects.append(event)
        if self.gives_up and self.sending is not None:
            self.sending.cancel(now)

    def failed(self, failure: Failure, _now: float) -> None:
        self.failures.append(failure)


class Asking(World):
    """A user agent and the servers it may come to."""

    def __init__(self, *outbound: str, **settings: Any) -> None:
        settings.setdefault("registers", bool(outbound))
        settings.setdefault("listeners", ("udp", "tcp"))
        super().__init__(*outbound, **settings)
        if outbound and settings["registers"]:
            self.start()
            for edge in self.edges:
                edge.peer.take()
                edge.answered = 0
        self.decisions.clear()
        self._calls = 0

    def server(self, name: str, *hosts: str, transport: str = "udp") -> Peer:
        """Let a name lead to servers, best first; return the first."""
        peers = [self.peer(transport, host) for host in hosts]
        self.dns[name] = [NextHop(transport, peer.address, name) for peer in peers]
        return peers[0]

    def udp_peer(self, host: str) -> Peer:
        return self.peers["udp", Address(host, 5060)]

    def ask(
        self,
        method: str = "INVITE",
        uri: str = BOB,
        *,
        follow: Follow = None,
        credentials: bool = True,
        **wanted: Any,
    ) -> tuple[Sending, Asker]:
        """Ask for a request to be sent."""
        asker = Asker()
        sending = Sending(
            self.services,
            self.wanted(method, uri, **wanted),
            asker,
            follow=follow,
            credentials=credentials,
        )
        asker.sending = sending
        sending.start(self.now)
        self.pump()
        return sending, asker

    def wanted(self, method: str = "INVITE", uri: str = BOB, **more: Any) -> Outgoing:
        """Return what is to be sent, with a Call-ID of its own."""
        self._calls += 1
        from_, call_id = "<sip:alice@example.com>;tag=a", f"c{self._calls}"
        return Outgoing(method, uri, f"<{uri}>", from_, call_id)._replace(**more)

    def cancel(self, sending: Sending, headers: tuple[tuple[str, str], ...] = ()) -> None:
        sending.cancel(self.now, headers)
        self.pump()

    @property
    def kinds(self) -> list[Kind]:
        """What was decided."""
        flows = {Kind.FLOW_OPENED, Kind.FLOW_CLOSED}
        return [each.kind for each in self.decisions if each.kind not in flows]


def contacts(*texts: str) -> list[tuple[str, str]]:
    return [("Contact", text if "<" in text else f"<{text}>") for text in texts]


def redirect(peer: Peer, *texts: str, status: int = 302, headers: Headers = ()) -> Request:
    """Let a server redirect the last request it got, and return that."""
    request = peer.last
    assert isinstance(request, Request)
    peer.answer(request, status, headers=[*contacts(*texts), *headers])
    return request


def challenge(peer: Peer, realm: str = "example.com", nonce: str = "n", **params: str) -> None:
    """Let a server ask for credentials."""
    more = "".join(f", {name}={value}" for name, value in params.items())
    value = f'Digest realm="{realm}", nonce="{nonce}", qop="auth"{more}'
    peer.answer(peer.last, 401, headers=[("WWW-Authenticate", value)])


def dialog(target: str = f"sip:bob@{HOST}", *routes: str, secure: bool = False) -> Dialog:
    """Return a confirmed dialog with somebody."""
    return Dialog(
        call_id="d1",
        local="<sip:alice@example.com>;tag=a",
        remote="<sip:bob@bob.example>;tag=b",
        remote_target=target,
        route_set=routes,
        local_cseq=7,
        secure=secure,
        caller=True,
    )
