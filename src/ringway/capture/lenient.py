"""A message as far as it can be read: who only watches wants more than who must answer.

The parser drops a response with a fault and hands back a faulty request without its body. Here both
are kept, with the fault beside them (RFC 3261 §7, §18.3).
"""

from __future__ import annotations

import re
from typing import Final

from ringway.errors import ParseError
from ringway.message import Request, Response, canonical_name, is_token, parse_datagram

_HEAD_END: Final = re.compile(rb"\r\n\r\n")
_STATUS_LINE: Final = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: (.*))?", re.IGNORECASE | re.ASCII)
_MOST_LINES: Final = 256


def read_message(data: bytes) -> tuple[Request | Response | None, str]:
    """Read one message: a datagram, or what was cut out of a stream.

    Args:
        data: its octets.

    Returns:
        The message, None if nothing can be made of it; and what is wrong with it, empty if nothing
        is. A header of a faulty message may raise ParseError when it is read.
    """
    try:
        return parse_datagram(data), ""
    except ParseError as error:
        head, body = _parts(data)
        if isinstance(error.message, Request):
            message: Request | Response | None = error.message
            error.message.body = body
        else:
            message = _response(head, body)
        return message, str(error)


def _parts(data: bytes) -> tuple[str, bytes]:
    while data.startswith(b"\r\n"):
        data = data[2:]
    end = _HEAD_END.search(data)
    head, body = (data, b"") if end is None else (data[: end.start()], data[end.end() :])
    return head.decode("utf-8", "surrogateescape"), body


def _response(head: str, body: bytes) -> Response | None:
    start, *rest = head.split("\r\n", _MOST_LINES + 1)
    match = _STATUS_LINE.fullmatch(start)
    if match is None:
        return None
    names: list[str] = []
    lines: list[str] = []
    for line in rest[:_MOST_LINES]:
        name = line.partition(":")[0].rstrip(" \t")
        if ":" in line and is_token(name):
            names.append(canonical_name(name))
            lines.append(line)
        elif lines and line[:1] in (" ", "\t"):
            lines[-1] += "\r\n" + line
    return Response(int(match[1]), match[2] or "", names, lines, body, start)
