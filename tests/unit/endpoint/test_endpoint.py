"""Bytes in, events out: keep-alives, STUN, faulty messages, flows, names, timers."""

from typing import Unpack

import pytest
from tests.harness import HOST, Fields, Harness, Peer, make_request

from ringway.endpoint import (
    CloseFlow,
    Connect,
    Decision,
    FlowClosed,
    FlowOpened,
    Kind,
    RequestReceived,
    Resolve,
)
from ringway.message import build_response, parse_uri
from ringway.transport.flow import Address, Flow, NextHop
from ringway.transport.stun import binding_request, mapped_address


@pytest.fixture
def h() -> Harness:
    return Harness()


@pytest.fixture
def phone(h: Harness) -> Peer:
    return h.peer("udp", "10.0.0.9", 40000)


class TestDatagrams:
    @pytest.mark.parametrize("data", [b"", b"\0", b"\r\n", b"\r\n\r\n", b"jaK", b" " * 19])
    def test_keep_alives_say_nothing(self, h: Harness, phone: Peer, data: bytes) -> None:
        phone.send(data)
        assert (h.events, phone.raw, h.decisions) == ([], [], [])

    def test_stun_is_answered(self, h: Harness, phone: Peer) -> None:
        phone.send(binding_request(b"0123456789ab"))
        assert mapped_address(phone.raw[0], b"0123456789ab") == phone.address

    @pytest.mark.parametrize("data", [b"\0" * 20, b"\1\1" + b"\0" * 30, b"\0\1\0\7" + b"x" * 30])
    def test_what_looks_like_it_is_dropped(self, h: Harness, phone: Peer, data: bytes) -> None:
        phone.send(data)
        assert (h.events, phone.raw) == ([], [])

    @pytest.mark.parametrize(
        "data", [b"x" * 100, b"SIP/2.0 999 Absurd\r\n\r\n", b"ACK sip:x SIP/2.0\r\nVia: x\r\n\r\n"]
    )
    def test_nonsense_is_dropped_and_noted(self, h: Harness, phone: Peer, data: bytes) -> None:
        phone.send(data)
        assert (h.events, phone.raw) == ([], [])
        assert [each.kind for each in h.decisions] == [Kind.DROPPED]
        assert h.decisions[0].flow == phone.flow


