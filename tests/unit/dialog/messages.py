"""Messages of two user agents: alice calls, bob is called."""

from collections.abc import Iterable

from tests.harness import make_request

from ringway.dialog.dialog import Dialog
from ringway.message import Request, Response, build_response

Headers = Iterable[tuple[str, str]]

ALICE = '"Alice" <sip:alice@ringway.test>;tag=a'
ALICE_CONTACT = "sip:alice@10.0.0.1:5062"
BOB_CONTACT = "sip:bob@10.0.0.2:5063;transport=tcp"
PROXIES = ("<sip:p1.test;lr>", "<sip:p2.test;lr;x=1>", "<sip:p3.test;lr>")
SDP = b"v=0\r\n"


def invite(
    *,
    uri: str = "sip:bob@ringway.test",
    contact: str = f"<{ALICE_CONTACT}>",
    from_: str = ALICE,
    to: str = "",
    cseq: int = 7,
    method: str = "INVITE",
    transport: str = "udp",
    headers: Headers = (),
    offer: bool = False,
) -> Request:
    """Make the INVITE of alice."""
    given = [("Contact", contact)] if contact else []
    session = [("Content-Type", "application/sdp")] if offer else []
    return make_request(
        method,
        uri,
        from_=from_,
        to=to,
        cseq=cseq,
        transport=transport,
        headers=[*given, *headers, *session],
        body=SDP if offer else b"",
    )


def answer(
    request: Request,
    status: int = 200,
    *,
    tag: str = "b",
    contact: str = f"<{BOB_CONTACT}>",
    routes: Iterable[str] = (),
    headers: Headers = (),
    session: bool = False,
    rseq: int = 0,
) -> Response:
    """Make a response of bob; a reliable one if it has an RSeq."""
    given = [("Record-Route", route) for route in routes]
    if contact:
        given.append(("Contact", contact))
    if rseq:
        given += [("Require", "100rel"), ("RSeq", str(rseq))]
    return build_response(
        request,
        status,
        to_tag=tag,
        headers=[*given, *headers],
        body=SDP if session else b"",
        content_type="application/sdp" if session else None,
    )


def caller(status: int = 200, *, routes: Iterable[str] = (), tag: str = "b") -> Dialog:
    """Return the dialog of alice."""
    request = invite()
    return Dialog.from_response(request, answer(request, status, routes=routes, tag=tag))


def called(status: int = 200, *, routes: Iterable[str] = ()) -> Dialog:
    """Return the dialog of bob."""
    request = invite(headers=[("Record-Route", route) for route in routes])
    return Dialog.from_request(request, answer(request, status))


def to_bob(method: str, cseq: int, *, headers: Headers = (), call_id: str = "call-1") -> Request:
    """Make a request of alice in the dialog."""
    return make_request(
        method,
        BOB_CONTACT,
        from_=ALICE,
        to="<sip:bob@ringway.test>;tag=b",
        cseq=cseq,
        call_id=call_id,
        headers=headers,
    )
