"""The user agent core: what comes goes to the part it is for, or is refused."""

from __future__ import annotations

import pytest
from tests.harness import Peer
from tests.unit.ua.edges import World
from tests.unit.ua.support import (
    ANSWER,
    OFFER,
    SDP,
    Application,
    Heard,
    Solo,
    invite_of,
    reply,
    within,
)

from ringway.codes import Source
from ringway.endpoint import (
    FlowClosed,
    FlowOpened,
    PongReceived,
    RequestReceived,
    ResponseFailed,
    StunReceived,
)
from ringway.message import Request, Response
from ringway.transport.flow import Address, Flow
from ringway.ua.agent import Agent
from ringway.ua.calls.confirm import Acknowledgement
from ringway.ua.events import Failure, Redirected, Registered
from ringway.ua.screening import Screening

HERE = "sip:alice@10.0.0.1"


@pytest.fixture
def s() -> Solo:
    return Solo()


class TestScreening:
    @pytest.mark.parametrize(
        "uri",
        [
            "sip:alice@10.0.0.1",
            "sip:alice@10.0.0.1:5060;transport=udp",
            "sip:alice@example.com",
            "sip:%61lice@example.com",
            "sip:10.0.0.1",
        ],
    )
    def test_who_we_are(self, s: Solo, uri: str) -> None:
        s.bob.request("OPTIONS", uri)
        assert s.bob.statuses == [200]

    @pytest.mark.parametrize(
        "uri", ["sip:carol@10.0.0.1", "sip:alice@10.0.0.9", "sip:carol@example.com", "sip:10.0.0.9"]
    )
    def test_who_we_are_not(self, s: Solo, uri: str) -> None:
        s.bob.request("OPTIONS", uri)
        assert s.bob.statuses == [404]

    def test_other_schemes(self, s: Solo) -> None:
        s.bob.request("OPTIONS", "tel:+15551234")
        assert s.bob.statuses == [416]

    def test_methods(self, s: Solo) -> None:
        s.bob.request("PUBLISH", HERE)
        assert s.bob.statuses == [405]
        assert "INVITE" in s.bob.last.values("allow")

    def test_extensions(self, s: Solo) -> None:
        s.invited(headers=[("Require", "100rel, teleport, telepathy")])
        assert s.bob.statuses == [420]
        assert s.bob.last.values("unsupported") == ("teleport", "telepathy")

    @pytest.mark.clause("RFC3261-8.2.3-1", "RFC3261-8.2.3-2", "RFC3261-8.2.3-3")
    def test_content(self, s: Solo) -> None:
        for number, headers in enumerate(
            (
                [("Content-Type", "text/plain")],
                [("Content-Type", SDP), ("Content-Encoding", "gzip")],
                [("Content-Type", "text/plain"), ("Content-Disposition", "x;handling=optional")],
                [("Content-Type", "multipart/mixed;boundary=x")],
                [("Content-Type", SDP), ("Content-Encoding", "identity")],
            )
        ):
            s.bob.request(
                "INVITE",
                HERE,
                branch=f"z9hG4bK-c{number}",
                call_id=f"c{number}",
                headers=[("Contact", "<sip:bob@10.0.0.9>"), *headers],
                body=OFFER,
            )
        assert s.bob.statuses == [415, 415]
        assert s.bob.responses[0].get("accept") == SDP
        assert s.bob.responses[1].get("accept-encoding") == "identity"
        assert len(s.calls) == 3

    def test_what_cannot_be_read(self, s: Solo) -> None:
        s.bob.request("OPTIONS", "sip:alice@10.0.0.1:x", to=f"<{HERE}>")
        assert s.bob.statuses == [400]

    def test_a_contact_that_means_nothing_to_others(self) -> None:
        w = World("sip:10.0.0.11;transport=tcp", registers=False)
        screening = Screening(w.settings, w.endpoint)
        contacts = ["<sip:b7@other.invalid>", "<sip:a7@df7jal.invalid;transport=ws;ob>"]
        phone = w.peer("udp", "10.0.0.9")
        for uri, status in (("sip:a7@df7jal.invalid", 0), ("sip:a8@df7jal.invalid", 404)):
            known = len(w.events)
            phone.request("OPTIONS", uri)
            event = w.events[known]
            assert isinstance(event, RequestReceived)
            transaction = event.transaction
            assert transaction.request is not None
            refusal = screening.refuses(transaction, transaction.request, contacts, w.now)
            assert (refusal.status if refusal else 0) == status


