"""Peers and applications that do what nobody should: nothing grows, hangs or is sent in floods."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.ua.edges import Edge, World, refuse
from tests.unit.ua.support import (
    ANSWER,
    OFFER,
    OTHER,
    SDP,
    Application,
    Solo,
    accept,
    invite_of,
    reply,
    within,
)

from ringway.message import Request
from ringway.transport.flow import Address, NextHop
from ringway.ua.agent import Agent
from ringway.ua.events import Ended, Failed, NotChanged, Registered, TransferProgress

HERE = "sip:alice@10.0.0.1"
EDGE = "sip:10.0.0.11;transport=tcp"


@pytest.fixture
def s() -> Solo:
    return Solo()


class TestCallees:
    def test_a_2xx_whose_contact_nobody_can_read_ends_the_call(self, s: Solo) -> None:
        _, heard = s.call()
        reply(s.bob, invite_of(s.bob), 200, body=ANSWER, contact="<tel:+1555>")
        assert isinstance(heard.last, Failed)
        assert "Contact" in heard.last.failure.text
        s.advance(64)
        assert (heard.kinds, s.endpoint.transactions) == (["Failed"], 0)

    def test_another_phone_may_still_answer_but_is_hung_up_on(self, s: Solo) -> None:
        _, heard = s.call()
        invite = invite_of(s.bob)
        reply(s.bob, invite, 200, "t1", body=ANSWER, contact="<tel:+1555>")
        accept(s.bob, invite, tag="t2")
        assert s.bob.methods == ["INVITE", "ACK", "BYE"]
        assert heard.kinds == ["Failed"]

    def test_a_thousand_phones_that_ring(self, s: Solo) -> None:
        s.call()
        invite = invite_of(s.bob)
        for number in range(1000):
            lines = [("Require", "100rel"), ("RSeq", "1")]
            reply(s.bob, invite, 183, f"t{number}", headers=lines)
        assert len(s.agent.dialogs) <= 32
        assert len(s.bob.requests) <= 1 + 32

    def test_the_one_that_answers_then_is_the_call(self, s: Solo) -> None:
        _, heard = s.call()
        invite = invite_of(s.bob)
        for number in range(100):
            reply(s.bob, invite, 180, f"t{number}")
        accept(s.bob, invite, tag="t99")
        assert heard.kinds[-1] == "Answered"
        assert s.bob.methods == ["INVITE", "ACK"]

    def test_a_thousand_phones_that_answer(self, s: Solo) -> None:
        s.call()
        invite = invite_of(s.bob)
        for number in range(1000):
            accept(s.bob, invite, tag=f"t{number}")
        assert s.bob.methods.count("BYE") == 31
        assert s.endpoint.transactions <= 1 + 31

    def test_another_time_in_a_hundred_years(self, s: Solo) -> None:
        call, heard = s.answered()
        s.do(call.change, OTHER)
        s.bob.answer(invite_of(s.bob), 503, headers=[("Retry-After", "4000000000")])
        assert isinstance(heard.last, NotChanged)
        assert heard.last.failure.retry_after == 4_000_000_000

    @pytest.mark.parametrize("expires", ["nan", "inf", "1e400", "-5", "9" * 20, "", "4294967295"])
    def test_a_report_that_never_ends(self, s: Solo, expires: str) -> None:
        invite = self._referred(s)
        lines = [("Event", "refer"), ("Subscription-State", f"active;expires={expires}")]
        body = b"SIP/2.0 100 Trying"
        within(s.bob, invite, "NOTIFY", 2, headers=lines, body=body)
        assert s.bob.statuses[-1] == 200
        s.advance(600)
        assert s.heard[-1].last == TransferProgress(100, "Trying", True)
        assert (s.endpoint.next_timer() or s.now) < s.now + 3600

    def _referred(self, s: Solo) -> Any:
        call, _, _ = s.accepted()
        ours = next(iter(s.agent.dialogs.values())).dialog
        s.do(call.refer, "sip:carol@10.0.0.9")
        s.bob.answer(s.bob.last, 202)

        class Said:
            call_id = ours.call_id

            def get(self, name: str) -> str:
                return ours.remote if name == "to" else ours.local

        return Said()

    def test_redirects_to_be_remembered(self, s: Solo) -> None:
        s.call("sip:z@10.0.0.9")
        many = ", ".join(f"<sip:x{number}@10.0.0.9>;expires=3600" for number in range(500))
        s.bob.answer(invite_of(s.bob), 302, headers=[("Contact", many)])
        ways = s.agent.services.redirects.recall(s.agent.services.settings.aor, s.now)
        assert ways == ()
        asked = s.bob.requests[0].uri
        assert len(s.agent.services.redirects.recall(asked, s.now)) == 10


class TestCallers:
    @pytest.mark.parametrize(
        ("how", "status"),
        [
            ({"uri": "sip:carol@10.0.0.1"}, 404),
            ({"headers": [("Require", "teleport")]}, 420),
            ({"headers": [("Replaces", "a;to-tag=1;from-tag=2")]}, 481),
        ],
    )
    def test_a_refusal_is_said_once(self, s: Solo, how: dict[str, Any], status: int) -> None:
        """RFC 3261 §26.3.2.4: whose address stands on it may not have asked."""
        s.invited(**how)
        s.advance(40)
        assert s.bob.statuses == [status]

    def test_and_again_if_it_was_lost(self, s: Solo) -> None:
        for _ in range(2):
            s.invited(headers=[("Require", "teleport")])
        assert s.bob.statuses == [420, 420]

    def test_a_dialog_that_is_none(self, s: Solo) -> None:
        s.bob.request("INVITE", HERE, to="<sip:alice@example.com>;tag=gone")
        s.advance(40)
        assert s.bob.statuses == [481]

    def test_over_a_connection_nothing_is_said_before(self, s: Solo) -> None:
        peer = s.connect("tcp", "10.0.0.8")
        peer.request("INVITE", "sip:carol@10.0.0.1")
        assert peer.statuses == [404]

    def test_only_so_many_calls_may_wait(self) -> None:
        s = Solo(most_waiting=3)
        for number in range(5):
            s.invited(branch=f"z9hG4bK-{number}", call_id=f"c{number}")
        assert s.bob.statuses == [486, 486]
        s.do(s.calls[0].reject)
        s.invited(branch="z9hG4bK-9", call_id="c9")
        assert len(s.calls) == 4


class TestConnections:
    def test_an_offer_whose_connection_is_gone_when_it_is_answered(self) -> None:
        world = World(EDGE, listeners=("udp", "tcp"))
        application = Application()
        world.services.emit = application.hear
        Agent(world.services)
        world.start()
        edge = world.edges[0].peer
        edge.request(
            "INVITE",
            HERE,
            from_="<sip:bob@bob.example>;tag=b",
            to="<sip:alice@example.com>",
            headers=[("Contact", "<sip:bob@10.0.0.9>"), ("Content-Type", SDP)],
            body=OFFER,
        )
        application.calls[0].answer(world.now, ANSWER)
        world.pump()
        answered = edge.responses[-1]
        within(edge, answered, "ACK", 1)
        within(edge, answered, "INVITE", 2, body=OTHER)
        edge.accepting = False
        edge.close()
        world.advance(11)  # until the last description is repeated
        assert application.heard[0].kinds == ["Answered", "Offered"]
        world.advance(40)
        assert isinstance(application.heard[0].last, Ended)


class TestRegistrars:
    def test_who_takes_it_and_closes_is_asked_less_and_less(self) -> None:
        """RFC 5626 §4.5; here no keep-alive is ever answered."""
        world = World(EDGE, listeners=("udp", "tcp"))
        edge = world.edges[0]
        edge.headers = []
        world.start()
        begun = world.now
        while world.now < begun + 3600:
            if world.slots[0].registered:
                edge.peer.close()
            world.advance(1)
        assert len(edge.registers) <= 10

    def test_a_registration_that_has_stood_is_replaced_at_once(self) -> None:
        world = World(EDGE, listeners=("udp", "tcp"))
        edge = world.edges[0]
        edge.headers = []
        world.start()
        world.advance(180)
        edge.peer.close()
        world.advance(5)
        assert world.slots[0].registered

    def test_a_second_at_a_time(self) -> None:
        world = World(EDGE, listeners=("udp", "tcp"))

        def react(edge: Edge, request: Request) -> None:
            contact = f"{request.contacts[0]};expires=1"
            edge.answer(request, 200, [*edge.headers, ("Contact", contact)])

        world.edges[0].reaction = react
        world.start()
        world.advance(60)
        assert len(world.edges[0].registers) <= 7

    def test_a_hundred_years_at_a_time(self) -> None:
        world = World(EDGE, listeners=("udp", "tcp"))

        def react(edge: Edge, request: Request) -> None:
            contact = f"{request.contacts[0]};expires=4000000000"
            edge.answer(request, 200, [*edge.headers, ("Contact", contact)])

        world.edges[0].reaction = react
        world.start()
        (event,) = world.take()
        assert isinstance(event, Registered)
        assert event.expires == 3600

    def test_a_hundred_years_at_least(self) -> None:
        world = World(EDGE, listeners=("udp", "tcp"))
        world.edges[0].reaction = refuse(423, ("Min-Expires", "4000000000"))
        world.start()
        assert len(world.edges[0].registers) == 1

    def test_a_gruu_with_headers(self) -> None:
        world = World(EDGE, listeners=("udp", "tcp"))

        def react(edge: Edge, request: Request) -> None:
            contact = f'{request.contacts[0]};expires=60;pub-gruu="sip:a@b?Route=c"'
            edge.answer(request, 200, [*edge.headers, ("Contact", contact)])

        world.edges[0].reaction = react
        world.start()
        assert "Route" not in world.slots[0].contact()


class TestApplications:
    def test_a_callback_that_raises_follows_nothing(self, s: Solo) -> None:
        def follow(*_: object) -> None:
            raise RuntimeError("oops")

        _, heard = s.call(follow=follow)
        reply(s.bob, invite_of(s.bob), 302, contact="<sip:x@10.0.0.9>")
        assert heard.kinds == ["Failed"]
        assert [str(each) for each in s.trouble] == ["oops"]

    def test_a_callback_that_raises_late(self, s: Solo) -> None:
        _, heard = s.call(follow=lambda _, contacts: (contacts[9] for _ in contacts))
        reply(s.bob, invite_of(s.bob), 302, contact="<sip:x@10.0.0.9>")
        assert heard.kinds == ["Failed"]
        assert len(s.trouble) == 1

    def test_a_line_break_is_refused_before_a_name_is_looked_up(self, s: Solo) -> None:
        s.peer("udp", "10.0.0.20")
        s.dns["bob.example"] = [NextHop("udp", Address("10.0.0.20", 5060), "bob.example")]
        with pytest.raises(ValueError, match="line break"):
            s.agent.call("sip:bob@bob.example", s.now, headers=(("Subject", "a\r\nb"),))
        assert s.endpoint.take_commands() == []
