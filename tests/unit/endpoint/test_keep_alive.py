"""Flows of our own and keep-alives over them: RFC 5626 §4.4, §8; RFC 5389 §7.2.1; RFC 7118 §6."""

import pytest
from tests.harness import HOST, Harness, Peer

from ringway.endpoint import (
    FlowClosed,
    FlowOpened,
    Listener,
    PongReceived,
    SendStream,
    StunReceived,
)
from ringway.transport.flow import Address, Flow, NextHop
from ringway.transport.stun import binding_request, binding_response, mapped_address


@pytest.fixture
def h() -> Harness:
    return Harness()


class Opened:
    """Takes what `open_flow` brings."""

    def __init__(self) -> None:
        self.flows: list[Flow] = []
        self.reasons: list[str] = []

    def __call__(self, flow: Flow | None, reason: str, now: float) -> None:
        if flow is None:
            self.reasons.append(reason)
        else:
            self.flows.append(flow)


def hop(peer: Peer) -> NextHop:
    return NextHop(peer.transport, peer.address, peer.address.host)


def opened(h: Harness, peer: Peer) -> Flow:
    got = Opened()
    h.endpoint.open_flow(hop(peer), got, h.now)
    h.pump()
    (flow,) = got.flows
    return flow


class TestOpenFlow:
    def test_it_is_another_connection_each_time(self, h: Harness) -> None:
        edge = h.peer("tcp", "10.0.0.11")
        first, second = opened(h, edge), opened(h, edge)
        assert first != second
        assert h.endpoint.flow_to(hop(edge)) == first
        assert [each.flow for each in h.events if isinstance(each, FlowOpened)] == [first, second]

    def test_requests_do_not_take_the_attempt_for_theirs(self, h: Harness) -> None:
        edge = h.peer("tcp", "10.0.0.11")
        edge.accepting = None
        got = Opened()
        h.endpoint.open_flow(hop(edge), got, h.now)
        h.endpoint.open_flow(hop(edge), got, h.now)
        h.send("OPTIONS", edge)
        assert len(h.connects) == 3
        h.accept(edge, hop(edge))
        assert (len(got.flows), edge.methods) == (1, [])
        h.accept(edge, hop(edge))
        h.accept(edge, hop(edge))
        assert len(set(got.flows)) == 2
        assert edge.methods == ["OPTIONS"]

    def test_it_says_why_there_is_none(self, h: Harness) -> None:
        edge = h.peer("tls", "10.0.0.11")
        edge.accepting = False
        got = Opened()
        h.endpoint.open_flow(hop(edge), got, h.now)
        assert got.reasons == []
        h.pump()
        assert got.reasons == ["connection refused"]

    def test_over_udp_it_is_the_one_there_always_is(self, h: Harness) -> None:
        got = Opened()
        target = NextHop("udp", Address("10.0.0.11", 5060), "edge")
        h.endpoint.open_flow(target, got, h.now)
        assert got.flows == [Flow("udp", Address(HOST, 5060), target.address)]

    def test_without_a_socket_there_is_none(self) -> None:
        h = Harness(listeners=(Listener("tcp", Address(HOST, 5060)),))
        got = Opened()
        h.endpoint.open_flow(NextHop("udp", Address("10.0.0.11", 5060), "edge"), got, h.now)
        assert got.reasons == ["nothing to send from to udp 10.0.0.11:5060"]

    def test_the_end_of_the_second_leaves_the_first_to_be_found(self, h: Harness) -> None:
        edge = h.peer("tcp", "10.0.0.11")
        first, second = opened(h, edge), opened(h, edge)
        h.endpoint.close_flow(second, "enough", h.now)
        assert h.endpoint.flow_to(hop(edge)) == first


@pytest.mark.parametrize("transport", ["tcp", "tls"])
class TestCrlf:
    def test_a_ping_goes_out_and_a_pong_is_told(self, h: Harness, transport: str) -> None:
        edge = h.peer(transport, "10.0.0.11")
        flow = opened(h, edge)
        h.endpoint.keep_alive(flow, h.now)
        assert [
            each.data for each in h.endpoint.take_commands() if isinstance(each, SendStream)
        ] == [b"\r\n\r\n"]
        edge.send_raw(b"\r\n")
        assert h.events[-1] == PongReceived(flow)

    def test_only_for_what_was_sent(self, h: Harness, transport: str) -> None:
        edge = h.peer(transport, "10.0.0.11")
        flow = opened(h, edge)
        edge.send_raw(b"\r\n")
        h.endpoint.keep_alive(flow, h.now)
        h.endpoint.keep_alive(flow, h.now)
        for _ in range(3):
            edge.send_raw(b"\r\n")
        assert [each for each in h.events if isinstance(each, PongReceived)] == [(flow,)] * 2

    def test_pongs_in_a_row_are_no_pings(self, h: Harness, transport: str) -> None:
        edge = h.peer(transport, "10.0.0.11")
        flow = opened(h, edge)
        for _ in range(4):
            h.endpoint.keep_alive(flow, h.now)
            edge.send_raw(b"\r\n")
        assert [each for each in h.events if isinstance(each, PongReceived)] == [(flow,)] * 4
        sent = edge.pongs
        edge.send_raw(b"\r\n\r\n")  # but this is one, and gets its pong
        assert edge.pongs == sent + 1

    def test_not_over_what_is_gone(self, h: Harness, transport: str) -> None:
        edge = h.peer(transport, "10.0.0.11")
        flow = opened(h, edge)
        h.endpoint.keep_alive(flow, h.now)
        edge.close()
        h.endpoint.keep_alive(flow, h.now)
        assert h.endpoint.take_commands() == []
        assert isinstance(h.events[-1], FlowClosed)


