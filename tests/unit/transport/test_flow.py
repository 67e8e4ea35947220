import pytest

from ringway.transport.flow import (
    DEFAULT_PORTS,
    TRANSPORTS,
    Address,
    Flow,
    NextHop,
    is_ipv4,
    is_numeric,
)

HERE = Address("10.0.0.1", 5060)
THERE = Address("10.0.0.9", 40112)


@pytest.mark.parametrize(
    ("transport", "reliable", "secure", "websocket"),
    [
        ("udp", False, False, False),
        ("tcp", True, False, False),
        ("tls", True, True, False),
        ("ws", True, False, True),
        ("wss", True, True, True),
    ],
)
def test_what_a_transport_is(transport: str, reliable: bool, secure: bool, websocket: bool) -> None:
    flow = Flow(transport, HERE, THERE, 1)
    assert (flow.reliable, flow.secure, flow.websocket) == (reliable, secure, websocket)
    target = NextHop(transport, THERE, "example.com")
    assert (target.reliable, target.secure) == (reliable, secure)
    assert transport in TRANSPORTS
    assert transport in DEFAULT_PORTS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (HERE, "10.0.0.1:5060"),
        (Address("2001:db8::1", 5060), "[2001:db8::1]:5060"),
        (Flow("tcp", HERE, THERE, 7), "tcp 10.0.0.9:40112 #7"),
        (Flow("udp", HERE, THERE), "udp 10.0.0.9:40112"),
        (NextHop("tls", Address("::1", 5061), "example.com"), "tls [::1]:5061"),
    ],
)
def test_as_text(value: object, text: str) -> None:
    assert str(value) == text


def test_a_later_connection_on_the_same_addresses_is_another_flow() -> None:
    assert Flow("tcp", HERE, THERE, 1) != Flow("tcp", HERE, THERE, 2)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", True),
        ("0.0.0.0", True),
        ("255.255.255.255", True),
        ("2001:db8::1", True),
        ("::ffff:192.0.2.1", True),
        ("fe80::1%eth0", False),
        ("1::2::3", False),
        ("192.0.2.256", False),
        ("192.0.2.01", False),
        ("192.0.2", False),
        ("192.0.2.1.", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_is_numeric(host: str, expected: bool) -> None:
    assert is_numeric(host) is expected
    assert is_ipv4(host) is (expected and ":" not in host)
