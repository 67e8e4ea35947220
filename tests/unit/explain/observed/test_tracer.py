"""Items become exchanges and conversations, whatever a capture shows of them."""

import pytest
from tests.unit.explain.observed import scenes
from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Seen
from ringway.explain.observed.flows import Flows
from ringway.explain.observed.model import Conversation, Exchange, Kind, Sight, status_of
from ringway.explain.observed.tell import tell
from ringway.explain.observed.tracer import ANSWERED, DIALOG, PENDING, Tracer
from ringway.transport.flow import Address


def traced(scene: Scene, tracer: Tracer | None = None) -> list[Conversation]:
    tracer = tracer or Tracer()
    found = [each for item in scene.items for each in tracer.feed(item)]
    return found + tracer.close()


def only(scene: Scene) -> Conversation:
    (conversation,) = traced(scene)
    return conversation


def statuses(exchange: Exchange) -> list[int]:
    return [status_of(each) for each in exchange.responses]


def times(sight: Sight | None) -> int:
    assert sight is not None
    return len(sight.copies)


class TestMatching:
    """RFC 3261 §17.1.3, §17.2.3."""

    def test_every_hop_has_its_own_exchange(self) -> None:
        first, second, *_ = only(scenes.plain_call()).exchanges
        assert first.hop.target == second.hop.source
        assert statuses(first) == [100, 180, 200]
        assert statuses(second) == [180, 200]

    def test_the_ack_of_a_2xx_belongs_to_the_invite_of_its_hop(self) -> None:
        for exchange in only(scenes.plain_call()).of("INVITE"):
            assert exchange.ack is not None
            assert exchange.ack.hop == exchange.hop

    def test_the_ack_of_a_failure_has_the_branch_of_the_invite(self) -> None:
        for exchange in only(scenes.busy()).exchanges:
            assert exchange.ack is not None
            assert exchange.ack.message.top_via.branch == exchange.branch

    def test_an_ack_that_takes_another_way_stands_alone(self) -> None:
        scene = Scene()
        invite = scenes.call(scene)
        ok = scene.back(scene.reply(scene.forward(invite, "bob"), 200, headers=scenes.BOB))
        scene.ack(ok, target="bob")
        conversation = only(scene)
        assert [each.method for each in conversation.exchanges] == ["INVITE", "INVITE", "ACK"]
        assert conversation.exchanges[2].request is not None

    def test_who_answers_an_ack_makes_it_an_exchange(self) -> None:
        scene = Scene()
        ack = scene.ack(scene.reply(scenes.call(scene), 200))
        scene.reply(ack, 481)
        invite, answered = only(scene).exchanges
        assert (invite.ack, answered.method, statuses(answered)) == (None, "ACK", [481])

    def test_a_cancel_is_known_to_its_invite(self) -> None:
        invite, onward, cancel, next_cancel = only(scenes.cancelled()).exchanges
        assert invite.cancelled is cancel
        assert onward.cancelled is next_cancel
        assert statuses(cancel) == [200]

    def test_responses_may_take_another_port(self) -> None:
        scene = Scene()
        request = scene.request("alice", "edge", "OPTIONS", "sip:edge")
        scene.place("elsewhere", Address("192.0.2.1", 40000))
        scene.reply(request._replace(source=scene.place("elsewhere")), 200)
        assert statuses(only(scene).exchanges[0]) == [200]

    def test_the_same_packet_on_both_sides_of_a_nat_is_two_exchanges(self) -> None:
        scene = Scene()
        inside = scene.request("alice", "edge", "OPTIONS", "sip:edge")
        scene.place("nat", Address("203.0.113.1", 40000))
        outside = scene.raw("nat", "edge", inside.data)
        scene.reply(outside, 200)
        scene.reply(inside, 200)
        first, second = only(scene).exchanges
        assert (statuses(first), statuses(second)) == ([200], [200])
        assert first.hop.source != second.hop.source

    def test_a_spiral_is_one_exchange_for_each_time(self) -> None:
        scene = Scene()
        first = scene.forward(scenes.call(scene), "proxy")
        back = scene.forward(first, "edge")
        again = scene.forward(back, "proxy", uri="sip:carol@example.com")
        scene.back(scene.back(scene.back(scene.reply(again, 404))))
        assert [statuses(each) for each in only(scene).exchanges] == [[404]] * 4

    def test_each_2xx_of_a_fork_is_a_response(self) -> None:
        scene = Scene()
        invite = scenes.call(scene)
        scene.reply(invite, 200, to_tag="desk")
        scene.reply(invite, 200, to_tag="mobile")
        assert statuses(only(scene).exchanges[0]) == [200, 200]


