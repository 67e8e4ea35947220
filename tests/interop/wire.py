"""The smallest SIP agent: sends text, reads messages. For what no peer program can be told to do.

It shares no code with Ringway on purpose.
"""

import contextlib
import re
import socket
import uuid
from collections.abc import Sequence
from typing import NamedTuple, Self

from tests.interop.digest import Digest

Place = tuple[str, int]


def sdp(host: str) -> str:
    """An offer or answer of one audio stream that nobody listens to."""
    where = f"IN IP4 {host}"
    lines = ["v=0", f"o=probe 1 1 {where}", "s=-", f"c={where}", "t=0 0"]
    lines += ["m=audio 40000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000"]
    return "".join(f"{line}\r\n" for line in lines)


def in_uri(host: str) -> str:
    """A host as it stands in URIs: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


class Reply(NamedTuple):
    """A message as it came."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def status(self) -> int:
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        return "" if self.status else self.start.split()[0]

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str:
        values = self.values(name)
        return values[0] if values else ""

    @property
    def contacts(self) -> list[str]:
        return [part for line in self.values("Contact") for part in re.split(r",\s*(?=<)", line)]


def read_message(data: bytes) -> tuple[Reply, bytes] | None:
    """The first message of the data and what is left of it; None when it is not whole."""
    data = data.lstrip(b"\r\n")
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return None
    start, *lines = head.decode("utf-8", "replace").split("\r\n")
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        headers.append((name.strip(), value.strip()))
    length = next((int(v) for n, v in headers if n.lower() in {"content-length", "l"}), 0)
    if len(rest) < length:
        return None
    return Reply(start, tuple(headers), rest[:length].decode("utf-8", "replace")), rest[length:]


