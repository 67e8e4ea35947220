"""Making messages: responses to a request, requests, and the ACK and CANCEL of an INVITE.

What must be equal to the request's own is copied line by line, never written anew.
RFC 3261 §8.2.6 (responses), §8.1.1 (requests), §9.1 (CANCEL), §17.1.1.3 (ACK).
"""

from collections.abc import Iterable
from typing import Final

from ringway.codes import lookup
from ringway.errors import ParseError
from ringway.message.headers import first_value
from ringway.message.message import Request, Response, checked_value, header_line
from ringway.message.names import canonical_name, is_token
from ringway.message.uri import Uri

__all__ = ["build_ack", "build_cancel", "build_request", "build_response"]

_ECHOED: Final = frozenset({"via", "from", "to", "call-id", "cseq"})
_ECHOED_IN_100: Final = _ECHOED | {"timestamp"}


def build_response(
    request: Request,
    status: int,
    *,
    reason: str | None = None,
    to_tag: str = "",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Response:
    """Make a response to a request, or to what could be read of one.

    Args:
        request: The request; the lenient one of a `ParseError` will do.
        status: The status code.
        reason: The reason phrase; the table's own if it is None.
        to_tag: Tag for the To if it has none; not put into a 100.
        headers: Further headers, (name, value).
        body: The body.
        content_type: Its type.

    Returns:
        The response: all Via lines, From, To, Call-ID and CSeq as in the request, the
        Timestamp in a 100 (RFC 3261 §8.2.6).

    Raises:
        ValueError: A given text would break the line it stands in.
    """
    names: list[str] = []
    lines: list[str] = []
    echoed = _ECHOED if status > 100 else _ECHOED_IN_100
    for name, line in request.lines():
        if name in echoed and (name == "via" or name not in names):
            names.append(name)
            lines.append(_tagged(request, line, to_tag) if name == "to" and status > 100 else line)
    _add(names, lines, headers)
    _add_body(names, lines, body, content_type)
    phrase = lookup(status).phrase if reason is None else checked_value(reason)
    return Response(status, phrase, names, lines, body)


def build_request(
    method: str,
    uri: str | Uri,
    *,
    from_: str,
    to: str,
    call_id: str,
    cseq: int,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Request:
    """Make a request of our own. It has no Via: that is put on when it is sent.

    Args:
        method: The method.
        uri: The Request-URI.
        from_: The From, its tag included.
        to: The To.
        call_id: The Call-ID.
        cseq: The CSeq number.
        headers: Further headers, (name, value); Max-Forwards is 70 if not among them.
        body: The body.
        content_type: Its type.

    Returns:
        The request.

    Raises:
        ValueError: A given text would break the line it stands in.
    """
    text = str(uri)
    if not is_token(method):
        raise ValueError(f"not a method: {method!r}")
    if not text or " " in text or "\t" in text:
        raise ValueError(f"not a Request-URI: {text!r}")
    names: list[str] = []
    lines: list[str] = []
    given = list(headers)
    hops = any(canonical_name(name) == "max-forwards" for name, _ in given)
    first = [("From", from_), ("To", to), ("Call-ID", call_id), ("CSeq", f"{cseq} {method}")]
    _add(names, lines, first if hops else [("Max-Forwards", "70"), *first])
    _add(names, lines, given)
    _add_body(names, lines, body, content_type)
    return Request(method, checked_value(text), names, lines, body)


def build_ack(request: Request, response: Response) -> Request:
    """Make the ACK of an INVITE client transaction for a non-2xx (RFC 3261 §17.1.1.3).

    Args:
        request: The INVITE as it was sent, our Via on top.
        response: The final response, whose To the ACK takes over.

    Returns:
        The ACK; send it to where the INVITE went.
    """
    return _kin(request, "ACK", response)


def build_cancel(request: Request, headers: Iterable[tuple[str, str]] = ()) -> Request:
    """Make the CANCEL of a request (RFC 3261 §9.1).

    Args:
        request: The request as it was sent, our Via on top.
        headers: Further headers, for instance a Reason (RFC 3326).

    Returns:
        The CANCEL; send it to where the request went, after a provisional has come.
    """
    return _kin(request, "CANCEL", request, headers)


def _kin(
    request: Request,
    method: str,
    to_from: Request | Response,
    headers: Iterable[tuple[str, str]] = (),
) -> Request:
    """Make a request that belongs to another one's transaction."""
    names: list[str] = []
    lines: list[str] = []
    via = first_value(request.get("via") or "")
    _add(names, lines, [("Via", via), ("Max-Forwards", "70")])
    for name, line in request.lines():
        if name in ("route", "from", "call-id"):
            names.append(name)
            lines.append(line)
    for name, line in to_from.lines():
        if name == "to":
            names.append(name)
            lines.append(line)
    _add(names, lines, [("CSeq", f"{request.cseq.number} {method}"), *headers])
    _add_body(names, lines, b"", None)
    return Request(method, request.uri_text, names, lines)


def _tagged(request: Request, line: str, tag: str) -> str:
    """Return the To line with the tag, if it is a sound To without one."""
    if not tag:
        return line
    try:
        if request.to.has_param("tag"):
            return line
    except ParseError:
        return line
    return f"{line};tag={checked_value(tag)}"


def _add(names: list[str], lines: list[str], headers: Iterable[tuple[str, str]]) -> None:
    for name, value in headers:
        key, line = header_line(name, value)
        names.append(key)
        lines.append(line)


def _add_body(names: list[str], lines: list[str], body: bytes, content_type: str | None) -> None:
    if content_type is not None:
        _add(names, lines, [("Content-Type", content_type)])
    names.append("content-length")
    lines.append(f"Content-Length: {len(body)}")
