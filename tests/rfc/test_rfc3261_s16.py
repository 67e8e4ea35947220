"""RFC 3261 §16: the proxy, driven as a whole node with scripted peers."""

import pytest
from tests.harness import Peer, make_request
from tests.unit.proxy.world import BOB, DOMAIN, Dialog, Phone, World

from ringway.message import Request, Response, parse_via
from ringway.proxy import Relay
from ringway.proxy.route import ALTERNATIVES
from ringway.transport.flow import NextHop

OUR_VIA = "SIP/2.0/UDP 10.0.0.1:5060"


@pytest.fixture
def world() -> World:
    return World()


def lines(message: Request | Response, *but: str) -> list[bytes]:
    """The header lines as they stand, without those of some names."""
    return [
        line.encode(errors="surrogateescape") for name, line in message.lines() if name not in but
    ]


ADDED = ("via", "record-route", "max-forwards", "max-breadth", "route")


class TestSection16_2:
    @pytest.mark.clause("RFC3261-16.2-1", "RFC3261-17.2.1-1")
    def test_100_at_once(self, world: World) -> None:
        world.phone()
        alice = world.caller()
        alice.invite()
        assert alice.statuses == [100]

    @pytest.mark.clause("RFC3261-17.2.1-1")
    @pytest.mark.parametrize(("mark", "at_once"), [("", [100]), (f";{ALTERNATIVES}", [])])
    def test_but_not_to_who_asked_for_none(
        self, world: World, mark: str, at_once: list[int]
    ) -> None:
        """A registrar of ours marks the Route when it wants to hear the phone alone."""
        bob = world.phone()
        registrar = world.core.peer("udp", "10.9.8.1")
        assert bob.flow is not None
        token = world.core.proxy.sealer.seal_path(bob.flow)
        registrar.request("INVITE", headers=[("Route", f"<sip:{token}@10.0.0.1;lr;ob{mark}>")])
        world.advance(1)
        assert registrar.statuses == at_once
        bob.answer(bob.requests[0], 180)
        assert registrar.statuses == [*at_once, 180]

    @pytest.mark.clause("RFC3261-16.2-2", "RFC3261-8.2.6.1-1")
    def test_no_100_to_other_requests(self, world: World) -> None:
        world.phone()
        alice = world.caller()
        alice.request("MESSAGE")
        world.advance(3)
        assert alice.statuses == []

    @pytest.mark.clause("RFC3261-16.2-3", "RFC3261-16.3-7")
    @pytest.mark.parametrize("method", ["MESSAGE", "INFO", "SUBSCRIBE", "PUBLISH", "NEWMETHOD"])
    def test_every_method_is_forwarded(self, world: World, method: str) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.request(method)
        assert bob.methods == [method]
        bob.answer(bob.requests[0], 200)
        assert alice.statuses == [200]


