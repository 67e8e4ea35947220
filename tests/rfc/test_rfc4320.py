"""RFC 4320: what non-INVITE transactions must not say, and when they say something.

That a proxy never sends 408 to them (§4.2) is its own business; see the proxy's tests.
"""

import pytest
from tests.harness import Harness, Peer, state_of

from ringway.endpoint import RequestReceived, State, Timers
from ringway.message import build_response


@pytest.fixture
def h() -> Harness:
    return Harness()


def peer(h: Harness, transport: str) -> Peer:
    return h.peer("udp", "10.0.0.9") if transport == "udp" else h.connect("tcp", "10.0.0.8")


@pytest.mark.clause("RFC4320 4.1")
class TestSection4_1:
    """Provisional responses to non-INVITE requests."""

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_none_but_100(self, h: Harness, transport: str) -> None:
        phone = peer(h, transport)
        request = phone.request("OPTIONS")
        event = h.events[-1]
        assert isinstance(event, RequestReceived)
        for status in (180, 183, 199):
            h.respond(event.transaction, build_response(request, status))
        assert phone.received == []
        assert state_of(event.transaction) is State.TRYING

    def test_no_early_100_over_udp(self, h: Harness) -> None:
        phone = peer(h, "udp")
        transaction = h.receive(phone, "OPTIONS")
        h.reply(transaction, 100)
        h.advance(3.4)
        assert phone.received == []

    def test_an_early_100_over_tcp(self, h: Harness) -> None:
        phone = peer(h, "tcp")
        h.reply(h.receive(phone, "OPTIONS"), 100)
        h.advance(10)
        assert phone.statuses == [100]

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_a_100_when_timer_e_would_reach_t2(self, h: Harness, transport: str) -> None:
        phone = peer(h, transport)
        h.receive(phone, "OPTIONS")
        h.advance(3.4)
        assert phone.received == []
        h.advance(0.2)
        assert phone.statuses == [100]
        assert phone.last.to_tag == ""
        h.advance(10)
        assert phone.statuses == [100]

    def test_which_follows_the_timers(self) -> None:
        h = Harness(timers=Timers(t1=1.0))
        phone = h.peer("udp", "10.0.0.9")
        h.receive(phone, "OPTIONS")
        h.advance(2.9)
        assert phone.received == []
        h.advance(0.2)
        assert phone.statuses == [100]

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_none_at_all_while_the_user_withholds_it(self, h: Harness, transport: str) -> None:
        phone = peer(h, transport)
        request = phone.request("OPTIONS")
        event = h.events[-1]
        assert isinstance(event, RequestReceived)
        h.endpoint.withhold_trying(event.transaction)
        h.advance(4)
        phone.send(request)
        h.advance(30)
        assert phone.received == []
        h.advance(2)
        assert state_of(event.transaction) is State.TERMINATED

    @pytest.mark.parametrize(
        ("transport", "given", "sent"),
        [("udp", 1, 3.5), ("udp", 4, 4), ("tcp", 1, 1), ("tcp", 4, 4)],
    )
    def test_a_withheld_one_goes_out_as_soon_as_it_may(
        self, h: Harness, transport: str, given: float, sent: float
    ) -> None:
        phone = peer(h, transport)
        transaction = h.receive(phone, "OPTIONS")
        h.endpoint.withhold_trying(transaction)
        h.advance(given)
        h.reply(transaction, 100)
        h.advance(max(0.0, sent - given - 0.1))
        assert (phone.statuses == [100]) is (given == sent)
        h.advance(0.2)
        assert phone.statuses == [100]

    def test_no_100_after_the_final_response(self, h: Harness) -> None:
        phone = peer(h, "udp")
        h.reply(h.receive(phone, "OPTIONS"), 200)
        h.advance(10)
        assert phone.statuses == [200]

    def test_an_invite_gets_its_100_from_the_user(self, h: Harness) -> None:
        phone = peer(h, "udp")
        h.receive(phone, "INVITE")
        h.advance(10)
        assert phone.received == []


@pytest.mark.clause("RFC4320 4.2")
class TestSection4_2:
    """Late responses to non-INVITE requests."""

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_an_unanswered_request_ends_without_a_response(
        self, h: Harness, transport: str
    ) -> None:
        phone = peer(h, transport)
        transaction = h.receive(phone, "OPTIONS")
        h.advance(35)
        assert state_of(transaction) is State.PROCEEDING
        h.advance(1)
        assert state_of(transaction) is State.TERMINATED
        assert phone.statuses == [100]

    def test_a_late_response_is_not_sent(self, h: Harness) -> None:
        phone = peer(h, "udp")
        request = phone.request("OPTIONS")
        event = h.events[0]
        assert isinstance(event, RequestReceived)
        h.advance(40)
        h.respond(event.transaction, build_response(request, 200))
        h.reply(event.transaction, 200)
        assert phone.statuses == [100]

    def test_a_late_response_of_the_next_hop_goes_nowhere(self, h: Harness) -> None:
        phone = peer(h, "udp")
        _, owner = h.send("OPTIONS", phone)
        h.advance(33)
        owner.events.clear()
        phone.answer(phone.requests[0], 200)
        assert owner.events == []
