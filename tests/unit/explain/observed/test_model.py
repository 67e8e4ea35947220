"""Hops, exchanges and conversations answer what findings and stories ask of them."""

from tests.unit.explain.observed import scenes
from tests.unit.explain.observed.support import START, Scene

from ringway.explain.observed.model import Conversation, Exchange, Kind, sights_of, status_of
from ringway.explain.observed.tracer import Tracer


def traced(scene: Scene) -> Conversation:
    tracer = Tracer()
    for item in scene.items:
        assert tracer.feed(item) == []
    (conversation,) = tracer.close()
    return conversation


class TestConversation:
    def test_holds_every_message_once_in_order(self) -> None:
        scene = scenes.plain_call()
        conversation = traced(scene)
        assert [each.frames for each in conversation.sights()] == [
            (number,) for number in range(1, len(scene.items) + 1)
        ]

    def test_knows_its_exchanges_by_method(self) -> None:
        conversation = traced(scenes.plain_call())
        assert [each.method for each in conversation.exchanges] == ["INVITE"] * 2 + ["BYE"] * 2
        assert conversation.of("BYE") == conversation.exchanges[2:]
        assert conversation.kind is Kind.CALL
        assert conversation.at == START + 0.01


class TestExchange:
    def test_final_is_the_first_final_response(self) -> None:
        invite = traced(scenes.plain_call()).exchanges[0]
        assert [status_of(each) for each in invite.responses] == [100, 180, 200]
        assert invite.final is invite.responses[2]
        assert invite.status == 200

    def test_without_a_final_response_the_status_is_0(self) -> None:
        invite = traced(scenes.unanswered()).exchanges[0]
        assert (invite.final, invite.status) == (None, 0)

    def test_its_sights_are_request_responses_and_ack(self) -> None:
        invite = traced(scenes.busy()).exchanges[0]
        assert sights_of(invite) == [invite.request, *invite.responses, invite.ack]

    def test_begins_with_a_response_if_the_request_was_not_seen(self) -> None:
        scene = Scene()
        scene.reply(scene.request("alice", "edge", "OPTIONS", "sip:edge"), 200)
        del scene.items[0]
        exchange: Exchange = traced(scene).exchanges[0]
        assert exchange.request is None
        assert exchange.first is exchange.responses[0]
        assert exchange.at == exchange.responses[0].at


def test_the_way_back_of_a_hop() -> None:
    hop = traced(scenes.busy()).exchanges[0].hop
    assert hop.back.source == hop.target
    assert hop.back.back == hop
