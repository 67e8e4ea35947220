import pytest
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

from ringway.dialog.dialog import Dialog, establishes, key_of_request, key_of_response
from ringway.errors import ParseError
from ringway.message import Request, Uri


def routes_of(request: Request) -> list[str]:
    return [str(route) for route in request.routes]


class TestEstablishes:
    @pytest.mark.parametrize(
        ("method", "status", "tag", "makes"),
        [
            ("INVITE", 100, "b", False),
            ("INVITE", 101, "b", True),
            ("INVITE", 183, "b", True),
            ("INVITE", 180, "", False),
            ("INVITE", 200, "b", True),
            ("INVITE", 200, "", True),
            ("INVITE", 299, "b", True),
            ("INVITE", 300, "b", False),
            ("INVITE", 486, "b", False),
            ("SUBSCRIBE", 202, "b", True),
            ("SUBSCRIBE", 180, "b", False),
            ("REFER", 202, "b", True),
            ("OPTIONS", 200, "b", False),
            ("MESSAGE", 200, "b", False),
        ],
    )
    def test_by_method_and_status(self, method: str, status: int, tag: str, makes: bool) -> None:
        request = invite(method=method)
        assert establishes(request, answer(request, status, tag=tag)) is makes

    def test_not_by_a_100_whatever_its_tag(self) -> None:
        draft = answer(invite(), 100).edit()
        draft.replace("To", "<sip:bob@ringway.test>;tag=b")
        assert not establishes(invite(), draft.build())

    def test_not_within_a_dialog(self) -> None:
        request = invite(to="<sip:bob@ringway.test>;tag=b")
        assert not establishes(request, answer(request))


class TestFromResponse:
    def test_takes_everything_over(self) -> None:
        dialog = caller(180, routes=PROXIES)
        assert dialog.key == ("call-1", "a", "b")
        assert (dialog.local, dialog.remote) == (ALICE, "<sip:bob@ringway.test>;tag=b")
        assert dialog.remote_target == BOB_CONTACT
        assert dialog.route_set == PROXIES[::-1]
        assert (dialog.local_cseq, dialog.remote_cseq) == (7, None)
        assert dialog.early
        assert dialog.caller
        assert dialog.method == "INVITE"
        assert not dialog.secure

    def test_a_2xx_makes_it_confirmed(self) -> None:
        assert not caller(200).early

    def test_each_tag_of_a_fork_is_a_dialog_with_its_own_numbers(self) -> None:
        first, second = caller(180, tag="b1"), caller(180, tag="b2")
        assert first.key != second.key
        assert first.request("PRACK").cseq.number == 8
        assert first.request("UPDATE").cseq.number == 9
        assert second.request("PRACK").cseq.number == 8

    def test_record_route_in_one_line_with_parameters_of_the_header(self) -> None:
        request = invite()
        joined = '"a, b" <sip:p1.test;lr>;seen=1, <sip:p2.test;lr>'
        dialog = Dialog.from_response(request, answer(request, routes=[joined]))
        assert dialog.route_set == ("<sip:p2.test;lr>", "<sip:p1.test;lr>")

    def test_without_contact_the_request_uri_is_the_target(self) -> None:
        request = invite()
        dialog = Dialog.from_response(request, answer(request, contact=""))
        assert dialog.remote_target == "sip:bob@ringway.test"

    def test_texts_stay_as_they_stood(self) -> None:
        request = invite()
        response = answer(request, contact="<SIP:b@B.Test>", routes=["<SIP:P1.Test;LR>"])
        dialog = Dialog.from_response(request, response)
        assert (dialog.remote_target, dialog.route_set) == ("SIP:b@B.Test", ("<SIP:P1.Test;LR>",))

    def test_a_contact_without_brackets(self) -> None:
        request = invite()
        dialog = Dialog.from_response(request, answer(request, contact="sip:bob@10.0.0.2;x=1"))
        assert dialog.remote_target == "sip:bob@10.0.0.2"

    @pytest.mark.parametrize("contact", ["<sip:bob@>", "<tel:+4912345>", "<mailto:b@x>"])
    def test_a_contact_that_is_no_target(self, contact: str) -> None:
        request = invite()
        with pytest.raises(ParseError):
            Dialog.from_response(request, answer(request, contact=contact))

    def test_a_peer_without_tag(self) -> None:
        request = invite()
        dialog = Dialog.from_response(request, answer(request, tag=""))
        assert dialog.key == ("call-1", "a", "")
        assert not dialog.request("BYE").to.has_param("tag")

    @pytest.mark.parametrize(
        ("transport", "uri", "secure"),
        [
            ("tls", "sips:bob@ringway.test", True),
            ("wss", "sips:bob@ringway.test", True),
            ("udp", "sips:bob@ringway.test", False),
            ("tls", "sip:bob@ringway.test", False),
        ],
    )
    def test_secure(self, transport: str, uri: str, secure: bool) -> None:
        request = invite(transport=transport, uri=uri)
        assert Dialog.from_response(request, answer(request)).secure is secure

    def test_secure_before_it_has_a_via(self) -> None:
        request = invite(uri="sips:bob@ringway.test")
        bare = request.edit()
        bare.remove("via")
        assert Dialog.from_response(bare.build(), answer(request)).secure


