"""Redirects: given by us (RFC 3261 §8.3, §21.3), and followed by us (§16.5, §16.7, §8.1.3.4)."""

from typing import Any

import pytest
from tests.harness import Headers, Peer
from tests.unit.proxy.world import BOB, DOMAIN, Phone, World

from ringway.location import When
from ringway.message import Request
from ringway.proxy import History, RecursionPolicy
from ringway.transport.flow import NextHop

HOTEL = "sip:bob@hotel.example"
DESK = "sip:desk@hotel.example"


def policy(**how: Any) -> RecursionPolicy:
    how.setdefault("domains", frozenset({"hotel.example"}))
    return RecursionPolicy(**how)


def hotel(world: World, host: str = "10.7.7.7", name: str = "hotel.example") -> Peer:
    peer = world.core.peer("udp", host)
    world.core.dns[name] = [NextHop("udp", peer.address, name)]
    return peer


def contacts(*uris: str) -> list[tuple[str, str]]:
    return [("Contact", uri if "<" in uri else f"<{uri}>") for uri in uris]


def redirected(world: World, *uris: str, status: int = 302, headers: Headers = ()) -> Phone:
    """Bob's phone has answered a call of alice's with a redirect."""
    bob = world.phone()
    alice = world.caller()
    alice.invite(headers=[("Contact", "<sip:alice@10.0.2.1>"), *headers])
    bob.answer(bob.requests[0], status, headers=contacts(*uris))
    return alice