class TestRepeats:
    def test_are_copies(self) -> None:
        invite, onward, *_ = only(scenes.lossy()).exchanges
        assert times(invite.request) == 1
        assert times(onward.request) == 3
        assert times(onward.final) == 2

    def test_of_an_ack_are_copies_too(self) -> None:
        scene = Scene()
        scene.repeat(scene.ack(scene.reply(scenes.call(scene), 200)))
        (invite,) = only(scene).exchanges
        assert times(invite.ack) == 2

    def test_a_packet_captured_twice_is_none(self) -> None:
        scene = Scene()
        scene.repeat(scenes.call(scene), 0.011)
        assert times(only(scene).exchanges[0].request) == 1

    def test_are_counted_to_a_bound_and_keep_the_last(self) -> None:
        scene = Scene()
        invite = scenes.call(scene)
        for _ in range(150):
            last = scene.repeat(invite)
        request = only(scene).exchanges[0].request
        assert request is not None
        assert len(request.copies) == 100
        assert request.copies[-1].frames == last.frames

    def test_a_reliable_provisional_with_another_number_is_none(self) -> None:
        """RFC 3262 §3."""
        scene = Scene()
        invite = scenes.call(scene)
        for number in ("1", "2"):
            scene.reply(invite, 183, headers=(("RSeq", number),))
        assert statuses(only(scene).exchanges[0]) == [183, 183]


class TestOddBranches:
    def test_used_again_after_the_answer(self) -> None:
        scene = Scene()
        scene.reply(scene.request("a", "b", "REGISTER", "sip:b", branch="z9hG4bK-x"), 401)
        scene.reply(
            scene.request(
                "a",
                "b",
                "REGISTER",
                "sip:b",
                branch="z9hG4bK-x",
                headers=(("Authorization", "Digest x"),),
            ),
            200,
        )
        assert [statuses(each) for each in only(scene).exchanges] == [[401], [200]]

    def test_without_the_cookie_or_without_any(self) -> None:
        """RFC 2543 matched by CSeq and tags (RFC 3261 §17.2.3)."""
        for branch in ("1", ""):
            scene = Scene()
            data = scenes.call(scene).data.replace(b";branch=z9hG4bK-1", f";{branch}".encode())
            scene.items.clear()
            invite = scene.raw("alice", "edge", data.replace(b";;", b";"))
            for status in (100, 486):
                scene.reply(invite, status)
            (exchange,) = only(scene).exchanges
            assert statuses(exchange) == [100, 486]


