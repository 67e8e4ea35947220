"""A registrar on a virtual clock: REGISTERs go in as text, responses and commands come out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from ringway.endpoint import Decision, Endpoint, RequestReceived, ServerTransaction
from ringway.endpoint.counters import Counters
from ringway.errors import StoreError
from ringway.location import Binding, Change, Location, Persist
from ringway.message import Request, Response, build_response, parse_datagram
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
WSS = Flow("wss", LOCAL, Address("192.0.2.9", 40003), 3)
CONTACT = "<sip:alice@192.0.2.9>"
EDGE = "<sip:TOKEN@edge.example.com;lr;ob>"


class FakeEndpoint:
    """The part of an endpoint that a registrar uses; records what it is asked."""

    def __init__(self) -> None:
        self.noting = True
        self.counters = Counters()
        self.answers: dict[int, Response] = {}
        self.commands: list[Persist] = []
        self.decisions: list[Decision] = []
        self.closed: set[Flow] = set()
        self.at_once = False

    def reply(
        self,
        transaction: ServerTransaction,
        status: int,
        now: float,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        reason: str | None = None,
    ) -> None:
        number, request = cast("tuple[int, Request]", transaction)
        assert number not in self.answers, "answered twice"
        self.answers[number] = build_response(
            request, status, reason=reason, to_tag="t", headers=headers
        )

    def is_live(self, flow: Flow) -> bool:
        return flow not in self.closed

    def emit(self, command: object) -> None:
        assert isinstance(command, Persist)
        if self.at_once:
            command.done(None, 0.0)
        else:
            self.commands.append(command)

    def note(self, decision: Decision) -> None:
        self.decisions.append(decision)


class World:
    """A registrar and its surroundings.

    Args:
        disk: True when the store answers at once; otherwise `finish` does.
        settings: of the registrar.
    """

    def __init__(self, *, disk: bool = True, **settings: Any) -> None:
        self.endpoint = FakeEndpoint()
        self.location = Location()
        given = {"domains": frozenset({"example.com"})} | settings
        self.registrar = Registrar(
            cast("Endpoint", self.endpoint), self.location, RegistrarSettings(**given)
        )
        self.now = 1_000_000_000.0
        self.disk = disk
        self.kept: list[Change] = []
        self._count = 0

    def send(self, request: Request | str, flow: Flow = UDP) -> int:
        """Give the registrar a request; returns its number, for `answer`."""
        if isinstance(request, str):
            request = parse(request)
        self._count += 1
        transaction = cast("ServerTransaction", (self._count, request))
        self.registrar.handle_register(RequestReceived(transaction, request, flow), self.now)
        while self.disk and self.endpoint.commands:
            self.finish()
        return self._count

    def answer(self, number: int) -> Response | None:
        return self.endpoint.answers.get(number)

    def register(self, *contacts: str, flow: Flow = UDP, **given: Any) -> Response:
        """Give the registrar a REGISTER that it answers at once."""
        response = self.answer(self.send(register(*contacts, flow=flow, **given), flow))
        assert response is not None, "no answer yet"
        return response

    def finish(self, error: str | None = None) -> None:
        """Have the store answer the oldest commit."""
        command = self.endpoint.commands.pop(0)
        if error is None:
            self.kept += command.changes
        command.done(None if error is None else StoreError(error), self.now)

    def bindings(self, aor: str = ALICE) -> tuple[Binding, ...]:
        return self.location.bindings(aor, self.now)

    def contacts(self, aor: str = ALICE) -> list[str]:
        return [binding.contact for binding in self.bindings(aor)]

    @property
    def story(self) -> list[tuple[str, int, str]]:
        return [(each.kind.value, each.status, each.text) for each in self.endpoint.decisions]


def parse(text: str) -> Request:
    message = parse_datagram(text.replace("\n", "\r\n").encode("utf-8", "surrogateescape"))
    assert isinstance(message, Request)
    return message


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