class Agent:
    """One flow to a server: a connected UDP socket or a TCP connection."""

    def __init__(
        self,
        transport: str,
        server: Place,
        *,
        user: str = "probe",
        domain: str = "ring.test",
        password: str = "",
        algorithm: str = "",
    ) -> None:
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self.transport = transport
        self.user = user
        self.domain = domain
        self.digest = Digest(user, password, algorithm) if password else None
        self._socket = socket.socket(family, kind)
        self._socket.settimeout(5)
        try:
            self._socket.connect(server)
        except OSError:
            self._socket.close()
            raise
        self.local: Place = self._socket.getsockname()[:2]
        self.call_id = uuid.uuid4().hex
        self._tag = uuid.uuid4().hex[:8]
        self._cseq = 0
        self._data = b""

    @property
    def aor(self) -> str:
        return f"sip:{self.user}@{self.domain}"

    @property
    def contact(self) -> str:
        host, port = self.local
        return f"sip:{self.user}@{in_uri(host)}:{port};transport={self.transport}"

    def request(
        self,
        method: str,
        uri: str,
        headers: Sequence[str] = (),
        *,
        to: str = "",
        call_id: str = "",
        cseq: int = 0,
    ) -> None:
        self._cseq += 1
        host, port = self.local
        via = f"SIP/2.0/{self.transport.upper()} {in_uri(host)}:{port}"
        self.send(
            f"{method} {uri} SIP/2.0",
            [
                f"Via: {via};branch=z9hG4bK{uuid.uuid4().hex};rport",
                "Max-Forwards: 70",
                f"From: <{self.aor}>;tag={self._tag}",
                f"To: <{to or uri}>",
                f"Call-ID: {call_id or self.call_id}",
                f"CSeq: {cseq or self._cseq} {method}",
                *headers,
            ],
        )

    def answer(
        self, request: Reply, status: str, headers: Sequence[str] = (), body: str = ""
    ) -> None:
        kept = [
            f"{name}: {value}"
            for name, value in request.headers
            if name.lower() in {"via", "from", "call-id", "cseq", "record-route"}
        ]
        to = self.tagged(request.get("To"))
        self.send(f"SIP/2.0 {status}", [*kept, f"To: {to}", *headers], body)

    def tagged(self, to: str) -> str:
        """A To as this agent returns it: with its tag, if there is none yet."""
        return to if "tag=" in to else f"{to};tag={self._tag}"

    def send(self, start: str, headers: Sequence[str], body: str = "") -> None:
        lines = [start, *headers, f"Content-Length: {len(body.encode())}", "", body]
        self.write("\r\n".join(lines).encode())

    def write(self, data: bytes) -> None:
        """Send octets as they are."""
        self._socket.sendall(data)

    def read(self, seconds: float = 5.0) -> Reply:
        """The next message."""
        self._socket.settimeout(seconds)
        while True:
            found = read_message(self._data)
            if found is not None:
                message, self._data = found
                return message
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionResetError("the server closed the connection")
            self._data = data if self.transport == "udp" else self._data + data

    def final(self, seconds: float = 5.0) -> Reply:
        """The next final response."""
        while True:
            reply = self.read(seconds)
            if reply.status >= 200:
                return reply

    def register(
        self,
        *,
        reg_id: int = 0,
        instance: str = "",
        expires: int = 600,
        contact: str = "",
        headers: Sequence[str] = (),
    ) -> Reply:
        """Register the flow's own address; the final response."""
        value = f"Contact: <{contact or self.contact}>"
        if instance:
            value += f';+sip.instance="<{instance}>"'
        if reg_id:
            value += f";reg-id={reg_id}"
        more = [value, f"Expires: {expires}", "Supported: path, outbound", *headers]
        return self.ask("REGISTER", f"sip:{self.domain}", more, to=self.aor)

    def fetch(self, aor: str) -> Reply:
        """Ask for an address's bindings: a REGISTER without Contact (RFC 3261 section 10.2.3)."""
        return self.ask("REGISTER", f"sip:{self.domain}", ["Supported: path, outbound"], to=aor)

    def ask(self, method: str, uri: str, headers: Sequence[str] = (), *, to: str = "") -> Reply:
        """Send a request and, with a password, answer one challenge; the final response."""
        self.request(method, uri, [*headers, *self.proof(method, uri)], to=to)
        reply = self.final()
        if self.digest is not None and self.digest.take(reply.values):
            self.request(method, uri, [*headers, *self.proof(method, uri)], to=to)
            reply = self.final()
        return reply

    def proof(self, method: str, uri: str) -> list[str]:
        """Credentials for a request, by the challenges that came until now."""
        return [] if self.digest is None else self.digest.answer(method, uri)

    def take(self, method: str) -> Reply:
        """Wait for a request of this method and say 200 to it."""
        request = self.read()
        assert request.method == method, request.start
        if method == "INVITE":
            body = sdp(self.local[0])
            more = [f"Contact: <{self.contact}>", "Content-Type: application/sdp"]
            self.answer(request, "200 OK", more, body)
        elif method != "ACK":
            self.answer(request, "200 OK")
        return request

    def take_call(self) -> Reply:
        """Answer a call and wait for its ACK."""
        invite = self.take("INVITE")
        self.take("ACK")
        return invite

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Call:
    """A call an agent makes, step by step."""

    def __init__(self, agent: Agent, uri: str) -> None:
        self.agent = agent
        self.uri = uri
        self.target = uri
        self.to = f"<{uri}>"
        self.call_id = uuid.uuid4().hex
        self.from_ = f"<{agent.aor}>;tag={uuid.uuid4().hex[:8]}"
        self.routes: list[str] = []
        self.cseq = 0
        self.branch = ""

    def send(
        self, method: str, headers: Sequence[str] = (), body: str = "", *, branch: str = ""
    ) -> None:
        """Send a request of this call, in a transaction of its own without a branch."""
        self.branch = branch or f"z9hG4bK{uuid.uuid4().hex}"
        if method != "ACK":
            self.cseq += 1
        agent, (host, port) = self.agent, self.agent.local
        via = f"SIP/2.0/{agent.transport.upper()} {in_uri(host)}:{port}"
        agent.send(
            f"{method} {self.target} SIP/2.0",
            [
                f"Via: {via};branch={self.branch};rport",
                *(f"Route: {route}" for route in self.routes),
                "Max-Forwards: 70",
                f"From: {self.from_}",
                f"To: {self.to}",
                f"Call-ID: {self.call_id}",
                f"CSeq: {self.cseq} {method}",
                *headers,
            ],
            body,
        )

    def invite(self, seconds: float = 10.0) -> Reply:
        """Call, and prove who it is if asked; the final response. After a 200 comes `ack`."""
        if self.agent.digest is not None:
            self.answer_challenge()
        else:
            self.send_invite()
        return self.answered(seconds)

    def send_invite(self) -> None:
        """Call, or call again within the call; what comes back is for `answered`."""
        more = [f"Contact: <{self.agent.contact}>", "Content-Type: application/sdp"]
        more += self.agent.proof("INVITE", self.target)
        self.send("INVITE", more, sdp(self.agent.local[0]))

    def answered(self, seconds: float = 10.0) -> Reply:
        """The final response to an INVITE."""
        final = self.agent.final(seconds)
        if 200 <= final.status < 300:
            self.to = final.get("To")
            (contact,) = final.contacts
            between = re.search(r"<([^>]*)>", contact)
            assert between is not None, contact
            self.target = between[1]
            recorded = ",".join(final.values("Record-Route"))
            self.routes = re.findall(r"<[^>]*>", recorded)[::-1]
        return final

    def answer_challenge(self) -> None:
        """Call, and when asked to prove who it is, call again with the proof."""
        self.send_invite()
        final = self.agent.final()
        assert final.status == 407, final.start
        assert self.agent.digest is not None
        assert self.agent.digest.take(final.values)
        to, self.to = self.to, final.get("To")
        self.send("ACK", branch=self.branch)  # RFC 3261 section 17.1.1.3
        self.to = to
        self.send_invite()

    def ack(self) -> None:
        self.send("ACK")

    def bye(self, seconds: float = 10.0) -> Reply:
        """Hang up; the final response."""
        self.send("BYE")
        while True:
            reply = self.agent.final(seconds)
            if reply.get("CSeq").endswith("BYE"):
                return reply


def answers_options(transport: str, server: Place, seconds: float = 0.5) -> bool:
    """Whether anything SIP answers there."""
    with contextlib.suppress(OSError), Agent(transport, server) as agent:
        host, port = server
        agent.request("OPTIONS", f"sip:{f'[{host}]' if ':' in host else host}:{port}")
        return bool(agent.final(seconds).status)
    return False
