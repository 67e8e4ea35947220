"""Fuzzes the message parser: only its own errors, and what it takes goes out as it came in.

python -m tests.fuzz.fuzz_parser [CORPUS...]      with atheris installed
python -m tests.fuzz.fuzz_parser FILE...          without: runs the files once
"""

from contextlib import suppress

from tests.fuzz.target import run_target

from ringway.errors import ParseError
from ringway.message import (
    Request,
    Response,
    build_response,
    parse_datagram,
    parse_stream_message,
)
from ringway.transport.flow import Address, Flow
from ringway.transport.via import response_flow, response_target, stamp_received

TYPED = (
    *("vias", "top_via", "call_id", "cseq", "from_", "to", "from_tag", "to_tag", "routes"),
    *("record_routes", "contacts", "path", "max_forwards", "expires", "supported", "require"),
    "proxy_require",
)
FLOWS = tuple(
    Flow(transport, Address("192.0.2.1", 5060), Address("192.0.2.9", 40000))
    for transport in ("udp", "tcp", "ws")
)


def read(message: Request | Response) -> None:
    """Ask a message for everything; what cannot be read is a ParseError and nothing else."""
    for name in TYPED:
        with suppress(ParseError):
            getattr(message, name)
    if isinstance(message, Request):
        with suppress(ParseError):
            str(message.uri)


def check_fault(error: ParseError) -> None:
    """A fault carries what its answer is made of, or says that there is none."""
    request = error.message
    if error.status is None or not isinstance(request, Request):
        return
    build_response(request, error.status, to_tag="t", headers=error.headers).to_bytes()


def from_datagram(data: bytes) -> Request | Response:
    return parse_datagram(data)


def from_stream(data: bytes) -> Request | Response:
    head, middle, body = data.partition(b"\r\n\r\n")
    return parse_stream_message(head + middle, body)


def check_answers(request: Request) -> None:
    """What is made from a request can be read, and its answers go somewhere."""
    build_response(request, 200, to_tag="t").to_bytes()
    for flow in FLOWS:
        via = stamp_received(request, flow).top_via
        response_flow(via, flow)
        response_target(via, flow)
    draft = request.edit()
    draft.prepend("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours")
    parse_datagram(draft.build().to_bytes())


def check(data: bytes) -> None:
    """Run one input as a datagram, and as head and body of a stream."""
    for parse in (from_datagram, from_stream):
        try:
            message = parse(data)
        except ParseError as error:
            check_fault(error)
            continue
        read(message)
        again = parse_datagram(message.to_bytes())
        if again.to_bytes() != message.to_bytes():
            raise AssertionError("a message that is not changed has changed")
        if isinstance(message, Request):
            check_answers(message)


if __name__ == "__main__":
    run_target(check)
