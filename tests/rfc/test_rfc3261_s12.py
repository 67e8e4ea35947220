"""RFC 3261 §12: dialogs, as the state of one shows it."""

import pytest
from tests.harness import Peer
from tests.unit.dialog.messages import (
    ALICE,
    ALICE_CONTACT,
    BOB_CONTACT,
    PROXIES,
    answer,
    called,
    caller,
    invite,
    to_bob,
)
from tests.unit.ua.asking import Asker
from tests.unit.ua.support import ANSWER, OFFER, Solo, accept, invite_of, reply, ring

from ringway.dialog.dialog import Dialog, establishes, key_of_request, key_of_response
from ringway.dialog.secure import must_be_sips, with_sips
from ringway.message import Request
from ringway.ua.events import Ended


def last(peer: Peer, method: str) -> Request:
    return [each for each in peer.requests if each.method == method][-1]


class TestSection12:
    @pytest.mark.clause("RFC3261-12.1-1")
    def test_the_dialog_id_mirrors_that_of_the_peer(self) -> None:
        call_id, local, remote = caller().key
        assert called().key == (call_id, remote, local)

    @pytest.mark.clause("RFC3261-12.1-1")
    def test_the_id_of_a_message_depends_on_the_role(self) -> None:
        request = to_bob("INFO", 8)
        assert key_of_request(request) == called().key
        assert key_of_response(answer(request)) == caller().key

    def test_early_until_the_2xx(self) -> None:
        dialog = caller(180)
        assert dialog.early
        dialog.confirm(answer(invite()))
        assert not dialog.early


class TestSection12_1:
    def test_made_by_101_to_199_with_a_tag_and_by_2xx(self) -> None:
        request = invite()
        made = [
            status
            for status in (100, 101, 180, 199, 200, 299, 300, 404, 500, 600)
            if establishes(request, answer(request, status))
        ]
        assert made == [101, 180, 199, 200, 299]
        assert not establishes(request, answer(request, 180, tag=""))


class TestSection12_1_1:
    @pytest.mark.clause("RFC3261-12.1.1-5")
    def test_contact_of_the_response_is_sips(self) -> None:
        sips = "<sips:alice@10.0.0.1>"
        recorded = [("Record-Route", "<sips:p1.test;lr>"), ("Record-Route", "<sip:p2.test;lr>")]
        plain = [("Record-Route", "<sip:p2.test;lr>"), ("Record-Route", "<sips:p1.test;lr>")]
        assert must_be_sips(invite(uri="sips:bob@ringway.test"), received=True)
        assert must_be_sips(invite(headers=recorded), received=True)
        assert must_be_sips(invite(contact=sips), received=True)
        assert not must_be_sips(invite(contact=sips, headers=plain), received=True)

    @pytest.mark.clause("RFC3261-12.1.1-8")
    def test_secure_if_it_came_over_tls_for_a_sips_uri(self) -> None:
        request = invite(uri="sips:bob@ringway.test", transport="tls")
        assert Dialog.from_request(request, answer(request)).secure
        assert not called().secure

    @pytest.mark.clause("RFC3261-12.1.1-9")
    def test_route_set_in_order_with_all_parameters(self) -> None:
        assert called(routes=PROXIES).route_set == PROXIES

    @pytest.mark.clause("RFC3261-12.1.1-10")
    def test_route_set_may_be_empty(self) -> None:
        assert called().route_set == ()

    @pytest.mark.clause("RFC3261-12.1.1-11")
    def test_remote_target_is_the_contact(self) -> None:
        assert called().remote_target == ALICE_CONTACT

    @pytest.mark.clause("RFC3261-12.1.1-12")
    def test_remote_sequence_number_is_that_of_the_request(self) -> None:
        assert called().remote_cseq == 7

    @pytest.mark.clause("RFC3261-12.1.1-13")
    def test_local_sequence_number_is_empty(self) -> None:
        assert called().local_cseq is None

    @pytest.mark.clause(
        "RFC3261-12.1.1-14",
        "RFC3261-12.1.1-15",
        "RFC3261-12.1.1-16",
        "RFC3261-12.1.1-18",
        "RFC3261-12.1.1-19",
    )
    def test_tags_and_uris(self) -> None:
        dialog = called()
        assert dialog.key == ("call-1", "b", "a")
        assert (dialog.remote, dialog.local) == (ALICE, "<sip:bob@ringway.test>;tag=b")

    @pytest.mark.clause("RFC3261-12.1.1-17")
    def test_a_from_without_tag(self) -> None:
        request = invite(from_="<sip:alice@ringway.test>")
        assert Dialog.from_request(request, answer(request)).remote_tag == ""


