"""A registrar on a virtual clock: REGISTERs go in as text, responses and commands come out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from ringway.endpoint import (
    Connect,
    Decision,
    Endpoint,
    EndpointSettings,
    Listener,
    RequestReceived,
    SendDatagram,
    SendStream,
    UserEvent,
)
from ringway.errors import StoreError
from ringway.location import Binding, Change, Location, Persist
from ringway.message import Request, Response, parse_datagram
from ringway.registrar import Registrar, RegistrarSettings
from ringway.transport.flow import Address, Flow

ALICE = "sip:alice@example.com"
BOB = "sip:bob@example.com"
PHONE = "<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"
INSTANCE = f';+sip.instance="{PHONE}"'
LOCAL = Address("192.0.2.1", 5060)
UDP = Flow("udp", LOCAL, Address("192.0.2.9", 5060))
TCP = Flow("tcp", LOCAL, Address("192.0.2.9", 40001), 1)
TCP_2 = Flow("tcp", LOCAL, Address("192.0.2.9", 40002), 2)
TLS = Flow("tls", LOCAL, Address("192.0.2.9", 40003), 3)
CONTACT = "<sip:alice@192.0.2.9>"
EDGE = "<sip:TOKEN@edge.example.com;lr;ob>"
BRANCH = "z9hG4bK"


class World:
    """A registrar on an endpoint, and its surroundings.

    Args:
        disk: True when the store answers at once; otherwise `finish` does.
        settings: of the registrar.

    Attributes:
        commits: what waits for the store.
        decisions: what was noted.
        kept: what the store has kept.
    """

    def __init__(self, *, disk: bool = True, **settings: Any) -> None:
        numbers = count(1)
        listeners = tuple(Listener(kind, LOCAL) for kind in ("udp", "tcp", "tls"))
        self.endpoint = Endpoint(
            EndpointSettings(local=listeners), lambda: f"u{next(numbers)}", TCP.generation
        )
        self.decisions: list[Decision] = []
        self.endpoint.listener = self.decisions.append
        self.endpoint.user = self
        self.location = Location()
        given = {"domains": frozenset({"example.com"})} | settings
        self.registrar = Registrar(self.endpoint, self.location, RegistrarSettings(**given))
        self.now = 1_000_000_000.0
        self.disk = disk
        self.commits: list[Persist] = []
        self.kept: list[Change] = []
        self._answers: dict[str, Response] = {}
        self._count = 0
        for flow in (TCP, TCP_2, TLS):
            opened = self.endpoint.flow_opened(flow.transport, flow.local, flow.remote, self.now)
            assert opened == flow
        self.decisions.clear()

    def handle(self, event: UserEvent, now: float) -> None:
        if isinstance(event, RequestReceived):
            self.registrar.handle_register(event, now)

    def send(self, request: str, flow: Flow = UDP) -> int:
        """Give the registrar a request; returns its number, for `answer`."""
        self._count += 1
        before, branch, after = request.partition(BRANCH)
        data = f"{before}{branch}{self._count}.{after}".replace("\n", "\r\n").encode()
        if flow.reliable:
            self.endpoint.data_received(flow, data, self.now)
        else:
            self.endpoint.datagram_received(data, flow.local, flow.remote, self.now)
        self._work()
        return self._count

    def answer(self, number: int) -> Response | None:
        return self._answers.get(f"{BRANCH}{number}")

    def register(self, *contacts: str, flow: Flow = UDP, **given: Any) -> Response:
        """Give the registrar a REGISTER that it answers at once."""
        response = self.answer(self.send(register(*contacts, flow=flow, **given), flow))
        assert response is not None, "no answer yet"
        return response

    def finish(self, error: str | None = None) -> None:
        """Have the store answer the oldest commit."""
        command = self.commits.pop(0)
        if error is None:
            self.kept += command.changes
        command.done(None if error is None else StoreError(error), self.now)
        self._work()

    def close(self, flow: Flow) -> None:
        self.endpoint.flow_closed(flow, "gone", self.now)

    def bindings(self, aor: str = ALICE) -> tuple[Binding, ...]:
        return self.location.bindings(aor, self.now)

    def contacts(self, aor: str = ALICE) -> list[str]:
        return [binding.contact for binding in self.bindings(aor)]

    @property
    def story(self) -> list[tuple[str, int, str]]:
        return [(each.kind.value, each.status, each.text) for each in self.decisions]

    def _work(self) -> None:
        """Do what the endpoint commands."""
        while commands := self.endpoint.take_commands():
            for command in commands:
                if isinstance(command, Persist):
                    self.commits.append(command)
                    if self.disk:
                        self.finish()
                elif not isinstance(command, Connect):  # nobody is there where it leads
                    assert isinstance(command, SendDatagram | SendStream), command
                    self._answered(parse_datagram(command.data))

    def _answered(self, response: Request | Response) -> None:
        assert isinstance(response, Response)
        number = response.top_via.branch.partition(".")[0]
        assert number not in self._answers, "answered twice"
        self._answers[number] = response


def register(
    *contacts: str,
    aor: str = ALICE,
    flow: Flow = UDP,
    vias: Iterable[str] | None = None,
    call_id: str = "call-1",
    cseq: int = 1,
    sender: str = "",
    supported: str = "path, outbound",
    headers: Iterable[str] = (),
    uri: str = "sip:example.com",
) -> str:
    """A REGISTER as text, by default straight from a phone at the flow's far end."""
    if vias is None:
        vias = [f"{flow.transport.upper()} {flow.remote};branch=z9hG4bK{call_id}{cseq};rport"]
    lines = [f"REGISTER {uri} SIP/2.0"]
    lines += [f"Via: SIP/2.0/{via}" for via in vias]
    lines += [
        "Max-Forwards: 70",
        f"From: <{sender or aor}>;tag=f",
        f"To: <{aor}>",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} REGISTER",
        *[f"Contact: {contact}" for contact in contacts],
        *headers,
    ]
    if supported:
        lines.append(f"Supported: {supported}")
    return "\n".join([*lines, "Content-Length: 0", "", ""])


BEHIND_EDGE = (
    "TCP edge.example.com;branch=z9hG4bKedge",
    "TCP 10.0.0.2;branch=z9hG4bKphone",
)
