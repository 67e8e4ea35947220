"""Messages as text, and what tests need to change in them."""

from typing import cast

import pytest

from ringway.errors import ParseError
from ringway.message import Request, Response, parse_datagram

INVITE = """\
INVITE sip:bob@biloxi.example.com SIP/2.0
Via: SIP/2.0/UDP client.atlanta.example.com:5060;branch=z9hG4bK74bf9;rport
Max-Forwards: 70
From: "Alice" <sip:alice@atlanta.example.com>;tag=9fxced76sl
To: Bob <sip:bob@biloxi.example.com>
Call-ID: 3848276298220188511@atlanta.example.com
CSeq: 1 INVITE
Contact: <sip:alice@client.atlanta.example.com;transport=udp>
Content-Type: text/plain
Content-Length: 5

Hello"""

OK = """\
SIP/2.0 200 OK
Via: SIP/2.0/UDP proxy.example.com;branch=z9hG4bKp1, SIP/2.0/UDP client.example.com;branch=z9hG4bKc1
From: <sip:alice@atlanta.example.com>;tag=9fxced76sl
To: <sip:bob@biloxi.example.com>;tag=8321234356
Call-ID: 3848276298220188511@atlanta.example.com
CSeq: 1 INVITE
Contact: <sip:bob@192.0.2.4>
Content-Length: 0

"""


def wire(text: str) -> bytes:
    """The text with the line ends of the wire; what is no UTF-8 was escaped."""
    return text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def request(text: str = INVITE) -> Request:
    return cast("Request", parse_datagram(wire(text)))


def response(text: str = OK) -> Response:
    return cast("Response", parse_datagram(wire(text)))


def with_line(text: str, name: str, line: str) -> str:
    """The message with the line of that header replaced; an empty line takes it out."""
    lines = text.split("\n")
    position = next(i for i, old in enumerate(lines) if old.startswith(f"{name}:"))
    lines[position : position + 1] = [line] if line else []
    return "\n".join(lines)


def refused(data: bytes) -> ParseError:
    """The error that parsing this data raises."""
    with pytest.raises(ParseError) as caught:
        parse_datagram(data)
    return caught.value