class TestSection12_1_2:
    @pytest.mark.clause("RFC3261-12.1.2-2")
    def test_contact_of_the_request_is_sips(self) -> None:
        assert must_be_sips(invite(uri="sips:bob@ringway.test"), received=False)
        route = [("Route", "<sips:p1.test;lr>")]
        assert must_be_sips(invite(headers=route), received=False)
        assert not must_be_sips(invite(), received=False)
        assert with_sips("<sip:alice@10.0.0.1>") == "<sips:alice@10.0.0.1>"

    @pytest.mark.clause("RFC3261-12.1.2-4")
    def test_secure_if_it_went_over_tls_to_a_sips_uri(self) -> None:
        request = invite(uri="sips:bob@ringway.test", transport="tls")
        assert Dialog.from_response(request, answer(request)).secure
        assert not caller().secure

    @pytest.mark.clause("RFC3261-12.1.2-5")
    def test_route_set_reversed_with_all_parameters(self) -> None:
        assert caller(routes=PROXIES).route_set == PROXIES[::-1]

    @pytest.mark.clause("RFC3261-12.1.2-6")
    def test_route_set_is_not_that_of_the_request(self) -> None:
        request = invite(headers=[("Route", "<sip:edge.test;lr>")])
        assert Dialog.from_response(request, answer(request)).route_set == ()

    @pytest.mark.clause("RFC3261-12.1.2-7")
    def test_remote_target_is_the_contact(self) -> None:
        assert caller().remote_target == BOB_CONTACT

    @pytest.mark.clause("RFC3261-12.1.2-8", "RFC3261-12.1.2-9")
    def test_sequence_numbers(self) -> None:
        assert (caller().local_cseq, caller().remote_cseq) == (7, None)

    @pytest.mark.clause(
        "RFC3261-12.1.2-10",
        "RFC3261-12.1.2-11",
        "RFC3261-12.1.2-12",
        "RFC3261-12.1.2-14",
        "RFC3261-12.1.2-15",
    )
    def test_tags_and_uris(self) -> None:
        dialog = caller()
        assert dialog.key == ("call-1", "a", "b")
        assert (dialog.local, dialog.remote) == (ALICE, "<sip:bob@ringway.test>;tag=b")

    @pytest.mark.clause("RFC3261-12.1.2-13")
    def test_a_to_without_tag(self) -> None:
        request = invite()
        assert Dialog.from_response(request, answer(request, tag="")).remote_tag == ""


class TestSection12_2:
    @pytest.mark.clause("RFC3261-12.2-1")
    def test_route_set_stays_whatever_a_request_in_it_records(self) -> None:
        dialog = called(routes=PROXIES)
        request = to_bob("INVITE", 8, headers=[("Record-Route", "<sip:other.test;lr>")])
        assert dialog.take(request) is None
        dialog.refresh(request)
        assert dialog.route_set == PROXIES

    @pytest.mark.clause("RFC3261-12.2-2")
    def test_only_target_refreshes_move_the_remote_target(self) -> None:
        dialog = called()
        moved = [("Contact", "<sip:alice@10.0.0.9>")]
        for method in ("ACK", "INFO", "PRACK", "OPTIONS", "BYE"):
            dialog.refresh(to_bob(method, 8, headers=moved))
        assert dialog.remote_target == ALICE_CONTACT


