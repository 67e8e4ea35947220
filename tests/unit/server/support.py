"""What the tests of a running server share: requests as text, and peers on loopback."""

import asyncio
from typing import Self

from ringway.aio.sockets import address_of, bind_datagram
from ringway.message import Response, parse_datagram
from ringway.transport.flow import Address


def request(method: str, uri: str, *lines: str, branch: str = "1", via: str = "udp") -> bytes:
    """A request from alice, with a Contact if it makes or keeps a dialog or a binding."""
    head = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/{via.upper()} phone.invalid;branch=z9hG4bK{branch};rport",
        "Max-Forwards: 70",
        "From: <sip:alice@example.com>;tag=a",
        "To: <sip:alice@example.com>",
        f"Call-ID: {method}-{branch}",
        f"CSeq: 1 {method}",
        *lines,
        "Content-Length: 0",
        "",
        "",
    ]
    return "\r\n".join(head).encode()


OPTIONS = request("OPTIONS", "sip:example.com")
REGISTER = request(
    "REGISTER",
    "sip:example.com",
    "Supported: outbound, path",
    'Contact: <sip:alice@phone.invalid;ob>;reg-id=1;+sip.instance="<urn:x:1>"',
    "Expires: 600",
)


def parsed(data: bytes) -> Response:
    message = parse_datagram(data)
    assert isinstance(message, Response)
    return message


class UdpPeer:
    """Someone who speaks UDP from a port of its own."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.sock = bind_datagram(Address(host, 0))
        self.address = address_of(self.sock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.sock.close()

    async def ask(self, data: bytes, server: Address) -> Response:
        """Send a request and return the first response."""
        self.sock.sendto(data, server)
        return parsed(await self.read())

    async def read(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self.sock, 65536)


async def read_message(reader: asyncio.StreamReader) -> Response:
    """Read one response without a body from a stream."""
    return parsed(await reader.readuntil(b"\r\n\r\n"))
