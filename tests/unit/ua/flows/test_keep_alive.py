"""RFC 5626 §4.4: when a keep-alive is sent, and what says that a flow has failed."""

from __future__ import annotations

import pytest
from tests.harness import HOST, Harness

from ringway.endpoint import PongReceived, StunReceived, UserEvent
from ringway.transport.flow import DEFAULT_PORTS, Address, Flow, NextHop
from ringway.transport.stun import binding_response
from ringway.ua.flows.keep_alive import KeepAlive


class World(Harness):
    """A flow to a server, and its keep-alives.

    Attributes:
        answers: True to answer each of them at once.
        sent: when they were sent, in seconds from the start.
    """

    def __init__(self, transport: str, *, chance: float = 0.0) -> None:
        super().__init__()
        self.chance = chance
        self.answered: list[float] = []
        self.failed: list[str] = []
        self.keep = KeepAlive(
            self.endpoint,
            lambda: self.chance,
            lambda now: self.answered.append(now - self.began),
            lambda reason, _: self.failed.append(reason),
        )
        self.endpoint.user = self
        self.server = self.peer(transport, "10.0.0.11", DEFAULT_PORTS[transport])
        self.answers = True
        self.seen = Address("192.0.2.1", 1234)
        self.began = self.now
        self.sent: list[float] = []
        target = NextHop(transport, self.server.address, "edge")
        flows: list[Flow | None] = []
        self.endpoint.open_flow(target, lambda flow, *_: flows.append(flow), self.now)
        self.pump()
        assert flows[0] is not None
        self.flow = flows[0]
        self.server.take_bytes = self.take  # type: ignore[method-assign]

    def take(self, data: bytes) -> None:
        self.sent.append(self.now - self.began)
        if self.server.transport == "udp":
            answer = binding_response(data, self.seen)
        elif self.flow.websocket:
            assert self.server.framer is not None
            self.server.framer.feed(data)
            answer = self.server.framer.outgoing()
        else:
            assert data == b"\r\n\r\n"
            answer = b"\r\n"
        if self.answers and answer is not None:
            self.server.send_raw(answer)

    def handle(self, event: UserEvent, now: float) -> None:
        if isinstance(event, PongReceived):
            self.keep.pong(now)
        elif isinstance(event, StunReceived):
            self.keep.stun(event.mapped, now)

    def start(self, *, expects: bool = True, flow_timer: int | None = None) -> None:
        self.keep.start(self.flow, self.now, expects=expects, flow_timer=flow_timer)
        self.pump()


@pytest.mark.parametrize(
    ("transport", "flow_timer", "least", "most"),
    [
        ("tcp", None, 95, 120),
        ("tls", None, 95, 120),
        ("ws", None, 95, 120),
        ("udp", None, 24, 29),
        ("tcp", 60, 48, 60),
        ("udp", 60, 48, 60),
        ("wss", 600, 480, 600),
        ("tcp", 0, 95, 120),
    ],
)
class TestIntervals:
    def test_each_is_another_random_one(
        self, transport: str, flow_timer: int | None, least: float, most: float
    ) -> None:
        w = World(transport)
        w.start(flow_timer=flow_timer)
        assert w.sent == [0]
        w.chance = 1.0
        w.advance(least)
        w.chance = 0.5
        w.advance(most)
        w.advance((least + most) / 2)
        assert w.sent == pytest.approx([0, least, least + most, least + most + (least + most) / 2])
        assert w.answered == w.sent
        assert w.failed == []