class TestParts:
    def test_answers_only(self) -> None:
        scene = scenes.plain_call()
        scene.items = [each for each in scene.items if status(each)]
        conversation = only(scene)
        assert [statuses(each) for each in conversation.of("INVITE")] == [
            [100, 180, 200],
            [180, 200],
        ]
        assert all(each.request is None for each in conversation.exchanges)

    def test_requests_only(self) -> None:
        scene = scenes.plain_call()
        scene.items = [each for each in scene.items if not status(each)]
        assert [each.method for each in only(scene).exchanges] == [
            "INVITE",
            "INVITE",
            "ACK",
            "ACK",
            "BYE",
            "BYE",
        ]

    def test_a_request_that_comes_after_its_answer(self) -> None:
        scene = Scene()
        request = scene.request("alice", "edge", "OPTIONS", "sip:edge")
        scene.reply(request, 200)
        scene.items.reverse()
        (exchange,) = only(scene).exchanges
        assert (statuses(exchange), times(exchange.request)) == ([200], 1)

    def test_a_damaged_message_is_kept_with_its_call(self) -> None:
        scene = Scene()
        invite = scenes.call(scene)
        scene.raw("edge", "alice", b"SIP/2.0 180 Ringing\r\ni: call-1\r\nVia: ?\r\n\r\n")
        for item in scene.items[1:]:
            assert isinstance(item, Seen)
        assert [each.frames for each in only(scene).damaged] == [(2,)]
        assert invite.fault == ""

    def test_so_is_a_request_whose_via_cannot_be_read(self) -> None:
        scene = Scene()
        data = scenes.call(scene).data.replace(b"SIP/2.0/UDP", b"?")
        scene.raw("alice", "edge", data)
        conversation = only(scene)
        assert [each.frames for each in conversation.damaged] == [(2,)]
        assert len(conversation.exchanges) == 1

    def test_damaged_messages_are_bounded(self) -> None:
        scene = Scene()
        scenes.call(scene)
        for _ in range(50):
            scene.raw("edge", "alice", b"SIP/2.0 180 Ringing\r\ni: call-1\r\n\r\n")
        assert len(only(scene).damaged) == 20

    @pytest.mark.parametrize("data", [b"", b"hello", b"SIP/2.0 200 OK\r\ni: other\r\n\r\n"])
    def test_what_belongs_to_no_call_is_no_conversation(self, data: bytes) -> None:
        scene = Scene()
        scene.raw("edge", "alice", data)
        assert traced(scene) == []


def status(item: object) -> bool:
    return isinstance(item, Seen) and item.message is not None and not item.message.is_request


class TestEnds:
    def silent(self, scene: Scene, seconds: float) -> int:
        """Return how many conversations ended in so many seconds after the last item."""
        tracer = Tracer()
        for item in scene.items:
            tracer.feed(item)
        scene.wait(seconds)
        scene.trouble("nothing")
        return len(tracer.feed(scene.items[-1]))

    @pytest.mark.parametrize(
        ("make", "wait"),
        [
            (scenes.busy, ANSWERED),
            (scenes.plain_call, ANSWERED),
            (scenes.unanswered, PENDING),
            (scenes.redirected_caller, DIALOG),
        ],
    )
    def test_by_silence(self, make: object, wait: float) -> None:
        assert callable(make)
        assert self.silent(make(), wait - 1) == 0
        assert self.silent(make(), wait) == 1

    def test_each_refresh_of_a_registration_is_a_conversation(self) -> None:
        scene = Scene()
        scenes.register(scene, "edge-1", 1)
        scene.wait(300)
        scenes.register(scene, "edge-1", 1, cseq=3)
        first, second = traced(scene)
        assert first.call_id == second.call_id
        assert first.kind is second.kind is Kind.REGISTRATION

    def test_is_complete_unless_it_goes_on(self) -> None:
        assert only(scenes.busy()).complete
        assert only(scenes.plain_call()).complete
        assert not only(scenes.unanswered()).complete
        assert not only(scenes.redirected_caller()).complete

    def test_time_that_runs_back_ends_nothing(self) -> None:
        scene = scenes.plain_call()
        scene.now -= 1e6
        scene.reply(scene.request("a", "b", "OPTIONS", "sip:b", call_id="other"), 200)
        assert [each.call_id for each in traced(scene)] == ["other", "call-1"]