class TestServer:
    """As redirect server."""

    @pytest.mark.parametrize("status", [300, 301, 302])
    def test_always(self, status: int) -> None:
        world = World()
        bob = world.phone()
        world.redirect("bob", HOTEL, status=status)
        alice = world.caller()
        alice.invite()
        assert alice.statuses == [status]
        response = alice.responses[0]
        assert [each.uri_text for each in response.contacts] == [HOTEL]
        assert not response.has("expires")
        assert bob.methods == []

    def test_with_an_end_it_says_how_long(self) -> None:
        world = World()
        world.redirect("bob", HOTEL, until=world.now + 7200)
        alice = world.caller()
        alice.invite()
        response = alice.responses[0]
        assert response.get("expires") == "7200"
        assert response.contacts[0].expires == 7200

    def test_and_then_it_has_ended(self) -> None:
        world = World()
        bob = world.phone()
        world.redirect("bob", HOTEL, until=world.now + 10)
        world.advance(11)
        world.caller().invite()
        assert bob.methods == ["INVITE"]

    def test_305_names_a_proxy(self) -> None:
        world = World()
        world.redirect("bob", "sip:proxy.example", status=305)
        alice = world.caller()
        alice.invite()
        assert alice.statuses == [305]
        assert alice.responses[0].contacts[0].uri_text == "sip:proxy.example"

    def test_never_to_the_request_uri_itself(self) -> None:
        world = World()
        bob = world.phone()
        world.redirect("bob", f"{BOB};x=y", status=305)
        alice = world.caller()
        alice.invite(f"{BOB};x=y")
        assert alice.statuses == [100]
        assert bob.methods == ["INVITE"]

    @pytest.mark.parametrize(("status", "found"), [(486, 302), (600, 302), (404, 404)])
    def test_when_busy(self, status: int, found: int) -> None:
        world = World()
        bob = world.phone()
        world.redirect("bob", HOTEL, when=When.BUSY)
        alice = world.caller()
        alice.invite()
        bob.answer(bob.requests[0], status)
        assert alice.statuses == [100, found]

    def test_when_nobody_answers(self) -> None:
        world = World(ring_timeout=20)
        bob = world.phone()
        world.redirect("bob", HOTEL, when=When.NO_ANSWER)
        alice = world.caller()
        alice.invite()
        bob.answer(bob.requests[0], 180)
        world.advance(19.9)
        assert alice.statuses == [100, 180]
        world.advance(0.2)
        assert alice.statuses == [100, 180, 302]
        assert bob.methods == ["INVITE", "CANCEL"]

    def test_a_request_that_goes_no_further_is_answered_all_the_same(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        world.redirect("bob", HOTEL)
        alice = world.caller()
        alice.invite(headers=[("Max-Forwards", "0")])
        assert alice.statuses == [302]
        assert there.methods == []

    def test_when_unreachable(self) -> None:
        world = World()
        bob = world.phone()
        world.redirect("bob", HOTEL, when=When.UNREACHABLE)
        alice = world.caller()
        alice.invite()
        bob.close()
        assert alice.statuses == [100, 302]
        alice.invite()
        assert alice.statuses == [100, 302, 100, 302]

    def test_another_case_does_not_count(self) -> None:
        world = World()
        bob = world.phone()
        world.redirect("bob", HOTEL, when=When.UNREACHABLE)
        alice = world.caller()
        alice.invite()
        bob.answer(bob.requests[0], 486)
        assert alice.statuses == [100, 486]

    def test_not_for_a_caller_who_cancelled(self) -> None:
        world = World()
        world.redirect("bob", HOTEL, when=When.NO_ANSWER)
        bob = world.phone()
        alice = world.caller()
        invite = alice.invite()
        bob.answer(bob.requests[0], 180)
        alice.cancel(invite)
        bob.answer(bob.requests[0], 487)
        assert alice.statuses == [100, 180, 200, 487]

    def test_requests_inside_a_dialog_are_let_through(self) -> None:
        world = World()
        bob = world.phone()
        world.redirect("bob", HOTEL)
        alice = world.caller()
        alice.request("INVITE", BOB, to=f"<{BOB}>;tag=b")
        assert bob.methods == ["INVITE"]


class TestPassedOn:
    """What the proxy does not follow."""

    def test_without_policy(self) -> None:
        alice = redirected(World(), HOTEL)
        assert alice.statuses == [100, 302]
        assert alice.responses[-1].contacts[0].uri_text == HOTEL

    def test_another_domain(self) -> None:
        world = World(recursion=policy())
        alice = redirected(world, "sip:bob@premium.example")
        assert alice.statuses == [100, 302]

    @pytest.mark.parametrize("uri", ["tel:+190055501", "mailto:bob@hotel.example"])
    def test_another_scheme(self, uri: str) -> None:
        alice = redirected(World(recursion=policy()), uri)
        assert alice.statuses == [100, 302]

    def test_380(self) -> None:
        world = World(recursion=policy())
        hotel(world)
        assert redirected(world, HOTEL, status=380).statuses == [100, 380]

    @pytest.mark.clause("RFC3261-16.7-8")
    def test_sips_to_sip(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        bob = world.phone(transport="tls", contact="<sips:bob@10.0.1.1>")
        alice = world.caller()
        alice.invite(f"sips:bob@{DOMAIN}")
        bob.answer(bob.requests[0], 302, headers=contacts(HOTEL))
        assert alice.statuses == [100, 302]
        assert there.methods == []

    def test_a_register(self) -> None:
        world = World(edge=True, recursion=policy())
        alice = world.caller(node=world.edge)
        alice.request("REGISTER", f"sip:{DOMAIN}")
        assert 302 not in alice.statuses

    def test_an_edge_follows_none(self) -> None:
        world = World(edge=True, recursion=policy())
        there = hotel(world)
        alice = redirected(world, HOTEL)
        assert there.methods == ["INVITE"]  # the registrar did
        assert alice.statuses == [100]
        assert not any(d.kind == "recurse" for d in world.edge.decisions)
        assert any(d.kind == "recurse" for d in world.core.decisions)

    def test_a_malformed_contact(self) -> None:
        world = World(recursion=policy())
        hotel(world)
        assert redirected(world, "<sip:[broken>").statuses == [100, 302]

    def test_a_302_without_contact(self) -> None:
        assert redirected(World(recursion=policy())).statuses == [100, 302]


class TestFollowed:
    """As recursing proxy."""

    @pytest.mark.parametrize("status", [300, 301, 302])
    @pytest.mark.clause("RFC3261-16.7-9", "RFC3261-16.6-6")
    def test_the_call_follows(self, status: int) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        alice = redirected(world, HOTEL, status=status)
        assert alice.statuses == [100]
        assert there.methods == ["INVITE"]
        assert there.requests[0].uri_text == HOTEL
        there.answer(there.requests[0], 200)
        assert alice.statuses == [100, 200]

    def test_the_rest_of_the_request_stays(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        bob = world.phone()
        alice = world.caller()
        invite = alice.invite()
        bob.answer(bob.requests[0], 302, headers=contacts(HOTEL))
        got = there.requests[0]
        for name in ("from", "to", "call-id", "cseq", "contact"):
            assert got.get(name) == invite.get(name)
        assert got.top_via.branch != bob.requests[0].top_via.branch
        assert got.get("max-forwards") == "69"

    def test_305_is_a_route_and_keeps_the_request_uri(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        redirected(world, "sip:hotel.example", status=305)
        got = there.requests[0]
        assert got.uri_text == BOB
        assert [route.uri_text for route in got.routes] == ["sip:hotel.example;lr"]

    def test_in_q_order(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        alice = redirected(
            world, f"<{DESK}>;q=0.3", f"<{HOTEL}>;q=0.9", "<sip:bar@hotel.example>;q=0.9"
        )
        uris = [request.uri_text for request in there.requests]
        assert uris == [HOTEL, "sip:bar@hotel.example"]
        for request in list(there.requests):
            there.answer(request, 404)
        assert there.requests[-1].method in {"INVITE", "ACK"}
        desk = [each for each in there.requests if each.uri_text == DESK]
        there.answer(desk[0], 200)
        assert alice.statuses == [100, 200]

    @pytest.mark.clause("RFC3261-16.7-7")
    def test_what_was_not_followed_is_passed_on(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        alice = redirected(world, HOTEL, "sip:bob@elsewhere.example")
        there.answer(there.requests[0], 404)
        assert alice.statuses == [100, 302]
        assert [each.uri.host for each in alice.responses[-1].contacts] == ["elsewhere.example"]

    @pytest.mark.parametrize("maddr", ["10.0.0.7", "elsewhere.example", ""])
    def test_a_maddr_leads_no_further_than_a_host(self, maddr: str) -> None:
        """Policy names hosts, and a maddr is where the request would go instead."""
        world = World(recursion=policy())
        there = hotel(world)
        alice = redirected(world, f"<{HOTEL};maddr={maddr}>")
        assert there.requests == []
        assert alice.statuses == [100, 302]

    @pytest.mark.clause("RFC3261-16.5-10", "RFC3261-16.5-6")
    def test_each_uri_once_the_original_included(self) -> None:
        world = World(recursion=policy(domains=frozenset({"hotel.example", DOMAIN})))
        there = hotel(world)
        alice = redirected(world, BOB, HOTEL, "sip:bob@HOTEL.example", f"<{HOTEL}?Subject=x>")
        assert [each.uri_text for each in there.requests] == [HOTEL]
        there.answer(there.requests[0], 302, headers=contacts(HOTEL, BOB))
        assert [each.method for each in there.requests] == ["INVITE", "ACK"]
        assert alice.statuses == [100, 480]

    def test_a_circle_of_two_ends(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        alice = redirected(world, HOTEL)
        there.answer(there.requests[0], 302, headers=contacts(DESK))
        there.answer(there.requests[-1], 302, headers=contacts(HOTEL))
        assert [each.uri_text for each in there.requests if each.method == "INVITE"] == [
            HOTEL,
            DESK,
        ]
        assert alice.statuses == [100, 480]

    def test_depth(self) -> None:
        world = World(recursion=policy(depth=2))
        there = hotel(world)
        alice = redirected(world, "sip:1@hotel.example")
        there.answer(there.requests[0], 302, headers=contacts("sip:2@hotel.example"))
        there.answer(there.requests[-1], 302, headers=contacts("sip:3@hotel.example"))
        assert alice.statuses == [100, 302]
        assert alice.responses[-1].contacts[0].uri.user == "3"

    def test_number_of_targets(self) -> None:
        world = World(recursion=policy(targets=2))
        there = hotel(world)
        redirected(world, *[f"<sip:{n}@hotel.example>;q=0.{n + 1}" for n in range(5)])
        first = there.requests[0]
        assert first.uri.user == "4"  # the best of them
        there.answer(first, 404)
        assert [each.uri.user for each in there.requests if each.method == "INVITE"] == ["4", "3"]
        there.answer(there.requests[-1], 404)
        assert there.methods.count("INVITE") == 2

    def test_to_another_user_of_ours(self) -> None:
        world = World(recursion=policy(domains=frozenset({DOMAIN})))
        carol = world.phone("carol", "10.0.5.1")
        redirected(world, f"sip:carol@{DOMAIN}")
        assert carol.methods == ["INVITE"]
        assert carol.requests[0].uri_text == carol.contact + ";ob"

    def test_nowhere_new_while_others_ring(self) -> None:
        world = World(recursion=policy(domains=frozenset({DOMAIN})))
        other = world.phone("bob", "10.0.7.1", instance="<urn:other>")
        alice = redirected(world, BOB)
        assert alice.statuses == [100]
        other.accept(other.requests[0])
        assert alice.statuses == [100, 200]

    def test_as_max_breadth_allows(self) -> None:
        """The new targets wait until the phone that rings has given its branch back."""
        world = World(recursion=policy())
        there = hotel(world)
        other = world.phone("bob", "10.0.7.1", instance="<urn:other>")
        uris = [f"sip:{n}@hotel.example" for n in range(3)]
        redirected(world, *uris, headers=[("Max-Breadth", "2")])
        assert there.methods == ["INVITE"]
        other.answer(other.requests[0], 486)
        assert there.methods == ["INVITE"]
        there.answer(there.requests[0], 486)
        assert there.methods.count("INVITE") == 3

    def test_while_others_ring(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        other = world.phone("bob", "10.0.7.1", instance="<urn:other>")
        alice = redirected(world, HOTEL)
        other.answer(other.requests[0], 180)
        assert there.methods == ["INVITE"]
        there.answer(there.requests[0], 200)
        assert other.methods == ["INVITE", "CANCEL"]
        assert alice.statuses == [100, 180, 200]

    def test_a_late_word_of_the_flow_before(self) -> None:
        """The phone redirected over its second flow; the first one speaks late."""
        world = World(recursion=policy())
        there = hotel(world)
        new, old = world.flows()
        alice = world.caller()
        alice.invite()
        world.advance(2.1)
        old.answer(old.requests[0], 302, headers=contacts(HOTEL))
        new.answer(new.requests[0], 180)
        assert new.methods == ["INVITE", "CANCEL"]
        new.answer(new.requests[0], 487)
        there.answer(there.requests[0], 200)
        assert alice.statuses == [100, 200]

    def test_a_cancel_reaches_the_new_target(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        alice = redirected(world, HOTEL)
        there.answer(there.requests[0], 180)
        invite = Request("INVITE", BOB, *there.requests[0].copy_lines())
        draft = invite.edit()
        draft.pop_value("via")
        alice.cancel(draft.build())
        assert there.methods == ["INVITE", "CANCEL"]

    def test_a_redirect_of_our_own_is_followed_too(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        bob = world.phone()
        world.redirect("bob", HOTEL)
        alice = world.caller()
        alice.invite()
        assert bob.methods == []
        there.answer(there.requests[0], 200)
        assert alice.statuses == [100, 200]

    def test_and_so_is_one_for_busy(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        bob = world.phone()
        world.redirect("bob", HOTEL, when=When.BUSY)
        alice = world.caller()
        alice.invite()
        bob.answer(bob.requests[0], 486)
        assert there.methods == ["INVITE"]
        there.answer(there.requests[0], 404)
        assert alice.statuses == [100, 486]  # once: no second redirect for the same call


class TestWhatStaysBehind:
    @pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization"])
    def test_our_realms_credentials(self, name: str) -> None:
        world = World(recursion=policy(), realms=frozenset({DOMAIN}))
        there = hotel(world)
        ours = f'Digest username="alice", realm="{DOMAIN}", nonce="n", response="r"'
        others = 'Digest username="alice", REALM = "other.example", nonce="n", response="r"'
        redirected(world, HOTEL, headers=[(name, ours), (name, others)])
        assert there.requests[0].values(name.lower()) == (others,)

    def test_they_stay_on_the_way_to_the_phone(self) -> None:
        world = World(recursion=policy(), realms=frozenset({DOMAIN}))
        bob = world.phone()
        value = f'Digest username="alice", realm="{DOMAIN}"'
        world.caller().invite(headers=[("Authorization", value)])
        assert bob.requests[0].get("authorization") == value

    def test_the_path_of_the_phone(self) -> None:
        world = World(edge=True, recursion=policy())
        there = hotel(world)
        redirected(world, HOTEL)
        assert not there.requests[0].has("route")

    def test_header_parameters_and_method(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        redirected(world, f"<{HOTEL};method=BYE;x=y?Subject=free&Route=%3Csip:evil%3E>")
        got = there.requests[0]
        assert got.uri_text == f"{HOTEL};x=y"
        assert not got.has("subject")
        assert not got.has("route")

    def test_unless_allowed(self) -> None:
        world = World(recursion=policy(headers=frozenset({"subject", "x-a"})))
        there = hotel(world)
        redirected(world, f"<{HOTEL}?Subject=caf%C3%A9&X-A=1%0d%0aX-B:%202&Priority=urgent>")
        got = there.requests[0]
        assert (got.get("subject") or "").encode(errors="surrogateescape") == "café".encode()
        assert not got.has("x-a")
        assert not got.has("x-b")
        assert not got.has("priority")


class TestRemembered:
    """RFC 3261 §21.3.3: a 302 that names its expiry holds for that time."""

    @staticmethod
    def world_with(*uris: str, headers: Headers = ()) -> tuple[World, Phone, Peer, Phone]:
        world = World(recursion=policy())
        there = hotel(world)
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        bob.answer(
            bob.requests[0],
            302,
            headers=[*contacts(*uris), *headers],
        )
        there.answer(there.requests[-1], 486)
        return world, bob, there, alice

    @pytest.mark.parametrize("how", ["parameter", "field"])
    def test_for_that_time_only(self, how: str) -> None:
        uri = f"<{HOTEL}>;expires=60" if how == "parameter" else HOTEL
        headers = [("Expires", "60")] if how == "field" else []
        world, bob, there, alice = self.world_with(uri, headers=headers)
        bob.take()
        there.take()
        alice.invite()
        assert (bob.methods, there.methods) == ([], ["INVITE"])
        there.answer(there.requests[0], 200)
        world.advance(61)
        bob.take()
        there.take()
        alice.invite()
        assert (bob.methods, there.methods) == (["INVITE"], [])

    @pytest.mark.parametrize("uri", [HOTEL, f"<{HOTEL}>;expires=0"])
    def test_never_without_an_expiry(self, uri: str) -> None:
        _, bob, there, alice = self.world_with(uri)
        bob.take()
        there.take()
        alice.invite()
        assert (bob.methods, there.methods) == (["INVITE"], [])

    def test_not_when_one_of_several_names_none(self) -> None:
        world, bob, there, alice = self.world_with(f"<{HOTEL}>;expires=60;q=0.9", DESK)
        there.answer(next(each for each in there.requests if each.uri_text == DESK), 404)
        bob.take()
        alice.invite()
        assert bob.methods == ["INVITE"]
        assert world.core.proxy.recursion._memory == {}

    @pytest.mark.interpreted
    def test_only_so_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ringway.proxy.recursion.MAX_REMEMBERED", 2)
        world = World(recursion=policy())
        hotel(world)
        for user in ("bob", "carol", "dave"):
            phone = world.phone(user, f"10.0.7.{len(user)}", instance=f"<urn:{user}>")
            world.caller(host=f"10.0.6.{len(user)}").invite(user)
            phone.answer(phone.requests[0], 302, headers=contacts(f"<{HOTEL}>;expires=60"))
        assert len(world.core.proxy.recursion._memory) == 2

    def test_301_and_300_are_not_cached_here(self) -> None:
        world = World(recursion=policy())
        hotel(world)
        alice = redirected(world, f"<{HOTEL}>;expires=60", status=301)
        (bob,) = [peer for peer in world.core.flows.values() if "INVITE" in peer.methods]
        bob.take()
        alice.invite()
        assert bob.methods == ["INVITE"]

    def test_a_failing_one_falls_back_to_the_original_once(self) -> None:
        _, bob, there, alice = self.world_with(f"<{HOTEL}>;expires=60")
        bob.take()
        there.take()
        alice.take()
        alice.invite()
        there.answer(there.requests[0], 404)
        assert bob.methods == ["INVITE"]
        bob.answer(bob.requests[0], 302, headers=contacts(f"<{HOTEL}>;expires=60"))
        assert [each for each in there.methods if each == "INVITE"] == ["INVITE"]
        assert alice.heard == [100, 404]

    def test_the_original_uri_is_the_one_used_next_time(self) -> None:
        """Nothing is learned from a redirect without an expiry: each call asks the phone."""
        world = World(recursion=policy())
        there = hotel(world)
        alice = redirected(world, HOTEL)
        there.answer(there.requests[0], 200)
        (bob,) = [peer for peer in world.core.flows.values() if "INVITE" in peer.methods]
        bob.take()
        alice.invite()
        assert bob.methods == ["INVITE"]
        assert bob.requests[0].uri.user == "bob"

    def test_the_sips_rule_holds_for_what_is_remembered(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        bob = world.phone(transport="tls", contact="<sips:bob@10.0.1.1>")
        alice = world.caller()
        alice.invite()
        bob.answer(bob.requests[0], 302, headers=contacts(f"<{HOTEL}>;expires=60"))
        there.answer(there.requests[0], 486)
        there.take()
        bob.take()
        alice.invite(f"sips:bob@{DOMAIN}")
        assert (bob.methods, there.methods) == (["INVITE"], [])


class TestHistory:
    def test_off(self) -> None:
        world = World(recursion=policy())
        there = hotel(world)
        redirected(world, HOTEL)
        assert not there.requests[0].has("history-info")
        assert not there.requests[0].has("diversion")

    def test_diversion(self) -> None:
        world = World(recursion=policy(), history=History.DIVERSION)
        there = hotel(world)
        redirected(world, HOTEL, headers=[("Diversion", "<sip:x@y>;reason=user-busy")])
        assert there.requests[0].values("diversion") == (
            f"<{BOB}>;reason=deflection;counter=1",
            "<sip:x@y>;reason=user-busy",
        )

    def test_history_info(self) -> None:
        world = World(recursion=policy(), history=History.HISTORY_INFO)
        there = hotel(world)
        redirected(world, HOTEL)
        (phone,) = [peer for peer in world.core.flows.values() if "INVITE" in peer.methods]
        contact = phone.requests[0].uri_text
        assert there.requests[0].values("history-info") == (
            f"<{BOB}>;index=1",
            f"<{contact}?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1",
            f"<{HOTEL}>;index=1.2",
        )

    def test_history_info_that_is_there_already(self) -> None:
        world = World(recursion=policy(), history=History.HISTORY_INFO)
        there = hotel(world)
        given = [("History-Info", f"<sip:x@y>;index=1, <{BOB}>;index=1.1;np=1")]
        redirected(world, f"<{HOTEL}>;mp=1", headers=given)
        values = there.requests[0].values("history-info")
        assert values[:2] == ("<sip:x@y>;index=1", f"<{BOB}>;index=1.1;np=1")
        assert values[2].endswith(";index=1.1.1;rc=1.1")
        assert values[3] == f"<{HOTEL}>;index=1.1.2;mp=1.1.1"

    def test_history_info_of_a_rule_of_our_own(self) -> None:
        world = World(recursion=policy(), history=History.HISTORY_INFO)
        there = hotel(world)
        world.redirect("bob", HOTEL)
        world.caller().invite()
        assert there.requests[0].values("history-info") == (
            f"<{BOB}>;index=1",
            f"<{HOTEL}>;index=1.1;mp=1",
        )

    def test_others_broken_history(self) -> None:
        world = World(recursion=policy(), history=History.HISTORY_INFO)
        there = hotel(world)
        redirected(world, HOTEL, headers=[("History-Info", "<<broken")])
        assert there.methods == ["INVITE"]
