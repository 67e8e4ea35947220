"""What an endpoint does with what is not let in, and with what proves nothing."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from tests.harness import Fields, Harness, Peer

from ringway.endpoint import AckReceived, CancelReceived, RequestReceived
from ringway.endpoint.gate import Proof, Refusal
from ringway.message import Request
from ringway.transport.flow import Flow
from ringway.transport.frames import FramingLimits

LATER = Refusal(503, (("Retry-After", "7"),))


class Warden:
    """A gate that does as a test says, and keeps what it is told."""

    def __init__(self) -> None:
        self.bans: Collection[str] = ()
        self.refusal: Refusal | None = None
        self.asked: list[str] = []
        self.answered_with: list[int] = []
        self.trusting = False
        self.answering = True

    def hears(self, host: str, now: float) -> bool:
        return host not in self.bans

    def refuses(self, request: Request, flow: Flow, now: float) -> Refusal | None:
        self.asked.append(request.method)
        return self.refusal

    def answers(self, flow: Flow, now: float) -> bool:
        return self.answering

    def answered(
        self, request: Request, flow: Flow, status: int, now: float, *, proof: Proof
    ) -> None:
        self.answered_with.append(status)

    def trusts(self, flow: Flow) -> bool:
        return self.trusting


@pytest.fixture
def h() -> Harness:
    return Harness()


@pytest.fixture
def warden(h: Harness) -> Warden:
    h.endpoint.gate = warden = Warden()
    return warden


@pytest.fixture
def peer(h: Harness) -> Peer:
    return h.peer("udp", "10.0.0.9")


def idle(h: Harness) -> bool:
    return h.endpoint.transactions == 0 and h.endpoint.next_timer() is None


class TestNotLetIn:
    @pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS", "BYE"])
    def test_is_answered_once_and_leaves_nothing(
        self, h: Harness, warden: Warden, peer: Peer, method: str
    ) -> None:
        warden.refusal = LATER
        peer.request(method)
        [response] = peer.responses
        assert (response.status, response.get("retry-after")) == (503, "7")
        assert h.events == []
        assert idle(h)
        h.advance(60)
        assert len(peer.responses) == 1

    def test_each_copy_gets_the_same_answer(self, warden: Warden, peer: Peer) -> None:
        warden.refusal = LATER
        request = peer.request("INVITE")
        peer.send(request)
        first, second = peer.responses
        assert first.to_bytes() == second.to_bytes()

    def test_its_ack_is_nobodys(self, h: Harness, warden: Warden, peer: Peer) -> None:
        warden.refusal = LATER
        request = peer.request("INVITE")
        warden.refusal = None
        peer.ack(request, peer.last)
        assert h.events == []
        assert warden.asked == ["INVITE"]

    def test_the_ack_of_another_is_told(self, h: Harness, warden: Warden, peer: Peer) -> None:
        peer.request("ACK", to="<sip:bob@ringway.test>;tag=s.0123456789abcdef")
        [event] = h.events
        assert isinstance(event, AckReceived)
        warden.refusal = LATER
        peer.request("ACK", to="<sip:bob@ringway.test>;tag=b")
        assert len(h.events) == 1  # dropped
        assert peer.received == []  # for an ACK has no answer

    def test_may_get_no_answer_at_all(self, h: Harness, warden: Warden, peer: Peer) -> None:
        warden.refusal = Refusal(0)
        peer.request("INVITE")
        assert (peer.received, h.events) == ([], [])
        assert idle(h)

    def test_over_a_connection_too(self, h: Harness, warden: Warden) -> None:
        warden.refusal = LATER
        phone = h.connect("tcp", "10.0.0.9")
        phone.request("INVITE")
        assert phone.statuses == [503]
        assert not phone.closed

    def test_what_is_known_is_not_asked_about(self, h: Harness, warden: Warden, peer: Peer) -> None:
        transaction = h.receive(peer, "INVITE")
        request = transaction.request
        assert request is not None
        warden.refusal = LATER
        h.reply(transaction, 180)
        peer.send(request)
        peer.cancel(request)
        assert peer.statuses == [180, 180, 200]
        assert isinstance(h.events[-1], CancelReceived)
        assert warden.asked == ["INVITE"]

    def test_a_cancel_of_nothing_is(self, warden: Warden, peer: Peer) -> None:
        peer.request("CANCEL")
        assert warden.asked == ["CANCEL"]

    def test_is_counted(self, h: Harness, warden: Warden, peer: Peer) -> None:
        request = peer.request("INVITE")
        peer.send(request)
        warden.refusal = LATER
        peer.request("SPRING")
        counters = h.endpoint.counters
        assert counters.requests_received == {"INVITE": 1, "other": 1}
        assert counters.repeated == 1
        assert counters.responses_sent == {503: 1}


class TestBanned:
    def test_datagrams_are_dropped_unread(self, h: Harness, warden: Warden, peer: Peer) -> None:
        warden.bans = {"10.0.0.9"}
        peer.request("OPTIONS")
        peer.send(b"not SIP at all, and long enough")
        assert (h.events, peer.received, h.endpoint.counters.unsound) == ([], [], 0)
        other = h.peer("udp", "10.0.0.8")
        other.request("OPTIONS")
        assert len(h.events) == 1

    def test_a_connection_is_closed(self, h: Harness, warden: Warden) -> None:
        phone = h.connect("tcp", "10.0.0.9")
        warden.bans = {"10.0.0.9"}
        phone.request("OPTIONS")
        assert phone.closed
        assert not any(isinstance(event, RequestReceived) for event in h.events)


class TestUnsound:
    BAD = (
        b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKx\r\n"
        b"From: <sip:a@x>;tag=1\r\nTo: <sip:x>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
        b"Max-Forwards: many\r\n\r\n"
    )

    def test_is_answered_and_counted(self, h: Harness, warden: Warden, peer: Peer) -> None:
        peer.send(self.BAD)
        assert peer.statuses == [400]
        assert h.endpoint.counters.unsound == 1

    def test_is_not_worth_an_answer_for_ever(self, h: Harness, warden: Warden, peer: Peer) -> None:
        warden.answering = False
        peer.send(self.BAD)
        assert peer.received == []
        assert h.decisions == []  # nor a line in the log
        assert h.endpoint.counters.unsound == 1


class TestSize:
    LIMITS = FramingLimits(head=1000, body=100, headers=20)

    @pytest.mark.parametrize("transport", ["udp", "tcp", "ws"])
    @pytest.mark.parametrize(
        ("headers", "body", "bound"),
        [
            ([("X", "y" * 1000)], b"", "message_size"),
            ([], b"x" * 101, "message_size"),
            ([("X", "y")] * 20, b"", "headers"),
        ],
    )
    def test_over_it_is_513(
        self,
        transport: str,
        headers: list[tuple[str, str]],
        body: bytes,
        bound: str,
    ) -> None:
        h = Harness(limits=self.LIMITS)
        udp = transport == "udp"
        peer = h.peer("udp", "10.0.0.9") if udp else h.connect(transport, "10.0.0.9")
        peer.request("OPTIONS", headers=headers, body=body)
        if transport == "ws" and len(headers) == 1:  # more than a WebSocket message may have
            assert peer.closed
        else:
            assert peer.statuses == [513]
        assert h.endpoint.counters.over == {bound: 1}

    def test_up_to_it_is_taken(self) -> None:
        h = Harness(limits=self.LIMITS)
        h.peer("udp", "10.0.0.9").request("OPTIONS", body=b"x" * 100)
        assert isinstance(h.events[-1], RequestReceived)

    def test_a_response_over_it_is_dropped(self) -> None:
        h = Harness(limits=self.LIMITS)
        peer = h.peer("udp", "10.0.0.9")
        _, owner = h.send("OPTIONS", peer)
        peer.answer(peer.last, 200, body=b"x" * 101)
        assert owner.events == []
        assert h.endpoint.counters.over == {"message_size": 1}


class TestRefuse:
    """RFC 3261 §26.3.2.4: who has proved nothing is answered once."""

    def test_a_challenge_is_not_repeated(self, h: Harness, peer: Peer) -> None:
        transaction = h.receive(peer, "INVITE")
        h.endpoint.refuse(transaction, 407, h.now, headers=(("Proxy-Authenticate", "x"),))
        h.pump()
        assert idle(h)
        h.advance(60)
        [response] = peer.responses
        assert response.get("proxy-authenticate") == "x"

    def test_a_copy_is_challenged_again(self, h: Harness, warden: Warden, peer: Peer) -> None:
        transaction = h.receive(peer, "REGISTER")
        request = transaction.request
        assert request is not None
        h.endpoint.refuse(transaction, 401, h.now)
        peer.send(request)
        copy = h.events[1]
        assert isinstance(copy, RequestReceived)
        h.endpoint.refuse(copy.transaction, 401, h.now)
        h.pump()
        assert peer.statuses == [401, 401]
        assert warden.answered_with == [401, 401]

    @pytest.mark.parametrize("to", ["<sip:bob@ringway.test>", "<sip:bob@ringway.test>;tag=b"])
    def test_its_ack_is_nobodys(self, h: Harness, peer: Peer, to: str) -> None:
        transaction = h.receive(peer, "INVITE", to=to)
        request = transaction.request
        assert request is not None
        h.endpoint.refuse(transaction, 403, h.now)
        h.pump()
        peer.ack(request, peer.last)
        assert len(h.events) == 1

    def test_of_refusals_inside_dialogs_only_so_many_are_remembered(
        self, h: Harness, peer: Peer
    ) -> None:
        for _ in range(2000):
            transaction = h.receive(peer, "INVITE", to="<sip:bob@ringway.test>;tag=b")
            h.endpoint.refuse(transaction, 403, h.now)
        assert len(h.endpoint._refusals._inside) == 1024

    def test_beside_them_the_ack_of_another_is_told(self, h: Harness, peer: Peer) -> None:
        to = "<sip:bob@ringway.test>;tag=b"
        h.endpoint.refuse(h.receive(peer, "INVITE", to=to), 403, h.now)
        peer.request("ACK", to=to)
        assert isinstance(h.events[-1], AckReceived)

    @pytest.mark.parametrize(
        ("method", "to"),
        [
            ("INVITE", "<sip:bob@ringway.test>"),
            ("MESSAGE", "<sip:bob@ringway.test>;tag=b"),
        ],
    )
    def test_of_others_nothing_is(self, h: Harness, peer: Peer, method: str, to: str) -> None:
        h.endpoint.refuse(h.receive(peer, method, to=to), 403, h.now)
        assert h.endpoint._refusals._inside == {}

    @pytest.mark.parametrize(
        "other",
        [{"branch": "z9hG4bKy"}, {"call_id": "y"}, {"cseq": 2}, {"from_": "<sip:a@x>;tag=y"}],
    )
    def test_the_tag_is_of_one_request(self, h: Harness, peer: Peer, other: Fields) -> None:
        first: Fields = {"branch": "z9hG4bKx", "call_id": "x", "from_": "<sip:a@x>;tag=x"}
        for fields in (first, {**first, **other}):
            h.endpoint.refuse(h.receive(peer, "OPTIONS", **fields), 403, h.now)
        h.pump()
        tags = {response.to_tag for response in peer.responses}
        assert len(peer.responses) == len(tags) == 2

    @pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization"])
    def test_credentials_that_prove_nothing_earn_no_more(
        self, h: Harness, peer: Peer, name: str
    ) -> None:
        transaction = h.receive(peer, "INVITE", headers=[(name, "Digest x")])
        h.endpoint.refuse(transaction, 403, h.now)
        h.advance(60)
        assert peer.statuses == [403]

    def test_who_has_proved_something_is_answered_as_usual(self, h: Harness, peer: Peer) -> None:
        transaction = h.receive(peer, "INVITE")
        transaction.proof = Proof.RIGHT
        h.endpoint.refuse(transaction, 403, h.now)
        h.advance(1)
        assert peer.statuses == [403, 403]

    def test_and_who_has_had_a_provisional(self, h: Harness, peer: Peer) -> None:
        transaction = h.receive(peer, "INVITE")
        h.reply(transaction, 100)
        h.endpoint.refuse(transaction, 403, h.now)
        h.advance(1)
        assert peer.statuses == [100, 403, 403]

    def test_twice_is_once(self, h: Harness, peer: Peer) -> None:
        transaction = h.receive(peer, "INVITE")
        h.endpoint.refuse(transaction, 403, h.now)
        h.endpoint.refuse(transaction, 500, h.now)
        h.pump()
        assert peer.statuses == [403]


class TestQuietly:
    """RFC 3261 §17.2.1 and §26.3.2.4: an INVITE that only somebody behind us can challenge."""

    def test_a_challenge_that_comes_soon_is_all_there_is(self, h: Harness, peer: Peer) -> None:
        transaction = h.receive(peer, "INVITE")
        h.endpoint.answer_quietly(transaction, h.now)
        h.advance(0.1)
        h.reply(transaction, 407)
        h.advance(60)
        assert peer.statuses == [407]
        assert idle(h)

    def test_it_is_repeated_when_the_invite_is(self, h: Harness, peer: Peer) -> None:
        transaction = h.receive(peer, "INVITE")
        invite = transaction.request
        assert invite is not None
        h.endpoint.answer_quietly(transaction, h.now)
        h.reply(transaction, 407)
        peer.send(invite)
        assert peer.statuses == [407, 407]

    @pytest.mark.parametrize(("seconds", "status"), [(0.3, 100), (0.1, 180)])
    def test_after_a_provisional_all_is_as_usual(
        self, h: Harness, peer: Peer, seconds: float, status: int
    ) -> None:
        transaction = h.receive(peer, "INVITE")
        h.endpoint.answer_quietly(transaction, h.now)
        h.advance(seconds)
        if status == 180:
            h.reply(transaction, 180)
        h.reply(transaction, 407)
        h.advance(0.6)
        assert peer.statuses == [status, 407, 407]

    def test_a_connection_hears_100_at_once(self, h: Harness) -> None:
        peer = h.connect("tcp", "10.0.0.9")
        transaction = h.receive(peer, "INVITE")
        h.endpoint.answer_quietly(transaction, h.now)
        h.pump()
        assert peer.statuses == [100]


class TestMaddr:
    @pytest.mark.clause("RFC3261-18.2.2-5")
    def test_of_a_stranger_does_not_count(self, h: Harness, warden: Warden, peer: Peer) -> None:
        third = h.peer("udp", "10.0.0.66")
        transaction = h.receive(peer, "OPTIONS", via_params=";maddr=10.0.0.66")
        h.reply(transaction, 200)
        warden.refusal = LATER
        peer.request("OPTIONS", via_params=";maddr=10.0.0.66")
        assert peer.statuses == [200, 503]
        assert third.received == []

    def test_nor_in_what_is_unsound(self, h: Harness, warden: Warden, peer: Peer) -> None:
        third = h.peer("udp", "10.0.0.66")
        peer.send(TestUnsound.BAD.replace(b";branch", b";maddr=10.0.0.66;branch"))
        assert (peer.statuses, third.received) == ([400], [])

    def test_of_who_is_trusted_does(self, h: Harness, warden: Warden, peer: Peer) -> None:
        warden.trusting = True
        third = h.peer("udp", "10.0.0.66")
        h.reply(h.receive(peer, "OPTIONS", via_params=";maddr=10.0.0.66"), 200)
        assert (peer.received, third.statuses) == ([], [200])
