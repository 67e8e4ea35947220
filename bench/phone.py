"""Just enough of a phone and a caller to see over which flow a call arrives, and when.

Written without Ringway's own code, so that the two cannot share a mistake.
"""

import select
import socket
import time
from dataclasses import dataclass

from bench.proc import HOST

_PATIENCE = 6.0


class CallError(RuntimeError):
    """A call did not go as it should."""


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed message: start line, header fields in order (names lower case), no body."""

    start: str
    fields: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str:
        """The first value of a field, "" without one."""
        return next((value for key, value in self.fields if key == name), "")

    def all(self, name: str) -> list[str]:
        """All values of a field that may be repeated or joined by commas."""
        return [
            part.strip() for key, value in self.fields if key == name for part in value.split(",")
        ]

    @property
    def method(self) -> str:
        """Of a request; "SIP/2.0" of a response."""
        return self.start.split(" ", 1)[0]

    @property
    def status(self) -> int:
        """Of a response; 0 of a request."""
        return int(self.start.split(" ", 2)[1]) if self.method == "SIP/2.0" else 0


def parse(head: bytes) -> Message:
    """Read one message head."""
    start, *lines = head.decode().split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return Message(start, tuple((name.strip().lower(), value.strip()) for name, _, value in pairs))


def answer(request: Message, status: str, *extra: str, tag: str = "") -> bytes:
    """A response to the request; ``extra`` are whole header lines."""
    copied = {"via", "from", "call-id", "cseq", "record-route"}
    lines = [f"SIP/2.0 {status}"]
    lines += [f"{name}: {value}" for name, value in request.fields if name in copied]
    to = request.first("to")
    lines.append(f"To: {to}" if ";tag=" in to or not tag else f"To: {to};tag={tag}")
    return "\r\n".join([*lines, *extra, "Content-Length: 0", "", ""]).encode()


class FlowOfPhone:
    """One TCP flow of a phone, registered under its own reg-id (RFC 5626 §4.2.1)."""

    def __init__(self, port: int, user: str, instance: str, reg_id: int) -> None:
        self._buffer = b""
        self._socket = socket.create_connection((HOST, port), _PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ours = self._socket.getsockname()[1]
        self.contact = f"<sip:{user}@{HOST}:{ours};transport=tcp;ob>"
        unique = f"{user}-{reg_id}-{time.monotonic_ns()}"
        self.send(
            "\r\n".join(
                [
                    f"REGISTER sip:{HOST}:{port} SIP/2.0",
                    f"Via: SIP/2.0/TCP {HOST}:{ours};branch=z9hG4bK{unique};rport",
                    "Max-Forwards: 70",
                    f"From: <sip:{user}@{HOST}:{port}>;tag={unique}",
                    f"To: <sip:{user}@{HOST}:{port}>",
                    f"Call-ID: {unique}",
                    "CSeq: 1 REGISTER",
                    f'Contact: {self.contact};reg-id={reg_id};+sip.instance="<{instance}>"',
                    "Supported: path, outbound",
                    "Expires: 3600",
                    "Content-Length: 0",
                    "",
                    "",
                ]
            ).encode()
        )
        response = self.receive()
        while response.status == 100:
            response = self.receive()
        if response.status != 200 or "outbound" not in response.all("require"):
            raise CallError("registration over a flow failed", response)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self) -> Message:
        """The next message; keep-alives are passed over."""
        while True:
            self._buffer = self._buffer.lstrip(b"\r\n")
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if separator:
                message = parse(head)
                length = int(message.first("content-length") or message.first("l") or 0)
                if len(rest) >= length:
                    self._buffer = rest[length:]
                    return message
            data = self._socket.recv(65_536)
            if not data:
                raise CallError("the server closed the flow")
            self._buffer += data

    def expect(self, method: str) -> Message:
        """The next request, which has to be of this method."""
        message = self.receive()
        if message.method != method:
            raise CallError("unexpected", message)
        return message

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


def first_with_data(flows: list[FlowOfPhone]) -> FlowOfPhone:
    """Wait until one of the flows has something to read."""
    ready, _, _ = select.select(flows, [], [], _PATIENCE)
    if not ready:
        raise CallError("the call arrived on no flow")
    return flows[flows.index(ready[0])]


class Caller:
    """A caller over UDP."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(_PATIENCE)
        self._socket.bind((HOST, 0))
        self._socket.connect((HOST, port))
        self._port = self._socket.getsockname()[1]

    def invite(self, user: str) -> None:
        """Send the INVITE of a new call."""
        self._uri = f"sip:{user}@{HOST}:{self._server}"
        self._unique = f"{user}-{time.monotonic_ns()}"
        self._send("INVITE", self._uri, 1, f"<{self._uri}>", [])

    def success(self) -> Message:
        """The final response to the latest request, which has to be a 200."""
        while True:
            message = parse(self._socket.recv(65_536).partition(b"\r\n\r\n")[0])
            if message.status == 200:
                return message
            if message.status > 200:
                raise CallError("unexpected", message)

    def confirm(self, response: Message) -> None:
        """Acknowledge a 2xx and hang up."""
        target = response.first("contact").partition("<")[2].partition(">")[0]
        routes = [f"Route: {value}" for value in reversed(response.all("record-route"))]
        self._send("ACK", target, 1, response.first("to"), routes)
        self._send("BYE", target, 2, response.first("to"), routes)

    def close(self) -> None:
        self._socket.close()

    def _send(self, method: str, uri: str, cseq: int, to: str, routes: list[str]) -> None:
        branch = f"z9hG4bK{method}{self._unique}"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self._port};branch={branch};rport",
            *routes,
            "Max-Forwards: 70",
            f"From: <sip:caller@{HOST}>;tag={self._unique}",
            f"To: {to}",
            f"Call-ID: {self._unique}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:caller@{HOST}:{self._port}>",
            "Content-Length: 0",
        ]
        self._socket.send("\r\n".join([*lines, "", ""]).encode())
