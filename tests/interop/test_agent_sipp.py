"""Our user agent and SIPp as a server that redirects, and as one that fails."""

import pytest
from tests.interop.lab import Lab
from tests.interop.ours import OurCall, Ours
from tests.interop.sipp_servers import SippServer, moved, sipp_server
from tests.ports import free_port

from ringway.codes import Source
from ringway.ua.events import Answered, Ended, Failed, MovedPermanently, Redirected

PEERS = ("sipp",)
NOTHING = "X-Nothing: more"


@pytest.fixture
def alice(lab: Lab) -> Ours:
    return Ours(lab, "alice", register=False, local="127.0.0.1", password="secret")


def is_answered(call: OurCall, *servers: SippServer) -> None:
    call.event(Answered)
    call.hang_up()
    call.event(Ended, by_us=True)
    for server in servers:
        server.passed()


def busy(lab: Lab) -> SippServer:
    return sipp_server(lab, "says", says="486 Busy Here", header=NOTHING)


class TestRedirected:
    def test_targets_in_q_order_each_once(self, lab: Lab, alice: Ours) -> None:
        first, second, third = busy(lab), sipp_server(lab, "answers"), sipp_server(lab, "silent")
        start = moved(
            lab, f"<{third.uri()}>;q=0.1", f"<{second.uri()}>;q=0.5", f"<{first.uri()}>;q=0.9"
        )
        call = alice.call(start.uri())
        assert str(call.event(Redirected).target) == first.uri()
        assert str(call.event(Redirected).target) == second.uri()
        is_answered(call, start, first, second)
        assert third.received("INVITE") == 0
        asked = (start, first, second)
        for same in ("Call-ID", "From"):
            assert len({server.values(same)[0] for server in asked}) == 1
        assert not any("tag=" in server.values("To")[0] for server in asked)
        assert len({server.values("Via")[0] for server in asked}) == 3
        numbers = [int(server.values("CSeq")[0].split()[0]) for server in asked]
        assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]

    def test_from_udp_to_tcp(self, lab: Lab, alice: Ours) -> None:
        there = sipp_server(lab, "answers", "tcp")
        start = moved(lab, f"<{there.uri()}>")
        is_answered(alice.call(start.uri()), start, there)

    def test_without_expiry_it_holds_once(self, lab: Lab, alice: Ours) -> None:
        there = sipp_server(lab, "answers", calls=2)
        start = moved(lab, f"<{there.uri()}>", calls=2)
        is_answered(alice.call(start.uri()))
        is_answered(alice.call(start.uri()), start, there)

    def test_with_expiry_it_is_remembered(self, lab: Lab, alice: Ours) -> None:
        there = sipp_server(lab, "answers", calls=2)
        start = moved(lab, f"<{there.uri()}>;expires=60")
        is_answered(alice.call(start.uri()), start)
        is_answered(alice.call(start.uri()), there)
        assert start.received("INVITE") == 1

    def test_what_is_remembered_fails_the_original_once(self, lab: Lab, alice: Ours) -> None:
        there = sipp_server(lab, "answers")
        start = moved(lab, f"<{there.uri()}>;expires=60")
        is_answered(alice.call(start.uri()), start, there)  # and both are gone
        home = sipp_server(lab, "answers", port=start.port)
        is_answered(alice.call(start.uri()), home)

    def test_301_is_told_to_the_application(self, lab: Lab, alice: Ours) -> None:
        there = sipp_server(lab, "answers")
        start = moved(lab, f"<{there.uri()}>", says="301 Moved Permanently")
        is_answered(alice.call(start.uri()), start, there)
        told = alice.event(MovedPermanently)
        assert str(told.original) == start.uri()
        assert [str(contact.uri) for contact in told.contacts] == [there.uri()]

    def test_305_is_the_way_not_the_target(self, lab: Lab, alice: Ours) -> None:
        proxy = sipp_server(lab, "answers")
        start = moved(lab, f"<sip:127.0.0.1:{proxy.port}>", says="305 Use Proxy")
        is_answered(alice.call(start.uri()), start, proxy)
        assert f"INVITE {start.uri()} SIP/2.0" in proxy.saw()
        assert f"<sip:127.0.0.1:{proxy.port}" in proxy.values("Route")[0]

    def test_two_that_point_at_each_other(self, lab: Lab, alice: Ours) -> None:
        port = free_port()
        there = moved(lab, f"<sip:bob@127.0.0.1:{port};transport=udp>")
        start = moved(lab, f"<{there.uri()}>", port=port)
        call = alice.call(start.uri())
        failure = call.event(Failed).failure
        assert 300 <= failure.status < 400 or failure.status == 408
        start.passed()
        there.passed()
        assert (start.received("INVITE"), there.received("INVITE")) == (1, 1)

    def test_the_password_stays_where_it_was_asked_for(self, lab: Lab, alice: Ours) -> None:
        there = sipp_server(lab, "answers")
        header = f"Contact: <{there.uri()}>"
        start = sipp_server(lab, "asks_then_says", says="302 Moved Temporarily", header=header)
        is_answered(alice.call(start.uri()), start, there)
        assert start.values("Proxy-Authorization")[1]
        assert there.values("Proxy-Authorization") == [""]

    def test_left_to_the_application(self, lab: Lab, alice: Ours) -> None:
        there = sipp_server(lab, "answers")
        start = moved(lab, f"<{there.uri()}>")
        failure = alice.call(start.uri(), follow=False).event(Failed).failure
        assert failure.status == 302
        assert [str(contact.uri) for contact in failure.contacts] == [there.uri()]
        assert there.received("INVITE") == 0