class TestMerged:
    @pytest.mark.clause("RFC3261-8.2.2.2-1", "RFC3261-8.2.2.2-2")
    def test_a_copy_by_another_way(self, s: Solo) -> None:
        s.invited()
        s.invited(branch="z9hG4bK-other")
        assert s.bob.statuses == [482]
        assert len(s.calls) == 1

    def test_a_copy_of_what_is_answered(self, s: Solo) -> None:
        for number in range(2):
            s.bob.request("OPTIONS", HERE, call_id="o", branch=f"z9hG4bK-o{number}")
        assert s.bob.statuses == [200, 482]

    def test_not_for_ever(self, s: Solo) -> None:
        s.bob.request("OPTIONS", HERE, call_id="o", branch="z9hG4bK-1")
        s.advance(33)
        s.bob.request("OPTIONS", HERE, call_id="o", branch="z9hG4bK-2")
        assert s.bob.statuses == [200, 200]

    def test_as_long_as_it_rings(self, s: Solo) -> None:
        s.invited()
        s.advance(40)
        s.bob.request("OPTIONS", HERE, call_id="x", branch="z9hG4bK-1")
        s.invited(branch="z9hG4bK-other")
        assert s.bob.statuses[-1] == 482
        assert len(s.agent._screening) == 2

    def test_the_next_number_is_another_request(self, s: Solo) -> None:
        for number in range(2):
            s.bob.request(
                "OPTIONS", HERE, call_id="o", cseq=number + 1, branch=f"z9hG4bK-o{number}"
            )
        assert s.bob.statuses == [200, 200]