def test_nobody_needs_to_hear_it(h: Harness) -> None:
    edge = h.peer("tcp", "10.0.0.11")
    flow = opened(h, edge)
    h.endpoint.user = None
    h.endpoint.keep_alive(flow, h.now)
    edge.send_raw(b"\r\n")
    assert not any(isinstance(each, PongReceived) for each in h.events)


@pytest.mark.parametrize("transport", ["ws", "wss"])
class TestWebSocket:
    def test_a_ping_is_answered_by_any_server(self, h: Harness, transport: str) -> None:
        edge = h.peer(transport, "10.0.0.11", 80)
        flow = opened(h, edge)
        h.endpoint.keep_alive(flow, h.now)
        h.pump()
        assert h.events[-1] == PongReceived(flow)
        assert edge.pongs == 0  # no message: a frame of WebSocket

    def test_a_pong_in_a_message_counts_too(self, h: Harness, transport: str) -> None:
        edge = h.peer(transport, "10.0.0.11", 80)
        flow = opened(h, edge)
        h.endpoint.keep_alive(flow, h.now)
        assert edge.framer is not None
        edge.send_raw(edge.framer.wrap(b"\r\n"))
        assert h.events[-1] == PongReceived(flow)


class TestStun:
    @pytest.fixture
    def edge(self, h: Harness) -> Peer:
        return h.peer("udp", "10.0.0.11")

    def stun(self, h: Harness) -> list[StunReceived]:
        return [each for each in h.events if isinstance(each, StunReceived)]

    def answer(self, edge: Peer, data: bytes, seen: Address) -> None:
        response = binding_response(data, seen)
        assert response is not None
        edge.send_raw(response)

    def keep_alive(self, h: Harness, edge: Peer) -> Flow:
        assert edge.flow is not None
        h.endpoint.keep_alive(edge.flow, h.now)
        h.pump()
        return edge.flow

    def test_the_mapped_address_is_told(self, h: Harness, edge: Peer) -> None:
        flow = self.keep_alive(h, edge)
        assert edge.raw == [binding_request(edge.raw[0][8:])]
        self.answer(edge, edge.raw[0], Address("192.0.2.1", 4321))
        self.answer(edge, edge.raw[0], Address("192.0.2.2", 4321))
        assert self.stun(h) == [(flow, Address("192.0.2.1", 4321))]
        h.advance(100)
        assert len(edge.raw) == 1
        self.keep_alive(h, edge)
        assert edge.raw[0] != edge.raw[1]

    def test_an_error_is_told(self, h: Harness, edge: Peer) -> None:
        flow = self.keep_alive(h, edge)
        edge.send_raw(b"\x01\x11\0\0" + edge.raw[0][4:])
        assert self.stun(h) == [(flow, None)]

    def test_seven_tries_and_a_last_wait(self, h: Harness, edge: Peer) -> None:
        began = h.now
        times: list[float] = []

        def lost(data: bytes) -> bool:
            times.append(h.now - began)
            return bool(data)

        h.loses = lost
        flow = self.keep_alive(h, edge)
        h.advance(39.4)
        assert times == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert self.stun(h) == []
        h.advance(0.1)
        assert self.stun(h) == [(flow, None)]
        h.advance(100)
        assert len(times) == 7

    def test_one_at_a_time(self, h: Harness, edge: Peer) -> None:
        self.keep_alive(h, edge)
        self.keep_alive(h, edge)
        assert len(edge.raw) == 1

    def test_an_answer_of_somebody_else_is_none(self, h: Harness, edge: Peer) -> None:
        self.keep_alive(h, edge)
        other = h.peer("udp", "10.0.0.12")
        self.answer(other, edge.raw[0], Address("192.0.2.1", 4321))
        self.answer(edge, binding_request(b"x" * 12), Address("192.0.2.1", 4321))
        assert self.stun(h) == []
        assert mapped_address(binding_request(b"x" * 12), b"x" * 12) is None

    def test_icmp_ends_it(self, h: Harness, edge: Peer) -> None:
        self.keep_alive(h, edge)
        edge.unreachable()
        h.advance(100)
        assert self.stun(h) == []
        assert len(edge.raw) == 1
        assert h.endpoint.next_timer() is None