class TestFailing:
    def test_503_says_when_to_come_again(self, lab: Lab, alice: Ours) -> None:
        server = sipp_server(lab, "says", says="503 Service Unavailable", header="Retry-After: 7")
        failure = alice.call(server.uri()).event(Failed).failure
        assert (failure.status, failure.retry_after, failure.source) == (503, 7, Source.RECEIVED)
        server.passed()
        assert server.received("INVITE") == 1

    def test_nobody_there(self, alice: Ours) -> None:
        call = alice.call(f"sip:bob@127.0.0.1:{free_port()};transport=tcp")
        failure = call.event(Failed).failure
        assert (failure.status, failure.source) == (503, Source.TRANSPORT)

    def test_silence_is_408_after_64_t1(self, lab: Lab, alice: Ours) -> None:
        server = sipp_server(lab, "silent")
        failure = alice.call(server.uri()).event(Failed, 40).failure
        assert (failure.status, failure.source) == (408, Source.TIMER)
        assert server.received("INVITE") > 1

    def test_given_up_before_an_answer_nothing_is_cancelled(self, lab: Lab, alice: Ours) -> None:
        server = sipp_server(lab, "silent")
        call = alice.call(server.uri())
        server.wait_received("INVITE")
        call.hang_up()
        assert server.received("CANCEL") == 0

    @pytest.mark.parametrize(
        ("says", "which"),
        [("401 Unauthorized", "WWW"), ("407 Proxy Authentication Required", "Proxy")],
    )
    def test_a_password_that_is_refused_is_sent_once(
        self, lab: Lab, alice: Ours, says: str, which: str
    ) -> None:
        server = sipp_server(lab, "refuses_password", says=says, which=which)
        failure = alice.call(server.uri()).event(Failed).failure
        assert failure.status == int(says[:3])
        server.passed()
        assert server.received("INVITE") == 2

    def test_a_server_that_calls_every_nonce_stale_is_left(self, lab: Lab, alice: Ours) -> None:
        server = sipp_server(lab, "always_stale", says="401 Unauthorized", which="WWW")
        assert alice.call(server.uri()).event(Failed).failure.status == 401
        assert 2 <= server.received("INVITE") <= 10