class TestOutsideDialogs:
    def test_options(self) -> None:
        s = Solo(software="ringway")
        s.bob.request("OPTIONS", HERE)
        said = s.bob.last
        assert said.get("accept") == SDP
        assert said.get("server") == "ringway"
        assert "100rel" in said.supported
        assert said.to_tag

    @pytest.mark.parametrize("method", ["BYE", "PRACK", "UPDATE", "INFO", "NOTIFY"])
    def test_what_belongs_into_a_dialog(self, s: Solo, method: str) -> None:
        s.bob.request(method, HERE)
        assert s.bob.statuses == [481]

    def test_refer(self, s: Solo) -> None:
        s.bob.request("REFER", HERE, headers=[("Refer-To", "<sip:carol@10.0.0.8>")])
        assert s.bob.statuses == [403]

    @pytest.mark.parametrize("method", ["BYE", "INVITE", "OPTIONS", "MESSAGE"])
    def test_an_unknown_dialog(self, s: Solo, method: str) -> None:
        s.bob.request(method, HERE, to="<sip:alice@example.com>;tag=gone")
        assert s.bob.statuses == [481]

    def test_an_ack_for_nobody(self, s: Solo) -> None:
        s.bob.request("ACK", HERE, to="<sip:alice@example.com>;tag=gone")
        assert s.bob.received == []

    def test_a_cancel_for_nobody(self, s: Solo) -> None:
        s.bob.request("CANCEL", HERE)
        assert s.bob.statuses == [481]

    def test_a_replaces_that_is_none(self, s: Solo) -> None:
        s.invited(headers=[("Replaces", "x")])
        assert s.bob.statuses == [400]
        s.invited(
            headers=[("Replaces", "x;to-tag=1;from-tag=2")], call_id="in-2", branch="z9hG4bK2"
        )
        assert s.bob.statuses[-1] == 481

    def test_an_application_that_raises(self, s: Solo) -> None:
        def broken(event: object) -> None:
            raise RuntimeError("its own fault")

        s.agent._emit = broken
        s.invited()
        assert [str(each) for each in s.trouble] == ["its own fault"]
        s.advance(1)
        assert s.bob.statuses == [100]

    def test_by_default_trouble_is_dropped(self, s: Solo) -> None:
        agent = Agent(s.agent.services)
        assert agent.guard(lambda: 1 // 0) is None
        assert agent.guard(lambda: 7) == 7


class Asked:
    """An asker that keeps what it is told."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.failures: list[Failure] = []

    def provisional(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        self.statuses.append(response.status)

    def succeeded(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        self.statuses.append(response.status)

    def redirected(self, event: Redirected, now: float) -> None:
        self.statuses.append(event.status)

    def failed(self, failure: Failure, now: float) -> None:
        self.failures.append(failure)


class TestSend:
    def test_message(self, s: Solo) -> None:
        asked = Asked()
        s.agent.send(
            "MESSAGE",
            "sip:bob@10.0.0.9",
            s.now,
            asked,
            headers=(("Subject", "tea"),),
            body=b"hello",
            content_type="text/plain",
        )
        s.pump()
        (request,) = s.bob.requests
        assert (request.method, request.body) == ("MESSAGE", b"hello")
        assert request.get("subject") == "tea"
        assert not request.has("contact")
        s.bob.answer(request, 200)
        assert asked.statuses == [200]

    def test_our_name(self) -> None:
        s = Solo(display='Alice "A"')
        s.call()
        assert invite_of(s.bob).from_.display == 'Alice "A"'


class TestFlows:
    def test_what_the_registrations_hear(self) -> None:
        w = World("sip:10.0.0.11;transport=tcp")
        heard: list[tuple[object, ...]] = []
        agent = Agent(w.services)
        assert w.endpoint.user is agent
        w.outbound.flow_closed = lambda *what: heard.append(what)  # type: ignore[method-assign] # to listen
        w.outbound.pong = lambda *what: heard.append(what)  # type: ignore[method-assign] # to listen
        w.outbound.stun = lambda *what: heard.append(what)  # type: ignore[method-assign] # to listen
        flow = Flow("tcp", Address("10.0.0.1", 1), Address("10.0.0.11", 5060), 9)
        mapped = Address("192.0.2.1", 7)
        agent.handle(FlowOpened(flow), 1.0)
        agent.handle(FlowClosed(flow, "gone"), 2.0)
        agent.handle(PongReceived(flow), 3.0)
        agent.handle(StunReceived(flow, mapped), 4.0)
        assert heard == [(flow, "gone", 2.0), (flow, 3.0), (flow, mapped, 4.0)]

    def test_a_2xx_nobody_acknowledges_is_no_matter_here(self, s: Solo) -> None:
        s.invited()
        call = s.calls[0]
        event = ResponseFailed(call._transaction, Source.TIMER, "no ACK came")
        s.agent.handle(event, s.now)
        assert call.waits


class Registered_:
    """An agent with two edges, registered."""

    def __init__(self) -> None:
        self.world = World(
            "sip:10.0.0.11;transport=tcp", "sip:10.0.0.12;transport=tcp", flow_wait=8.0
        )
        self.application = Application()
        self.world.services.emit = self.application.hear
        self.agent = Agent(self.world.services)
        self.world.start()
        self.edge: Peer = self.world.edges[0].peer
        for each in self.world.edges:
            each.peer.take()
            each.answered = 0

    def invited(self) -> Request:
        invite = self.edge.request(
            "INVITE",
            str(self.world.slots[0].contact()).strip("<>").partition(">")[0],
            call_id="in-1",
            branch="z9hG4bK-in",
            from_="<sip:bob@example.com>;tag=bob",
            to="<sip:alice@example.com>",
            headers=[
                ("Contact", "<sip:bob@10.0.0.9>"),
                ("Record-Route", "<sip:token@10.0.0.11;transport=tcp;lr>"),
                ("Content-Type", SDP),
            ],
            body=OFFER,
        )
        self.heard = Heard(self.application.calls[-1])
        return invite

    def up(self) -> None:
        self.invited()
        call = self.application.calls[-1]
        call.answer(self.world.now, ANSWER)
        self.world.pump()
        within(self.edge, self.edge.responses[-1], "ACK", 1)
        self.heard.take()
        self.edge.take()

    def back(self) -> Peer:
        """Let the first edge come back."""
        self.world.advance(10)
        return self.edge


class TestAckOverFlows:
    """The ACK for a 2xx goes over the slot's flow, and waits for one (RFC 3261 §13.2.2.4)."""

    def called(self) -> tuple[Registered_, Request]:
        r = Registered_()
        call = r.agent.call("sip:bob@example.com", r.world.now, body=OFFER)
        r.heard = Heard(call)
        r.world.pump()
        return r, r.edge.requests[-1]

    def test_it_goes(self) -> None:
        r, invite = self.called()
        reply(r.edge, invite, 200, body=ANSWER)
        assert r.edge.methods[-1] == "ACK"

    @pytest.mark.parametrize("back", [True, False])
    def test_the_flow_is_gone(self, back: bool) -> None:
        r, invite = self.called()
        second = r.world.edges[1].peer
        r.edge.accepting = back
        session_flow = r.edge.flow
        reply(r.edge, invite, 180)
        session = r.heard.call.session
        assert session is not None
        slot = session.slot
        assert slot is not None
        assert slot.flow is not None
        assert slot.flow == session_flow
        r.edge.take()
        ack = Acknowledgement(session, invite)
        r.world.endpoint.close_flow(slot.flow, "broken", r.world.now)
        ack.send(r.world.now)
        ack.again(r.world.now)
        r.world.advance(20)
        assert r.edge.methods.count("ACK") == int(back)
        assert second.methods.count("ACK") == 0


class TestOverFlows:
    def test_the_contact_is_the_slots(self) -> None:
        r = Registered_()
        assert any(isinstance(each, Registered) for each in r.application.told)
        r.invited()
        r.application.calls[0].ring(r.world.now)
        r.world.pump()
        said = r.edge.responses[-1]
        assert said.get("contact") == r.world.slots[0].contact()
        assert said.get("record-route") == "<sip:token@10.0.0.11;transport=tcp;lr>"

    def test_another_ones_contact(self) -> None:
        r = Registered_()
        r.edge.request("OPTIONS", "sip:carol@10.0.0.1:5999;transport=tcp")
        assert r.edge.statuses == [404]

    def test_our_contact_as_it_was_registered(self) -> None:
        r = Registered_()
        uri = r.world.slots[0].contact().partition("<")[2].partition(">")[0]
        r.edge.request("OPTIONS", uri)
        assert r.edge.statuses == [200]

    def test_the_call_goes_on_over_the_new_flow(self) -> None:
        r = Registered_()
        r.up()
        old = r.edge.flow
        r.edge.close()
        assert r.heard.events == []
        r.back()
        assert r.edge.flow != old
        assert r.heard.kinds == ["FlowReplaced"]
        r.edge.take()
        r.heard.call.hang_up(r.world.now)
        r.world.pump()
        bye = r.edge.requests[-1]
        assert bye.method == "BYE"
        assert [str(each.uri) for each in bye.routes] == ["sip:token@10.0.0.11;transport=tcp;lr"]

    def test_an_invite_that_comes_again_over_the_other_flow(self) -> None:
        r = Registered_()
        invite = r.invited()
        r.edge.close()
        second = r.world.edges[1].peer
        draft = invite.edit()
        draft.replace_top_via("SIP/2.0/TCP 10.0.0.12:5060;branch=z9hG4bK-again")
        second.send(draft.build())
        assert r.heard.kinds == ["FlowReplaced"]
        r.application.calls[0].answer(r.world.now, ANSWER)
        r.world.pump()
        assert second.responses[-1].get("contact") == r.world.slots[1].contact()
        within(second, second.responses[-1], "ACK", 1)
        r.world.advance(20)
        assert r.heard.kinds == ["FlowReplaced", "Answered"]
        assert len(r.application.calls) == 1

    def test_a_request_waits_for_the_new_flow(self) -> None:
        r = Registered_()
        r.up()
        r.edge.close()
        r.heard.call.info(r.world.now, b"1", "text/plain")
        r.back()
        assert "INFO" in r.edge.methods

    def test_two_flows_later(self) -> None:
        r = Registered_()
        r.up()
        for _ in range(2):
            r.edge.close()
            r.world.advance(200)
        assert r.heard.kinds == ["FlowReplaced"] * 2

    def test_another_flow_is_no_matter(self) -> None:
        r = Registered_()
        r.up()
        r.world.edges[1].peer.close()
        r.world.advance(200)
        assert r.heard.events == []

    def test_the_flow_does_not_come_back(self) -> None:
        r = Registered_()
        r.up()
        r.edge.accepting = False
        r.edge.close()
        r.world.advance(4000)
        assert r.heard.events == [] or r.heard.kinds == ["Ended"]
        assert "FlowReplaced" not in r.heard.kinds

    def test_the_call_ends_while_it_is_gone(self) -> None:
        r = Registered_()
        r.up()
        r.edge.close()
        r.heard.call.hang_up(r.world.now)
        r.world.advance(10)
        assert r.heard.kinds == ["Ended"]
        assert "BYE" in r.edge.methods