class TestFromRequest:
    def test_takes_everything_over(self) -> None:
        dialog = called(180, routes=PROXIES)
        assert dialog.key == ("call-1", "b", "a")
        assert (dialog.local, dialog.remote) == ("<sip:bob@ringway.test>;tag=b", ALICE)
        assert dialog.remote_target == ALICE_CONTACT
        assert dialog.route_set == PROXIES
        assert (dialog.local_cseq, dialog.remote_cseq) == (None, 7)
        assert dialog.early
        assert not dialog.caller

    def test_without_contact_the_from_is_the_target(self) -> None:
        request = invite(contact="", from_="<sip:alice@Ringway.test>;tag=a")
        dialog = Dialog.from_request(request, answer(request))
        assert dialog.remote_target == "sip:alice@Ringway.test"
        request = invite(contact="", from_="sip:alice@ringway.test;tag=a")
        dialog = Dialog.from_request(request, answer(request))
        assert dialog.remote_target == "sip:alice@ringway.test"

    def test_a_caller_without_tag(self) -> None:
        request = invite(from_="<sip:alice@ringway.test>")
        dialog = Dialog.from_request(request, answer(request))
        assert dialog.key == ("call-1", "b", "")
        assert not dialog.request("BYE").to.has_param("tag")

    def test_a_bad_contact(self) -> None:
        request = invite(contact="<sip:alice@>")
        with pytest.raises(ParseError):
            Dialog.from_request(request, answer(request))

    def test_secure_only_if_it_came_over_tls(self) -> None:
        for transport, secure in (("tls", True), ("tcp", False)):
            request = invite(uri="sips:bob@ringway.test", transport=transport)
            assert Dialog.from_request(request, answer(request)).secure is secure

    def test_the_first_request_of_the_called_has_a_number(self) -> None:
        dialog = called()
        assert [dialog.request("BYE").cseq.number for _ in range(3)] == [1, 2, 3]


class TestRequest:
    def test_without_routes(self) -> None:
        request = caller().request("BYE")
        assert request.uri_text == BOB_CONTACT
        assert not request.has("route")
        assert request.get("from") == ALICE
        assert request.get("to") == "<sip:bob@ringway.test>;tag=b"
        assert request.call_id == "call-1"
        assert str(request.cseq) == "8 BYE"
        assert request.get("max-forwards") == "70"
        assert not request.has("contact")

    def test_over_loose_routers(self) -> None:
        request = caller(routes=PROXIES).request("BYE")
        assert request.uri_text == BOB_CONTACT
        assert routes_of(request) == list(PROXIES[::-1])

    def test_over_a_strict_router(self) -> None:
        routes = ("<sip:p1>", "<sip:p2>", "<sip:p3;lr>", "<sip:p4>")
        request = called(routes=routes).request("BYE")
        assert request.uri_text == "sip:p1"
        assert routes_of(request) == [*routes[1:], f"<{ALICE_CONTACT}>"]

    def test_a_strict_router_alone(self) -> None:
        request = called(routes=["<sip:p1>"]).request("BYE")
        assert request.uri_text == "sip:p1"
        assert routes_of(request) == [f"<{ALICE_CONTACT}>"]

    def test_what_must_not_stand_in_a_request_uri(self) -> None:
        dialog = called(routes=["<sip:p1;method=INVITE;x=1?Subject=a>"])
        assert dialog.request("BYE").uri_text == "sip:p1;x=1"
        dialog.route_set = ()
        dialog.remote_target = "sip:bob@10.0.0.2;method=INVITE"
        assert dialog.request("BYE").uri_text == "sip:bob@10.0.0.2"

    def test_carries_what_it_is_given(self) -> None:
        request = caller().request(
            "INVITE",
            headers=[("Supported", "timer")],
            body=b"v=0",
            content_type="application/sdp",
            contact="<sip:alice@10.0.0.1>",
        )
        assert request.supported == ("timer",)
        assert (request.body, request.get("content-type")) == (b"v=0", "application/sdp")
        assert request.get("contact") == "<sip:alice@10.0.0.1>"

    def test_a_contact_of_a_secure_dialog(self) -> None:
        dialog = caller()
        dialog.secure = True
        request = dialog.request("INVITE", contact="<sip:alice@10.0.0.1>;ob")
        assert request.get("contact") == "<sips:alice@10.0.0.1>;ob"

    def test_another_target_after_a_3xx(self) -> None:
        dialog = caller(routes=PROXIES)
        request = dialog.request("INVITE", target="sip:bob@10.0.0.9")
        assert request.uri_text == "sip:bob@10.0.0.9"
        assert routes_of(request) == list(PROXIES[::-1])
        assert dialog.remote_target == BOB_CONTACT

    @pytest.mark.parametrize("method", ["ACK", "CANCEL"])
    def test_not_for_what_has_the_number_of_its_invite(self, method: str) -> None:
        dialog = caller()
        with pytest.raises(ValueError, match="number of its INVITE"):
            dialog.request(method)
        assert dialog.local_cseq == 7

    def test_a_bad_value_costs_no_number(self) -> None:
        dialog = caller()
        with pytest.raises(ValueError, match="line break"):
            dialog.request("BYE", headers=[("Subject", "a\r\nVia: x")])
        assert dialog.local_cseq == 7