class TestSection16_3:
    @pytest.mark.clause("RFC3261-16.3-1", "RFC3261-16.3-2", "RFC3261-16.3-4", "RFC3261-16.3-5")
    def test_a_malformed_request_goes_no_further(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        data = make_request("INVITE", BOB, sent_by=str(alice.address)).to_bytes()
        alice.send(data.replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE"))
        assert alice.statuses == [400]
        assert bob.methods == []

    @pytest.mark.clause("RFC3261-16.3-3")
    def test_a_merged_request_is_forwarded(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite(call_id="one", branch="z9hG4bK-first")
        alice.invite(call_id="one", branch="z9hG4bK-second")
        assert bob.methods == ["INVITE", "INVITE"]

    @pytest.mark.clause("RFC3261-16.3-6", "RFC3261-16.3-7", "RFC3261-8.2.2-1", "RFC3261-8.2.2-2")
    def test_fields_nobody_needs_go_on_as_they_are(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        fields = [("X-Odd", "a  b ;;"), ("Date", "yesterday"), ("Contact", "<sip:[broken>")]
        alice.invite(headers=fields)
        got = bob.requests[0]
        assert [got.get(name.lower()) for name, _ in fields] == [value for _, value in fields]

    @pytest.mark.clause("RFC3261-16.3-8", "RFC3261-8.2.2.1-3")
    def test_an_unknown_scheme(self, world: World) -> None:
        alice = world.caller()
        alice.request("INVITE", "news:comp.example", to=f"<{BOB}>")
        assert alice.statuses == [416]

    def test_a_telephone_number_nobody_routes(self, world: World) -> None:
        alice = world.caller()
        alice.request("INVITE", "tel:+15550100", to=f"<{BOB}>")
        assert alice.statuses == [404]

    @pytest.mark.clause("RFC3261-16.3-9", "RFC3261-16.3-10")
    def test_max_forwards_0(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite(headers=[("Max-Forwards", "0")])
        assert alice.statuses == [483]
        assert bob.methods == []

    @pytest.mark.clause("RFC3261-16.3-10")
    def test_options_for_us_with_max_forwards_0_is_answered(self, world: World) -> None:
        alice = world.caller()
        alice.request("OPTIONS", f"sip:{DOMAIN}", headers=[("Max-Forwards", "0")])
        assert alice.statuses == [200]

    @pytest.mark.clause("RFC3261-16.3-11", "RFC3261-16.3-12")
    def test_proxy_require(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite(headers=[("Proxy-Require", "foo, bar")])
        assert alice.statuses == [420]
        assert alice.responses[0].values("unsupported") == ("foo", "bar")
        assert bob.methods == []

    @pytest.mark.clause("RFC3261-16.3-7")
    def test_require_is_for_the_far_end(self, world: World) -> None:
        bob = world.phone()
        world.caller().invite(headers=[("Require", "nothing.known")])
        assert bob.requests[0].require == ("nothing.known",)


class TestSection16_4:
    @pytest.mark.clause("RFC3261-16.4-1", "RFC3261-16.4-2", "RFC3261-16.4-3")
    def test_a_strict_router_before_us(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        bob.accept(bob.requests[0])
        dialog = Dialog.of_caller(alice.responses[-1])
        first, *rest = dialog.routes
        alice.within(dialog, "ACK", cseq=1)
        dialog.routes = [*rest, f"<{dialog.target}>"]
        target, dialog.target = dialog.target, first.strip("<>")
        alice.within(dialog, "BYE")
        assert bob.methods == ["INVITE", "ACK", "BYE"]
        assert bob.requests[-1].uri_text == target
        assert not bob.requests[-1].has("route")

    @pytest.mark.clause("RFC3261-16.4-4", "RFC3261-16.4-5")
    @pytest.mark.parametrize("extra", ["", ":5060", ";transport=udp"])
    def test_a_maddr_of_ours_is_stripped(self, world: World, extra: str) -> None:
        bob = world.phone()
        alice = world.caller()
        port, params = (extra, "") if extra.startswith(":") else ("", extra)
        alice.invite(f"sip:bob@{DOMAIN}{port};maddr=10.0.0.1{params}")
        assert bob.methods == ["INVITE"]

    @pytest.mark.clause("RFC3261-16.4-4", "RFC3261-16.5-1")
    @pytest.mark.parametrize("maddr", ["10.9.9.9", "10.0.0.1;transport=tcp"])
    def test_any_other_maddr_is_the_only_target(self, maddr: str) -> None:
        world = World(relay=Relay.ANY)
        bob = world.phone()
        other = world.core.peer("udp", "10.9.9.9")
        alice = world.caller()
        alice.invite(f"sip:bob@{DOMAIN};maddr={maddr}")
        assert bob.methods == []
        if maddr == "10.9.9.9":
            assert other.methods == ["INVITE"]

    @pytest.mark.clause("RFC3261-16.4-6")
    @pytest.mark.parametrize("host", ["10.0.0.1", DOMAIN, "10.0.0.1:5060"])
    def test_our_own_route_is_removed(self, world: World, host: str) -> None:
        bob = world.phone()
        world.caller().invite(headers=[("Route", f"<sip:{host};lr>")])
        assert bob.methods == ["INVITE"]
        assert not bob.requests[0].has("route")

    def test_a_route_of_others_needs_a_right_to_relay(self, world: World) -> None:
        world.phone()
        alice = world.caller()
        alice.invite(headers=[("Route", "<sip:10.9.9.9;lr>")])
        assert alice.statuses == [403]


class TestSection16_5:
    @pytest.mark.clause("RFC3261-16.5-2", "RFC3261-16.5-7", "RFC3261-16.6-34")
    def test_a_foreign_domain_is_the_only_target(self) -> None:
        world = World(relay=Relay.ANY)
        other = world.core.peer("udp", "10.9.9.9")
        alice = world.caller()
        alice.invite("sip:carol@10.9.9.9")
        assert other.methods == ["INVITE"]
        other.answer(other.requests[0], 302, headers=[("Contact", f"<{BOB}>")])
        assert alice.statuses == [100, 302]

    def test_relaying_is_off_by_default(self, world: World) -> None:
        alice = world.caller()
        alice.invite("sip:carol@10.9.9.9")
        assert alice.statuses == [403]

    def test_registered_phones_may_call_out_when_allowed(self) -> None:
        world = World(relay=Relay.REGISTERED)
        other = world.core.peer("udp", "10.9.9.9")
        bob = world.phone()
        bob.invite("sip:carol@10.9.9.9")
        world.caller().invite("sip:carol@10.9.9.9")
        assert other.methods == ["INVITE"]

    def test_a_to_tag_is_no_way_around_it(self, world: World) -> None:
        alice = world.caller()
        alice.request("INVITE", "sip:carol@10.9.9.9", to="<sip:carol@10.9.9.9>;tag=x")
        assert alice.statuses == [403]

    @pytest.mark.parametrize("routes", [[], ["10.9.9.9"]])
    @pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "REGISTER", "ACK"])
    def test_nor_is_our_own_address_in_a_route(
        self, world: World, method: str, routes: list[str]
    ) -> None:
        other = world.core.peer("udp", "10.9.9.9")
        alice = world.caller()
        alice.request(
            method,
            "sip:carol@10.9.9.9",
            to="<sip:carol@10.9.9.9>;tag=x",
            headers=[("Route", f"<sip:{host};lr>") for host in [DOMAIN, *routes]],
        )
        assert other.methods == []
        assert alice.statuses == ([] if method == "ACK" else [403])

    def test_nor_is_the_record_route_of_another_call(self, world: World) -> None:
        other = world.core.peer("udp", "10.9.9.9")
        bob = world.phone(transport="udp")
        alice = world.caller()
        alice.invite()
        mark = bob.requests[0].record_routes[-1].uri.user
        for to in ("<sip:carol@10.9.9.9>;tag=x", "<sip:carol@10.9.9.9>"):
            alice.request(
                "INVITE",
                "sip:carol@10.9.9.9",
                to=to,
                headers=[("Route", f"<sip:{mark}@{DOMAIN};lr>")],
            )
        call_id = bob.requests[0].call_id
        alice.request(
            "INVITE",
            "sip:carol@10.9.9.9",
            to="<sip:carol@10.9.9.9>",
            call_id=call_id,
            headers=[("Route", f"<sip:{mark}@{DOMAIN};lr>")],
        )
        assert other.methods == []
        assert [status for status in alice.statuses if status > 100] == [403, 403, 403]

    def test_nor_is_an_ack(self, world: World) -> None:
        other = world.core.peer("udp", "10.9.9.9")
        alice = world.caller()
        alice.request("ACK", "sip:carol@10.9.9.9", to="<sip:carol@10.9.9.9>;tag=x")
        alice.request("ACK", BOB, to=f"<{BOB}>;tag=x")
        assert other.methods == []
        assert alice.received == []

    @pytest.mark.clause("RFC3261-16.5-3")
    @pytest.mark.parametrize(
        "uri", [f"sip:b%6Fb@{DOMAIN}", f"sip:bob@{DOMAIN.upper()};user=phone", f"{BOB}:5060"]
    )
    def test_the_canonical_form_is_looked_up(self, world: World, uri: str) -> None:
        bob = world.phone()
        world.caller().invite(uri)
        assert bob.methods == ["INVITE"]

    @pytest.mark.clause("RFC3261-16.5-6", "RFC3261-16.5-10")
    def test_equal_targets_are_tried_once(self, world: World) -> None:
        bob = world.phone(transport="udp", instance="", port=5060)
        bob.register(contact="<sip:bob@10.0.1.1:5060;x=1>", call_id="other")
        bob.register(contact="<sip:bob@10.0.1.1:5060;x=1>", call_id="third")
        world.caller().invite()
        assert len(bob.methods) == len(world.core.bindings())

    @pytest.mark.clause("RFC3261-16.5-8", "RFC3261-16.5-9", "RFC3261-16.5-10")
    def test_a_phone_that_registers_meanwhile_is_tried(self, world: World) -> None:
        old = world.phone(transport="tcp")
        far = world.phone(
            "bob", "10.0.3.1", transport="udp", instance="", register=False, port=5060
        )
        far.register(contact="<sip:bob@nowhere.example>")
        alice = world.caller()
        world.core.dns_is_slow = True
        alice.invite()
        old.close()
        assert alice.statuses == [100]
        new = world.phone("bob", "10.0.4.1", instance="<urn:new>")
        world.core.answer_dns()
        assert new.methods == ["INVITE"]

    @pytest.mark.clause("RFC3261-16.5-12")
    def test_nobody_is_there(self, world: World) -> None:
        alice = world.caller()
        alice.invite()
        assert alice.statuses == [100, 480]
        assert alice.responses[-1].get("reason") == "Q.850;cause=20"
        assert "not registered" in (alice.responses[-1].get("warning") or "")


class TestSection16_6:
    @pytest.mark.clause(
        "RFC3261-16.6-1", "RFC3261-16.6-2", "RFC3261-16.6-3", "RFC3261-16.6-4", "RFC3261-16.6-5"
    )
    def test_the_rest_is_forwarded_byte_for_byte(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        odd = [("X-B", "1"), ("Accept", "b/b ,a/a"), ("X-B", "0"), ("Subject", "caf\udcc3\udca9")]
        invite = alice.invite(headers=odd, body=b"v=0\r\n\x00\xff")
        got = bob.requests[0]
        assert lines(got, *ADDED) == lines(invite, *ADDED)
        assert got.body == invite.body

    @pytest.mark.clause("RFC3261-16.6-6")
    def test_the_request_uri_is_the_targets(self, world: World) -> None:
        bob = world.phone()
        world.caller().invite()
        assert bob.requests[0].uri_text == bob.contact + ";ob"

    @pytest.mark.clause("RFC3261-16.6-7")
    def test_without_what_a_request_uri_may_not_have(self, world: World) -> None:
        bob = world.phone(contact="<sip:bob@10.0.1.1;method=INVITE;x=y?Subject=hi>")
        world.caller().invite()
        assert bob.requests[0].uri_text == "sip:bob@10.0.1.1;x=y"

    @pytest.mark.clause("RFC3261-16.6-8", "RFC3261-16.6-9")
    @pytest.mark.parametrize(("given", "sent"), [("10", "9"), ("1", "0"), ("", "70")])
    def test_max_forwards(self, world: World, given: str, sent: str) -> None:
        bob = world.phone()
        alice = world.caller()
        draft = make_request("MESSAGE", BOB, sent_by=str(alice.address)).edit()
        draft.remove("max-forwards")
        if given:
            draft.append("Max-Forwards", given)
        alice.send(draft.build())
        assert bob.requests[0].get("max-forwards") == sent

    @pytest.mark.clause("RFC3261-16.6-10", "RFC3261-16.6-12", "RFC3261-16.6-13", "RFC3261-16.6-15")
    def test_record_route_above_the_others(self, world: World) -> None:
        bob = world.phone(transport="udp", instance="", port=5060)
        headers = [("Record-Route", "<sip:p.example;lr>"), ("Contact", "<sip:alice@10.0.2.1>")]
        world.caller().invite(headers=headers)
        routes = bob.requests[0].record_routes
        assert [route.uri.host for route in routes] == ["10.0.0.1", "p.example"]
        assert routes[0].uri.scheme == "sip"
        assert routes[0].uri.lr
        assert (routes[0].uri.port, routes[0].uri.transport) == (5060, "")

    @pytest.mark.clause("RFC3261-16.6-14")
    def test_two_values_where_the_transports_differ(self, world: World) -> None:
        bob = world.phone(transport="tcp", instance="")
        world.caller().invite()
        far, near = bob.requests[0].record_routes
        assert (far.uri.transport, near.uri.transport) == ("tcp", "")

    @pytest.mark.clause("RFC3261-16.6-11")
    def test_requests_inside_a_dialog_too(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        bob.accept(bob.requests[0])
        dialog = Dialog.of_caller(alice.responses[-1])
        alice.within(dialog, "ACK", cseq=1)
        alice.within(dialog, "INVITE")
        assert bob.requests[-1].has("record-route")
        alice.within(dialog, "BYE")
        assert not bob.requests[-1].has("record-route")

    @pytest.mark.clause("RFC3261-16.6-20")
    @pytest.mark.parametrize(
        ("method", "recorded"),
        [("SUBSCRIBE", True), ("NEWMETHOD", True), ("MESSAGE", False), ("OPTIONS", False)],
    )
    def test_methods_that_may_form_dialogs(self, world: World, method: str, recorded: bool) -> None:
        bob = world.phone()
        world.caller().request(method)
        assert bob.requests[0].has("record-route") is recorded

    @pytest.mark.clause("RFC3261-16.6-16", "RFC3261-16.6-17", "RFC3261-16.6-26", "RFC3261-16.6-35")
    def test_sips_stays_sips(self, world: World) -> None:
        bob = world.phone(transport="tls", contact="<sips:bob@10.0.1.1>")
        plain = world.phone("bob", "10.0.3.1", transport="tcp")
        alice = world.caller()
        alice.invite(f"sips:bob@{DOMAIN}")
        assert plain.methods == []
        assert bob.methods == ["INVITE"]
        values = bob.requests[0].record_routes
        assert {value.uri.scheme for value in values} == {"sips"}
        assert not any(value.uri.transport == "tls" for value in values)

    @pytest.mark.clause("RFC3261-16.6-18")
    def test_tls_that_goes_on_without_sips(self, world: World) -> None:
        bob = world.phone(transport="udp", instance="", port=5060)
        alice = world.caller(transport="tls")
        alice.invite()
        values = bob.requests[0].record_routes
        assert {value.uri.scheme for value in values} == {"sip"}

    @pytest.mark.clause("RFC3261-16.6-35", "RFC3261-16.6-26")
    def test_a_sips_uri_is_looked_for_over_tls(self) -> None:
        world = World(relay=Relay.ANY)
        alice = world.caller()
        world.core.peer("tls", "10.9.9.9", 5061)
        alice.invite("sips:carol@10.9.9.9", headers=[("Route", "<sip:10.9.9.9;lr>")])
        assert [each.transport for each in world.core.connects] == ["tls"]

    @pytest.mark.clause("RFC3261-16.6-23", "RFC3261-16.6-24", "RFC3327-5.4-1")
    def test_the_path_of_a_binding_becomes_route(self, world: World) -> None:
        edge = world.core.peer("udp", "10.9.9.9")
        register(edge, "<sip:10.9.9.9;lr>", "<sip:tok@10.9.9.8;lr;ob>")
        world.caller().invite()
        routes = [route.uri_text for route in edge.requests[0].routes]
        assert routes == ["sip:10.9.9.9;lr", "sip:tok@10.9.9.8;lr;ob"]

    @pytest.mark.clause(
        "RFC3261-16.6-27", "RFC3261-16.6-28", "RFC3261-16.6-29", "RFC3261-16.6-30",
        "RFC3261-16.6-33",
    )  # fmt: skip
    def test_a_strict_router_behind_us(self, world: World) -> None:
        strict = world.core.peer("udp", "10.9.9.9")
        register(strict, "<sip:10.9.9.9>", "<sip:tok@10.9.9.8;lr;ob>")
        world.caller().invite()
        got = strict.requests[0]
        assert got.uri_text == "sip:10.9.9.9"
        routes = [route.uri_text for route in got.routes]
        assert routes == ["sip:tok@10.9.9.8;lr;ob", "sip:bob@10.8.8.8"]

    @pytest.mark.clause("RFC3261-16.6-36", "RFC3261-16.6-37", "RFC3261-16.6-38", "RFC3261-16.6-47")
    def test_next_hops_in_order_each_with_a_branch(self) -> None:
        world = World(relay=Relay.ANY)
        servers = [world.core.peer("tcp", f"10.9.9.{n}") for n in (1, 2, 3)]
        servers[0].accepting = False
        world.core.dns["sip.example"] = [
            NextHop("tcp", server.address, "sip.example") for server in servers
        ]
        alice = world.caller()
        alice.invite("sip:carol@sip.example")
        assert [server.methods for server in servers] == [[], ["INVITE"], []]
        servers[1].answer(servers[1].requests[0], 503)
        assert [server.methods for server in servers] == [[], ["INVITE", "ACK"], ["INVITE"]]
        branches = {server.requests[0].top_via.branch for server in servers[1:]}
        assert len(branches) == 2
        servers[2].answer(servers[2].requests[0], 200)
        assert alice.statuses == [100, 200]

    @pytest.mark.clause("RFC3261-16.6-36")
    def test_one_that_is_silent_is_left_after_timer_b(self) -> None:
        world = World(relay=Relay.ANY)
        servers = [world.core.peer("udp", f"10.9.9.{n}") for n in (1, 2)]
        world.core.dns["sip.example"] = [
            NextHop("udp", server.address, "sip.example") for server in servers
        ]
        world.caller().invite("sip:carol@sip.example")
        world.advance(31)
        assert servers[1].methods == []
        world.advance(2)
        assert "INVITE" in servers[1].methods

    @pytest.mark.clause("RFC3261-16.6-39", "RFC3261-16.6-40", "RFC3261-16.6-41")
    def test_our_via_on_top(self, world: World) -> None:
        bob = world.phone(transport="udp", instance="", port=5060)
        invite = world.caller().invite()
        ours, theirs = bob.requests[0].values("via")
        assert ours.startswith(OUR_VIA)
        assert theirs == invite.get("via")
        unique, _, loop = parse_via(ours).branch.partition(".")
        assert unique.startswith("z9hG4bK")
        assert loop

    @pytest.mark.clause("RFC3261-16.6-41")
    def test_the_unique_part_is_unique(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        for _ in range(3):
            alice.invite(call_id="same", branch="")
        assert len({each.top_via.branch for each in bob.requests}) == len(bob.requests)

    @pytest.mark.clause("RFC3261-16.6-44", "RFC3261-16.6-45", "RFC3261-8.2.2.3-3")
    def test_cancel_and_ack_have_the_branch_of_their_invite(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        invite = alice.invite(headers=[("Require", "100rel"), ("Contact", "<sip:a@10.0.2.1>")])
        bob.answer(bob.requests[0], 180)
        alice.cancel(invite)
        bob.answer(bob.requests[0], 487)
        assert bob.methods == ["INVITE", "CANCEL", "ACK"]
        assert len({each.get("via") for each in bob.requests[1:]}) == 1
        assert len({each.top_via.branch for each in bob.requests}) == 1
        assert not any(each.has("require") for each in bob.requests[1:])

    @pytest.mark.clause("RFC3261-16.6-46")
    def test_content_length_where_it_is_missing(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        draft = make_request("MESSAGE", BOB, sent_by=str(alice.address), body=b"hello").edit()
        draft.remove("content-length")
        alice.send(draft.build())
        assert bob.requests[0].content_length == 5

    @pytest.mark.clause("RFC3261-16.6-48", "RFC3261-16.6-49")
    def test_timer_c(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        bob.answer(bob.requests[0], 100)
        world.advance(180)
        assert alice.statuses == [100]
        world.advance(10)
        assert alice.heard == [100, 408]


class TestLoops:
    @pytest.mark.clause("RFC3261-16.6-40", "RFC3261-16.6-42")
    def test_a_request_that_comes_back_unchanged(self, world: World) -> None:
        bob = world.phone(transport="udp", instance="", port=5060)
        alice = world.caller()
        alice.invite()
        draft = bob.requests[0].edit()
        draft.uri(BOB)  # a proxy behind us sends it back to where it came from
        draft.prepend("Via", "SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bK-behind")
        bob.send(draft.build())
        assert bob.statuses == [482]

    @pytest.mark.clause("RFC3261-16.6-43", "RFC3261-16.3-3")
    @pytest.mark.parametrize(
        "change",
        [("uri", f"sip:carol@{DOMAIN}"), ("route", "<sip:10.0.0.1;lr>"),
         ("proxy-authorization", 'Digest realm="x"')],
    )  # fmt: skip
    def test_a_spiral_is_none(self, world: World, change: tuple[str, str]) -> None:
        bob = world.phone(transport="udp", instance="", port=5060)
        carol = world.phone("carol", "10.0.5.1")
        world.caller().invite()
        draft = bob.requests[0].edit()
        name, value = change
        draft.uri(BOB if name != "uri" else value)
        if name != "uri":
            draft.prepend(name, value)
        draft.prepend("Via", "SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bK-behind")
        bob.send(draft.build())
        assert 482 not in bob.statuses
        assert len(carol.methods) == (name == "uri")


class TestSection16_7:
    @pytest.mark.clause("RFC3261-16.7-1")
    def test_a_stray_response_is_dropped(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        request = bob.requests[0].edit()
        request.replace_first("via", "SIP/2.0/TCP 10.0.0.1:5060;branch=z9hG4bK-other")
        bob.answer(request.build(), 180)
        assert alice.statuses == [100]

    @pytest.mark.clause(
        "RFC3261-16.7-2", "RFC3261-16.7-3", "RFC3261-16.7-13", "RFC3261-16.7-17",
        "RFC3261-16.7-18", "RFC3261-16.7-42",
    )  # fmt: skip
    def test_provisionals_but_no_100(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        for status in (100, 180, 183, 199):
            bob.answer(bob.requests[0], status)
        assert alice.statuses == [100, 180, 183, 199]

    @pytest.mark.clause("RFC3261-16.7-4", "RFC3261-16.7-5")
    def test_each_starts_timer_c_anew(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        for _ in range(3):
            bob.answer(bob.requests[0], 180)
            world.advance(180)
        assert bob.methods == ["INVITE"]
        bob.accept(bob.requests[0])
        assert alice.statuses[-1] == 200

    @pytest.mark.clause("RFC3261-16.7-4")
    def test_a_100_does_not(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        world.advance(30)
        bob.answer(bob.requests[0], 100)
        world.advance(156)
        assert alice.heard == [100, 408]

    @pytest.mark.clause("RFC3261-16.7-6")
    @pytest.mark.parametrize("status", [180, 200, 486])
    def test_a_response_without_the_callers_via(self, world: World, status: int) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        request = bob.requests[0].edit()
        via = bob.requests[0].get("via") or ""
        request.replace("via", via)
        bob.answer(request.build(), status)
        assert status not in alice.statuses

    @pytest.mark.clause("RFC3261-16.7-14", "RFC3261-16.7-23", "RFC3261-16.7-46")
    def test_6xx_ends_the_search(self, world: World) -> None:
        phones = fork(world, 3)
        late = world.phone("bob", "10.0.7.9", params=";q=0.1")
        alice = world.caller()
        alice.invite()
        phones[0].answer(phones[0].requests[0], 180)
        phones[1].answer(phones[1].requests[0], 486)
        phones[2].answer(phones[2].requests[0], 603)
        assert phones[0].methods == ["INVITE", "CANCEL"]
        assert alice.statuses == [100, 180]
        phones[0].answer(phones[0].requests[0], 487)
        assert alice.statuses == [100, 180, 603]
        assert late.methods == []

    @pytest.mark.clause("RFC3261-16.7-15", "RFC3261-16.7-44")
    def test_every_2xx_goes_on(self, world: World) -> None:
        one, two = fork(world, 2)
        alice = world.caller()
        alice.invite()
        one.accept(one.requests[0], to_tag="one")
        assert two.methods == ["INVITE"]
        two.accept(two.requests[0], to_tag="two")
        assert alice.statuses == [100, 200, 200]
        assert [each.to_tag for each in alice.responses[1:]] == ["one", "two"]

    def test_but_one_2xx_to_other_requests(self, world: World) -> None:
        one, two = fork(world, 2)
        alice = world.caller()
        alice.request("MESSAGE")
        for phone in (one, two):
            phone.answer(phone.requests[0], 200)
        assert alice.statuses == [200]

    @pytest.mark.clause("RFC3261-16.7-15")
    def test_retransmitted_2xx_go_on(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        bob.accept(bob.requests[0])
        bob.accept(bob.requests[0])
        assert alice.statuses == [100, 200, 200]

    @pytest.mark.clause("RFC3261-16.7-16", "RFC3261-16.7-19", "RFC3261-16.7-20", "RFC3261-16.7-22")
    def test_the_others_wait_for_all_branches(self, world: World) -> None:
        one, two = fork(world, 2)
        alice = world.caller()
        alice.invite()
        one.answer(one.requests[0], 486)
        assert alice.statuses == [100]
        two.answer(two.requests[0], 404)
        assert alice.statuses == [100, 486]

    @pytest.mark.clause("RFC3261-16.7-21")
    def test_nothing_came(self, world: World) -> None:
        world.phone(transport="udp", instance="", port=5060)
        alice = world.caller()
        alice.invite()
        world.advance(33)
        assert alice.heard == [100, 408]

    @pytest.mark.clause("RFC3261-16.7-21")
    def test_never_408_to_other_requests(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.request("MESSAGE")
        world.advance(40)
        assert alice.statuses == [100]  # the one RFC 4320 §4.1 asks for
        alice.request("MESSAGE")
        bob.answer(bob.requests[-1], 408)
        assert alice.statuses == [100]

    @pytest.mark.clause("RFC3261-16.7-24", "RFC3261-16.7-25", "RFC3261-16.7-23")
    @pytest.mark.parametrize(
        ("answers", "best"),
        [
            ((500, 404), 404), ((404, 302), 302), ((302, 603), 603), ((486, 484), 484),
            ((404, 420), 420), ((415, 407), 407), ((408, 486), 486), ((487, 404), 404),
            ((503, 500), 500), ((799, 404), 404), ((599, 499), 499),
        ],
    )  # fmt: skip
    def test_the_best_response(self, world: World, answers: tuple[int, int], best: int) -> None:
        phones = fork(world, 2)
        alice = world.caller()
        alice.invite()
        for phone, status in zip(phones, answers, strict=True):
            if status < 700:
                phone.answer(phone.requests[0], status)
            else:
                phone.close()
        assert alice.statuses == [100, best]

    @pytest.mark.clause("RFC3261-16.7-26", "RFC3261-16.7-27")
    def test_a_lone_503_becomes_500(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        bob.answer(bob.requests[0], 503, headers=[("Retry-After", "10")])
        assert alice.statuses == [100, 500]
        assert not alice.responses[-1].has("reason")

    @pytest.mark.clause(
        "RFC3261-16.7-28", "RFC3261-16.7-29", "RFC3261-16.7-30", "RFC3261-16.7-31",
        "RFC3261-16.7-32", "RFC3261-16.7-39", "RFC3261-16.7-40", "RFC3261-16.7-41",
    )  # fmt: skip
    @pytest.mark.parametrize("status", [180, 200, 404])
    def test_a_response_goes_on_byte_for_byte(self, world: World, status: int) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite(via_params=";rport")
        headers = [("X-A", "1  2"), ("Record-Route", "<sip:x;lr>"), ("x-b", "c")]
        sent = bob.answer(
            bob.requests[0], status, to_tag="odd~tag", headers=headers, body=b"\x00\xff"
        )
        got = alice.responses[-1]
        assert lines(got, "via") == lines(sent, "via")
        assert got.values("via") == sent.values("via")[1:]
        assert "received=10.0.2.1" in (got.get("via") or "")
        assert got.body == sent.body
        assert got.to_tag == "odd~tag"

    @pytest.mark.clause("RFC3261-16.7-29")
    def test_no_to_tag_is_added_to_a_1xx(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        bob.answer(bob.requests[0], 180, to_tag="")
        assert alice.responses[-1].to_tag == ""

    @pytest.mark.clause("RFC3261-16.7-33")
    def test_challenges_are_aggregated(self, world: World) -> None:
        phones = fork(world, 3)
        alice = world.caller()
        alice.invite()
        challenges = [
            (401, "WWW-Authenticate", 'Digest realm="a", nonce="1"'),
            (407, "Proxy-Authenticate", 'Digest realm="b", nonce="2"'),
            (401, "WWW-Authenticate", 'Digest realm="c", nonce="3"'),
        ]
        for phone, (status, name, value) in zip(phones, challenges, strict=True):
            phone.answer(phone.requests[0], status, headers=[(name, value)])
        response = alice.responses[-1]
        assert response.status == 401
        assert response.values("www-authenticate") == (challenges[0][2], challenges[2][2])
        assert response.values("proxy-authenticate") == (challenges[1][2],)

    @pytest.mark.clause("RFC3261-16.7-43")
    def test_a_provisional_after_the_final_response_is_dropped(self, world: World) -> None:
        one, two = fork(world, 2)
        alice = world.caller()
        alice.invite()
        one.accept(one.requests[0])
        two.answer(two.requests[0], 180)
        assert alice.statuses == [100, 200]

    @pytest.mark.clause("RFC3261-16.7-45", "RFC3261-16.1-4")
    def test_losers_are_cancelled(self, world: World) -> None:
        one, two = fork(world, 2)
        alice = world.caller()
        alice.invite()
        two.answer(two.requests[0], 180)
        one.accept(one.requests[0])
        assert one.methods == ["INVITE"]
        assert two.methods == ["INVITE", "CANCEL"]
        assert two.requests[1].get("reason") == 'SIP;cause=200;text="Call completed elsewhere"'
        two.answer(two.requests[1], 200)
        two.answer(two.requests[0], 487)
        assert alice.statuses == [100, 180, 200]
        assert two.methods == ["INVITE", "CANCEL", "ACK"]

    @pytest.mark.clause("RFC3261-16.7-44")
    def test_nothing_is_left_behind(self, world: World) -> None:
        one, two = fork(world, 2)
        alice = world.caller()
        alice.invite()
        two.answer(two.requests[0], 180)
        one.accept(one.requests[0])
        two.answer(two.requests[0], 487)
        assert len(world.core.proxy) == 0
        world.advance(200)
        assert world.core.endpoint.next_timer() is None


class TestForking:
    @pytest.mark.clause("RFC3261-16.1-2", "RFC3261-16.1-3")
    def test_equal_q_in_parallel_then_the_next(self, world: World) -> None:
        first = fork(world, 2)
        second = world.phone("bob", "10.0.7.9", params=";q=0.5")
        third = world.phone("bob", "10.0.7.8", params=";q=0.2")
        alice = world.caller()
        alice.invite()
        assert [phone.methods for phone in (*first, second)] == [["INVITE"], ["INVITE"], []]
        first[0].answer(first[0].requests[0], 486)
        assert second.methods == []
        first[1].answer(first[1].requests[0], 486)
        assert (second.methods, third.methods) == (["INVITE"], [])
        second.accept(second.requests[0])
        assert alice.statuses == [100, 200]
        assert third.methods == []

    def test_a_tier_rings_for_the_ring_timeout(self) -> None:
        world = World(ring_timeout=15)
        first = world.phone()
        second = world.phone("bob", "10.0.7.9", params=";q=0.5")
        alice = world.caller()
        alice.invite()
        first.answer(first.requests[0], 180)
        world.advance(14.9)
        assert second.methods == []
        world.advance(0.2)
        assert first.methods == ["INVITE", "CANCEL"]
        assert second.methods == ["INVITE"]
        first.answer(first.requests[0], 487)
        second.answer(second.requests[0], 180)
        world.advance(100)  # nobody waits behind it
        assert second.methods == ["INVITE"]
        second.accept(second.requests[0])
        assert alice.statuses == [100, 180, 180, 200]

    def test_a_2xx_that_crosses_the_cancel(self) -> None:
        world = World(ring_timeout=15)
        first = world.phone()
        second = world.phone("bob", "10.0.7.9", params=";q=0.5")
        alice = world.caller()
        alice.invite()
        first.answer(first.requests[0], 180)
        world.advance(15.1)
        second.answer(second.requests[0], 180)
        first.accept(first.requests[0])
        assert alice.statuses == [100, 180, 180, 200]
        assert second.methods == ["INVITE", "CANCEL"]

    def test_all_ring_out(self) -> None:
        world = World(ring_timeout=15)
        first = world.phone()
        second = world.phone("bob", "10.0.7.9", params=";q=0.5")
        alice = world.caller()
        alice.invite()
        first.answer(first.requests[0], 180)
        world.advance(15.1)
        second.answer(second.requests[0], 486)
        assert alice.statuses == [100, 180, 486]


class TestSection16_8:
    @pytest.mark.clause("RFC3261-16.8-1", "RFC3261-16.8-2")
    def test_a_branch_that_rang(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        bob.answer(bob.requests[0], 180)
        world.advance(186)
        assert bob.methods == ["INVITE", "CANCEL"]
        assert alice.heard == [100, 180, 487]

    @pytest.mark.clause("RFC3261-16.8-3")
    def test_a_branch_that_never_rang(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        bob.answer(bob.requests[0], 100)
        world.advance(186)
        assert alice.heard == [100, 408]


class TestSection16_9:
    @pytest.mark.clause("RFC3261-16.9-1", "RFC3261-16.9-2")
    def test_a_transport_error_is_a_503_of_that_branch_alone(self, world: World) -> None:
        one, two = fork(world, 2)
        alice = world.caller()
        alice.invite()
        one.close()
        assert alice.statuses == [100]
        assert two.methods == ["INVITE"]
        two.accept(two.requests[0])
        assert alice.statuses == [100, 200]

    @pytest.mark.clause("RFC3261-16.9-1")
    def test_alone_towards_others_it_becomes_500(self) -> None:
        world = World(relay=Relay.ANY)
        server = world.core.peer("tcp", "10.9.9.9")
        server.accepting = False
        alice = world.caller()
        alice.invite("sip:carol@10.9.9.9;transport=tcp")
        assert alice.statuses == [100, 500]


class TestSection16_10:
    @pytest.mark.clause("RFC3261-16.10-1", "RFC3261-16.10-2", "RFC3261-16.10-3")
    def test_all_branches_are_cancelled(self, world: World) -> None:
        phones = fork(world, 3)
        alice = world.caller()
        invite = alice.invite()
        for phone in phones:
            phone.answer(phone.requests[0], 180)
        alice.cancel(invite)
        assert alice.statuses[-1] == 200
        assert alice.responses[-1].cseq.method == "CANCEL"
        for phone in phones:
            assert phone.methods == ["INVITE", "CANCEL"]
            phone.answer(phone.requests[1], 200)
            phone.answer(phone.requests[0], 487)
        assert alice.statuses[-1] == 487
        assert alice.responses[-1].cseq.method == "INVITE"

    def test_twice_over_tcp(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller(transport="tcp")
        invite = alice.invite()
        bob.answer(bob.requests[0], 180)
        for _ in range(2):
            alice.cancel(invite)
        assert bob.methods == ["INVITE", "CANCEL"]

    def test_while_the_next_hop_is_looked_up(self, world: World) -> None:
        far = world.core.peer("udp", "10.9.9.9")
        bob = world.phone(transport="udp", instance="", port=5060, register=False)
        bob.register(contact="<sip:bob@far.example>")
        world.core.dns["far.example"] = [NextHop("udp", far.address, "far.example")]
        world.core.dns_is_slow = True
        alice = world.caller()
        invite = alice.invite()
        alice.cancel(invite)
        assert 487 in alice.statuses
        world.core.answer_dns()
        assert far.methods == []

    def test_a_phone_that_ignores_it_is_given_up(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        invite = alice.invite()
        bob.answer(bob.requests[0], 180)
        alice.cancel(invite)
        world.advance(31)
        assert 487 not in alice.statuses
        world.advance(2)
        assert 487 in alice.statuses

    def test_a_cancel_without_a_match(self, world: World) -> None:
        world.phone()
        alice = world.caller()
        alice.cancel(make_request("INVITE", BOB, sent_by=str(alice.address)))
        assert alice.statuses == [481]

    def test_no_further_tier(self, world: World) -> None:
        first = world.phone()
        second = world.phone("bob", "10.0.7.9", params=";q=0.5")
        alice = world.caller()
        invite = alice.invite()
        first.answer(first.requests[0], 180)
        alice.cancel(invite)
        first.answer(first.requests[0], 487)
        assert second.methods == []
        assert alice.statuses[-1] == 487


class TestSection16_12:
    """ACK and requests inside a dialog."""

    def test_through_a_foreign_proxy_that_record_routed_behind_us(self, world: World) -> None:
        edge = world.core.peer("udp", "10.9.9.9")
        register(edge, "<sip:tok@10.9.9.9;lr;ob>")
        alice = world.caller()
        alice.invite()
        got = edge.requests[0]
        headers = [("Record-Route", "<sip:10.9.9.9;lr>")]
        headers += [("Record-Route", value) for value in got.values("record-route")]
        edge.answer(got, 200, headers=[*headers, ("Contact", "<sip:bob@10.8.8.8>")])
        dialog = Dialog.of_caller(alice.responses[-1])
        alice.within(dialog, "ACK", cseq=1)
        alice.within(dialog, "BYE")
        assert edge.methods == ["INVITE", "ACK", "BYE"]
        for request in edge.requests[1:]:
            assert [route.uri_text for route in request.routes] == ["sip:10.9.9.9;lr"]
            assert request.uri_text == "sip:bob@10.8.8.8"

    @pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws", "wss"])
    def test_both_directions_over_any_transport(self, world: World, transport: str) -> None:
        bob = world.phone(transport=transport, instance="")
        alice = world.caller()
        alice.invite()
        answer = bob.accept(bob.requests[0])
        callers = Dialog.of_caller(alice.responses[-1])
        callees = Dialog.of_callee(bob.requests[0], answer)
        alice.within(callers, "ACK", cseq=1)
        alice.within(callers, "INFO")
        bob.within(callees, "BYE")
        assert bob.methods == ["INVITE", "ACK", "INFO"]
        assert alice.methods == ["BYE"]
        alice.answer(alice.requests[0], 200)
        assert bob.statuses == [200]

    def test_max_forwards_of_an_ack(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        bob.accept(bob.requests[0])
        dialog = Dialog.of_caller(alice.responses[-1])
        alice.within(dialog, "ACK", cseq=1, headers=[("Max-Forwards", "0")])
        assert bob.methods == ["INVITE"]
        alice.within(dialog, "ACK", cseq=1, headers=[("Max-Forwards", "5")])
        assert bob.requests[-1].get("max-forwards") == "4"

    def test_an_ack_to_a_failure_stays_here(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        invite = alice.invite()
        bob.answer(bob.requests[0], 486)
        assert bob.methods == ["INVITE", "ACK"]
        alice.ack(invite, alice.responses[-1])
        assert bob.methods == ["INVITE", "ACK"]


def fork(world: World, count: int) -> list[Phone]:
    """Several phones of bob with the same q."""
    return [world.phone("bob", f"10.0.7.{n + 1}") for n in range(count)]


def register(edge: Peer, *path: str) -> None:
    """Register bob at 10.8.8.8 through proxies that are not ours."""
    edge.request(
        "REGISTER",
        f"sip:{DOMAIN}",
        from_=f"<{BOB}>;tag=r",
        to=f"<{BOB}>",
        headers=[
            ("Via", "SIP/2.0/UDP 10.8.8.8;branch=z9hG4bK-phone"),
            ("Contact", "<sip:bob@10.8.8.8>"),
            ("Supported", "path"),
            *[("Path", value) for value in path],
        ],
    )
    assert edge.statuses == [200]
