"""Who attacks, and who is attacked: phones with and without a password, on real sockets.

Like `tests.interop.wire`, from which they come, they share no code with the server.
"""

from __future__ import annotations

import hashlib
import re
import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from select import select
from typing import Final, Self

from tests.attacks.victim import DOMAIN, password
from tests.interop.wire import Agent, Place, Reply, in_uri, read_message

INSTANCE: Final = "urn:uuid:00000000-0000-4000-8000-{:012x}"
_HASHES: Final = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


def credentials(challenge: str, *, user: str, secret: str, method: str, uri: str) -> str:
    """Answer a digest challenge (RFC 7616 §3.4), the first time its nonce is used."""
    values = {
        name: quoted or bare
        for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', challenge)
    }
    algorithm = _HASHES[values.get("algorithm", "MD5")]

    def digest(text: str) -> str:
        return hashlib.new(algorithm, text.encode()).hexdigest()

    cnonce = uuid.uuid4().hex
    ha1 = digest(f"{user}:{values['realm']}:{secret}")
    ha2 = digest(f"{method}:{uri}")
    response = digest(f"{ha1}:{values['nonce']}:00000001:{cnonce}:auth:{ha2}")
    return (
        f'Digest username="{user}", realm="{values["realm"]}", nonce="{values["nonce"]}", '
        f'uri="{uri}", response="{response}", algorithm={values.get("algorithm", "MD5")}, '
        f'cnonce="{cnonce}", qop=auth, nc=00000001'
    )


class Phone(Agent):
    """A phone with a password, its own or, for an attacker, one that it tries."""

    def __init__(
        self, transport: str, server: Place, *, user: str = "mallory", secret: str = ""
    ) -> None:
        super().__init__(transport, server, user=user, domain=DOMAIN)
        self.secret = secret or password(user)
        self.sent = 0

    def prove(
        self,
        method: str,
        uri: str,
        headers: Sequence[str] = (),
        *,
        to: str = "",
        call_id: str = "",
        as_: str = "",
    ) -> Reply:
        """Send a request and, if it is challenged, send it with credentials; the final response.

        Args:
            method, uri, headers, to, call_id: of the request.
            as_: the user name of the credentials, if it is not our own.
        """
        self.request(method, uri, headers, to=to, call_id=call_id)
        reply = self.final()
        names = {401: ("WWW-Authenticate", "Authorization")}
        names[407] = ("Proxy-Authenticate", "Proxy-Authorization")
        if reply.status not in names:
            return reply
        self.ack(method, uri, reply)
        challenge, name = names[reply.status]
        value = credentials(
            reply.get(challenge),
            user=as_ or self.user,
            secret=self.secret,
            method=method,
            uri=uri,
        )
        self.request(method, uri, [*headers, f"{name}: {value}"], to=to, call_id=call_id)
        reply = self.final()
        if reply.status >= 300:
            self.ack(method, uri, reply)
        return reply

    def within(
        self,
        method: str,
        uri: str,
        headers: Sequence[str] = (),
        *,
        to: str,
        call_id: str,
    ) -> None:
        """Send a request with a To as it is to be, as in a dialog."""
        self.sent += 1
        host, port = self.local
        via = f"SIP/2.0/{self.transport.upper()} {in_uri(host)}:{port}"
        self.send(
            f"{method} {uri} SIP/2.0",
            [
                f"Via: {via};branch=z9hG4bK{uuid.uuid4().hex};rport",
                "Max-Forwards: 70",
                f"From: <{self.aor}>;tag=within",
                f"To: {to}",
                f"Call-ID: {call_id}",
                f"CSeq: {1000 + self.sent} {method}",
                *headers,
            ],
        )

    def ack(self, method: str, uri: str, reply: Reply) -> None:
        """Acknowledge a failure of an INVITE, with its branch (RFC 3261 §17.1.1.3)."""
        if method != "INVITE":
            return
        kept = [f"{name}: {reply.get(name)}" for name in ("From", "To", "Call-ID")]
        number = reply.get("CSeq").split()[0]
        via = re.sub(r";(received|rport)=[^;]*", "", reply.get("Via"))
        more = [f"Via: {via}", *kept, f"CSeq: {number} ACK", "Max-Forwards: 70"]
        self.send(f"ACK {uri} SIP/2.0", more)

    def register_proven(
        self, *, number: int = 0, contact: str = "", headers: Sequence[str] = (), expires: int = 600
    ) -> Reply:
        """Register the own address over this flow, with credentials."""
        instance = INSTANCE.format(number or hash(self.user) % 2**40)
        value = f'Contact: <{contact or self.contact}>;+sip.instance="<{instance}>";reg-id=1'
        more = [value, f"Expires: {expires}", "Supported: path, outbound", *headers]
        return self.prove("REGISTER", f"sip:{DOMAIN}", more, to=self.aor)

    @property
    def pending(self) -> bool:
        """Whether a message has been read already, together with the one before it."""
        return read_message(self._data) is not None

    def hears(self, seconds: float = 0.3) -> Reply | None:
        """The next message, None when nothing comes."""
        try:
            return self.read(seconds)
        except TimeoutError:
            return None

    def is_closed(self, seconds: float = 5.0) -> bool:
        """Whether the server ends the connection within so many seconds."""
        try:
            while self.read(seconds):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return False


def message(
    method: str,
    uri: str,
    *,
    via: str,
    headers: Sequence[str] = (),
    to: str = "",
    from_: str = "<sip:stranger@elsewhere.example>;tag=1",
    call_id: str = "",
    branch: str = "",
    body: str = "",
) -> bytes:
    """A request of a stranger, with a Via as it likes it."""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {via.format(branch=branch or f'z9hG4bK{uuid.uuid4().hex}')}",
        "Max-Forwards: 70",
        f"From: {from_}",
        f"To: {to or f'<{uri}>'}",
        f"Call-ID: {call_id or uuid.uuid4().hex}",
        f"CSeq: 1 {method}",
        *headers,
        f"Content-Length: {len(body.encode())}",
        "",
        body,
    ]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


class Bare:
    """A UDP socket that takes from anybody, for who is not meant to get anything."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.place: Place = self.socket.getsockname()[:2]

    def send(self, data: bytes, to: Place) -> None:
        self.socket.sendto(data, to)

    def take(self, seconds: float = 0.3) -> list[bytes]:
        """What comes until nothing has come for so many seconds."""
        taken: list[bytes] = []
        while select([self.socket], [], [], seconds)[0]:
            taken.append(self.socket.recv(65536))
        return taken

    def fileno(self) -> int:
        return self.socket.fileno()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def replies(datagrams: Sequence[bytes]) -> list[Reply]:
    """Datagrams, read."""
    found = [read_message(each) for each in datagrams]
    return [each[0] for each in found if each is not None]


@contextmanager
def raw(server: Place) -> Iterator[socket.socket]:
    """A TCP connection for what is no SIP."""
    with socket.create_connection(server, 5) as sock:
        yield sock


def address(place: Place) -> str:
    return f"{in_uri(place[0])}:{place[1]}"