class TestAck:
    def test_has_the_number_of_its_invite(self) -> None:
        dialog = caller(routes=PROXIES)
        dialog.request("INFO")
        ack = dialog.ack(
            7, headers=[("Authorization", "x")], body=b"v=0", content_type="application/sdp"
        )
        assert str(ack.cseq) == "7 ACK"
        assert dialog.local_cseq == 8
        assert ack.uri_text == BOB_CONTACT
        assert routes_of(ack) == list(PROXIES[::-1])
        assert (ack.body, ack.get("authorization")) == (b"v=0", "x")

    def test_over_a_strict_router(self) -> None:
        ack = caller(routes=["<sip:p1>"]).ack(7)
        assert ack.uri_text == "sip:p1"
        assert routes_of(ack) == [f"<{BOB_CONTACT}>"]


class TestNextHopUri:
    def test_of_the_route_set_or_the_target(self) -> None:
        assert str(caller().next_hop_uri()) == BOB_CONTACT
        assert str(caller(routes=PROXIES).next_hop_uri()) == "sip:p3.test;lr"
        assert str(caller(routes=["<sip:p1>"]).next_hop_uri()) == "sip:p1"

    def test_is_sips_for_a_sips_target(self) -> None:
        dialog = caller(routes=PROXIES)
        dialog.remote_target = "sips:bob@10.0.0.2"
        assert dialog.next_hop_uri() == Uri("sips", host="p3.test", params=(("lr", None),))

    def test_a_strict_router_is_its_own_request_uri(self) -> None:
        dialog = caller(routes=["<sip:p1>"])
        dialog.remote_target = "sips:bob@10.0.0.2"
        assert str(dialog.next_hop_uri()) == "sip:p1"


class TestConfirm:
    def test_takes_the_route_set_of_the_2xx(self) -> None:
        dialog = caller(180, routes=PROXIES[:1])
        dialog.request("PRACK")
        dialog.confirm(answer(invite(), routes=PROXIES, contact="<sip:bob@10.0.0.3>"))
        assert dialog.route_set == PROXIES[::-1]
        assert dialog.remote_target == "sip:bob@10.0.0.3"
        assert dialog.local_cseq == 8
        assert not dialog.early

    def test_an_empty_route_set_overrides_too(self) -> None:
        dialog = caller(180, routes=PROXIES)
        dialog.confirm(answer(invite(), contact=""))
        assert dialog.route_set == ()
        assert dialog.remote_target == BOB_CONTACT

    def test_only_once(self) -> None:
        dialog = caller(200, routes=PROXIES)
        dialog.confirm(answer(invite(), contact="<sip:x@10.0.0.3>"))
        assert dialog.route_set == PROXIES[::-1]
        assert dialog.remote_target == BOB_CONTACT

    def test_the_called_keeps_its_route_set(self) -> None:
        dialog = called(180, routes=PROXIES)
        dialog.confirm(answer(invite()))
        assert (dialog.route_set, dialog.remote_target) == (PROXIES, ALICE_CONTACT)
        assert not dialog.early

    @pytest.mark.parametrize(
        ("contact", "routes"), [("<sip:b@>", PROXIES), ("<sip:b@10.0.0.3>", ["<sip:@>"])]
    )
    def test_what_cannot_be_read_changes_nothing(self, contact: str, routes: list[str]) -> None:
        dialog = caller(180)
        with pytest.raises(ParseError):
            dialog.confirm(answer(invite(), contact=contact, routes=routes))
        assert (dialog.early, dialog.route_set, dialog.remote_target) == (True, (), BOB_CONTACT)