class TestSection12_2_1_1:
    @pytest.mark.clause(
        "RFC3261-12.2.1.1-1",
        "RFC3261-12.2.1.1-2",
        "RFC3261-12.2.1.1-3",
        "RFC3261-12.2.1.1-4",
        "RFC3261-12.2.1.1-6",
        "RFC3261-8.1.1.4-1",
    )
    def test_to_from_and_call_id(self) -> None:
        request = caller().request("BYE")
        assert request.get("to") == "<sip:bob@ringway.test>;tag=b"
        assert request.get("from") == ALICE
        assert request.call_id == "call-1"

    @pytest.mark.clause("RFC3261-12.2.1.1-5")
    def test_no_tag_for_a_null_one(self) -> None:
        request = invite()
        dialog = Dialog.from_response(request, answer(request, tag=""))
        assert dialog.request("BYE").get("to") == "<sip:bob@ringway.test>"

    @pytest.mark.clause("RFC3261-12.2.1.1-7", "RFC3261-12.2.1.1-8")
    def test_numbers_go_up_by_one_but_for_ack(self) -> None:
        dialog = caller()
        numbers = [dialog.request("INFO").cseq.number, dialog.ack(7).cseq.number]
        numbers += [dialog.request("INVITE").cseq.number, dialog.request("BYE").cseq.number]
        assert numbers == [8, 7, 9, 10]

    @pytest.mark.clause("RFC3261-12.2.1.1-9")
    def test_the_first_number_is_below_2_31(self) -> None:
        assert 0 <= called().request("BYE").cseq.number < 2**31

    @pytest.mark.clause("RFC3261-12.2.1.1-10")
    def test_the_method_of_the_cseq(self) -> None:
        assert caller().request("INFO").cseq.method == "INFO"

    @pytest.mark.clause("RFC3261-12.2.1.1-11", "RFC3261-12.2.1.1-12")
    def test_no_route_set(self) -> None:
        request = caller().request("BYE")
        assert request.uri_text == BOB_CONTACT
        assert not request.has("route")

    @pytest.mark.clause("RFC3261-12.2.1.1-13", "RFC3261-12.2.1.1-14")
    def test_loose_routers(self) -> None:
        request = called(routes=PROXIES).request("BYE")
        assert request.uri_text == ALICE_CONTACT
        assert request.values("route") == PROXIES

    @pytest.mark.clause("RFC3261-12.2.1.1-15", "RFC3261-12.2.1.1-16", "RFC3261-12.2.1.1-17")
    def test_strict_router(self) -> None:
        routes = ("<sip:proxy1?Subject=x>", "<sip:proxy2>", "<sip:proxy3;lr>", "<sip:proxy4>")
        dialog = called(routes=routes)
        dialog.remote_target = "sip:user@remoteua"
        request = dialog.request("BYE")
        assert request.uri_text == "sip:proxy1"
        assert request.values("route") == (*routes[1:], "<sip:user@remoteua>")

    @pytest.mark.clause("RFC3261-12.2.1.1-18", "RFC3261-12.2.1.1-20")
    def test_contact_of_a_target_refresh(self) -> None:
        dialog = caller()
        request = dialog.request("INVITE", contact=f"<{ALICE_CONTACT}>")
        assert request.get("contact") == f"<{ALICE_CONTACT}>"
        dialog.secure = True
        assert dialog.request("INVITE", contact="<sip:a@10.0.0.1>").contacts[0].uri.secure


class TestSection12_2_1_2:
    @pytest.mark.clause("RFC3261-12.2.1.2-2")
    def test_a_3xx_is_followed_with_the_route_set(self) -> None:
        request = called(routes=PROXIES).request("INVITE", target="sip:alice@10.0.0.9")
        assert request.uri_text == "sip:alice@10.0.0.9"
        assert request.values("route") == PROXIES

    @pytest.mark.clause("RFC3261-12.2.1.2-3")
    def test_the_2xx_of_a_target_refresh_moves_the_remote_target(self) -> None:
        dialog = caller()
        request = dialog.request("INVITE")
        dialog.refresh(answer(request, contact="<sip:bob@10.0.0.9>"))
        assert dialog.remote_target == "sip:bob@10.0.0.9"
        dialog.refresh(answer(request, contact=""))
        assert dialog.remote_target == "sip:bob@10.0.0.9"


