"""Each whole message that comes or goes is told to a witness, and nothing else is."""

import pytest
from tests.harness import Harness

from ringway.endpoint import RequestReceived, ServerTransaction, Witnessed


@pytest.fixture
def h() -> Harness:
    return Harness()


@pytest.fixture
def seen(h: Harness) -> list[Witnessed]:
    found: list[Witnessed] = []
    h.endpoint.witness = found.append
    return found


def asked(h: Harness) -> ServerTransaction:
    (event,) = [each for each in h.events if isinstance(each, RequestReceived)]
    return event.transaction


@pytest.mark.parametrize("transport", ["udp", "tcp", "ws"])
def test_a_request_and_its_response(h: Harness, seen: list[Witnessed], transport: str) -> None:
    peer = (h.peer if transport == "udp" else h.connect)(transport, "10.0.0.9")
    request = peer.request("OPTIONS")
    h.advance(1)
    h.reply(asked(h), 200)
    first, second = seen
    assert (first.at, first.sent, first.data) == (h.now - 1, False, request.to_bytes())
    assert (second.at, second.sent) == (h.now, True)
    assert second.data.startswith(b"SIP/2.0 200 ")
    assert first.flow == second.flow
    assert (first.flow.transport, first.flow.remote) == (transport, peer.address)


def test_retransmissions_are_messages(h: Harness, seen: list[Witnessed]) -> None:
    peer = h.peer("udp", "10.0.0.9")
    request = peer.request("INVITE")
    peer.send(request)
    assert [each.sent for each in seen] == [False, False, *[True] * (len(seen) - 2)]


def test_what_cannot_be_parsed(h: Harness, seen: list[Witnessed]) -> None:
    h.peer("udp", "10.0.0.9").send_raw(b"INVITE nonsense that is long enough\r\n\r\n")
    assert [each.data[:15] for each in seen] == [b"INVITE nonsense"]


def test_keep_alives_and_stun_are_none(h: Harness, seen: list[Witnessed]) -> None:
    h.connect("tcp", "10.0.0.9").send_raw(b"\r\n\r\n")
    datagrams = h.peer("udp", "10.0.0.8")
    datagrams.send_raw(b"\r\n\r\n")
    datagrams.send_raw(bytes.fromhex("000100002112a442") + bytes(12))
    assert datagrams.raw  # it was answered
    assert seen == []


def test_what_goes_nowhere_is_none(h: Harness, seen: list[Witnessed]) -> None:
    peer = h.connect("tcp", "10.0.0.9")
    peer.request("OPTIONS")
    peer.close()
    h.reply(asked(h), 200)
    assert [each.sent for each in seen] == [False]


def test_nobody_need_listen(h: Harness, seen: list[Witnessed]) -> None:
    h.endpoint.witness = None
    h.peer("udp", "10.0.0.9").request("OPTIONS")
    assert seen == []
