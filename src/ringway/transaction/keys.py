"""How a message finds its transaction (RFC 3261 §17.1.3, §17.2.3).

A key is a tuple to look up. The RFC 2543 form, for a branch without the magic cookie, leaves out
the To tag for INVITE and ACK: the ACK carries the response's, so it is compared by the caller.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from ringway.message import Request, Response

COOKIE: Final = "z9hG4bK"

_KEY_LENGTH: Final = 4
"""Of a key with a branch; the RFC 2543 form is longer."""

ClientKey: TypeAlias = tuple[str, str]
ServerKey: TypeAlias = tuple[object, ...]


def client_key(response: Response) -> ClientKey:
    """Return what a response is looked up by: the branch of its top Via and its CSeq method."""
    return response.top_via.branch, response.cseq.method


def server_key(request: Request, method: str) -> ServerKey:
    """Return what a request is looked up by.

    Args:
        request: as received; what is stamped into its Via makes no difference.
        method: the method of the transaction looked for: the request's own, for an ACK ``INVITE``,
            for a CANCEL also the method of what it cancels.
    """
    via = request.top_via
    branch = via.branch
    if branch.startswith(COOKIE):
        return branch, via.host, via.port, method
    plain = [pair for pair in via.params if pair[0] not in ("received", "rport")]
    return (
        request.uri_text,
        "" if method == "INVITE" else request.to_tag,
        request.from_tag,
        request.call_id,
        request.cseq.number,
        via.host,
        via.port,
        tuple(plain),
        method,
    )


def is_legacy(key: ServerKey) -> bool:
    """Say whether a key is of an RFC 2543 client's request: its branch has no magic cookie."""
    return len(key) != _KEY_LENGTH