class TestFaultyRequests:
    def broken(self, method: str = "OPTIONS", **how: Unpack[Fields]) -> bytes:
        how["headers"] = [("Max-Forwards", "many")]
        return make_request(method, **how).to_bytes()

    def test_are_answered_without_a_transaction(self, h: Harness, phone: Peer) -> None:
        data = self.broken(sent_by="10.0.0.9:40000")
        phone.send(data)
        phone.send(data)
        assert phone.statuses == [400, 400]
        one, two = phone.responses
        assert one.to_tag == two.to_tag != ""
        phone.send(self.broken(sent_by="10.0.0.9:40000", call_id="another"))
        assert phone.last.to_tag not in {"", one.to_tag}
        assert h.events == []
        assert len(h.endpoint._servers) == 0
        assert "many" in phone.responses[0].reason

    def test_where_a_response_goes(self, h: Harness, phone: Peer) -> None:
        phone.send(self.broken(sent_by="phone.test", via_params=";rport"))
        assert phone.statuses == [400]
        assert phone.last.top_via.received == "10.0.0.9"

    def test_nowhere_if_only_dns_could_tell(self, h: Harness, phone: Peer) -> None:
        phone.send(self.broken(via_params=";maddr=else.test"))
        assert phone.received == []

    def test_an_ack_is_not_answered(self, h: Harness, phone: Peer) -> None:
        phone.send(self.broken(method="ACK", sent_by="10.0.0.9:40000"))
        assert phone.received == []

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_a_via_that_cannot_be_read(
        self, h: Harness, transport: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only where it came from says where to answer to."""
        source = h.connect(transport, "10.0.0.9") if transport == "tcp" else h.peer("udp", HOST, 9)
        answers: list[bytes] = []
        monkeypatch.setattr(source, "take_bytes", answers.append)
        data = make_request("OPTIONS").to_bytes()
        source.send_raw(data.replace(b"SIP/2.0/UDP 10.0.0.9", b"nonsense ~~~ "))
        (answer,) = answers
        assert answer.startswith(b"SIP/2.0 400 ")
        assert b"\r\nVia: nonsense ~~~ :5060;branch=" in answer

    def test_a_wrong_version(self, h: Harness, phone: Peer) -> None:
        data = make_request("OPTIONS", sent_by="10.0.0.9:40000").to_bytes()
        phone.send(data.replace(b" SIP/2.0\r\n", b" SIP/7.0\r\n", 1))
        assert phone.statuses == [505]

    def test_on_a_stream_the_connection_lives_on(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        caller.send(self.broken(transport="tcp"))
        assert caller.statuses == [400]
        caller.request("OPTIONS")
        assert isinstance(h.events[-1], RequestReceived)

    def test_the_server_names_itself(self) -> None:
        h = Harness(software="ringway/1")
        phone = h.peer("udp", "10.0.0.9")
        phone.send(self.broken())
        assert phone.last.get("server") == "ringway/1"


class TestStreams:
    @pytest.mark.parametrize("transport", ["tcp", "tls"])
    def test_a_ping_gets_a_pong_at_once(self, h: Harness, transport: str) -> None:
        caller = h.connect(transport, "10.0.0.8")
        caller.send(b"\r\n")
        assert caller.pongs == 0
        caller.send(b"\r\n")
        assert caller.pongs == 1
        caller.send(b"\r\n\r\n")
        assert caller.pongs == 2
        caller.request("OPTIONS")
        assert isinstance(h.events[-1], RequestReceived)

    def test_and_over_websocket(self, h: Harness) -> None:
        browser = h.connect("ws", "10.0.0.8")
        assert browser.framer is not None
        browser.send(browser.framer.wrap(b"\r\n\r\n"))
        assert browser.pongs == 1

    def test_websocket_needs_no_content_length(self, h: Harness) -> None:
        browser = h.connect("wss", "10.0.0.8")
        draft = make_request("MESSAGE", transport="wss", body=b"hello").edit()
        draft.remove("content-length")
        browser.send(draft.build())
        event = h.events[-1]
        assert isinstance(event, RequestReceived)
        assert event.request.body == b"hello"

    def test_nonsense_ends_a_websocket(self, h: Harness) -> None:
        browser = h.connect("ws", "10.0.0.8")
        assert browser.framer is not None
        browser.send(browser.framer.wrap(b"hello"))
        assert browser.closed
        assert isinstance(h.events[-1], FlowClosed)

    def test_a_close_frame_ends_it(self, h: Harness) -> None:
        browser = h.connect("ws", "10.0.0.8")
        assert browser.framer is not None
        browser.send(browser.framer.close())
        assert browser.closed
        assert isinstance(h.events[-1], FlowClosed)

    def test_an_endless_head_is_answered_and_ends_it(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        data = make_request("OPTIONS", transport="tcp", headers=[("X", "y" * 70_000)]).to_bytes()
        caller.send(data)
        assert caller.statuses == [513]
        assert caller.closed

    def test_two_lengths_are_answered_and_end_it(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        caller.send(make_request("OPTIONS", transport="tcp", headers=[("Content-Length", "0")]))
        assert caller.statuses == [400]
        assert caller.closed

    def test_bytes_without_a_head_are_just_given_up(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        caller.send(b"x" * 70_000)
        assert caller.received == []
        assert caller.closed

    def test_what_comes_after_the_end_is_ignored(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        caller.close()
        caller.request("OPTIONS")
        assert caller.flow is not None
        h.endpoint.flow_closed(caller.flow, "again", h.now)
        assert [type(event) for event in h.events] == [FlowOpened, FlowClosed]

    def test_the_user_may_close_while_messages_wait(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        flow = caller.flow
        assert flow is not None

        def close(event: object, now: float) -> None:
            if isinstance(event, RequestReceived):
                h.endpoint.close_flow(flow, "enough", now)

        h.recorder.reaction = close
        one = make_request("OPTIONS", branch="z9hG4bK-1", transport="tcp").to_bytes()
        two = make_request("OPTIONS", branch="z9hG4bK-2", transport="tcp").to_bytes()
        caller.send(one + two)
        assert len([each for each in h.events if isinstance(each, RequestReceived)]) == 1
        assert h.events[-1] == FlowClosed(flow, "enough")
        assert caller.closed

    def test_generations_are_never_used_twice(self, h: Harness) -> None:
        flows = []
        for _ in range(3):
            caller = h.connect("tcp", "10.0.0.8")
            flows.append(caller.flow)
            caller.close()
        assert len(set(flows)) == 3
        assert {flow._replace(generation=0) for flow in flows if flow} == {
            Flow("tcp", Address(HOST, 5060), Address("10.0.0.8", 40000))
        }

    def test_outgoing_websocket(self, h: Harness) -> None:
        server = h.peer("ws", "10.0.0.5", 80)
        server.accepting = None
        _, owner = h.send("OPTIONS", server)
        flow = h.endpoint.flow_opened(
            "ws", Address(HOST, 50000), server.address, h.now, target=h.connects[0]
        )
        (hello,) = h.endpoint.take_commands()
        assert getattr(hello, "data", b"").startswith(b"GET / HTTP/1.1")
        h.endpoint.flow_closed(flow, "no", h.now)
        assert len(owner.failures) == 1


class TestFlows:
    def test_is_live(self, h: Harness, phone: Peer) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        assert phone.flow is not None
        assert caller.flow is not None
        assert h.endpoint.is_live(phone.flow)
        assert h.endpoint.is_live(caller.flow)
        assert not h.endpoint.is_live(caller.flow._replace(generation=99))
        assert not h.endpoint.is_live(phone.flow._replace(local=Address("10.0.0.2", 5060)))
        caller.close()
        assert not h.endpoint.is_live(caller.flow)

    def test_flow_to(self, h: Harness) -> None:
        address = Address("10.0.0.8", 40000)
        target = NextHop("tcp", address, "x")
        assert h.endpoint.flow_to(target) is None
        caller = h.connect("tcp", "10.0.0.8")
        assert h.endpoint.flow_to(target) == caller.flow
        assert h.endpoint.flow_to(NextHop("udp", address, "x")) == Flow("udp", h.udp, address)
        caller.close()
        assert h.endpoint.flow_to(target) is None

    def test_the_newer_of_two_to_one_address_survives_the_older(self, h: Harness) -> None:
        old, new = h.connect("tcp", "10.0.0.8"), h.connect("tcp", "10.0.0.8")
        old.close()
        assert h.endpoint.flow_to(NextHop("tcp", new.address, "x")) == new.flow

    def test_accepted_tls_is_not_taken_for_a_named_server(self, h: Harness) -> None:
        caller = h.connect("tls", "10.0.0.8")
        assert h.endpoint.flow_to(NextHop("tls", caller.address, "bank.test")) is None

    def test_close(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        assert caller.flow is not None
        _, owner = h.send("OPTIONS", caller)
        h.endpoint.close_flow(caller.flow, "draining", h.now)
        assert not h.endpoint.is_live(caller.flow)
        assert len(owner.failures) == 1
        assert h.endpoint.take_commands() == [CloseFlow(caller.flow, "draining")]
        h.endpoint.close_flow(caller.flow, "draining", h.now)
        assert h.endpoint.take_commands() == []
        assert h.events[-1] == FlowClosed(caller.flow, "draining")

    def test_close_says_goodbye_over_websocket(self, h: Harness) -> None:
        browser = h.connect("ws", "10.0.0.8")
        assert browser.flow is not None
        h.endpoint.close_flow(browser.flow, "draining", h.now)
        goodbye, close = h.endpoint.take_commands()
        assert getattr(goodbye, "data", b"")[:1] == b"\x88"
        assert close == CloseFlow(browser.flow, "draining")

    def test_commands_come_once_and_in_order(self, h: Harness) -> None:
        target = NextHop("tcp", Address("10.0.0.5", 5060), "x")
        h.endpoint.send_request(make_request("OPTIONS"), target, None, h.now)
        h.endpoint.emit("something of a role")
        assert h.endpoint.take_commands() == [Connect(target), "something of a role"]
        assert h.endpoint.take_commands() == []


class TestResolve:
    def test_an_address_at_once(self, h: Harness) -> None:
        found: list[list[NextHop]] = []
        for text in ("sip:10.0.0.5:5070", "sip:x@10.0.0.5;transport=tcp"):
            h.endpoint.resolve(parse_uri(text), lambda targets, _: found.append(targets), h.now)
        assert found == [
            [NextHop("udp", Address("10.0.0.5", 5070), "10.0.0.5")],
            [NextHop("tcp", Address("10.0.0.5", 5060), "10.0.0.5")],
        ]
        assert h.endpoint.take_commands() == []

    def test_an_address_that_cannot_be_reached(self, h: Harness) -> None:
        found: list[list[NextHop]] = []
        uri = parse_uri("sip:10.0.0.5;transport=sctp")
        h.endpoint.resolve(uri, lambda targets, _: found.append(targets), h.now)
        assert found == [[]]

    def test_a_name_later(self, h: Harness) -> None:
        found: list[tuple[list[NextHop], float]] = []
        one, two = parse_uri("sip:one.test"), parse_uri("sip:two.test")
        for uri in (one, two):
            h.endpoint.resolve(uri, lambda *answer: found.append(answer), h.now)
        commands = h.endpoint.take_commands()
        assert all(isinstance(command, Resolve) for command in commands)
        first, second = commands
        assert isinstance(first, Resolve)
        assert isinstance(second, Resolve)
        assert (first.uri, second.uri) == (one, two)
        target = NextHop("udp", Address("10.0.0.5", 5060), "two.test")
        h.endpoint.resolved(second.key, [target], h.now + 1)
        h.endpoint.resolved(second.key, [target], h.now + 2)
        h.endpoint.resolved(first.key, [], h.now + 3)
        assert found == [([target], h.now + 1), ([], h.now + 3)]


class TestNames:
    def test_uris_and_sent_by(self, h: Harness) -> None:
        endpoint = h.endpoint
        assert endpoint.route_uri("tcp", "token") == "sip:token@10.0.0.1:5060;transport=tcp;lr"
        assert endpoint.contact_uri("udp") == "sip:10.0.0.1:5060"
        caller = h.connect("tls", "10.0.0.8")
        assert endpoint.route_uri("tls", flow=caller.flow) == ("sip:10.0.0.1:5061;transport=tls;lr")
        assert endpoint.contact_uri("tls", flow=caller.flow).endswith("5061;transport=tls")

    def test_is_self(self, h: Harness) -> None:
        assert h.endpoint.is_self("ringway.test", None)
        assert h.endpoint.is_self("10.0.0.1", 5061, "tls")
        assert not h.endpoint.is_self("10.0.0.2", 5060)


class TestTimers:
    def test_of_roles(self, h: Harness) -> None:
        fired: list[float] = []
        h.endpoint.timer(h.now + 3, fired.append)
        h.endpoint.timer(h.now + 2, fired.append).cancel()
        start = h.now
        h.advance(10)
        assert fired == [start + 3]


class TestDecisions:
    def test_are_lost_on_nobody(self, h: Harness) -> None:
        decision = Decision(at=h.now, kind=Kind.BOUND, text="x")
        h.endpoint.note(decision)
        assert h.decisions == [decision]
        h.endpoint.listener = None
        h.endpoint.note(decision)
        assert h.decisions == [decision]

    def test_nothing_is_made_while_nobody_listens(self, h: Harness, phone: Peer) -> None:
        assert h.endpoint.noting
        assert h.endpoint.listener is not None
        h.endpoint.listener = None
        assert not h.endpoint.noting
        phone.send(b"x" * 100)
        stray = make_request("INVITE", branch="z9hG4bKnone")
        phone.send(build_response(stray, 200))
        h.connect("tcp", "10.0.0.8").close()
        assert h.decisions == []

    def test_say_what_and_where(self, h: Harness) -> None:
        caller = h.connect("tcp", "10.0.0.8")
        caller.send(build_response(make_request("INVITE", call_id="c"), 487))
        caller.close("reset")
        opened, dropped, closed = h.decisions
        assert (opened.text, closed.text) == ("accepted", "reset")
        assert (dropped.call_id, dropped.status) == ("c", 487)
        assert {each.at for each in h.decisions} == {h.now}
        assert {each.flow for each in h.decisions} == {caller.flow}

    def test_an_opened_one_says_so(self, h: Harness) -> None:
        h.send("OPTIONS", h.peer("tcp", "10.0.0.5"))
        assert h.decisions[0].text == "opened by us"
        assert h.decisions[0].kind is Kind.FLOW_OPENED