class TestSection12_2_2:
    @pytest.mark.clause("RFC3261-12.2.2-1")
    def test_a_rejected_request_changes_nothing(self) -> None:
        dialog = called()
        moved = [("Contact", "<sip:alice@10.0.0.9>")]
        assert dialog.take(to_bob("INVITE", 8, headers=moved)) is None
        assert dialog.remote_target == ALICE_CONTACT

    @pytest.mark.clause("RFC3261-12.2.2-2")
    def test_another_dialog(self) -> None:
        assert called().take(to_bob("INFO", 8, call_id="other")) == 481

    @pytest.mark.clause("RFC3261-12.2.2-3")
    def test_an_empty_remote_number_is_set(self) -> None:
        dialog = caller()
        peer = called()
        peer.local_cseq = 41
        assert dialog.take(peer.request("BYE")) is None
        assert dialog.remote_cseq == 42

    @pytest.mark.clause("RFC3261-12.2.2-4")
    @pytest.mark.parametrize("number", [1, 6])
    def test_a_lower_number_is_out_of_order(self, number: int) -> None:
        dialog = called()
        assert dialog.take(to_bob("INFO", number)) == 500
        assert dialog.remote_cseq == 7

    @pytest.mark.clause("RFC3261-12.2.2-5", "RFC3261-12.2.2-6")
    def test_a_gap_is_no_error(self) -> None:
        dialog = called()
        assert dialog.take(to_bob("INFO", 12)) is None
        assert dialog.remote_cseq == 12

    @pytest.mark.clause("RFC3261-12.2.2-7")
    def test_a_target_refresh_moves_the_remote_target_if_it_has_a_contact(self) -> None:
        dialog = called()
        dialog.refresh(to_bob("INVITE", 8, headers=[("Contact", "<sip:alice@10.0.0.9>")]))
        assert dialog.remote_target == "sip:alice@10.0.0.9"
        dialog.refresh(to_bob("INVITE", 9))
        assert dialog.remote_target == "sip:alice@10.0.0.9"


class TestSection13_2_2_4:
    @pytest.mark.clause("RFC3261-13.2.2.4-1", "RFC3261-13.2.2.4-2")
    def test_the_2xx_recomputes_the_route_set_and_nothing_of_the_numbers(self) -> None:
        dialog = caller(180)
        dialog.request("PRACK")
        dialog.remote_cseq = 3
        dialog.confirm(answer(invite(), routes=PROXIES))
        assert dialog.route_set == PROXIES[::-1]
        assert (dialog.local_cseq, dialog.remote_cseq) == (8, 3)

    @pytest.mark.clause("RFC3261-13.2.2.4-3")
    def test_each_2xx_with_another_tag_is_another_dialog(self) -> None:
        assert caller(tag="b1").key != caller(tag="b2").key

    @pytest.mark.clause("RFC3261-13.2.2.4-5", "RFC3261-13.2.2.4-6", "RFC3261-13.2.2.4-7")
    def test_the_ack(self) -> None:
        dialog = caller(routes=PROXIES)
        dialog.request("UPDATE")
        ack = dialog.ack(7, headers=[("Authorization", "Digest x")])
        assert str(ack.cseq) == "7 ACK"
        assert ack.values("route") == PROXIES[::-1]
        assert ack.get("authorization") == "Digest x"


