"""RFC 6455 §10.2: whose page it is that opens a WebSocket."""

import pytest

from ringway.transport.origin import is_near

HOSTS = frozenset({"sip.example.com", "192.0.2.1", "2001:db8::1"})


@pytest.mark.parametrize(
    ("origin", "near"),
    [
        ("http://localhost", True),
        ("https://LOCALHOST:8443", True),
        ("http://127.0.0.1:3000", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:3000", True),
        ("https://sip.example.com", True),
        ("https://SIP.example.com:8443", True),
        ("http://192.0.2.1", True),
        ("http://[2001:DB8:0::1]:80", True),
        ("https://evil.example", False),
        ("https://localhost.evil.example", False),
        ("https://127.0.0.1.evil.example", False),
        ("https://localhost@evil.example", False),
        ("https://evil.example#localhost", False),
        ("https://evil.example/localhost", False),
        ("https://www.sip.example.com", False),
        ("http://192.0.2.2", False),
        ("http://2130706433", False),
        ("http://[::1", False),
        ("http://", False),
        ("null", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_whose_page_is_near(origin: str, *, near: bool) -> None:
    assert is_near(origin, HOSTS) is near
