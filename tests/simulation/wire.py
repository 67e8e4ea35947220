"""SIP as the simulated phones read and write it: enough for them, and none of it Ringway's.

A phone that shared the parser of what it tests would share its mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_BRANCH = re.compile(r";\s*branch=([^;,\s]+)", re.IGNORECASE)
_TAG = re.compile(r";\s*tag=([^;,\s>]+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\ncontent-length\s*:\s*(\d+)", re.IGNORECASE)
_ROUTE = re.compile(r"<[^>]*>")

Headers = Iterable[tuple[str, str]]


class Sip:
    """A message that was read.

    Attributes:
        method: of the request, or of the request that a response answers.
        uri: the Request-URI; "" in a response.
        status: 0 in a request.
        fields: name in lower case to its lines.
    """

    __slots__ = ("branch", "fields", "method", "status", "uri")

    def __init__(self, method: str, uri: str, status: int, fields: dict[str, list[str]]) -> None:
        self.method = method
        self.uri = uri
        self.status = status
        self.fields = fields
        found = _BRANCH.search(fields["via"][0])
        self.branch = found[1] if found else ""

    def get(self, name: str) -> str:
        lines = self.fields.get(name)
        return lines[0] if lines else ""

    def all(self, name: str) -> list[str]:
        return self.fields.get(name, [])

    @property
    def first_branch(self) -> str:
        """The branch of who sent it first."""
        found = _BRANCH.findall(self.fields["via"][-1])
        return found[-1] if found else ""

    @property
    def call_id(self) -> str:
        return self.get("call-id")

    @property
    def cseq(self) -> str:
        return self.get("cseq").split()[0]

    @property
    def from_tag(self) -> str:
        return tag_of(self.get("from"))

    @property
    def to_tag(self) -> str:
        return tag_of(self.get("to"))

    @property
    def routes(self) -> list[str]:
        """What the Record-Routes name, in order."""
        return [each for line in self.all("record-route") for each in _ROUTE.findall(line)]

    @property
    def contact(self) -> str:
        """The URI of the first Contact."""
        found = _ROUTE.search(self.get("contact"))
        return found[0][1:-1] if found else ""


def read(data: bytes) -> Sip | None:
    """Read a message; None for what is none."""
    first, *lines = data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").split("\r\n")
    fields: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip().lower(), []).append(value.strip())
    words = first.split(" ", 2)
    cseq = fields.get("cseq", [""])[0].split()
    if len(words) < 3 or len(cseq) != 2 or not fields.keys() >= {"via", "call-id", "from", "to"}:
        return None
    if words[0] == "SIP/2.0":
        return Sip(cseq[1], "", int(words[1]), fields) if words[1].isdigit() else None
    return Sip(words[0], words[1], 0, fields)


def tag_of(value: str) -> str:
    found = _TAG.search(value)
    return found[1] if found else ""


def request(
    method: str,
    uri: str,
    *,
    via: str,
    from_: str,
    to: str,
    call_id: str,
    cseq: int | str,
    headers: Headers = (),
) -> bytes:
    """Write a request."""
    more = "".join([f"{name}: {value}\r\n" for name, value in headers])
    return (
        f"{method} {uri} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {from_}\r\nTo: {to}\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{more}Content-Length: 0\r\n\r\n"
    ).encode()


def response(asked: Sip, status: int, phrase: str, tag: str, headers: Headers = ()) -> bytes:
    """Write the response to a request."""
    to = asked.get("to")
    if tag and not tag_of(to):
        to = f"{to};tag={tag}"
    via = "".join([f"Via: {value}\r\n" for value in asked.all("via")])
    more = "".join([f"{name}: {value}\r\n" for name, value in headers])
    cseq = asked.get("cseq")
    return (
        f"SIP/2.0 {status} {phrase}\r\n{via}From: {asked.get('from')}\r\nTo: {to}\r\n"
        f"Call-ID: {asked.call_id}\r\nCSeq: {cseq}\r\n{more}Content-Length: 0\r\n\r\n"
    ).encode()


def cut(buffer: bytes) -> tuple[list[bytes], int, bytes]:
    """Cut a stream into messages.

    Returns:
        The complete messages, how many CRLFs stood between them, and what is left.
    """
    messages: list[bytes] = []
    pongs = 0
    while True:
        while buffer[:2] == b"\r\n":
            buffer = buffer[2:]
            pongs += 1
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return messages, pongs, buffer
        found = _LENGTH.search(buffer, 0, end + 2)
        size = end + 4 + (int(found[1]) if found else 0)
        if len(buffer) < size:
            return messages, pongs, buffer
        messages.append(buffer[:size])
        buffer = buffer[size:]