class TestTheAgentsDialogs:
    """Dialogs as a user agent uses them, from the wire."""

    @pytest.mark.clause("RFC3261-12.1.1-1", "RFC3261-12.1.1-2", "RFC3261-12.1.1-3")
    @pytest.mark.clause("RFC3261-12.1.1-4")
    def test_a_response_that_makes_a_dialog(self) -> None:
        s = Solo()
        recorded = ["<sip:p1.test;lr;x=1>;y=2", "<sip:p2.test;lr>"]
        s.invited(headers=[("Record-Route", each) for each in recorded])
        s.do(s.calls[0].ring)
        s.do(s.calls[0].answer, ANSWER)
        assert s.bob.statuses == [180, 200]
        for response in s.bob.responses:
            assert list(response.values("record-route")) == recorded
            (contact,) = response.contacts
            assert contact.uri.scheme == "sip"

    @pytest.mark.clause("RFC3261-12.1.1-6")
    def test_its_contact_works_outside_the_dialog(self) -> None:
        s = Solo()
        s.invited()
        s.do(s.calls[0].ring)
        (contact,) = s.bob.last.contacts
        s.bob.take()
        s.bob.request("OPTIONS", str(contact.uri))
        assert s.bob.statuses == [200]

    @pytest.mark.clause("RFC3261-12.1.1-7", "RFC3261-12.1.2-3")
    def test_it_lives_until_its_end(self) -> None:
        s = Solo(session_expires=0)
        ours, _ = s.answered()
        theirs, _, _ = s.accepted()
        s.advance(100_000)
        assert len(s.agent.dialogs) == 2
        for call in (ours, theirs):
            s.do(call.hang_up)
            reply(s.bob, last(s.bob, "BYE"), 200)
        assert len(s.agent.dialogs) == 0

    @pytest.mark.clause("RFC3261-12.2.1.1-19")
    def test_the_contact_of_a_reinvite_is_that_of_the_invite(self) -> None:
        s = Solo()
        call, _ = s.call()
        first = invite_of(s.bob)
        accept(s.bob, first)
        s.do(call.change, OFFER)
        again = invite_of(s.bob)
        assert again.cseq.number == first.cseq.number + 1
        assert again.values("contact") == first.values("contact")

    @pytest.mark.clause("RFC3261-12.2.1.2-1", "RFC3261-12.2.1.2-4", "RFC3261-12.2.1.2-5")
    @pytest.mark.parametrize("status", [408, 481, 0])
    def test_who_does_not_know_it_ends_it(self, status: int) -> None:
        s = Solo()
        call, heard = s.answered()
        s.do(call.info, b"x", "text/plain")
        if status:
            reply(s.bob, last(s.bob, "INFO"), status)
        else:
            s.advance(33)
        (event,) = heard.events
        assert isinstance(event, Ended)
        assert event.failure is not None
        assert event.failure.status == (status or 408)
        assert "BYE" in s.bob.methods

    @pytest.mark.clause("RFC3261-12.3-1")
    def test_a_failure_ends_the_early_ones(self) -> None:
        s = Solo()
        s.call()
        invite = invite_of(s.bob)
        for tag in ("b1", "b2"):
            ring(s.bob, invite, tag=tag)
        assert len(s.agent.dialogs) == 2
        reply(s.bob, invite, 486, "b1")
        assert len(s.agent.dialogs) == 0

    @pytest.mark.clause("RFC3261-8.2.2.3-5")
    def test_an_ack_requires_nothing(self) -> None:
        s = Solo()
        s.call()
        invite = invite_of(s.bob)
        accept(s.bob, invite)
        ack = last(s.bob, "ACK")
        assert set(ack.require) <= set(invite.require)
        assert set(ack.proxy_require) <= set(invite.proxy_require)

    @pytest.mark.clause("RFC3261-16.6-21")
    def test_its_route_set_is_for_nothing_else(self) -> None:
        s = Solo()
        s.call()
        accept(s.bob, invite_of(s.bob), headers=[("Record-Route", "<sip:10.0.0.9;lr;x=1>")])
        assert last(s.bob, "ACK").has("route")
        s.do(lambda now: s.agent.send("OPTIONS", "sip:bob@10.0.0.9", now, Asker()))
        assert not last(s.bob, "OPTIONS").has("route")
