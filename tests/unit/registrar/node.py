"""A registrar on a real endpoint: bytes in, bytes out."""

from __future__ import annotations

from itertools import count

from tests.unit.registrar.harness import LOCAL

from ringway.endpoint import (
    Endpoint,
    EndpointSettings,
    FlowClosed,
    Listener,
    RequestReceived,
    SendDatagram,
    SendStream,
    UserEvent,
)
from ringway.location import Location, Persist
from ringway.message import Response, parse_datagram
from ringway.registrar import Registrar, RegistrarSettings
from ringway.transport.flow import Address, Flow


class Node:
    """The least of a server: REGISTER to the registrar, closed flows to the location service."""

    def __init__(self) -> None:
        numbers = count(1)
        settings = EndpointSettings(local=(Listener("udp", LOCAL), Listener("tcp", LOCAL)))
        self.endpoint = Endpoint(settings, lambda: f"u{next(numbers)}", 1)
        self.endpoint.user = self
        self.location = Location()
        self.registrar = Registrar(
            self.endpoint,
            self.location,
            RegistrarSettings(domains=frozenset({"example.com"})),
        )
        self.now = 1_000_000_000.0

    def handle(self, event: UserEvent, now: float) -> None:
        if isinstance(event, RequestReceived):
            self.registrar.handle_register(event, now)
        elif isinstance(event, FlowClosed):
            self.location.invalidate_flow(event.flow, event.reason, now)

    def connect(self, port: int) -> Flow:
        return self.endpoint.flow_opened("tcp", LOCAL, Address("192.0.2.9", port), self.now)

    def send(self, data: bytes | str, flow: Flow) -> list[object]:
        """Receive from the far end of a flow; returns the commands, each `Persist` done."""
        if isinstance(data, str):
            data = data.replace("\n", "\r\n").encode()
        if flow.reliable:
            self.endpoint.data_received(flow, data, self.now)
        else:
            self.endpoint.datagram_received(data, flow.local, flow.remote, self.now)
        return self.commands()

    def commands(self) -> list[object]:
        found: list[object] = []
        while commands := self.endpoint.take_commands():
            for command in commands:
                if isinstance(command, Persist):
                    command.done(None, self.now)
                else:
                    found.append(command)
        return found

    def response(self, data: str, flow: Flow) -> Response:
        (command,) = self.send(data, flow)
        assert isinstance(command, SendDatagram | SendStream)
        assert command.flow == flow
        message = parse_datagram(command.data)
        assert isinstance(message, Response)
        return message