class TestBounds:
    def test_the_longest_silent_is_let_go(self) -> None:
        scene = Scene()
        for number in range(5):
            scene.request("a", "b", "OPTIONS", "sip:b", call_id=f"c{number}")
        tracer = Tracer(limit=2)
        early = [each.call_id for item in scene.items for each in tracer.feed(item)]
        assert early == ["c0", "c1", "c2"]
        assert [each.call_id for each in tracer.close()] == ["c3", "c4"]

    def test_what_is_answered_goes_before_what_is_not(self) -> None:
        scene = Scene()
        scene.request("a", "b", "OPTIONS", "sip:b", call_id="pending")
        scene.reply(scene.request("a", "b", "OPTIONS", "sip:b", call_id="answered"), 200)
        scene.request("a", "b", "OPTIONS", "sip:b", call_id="next")
        tracer = Tracer(limit=2)
        (early,) = [each for item in scene.items for each in tracer.feed(item)]
        assert (early.call_id, early.complete) == ("answered", True)

    def test_messages_are_bounded_over_all_calls(self) -> None:
        scene = Scene()
        for number in range(10):
            request = scene.request("a", "b", "OPTIONS", "sip:b", call_id=f"c{number}")
            scene.reply(request, 200)
        tracer = Tracer(messages=6)
        early = [each for item in scene.items for each in tracer.feed(item)]
        assert len(early) == 7

    def test_a_long_message_counts_as_several(self) -> None:
        scene = Scene()
        for number in range(10):
            scene.request("a", "b", "OPTIONS", "sip:b", call_id=f"c{number}", body=b"x" * 9000)
        tracer = Tracer(messages=20)
        early = [each for item in scene.items for each in tracer.feed(item)]
        assert len(early) == 6

    def test_one_alone_keeps_no_more_than_all_may(self) -> None:
        scene = Scene()
        for number in range(1, 21):
            scene.request("a", "b", "OPTIONS", "sip:b", cseq=number, body=b"x" * 9000)
        sizes = [len(each.exchanges) for each in traced(scene, Tracer(messages=20))]
        assert sizes == [4, 4, 4, 4, 4]

    def test_one_that_never_stops_is_cut(self) -> None:
        scene = Scene()
        for number in range(1, 1102):
            scene.request("a", "b", "OPTIONS", "sip:b", cseq=number)
        first, second = traced(scene)
        assert (len(first.exchanges), first.complete) == (1000, False)
        assert len(second.exchanges) == 101

    def test_responses_of_one_exchange_are_bounded(self) -> None:
        scene = Scene()
        invite = scenes.call(scene)
        for number in range(150):
            scene.reply(invite, 180, to_tag=f"t{number}")
        scene.reply(invite, 486)
        (exchange,) = only(scene).exchanges
        assert len(exchange.responses) == 100
        assert exchange.status == 486


class TestPutAway:
    """What was read of messages is let go, and read again when somebody asks."""

    def test_only_the_latest_stay_as_they_were_read(self) -> None:
        scene = Scene()
        for number in range(6):
            scene.request("alice", "edge", "OPTIONS", "sip:b@example.com", call_id=f"c-{number}")
        tracer = Tracer(fresh=2)
        for item in scene.items:
            tracer.feed(item)
        sights = [each.exchanges[0].first for each in tracer.close()]
        messages = [each.message for each in scene.items if isinstance(each, Seen)]
        kept = [sight.message is old for sight, old in zip(sights, messages, strict=True)]
        assert kept == [False] * 4 + [True] * 2
        for sight, old in zip(sights, messages, strict=True):
            assert old is not None
            assert list(sight.message.lines()) == list(old.lines())

    def test_nothing_is_told_otherwise(self) -> None:
        scene = scenes.everything_else()
        before = [tell(each, Flows()) for each in traced(scene)]
        after = [tell(each, Flows()) for each in traced(scene, Tracer(fresh=1))]
        shown = [[(line.at, line.name, line.facts) for line in each.lines] for each in before]
        assert shown == [
            [(line.at, line.name, line.facts) for line in each.lines] for each in after
        ]
        assert any(shown)