class TestRefresh:
    @pytest.mark.parametrize("method", ["INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"])
    def test_a_request(self, method: str) -> None:
        dialog = called(routes=PROXIES)
        moved = [("Contact", "<sip:alice@10.0.0.9>"), ("Record-Route", "<sip:other.test;lr>")]
        assert dialog.refresh(to_bob(method, 8, headers=moved))
        assert dialog.remote_target == "sip:alice@10.0.0.9"
        assert dialog.route_set == PROXIES

    @pytest.mark.parametrize("method", ["ACK", "BYE", "PRACK", "INFO", "OPTIONS", "MESSAGE"])
    def test_other_requests_refresh_nothing(self, method: str) -> None:
        dialog = called()
        assert not dialog.refresh(to_bob(method, 8, headers=[("Contact", "<sip:a@10.0.0.9>")]))
        assert dialog.remote_target == ALICE_CONTACT

    def test_without_contact_and_with_the_same(self) -> None:
        dialog = called()
        assert not dialog.refresh(to_bob("UPDATE", 8))
        assert not dialog.refresh(to_bob("UPDATE", 9, headers=[("Contact", f"<{ALICE_CONTACT}>")]))

    @pytest.mark.parametrize(
        ("status", "rseq", "refreshes"),
        [(200, 0, True), (180, 5, True), (180, 0, False), (100, 5, False), (300, 0, False)],
    )
    def test_a_response(self, status: int, rseq: int, refreshes: bool) -> None:
        dialog = caller(routes=PROXIES)
        request = dialog.request("INVITE")
        response = answer(request, status, contact="<sip:bob@10.0.0.9>", rseq=rseq)
        assert dialog.refresh(response) is refreshes
        assert (dialog.remote_target == "sip:bob@10.0.0.9") is refreshes
        assert dialog.route_set == PROXIES[::-1]

    def test_a_bad_contact(self) -> None:
        dialog = called()
        with pytest.raises(ParseError):
            dialog.refresh(to_bob("INVITE", 8, headers=[("Contact", "<sip:@>")]))
        assert dialog.remote_target == ALICE_CONTACT


class TestTake:
    def test_in_order_and_with_a_gap(self) -> None:
        dialog = called()
        assert [dialog.take(to_bob("INFO", number)) for number in (8, 9, 20)] == [None] * 3
        assert dialog.remote_cseq == 20

    @pytest.mark.parametrize("number", [6, 7])
    def test_out_of_order(self, number: int) -> None:
        dialog = called()
        assert dialog.take(to_bob("INFO", number)) == 500
        assert dialog.remote_cseq == 7

    def test_the_first_of_all(self) -> None:
        dialog = caller()
        request = to_bob("BYE", 3)
        draft = request.edit()
        draft.replace("From", dialog.remote)
        draft.replace("To", dialog.local)
        assert dialog.take(draft.build()) is None
        assert dialog.remote_cseq == 3

    @pytest.mark.parametrize("method", ["ACK", "CANCEL"])
    def test_what_has_the_number_of_its_invite(self, method: str) -> None:
        dialog = called()
        assert dialog.take(to_bob(method, 7)) is None
        assert dialog.take(to_bob(method, 5)) is None
        assert dialog.remote_cseq == 7

    @pytest.mark.parametrize("method", ["BYE", "CANCEL"])
    def test_not_of_this_dialog(self, method: str) -> None:
        assert called().take(to_bob(method, 8, call_id="other")) == 481

    def test_a_bad_contact_changes_nothing(self) -> None:
        dialog = called()
        assert dialog.take(to_bob("INVITE", 8, headers=[("Contact", "<sip:@>")])) == 400
        assert dialog.remote_cseq == 7
        assert dialog.take(to_bob("INFO", 8, headers=[("Contact", "<sip:@>")])) is None


class TestKeys:
    def test_of_messages(self) -> None:
        request = to_bob("INFO", 8)
        assert key_of_request(request) == called().key
        assert key_of_response(answer(request)) == caller().key


def test_repr() -> None:
    assert repr(caller(180)) == "<Dialog 'call-1' 'a' 'b' early>"
    assert repr(caller()) == "<Dialog 'call-1' 'a' 'b' confirmed>"