class TestCrlf:
    def test_ten_seconds_for_a_pong(self) -> None:
        w = World("tcp")
        w.answers = False
        w.start()
        w.advance(9.9)
        assert w.failed == []
        w.advance(0.2)
        assert w.failed == ["no answer to a keep-alive within 10 s"]
        w.advance(1000)
        assert (len(w.failed), w.sent) == (1, [0])

    def test_a_later_one_may_stay_unanswered_too(self) -> None:
        w = World("tcp")
        w.start()
        w.advance(50)
        w.answers = False
        w.advance(54.9)
        assert w.failed == []
        w.advance(0.2)
        assert len(w.failed) == 1

    def test_the_limit_is_that_of_the_first_unanswered_one(self) -> None:
        w = World("tcp")
        w.answers = False
        w.start(flow_timer=5)  # the next one is sent after 4 s
        w.advance(9.9)
        assert (w.sent, w.failed) == ([0, 4, 8], [])
        w.advance(0.2)
        assert len(w.failed) == 1

    def test_a_late_pong_ends_it(self) -> None:
        w = World("tcp")
        w.answers = False
        w.start(flow_timer=5)
        w.advance(5)
        w.answers = True
        w.server.send_raw(b"\r\n")
        w.server.send_raw(b"\r\n")
        w.advance(60)
        assert w.failed == []

    def test_without_an_indication_no_answer_is_expected(self) -> None:
        w = World("tcp")
        w.answers = False
        w.start(expects=False)
        w.advance(200)
        assert (w.sent, w.failed) == ([95, 190], [])
        assert not w.keep.expects

    def test_and_one_that_comes_proves_nothing(self) -> None:
        w = World("tcp")
        w.start(expects=False)
        w.advance(100)
        assert (w.sent, w.answered) == ([95], [])

    def test_a_probe_is_sent_at_once(self) -> None:
        w = World("tcp")
        w.start()
        w.advance(10)
        w.keep.probe(w.now)
        w.advance(94)
        assert w.sent == [0, 10]
        w.advance(1)
        assert w.sent == [0, 10, 105]

    def test_there_is_none_where_no_answer_is_expected(self) -> None:
        w = World("tcp")
        w.keep.probe(w.now)
        w.start(expects=False)
        w.keep.probe(w.now)
        w.pump()
        assert w.sent == []

    def test_a_refresh_brings_another_interval(self) -> None:
        w = World("tcp")
        w.start()
        w.advance(10)
        w.start(flow_timer=10)
        w.advance(8)
        assert w.sent == [0, 18]

    def test_another_flow_is_tried_at_once(self) -> None:
        w = World("tcp")
        w.start()
        w.advance(10)
        other = Flow("udp", Address(HOST, 5060), Address("10.0.0.12", 5060))
        server = w.peer("udp", "10.0.0.12")
        w.keep.start(other, w.now, expects=True, flow_timer=None)
        w.pump()
        assert (len(server.raw), w.sent) == (1, [0])

    def test_stopped(self) -> None:
        w = World("tcp")
        w.start()
        w.keep.stop()
        w.keep.pong(w.now)
        w.keep.stun(w.seen, w.now)
        assert (w.endpoint.next_timer(), w.answered) == (None, [0])


class TestWebSocket:
    def test_a_ping_has_to_be_answered_by_any_server(self) -> None:
        w = World("ws")
        w.start(expects=False)
        assert (w.sent, w.answered) == ([0], [0])
        w.answers = False
        w.advance(106)
        assert w.failed == ["no answer to a keep-alive within 10 s"]


class TestStun:
    def test_nothing_at_all_without_an_indication(self) -> None:
        w = World("udp")
        w.start(expects=False)
        w.advance(3600)
        assert (w.sent, w.endpoint.next_timer()) == ([], None)

    def test_a_changed_address(self) -> None:
        w = World("udp")
        w.start()
        w.advance(24)
        w.seen = Address("192.0.2.2", 1234)
        w.advance(24)
        assert w.failed == ["our address was 192.0.2.1:1234 and is now 192.0.2.2:1234"]
        assert w.answered == [0, 24]
        w.start()  # registered anew over the same socket: it is the one to compare with now
        w.advance(100)
        assert len(w.failed) == 1

    def test_no_answer(self) -> None:
        w = World("udp")
        w.answers = False
        w.start()
        w.advance(39.6)
        assert w.failed == ["a keep-alive brought an error, or no answer at all"]
        assert w.answered == []

    def test_an_error(self) -> None:
        w = World("udp")
        w.start()
        w.keep.stun(None, w.now)
        assert len(w.failed) == 1
