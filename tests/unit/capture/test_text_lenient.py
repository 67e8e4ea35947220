import pytest

from ringway.capture.lenient import read_message
from ringway.message import Request, Response

HEADERS = b"From: <sip:a@b>;tag=1\r\nTo: <sip:x@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"


def test_a_response_with_a_fault_keeps_what_can_be_read() -> None:
    data = b"\r\nSIP/2.0 200\r\nwhat\r\n" + HEADERS + b"Via: x\r\n y\r\n\r\nbody"
    message, fault = read_message(data)
    assert isinstance(message, Response)
    assert fault
    assert (message.status, message.reason, message.body) == (200, "", b"body")
    assert message.call_id == "c"
    assert message.get("via") == "x y"


def test_a_request_with_a_fault_keeps_its_body() -> None:
    message, fault = read_message(b"OPTIONS sip:x@b SIP/2.0\r\n" + HEADERS + b"\r\nbody")
    assert isinstance(message, Request)
    assert (message.body, fault) == (b"body", "via: no Via")


@pytest.mark.parametrize("data", [b"", b"\r\n", b"what", b"HTTP/1.1 200 OK\r\n\r\n", b"SIP/2.0 9"])
def test_what_is_no_message(data: bytes) -> None:
    message, fault = read_message(data)
    assert message is None
    assert fault


def test_a_response_without_end_has_a_bound() -> None:
    message, fault = read_message(b"SIP/2.0 200 OK\r\n" + b"X: 1\r\n" * 1000)
    assert isinstance(message, Response)
    assert fault
    assert len(message.names()) == 256
