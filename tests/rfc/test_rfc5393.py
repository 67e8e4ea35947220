"""RFC 5393: loops and Max-Breadth."""

from typing import Any

import pytest
from tests.harness import make_request
from tests.unit.proxy.world import BOB, DOMAIN, Phone, World

from ringway.message import parse_datagram


@pytest.fixture
def world() -> World:
    return World()


def fork(world: World, count: int, params: str = "") -> list[Phone]:
    return [world.phone("bob", f"10.0.7.{n + 1}", params=params) for n in range(count)]


def breadth(phone: Phone) -> str | None:
    return phone.requests[0].get("max-breadth")


class TestSection4_2:
    def test_a_loop_is_found_before_forking(self, world: World) -> None:
        bob = world.phone(transport="udp", instance="", port=5060)
        world.phone("bob", "10.0.7.1")
        world.caller().invite()
        draft = bob.requests[0].edit()
        draft.uri(BOB)
        draft.prepend("Via", "SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bK-behind")
        bob.send(draft.build())
        assert bob.statuses == [482]

    def test_over_several_proxies(self, world: World) -> None:
        """Ours is not the topmost Via when the request comes back."""
        bob = world.phone(transport="udp", instance="", port=5060)
        world.caller().invite()
        draft = bob.requests[0].edit()
        draft.uri(BOB)
        for hop in range(3):
            draft.prepend("Via", f"SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bK-{hop}")
        bob.send(draft.build())
        assert bob.statuses == [482]

    @pytest.mark.parametrize(
        "via",
        [
            'SIP/2.0/UDP a.example;x="y;branch=z";flag;branch=z9hG4bK.1',
            "SIP / 2.0 / UDP a.example ; branch = z9hG4bK.1",
            "SIP/2.0/CARRIER-PIGEON a.example;branch=z9hG4bKx.y.z",
        ],
    )
    def test_the_vias_of_others_are_no_obstacle(self, world: World, via: str) -> None:
        bob = world.phone()
        alice = world.caller()
        draft = make_request("INVITE", BOB, sent_by=str(alice.address)).edit()
        draft.append("Via", via)
        alice.send(draft.build())
        assert bob.methods == ["INVITE"]

    def test_the_mark_does_not_depend_on_the_method(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        for method in ("INVITE", "MESSAGE"):
            alice.request(method, call_id="same", cseq=7)
        one, two = [request.top_via.branch.rpartition(".")[2] for request in bob.requests]
        assert one == two

    @pytest.mark.parametrize(
        "change",
        [{"uri": f"{BOB};x=y"}, {"call_id": "other"}, {"cseq": 8}, {"from_": f"<{BOB}>;tag=z"}],
    )
    def test_it_depends_on_what_routes(self, world: World, change: dict[str, Any]) -> None:
        bob = world.phone()
        alice = world.caller()
        how = {"call_id": "same", "cseq": 7, "uri": BOB}
        for each in ({}, change):
            given = {**how, **each}
            alice.request("MESSAGE", str(given.pop("uri")), **given)
        one, two = [request.top_via.branch.rpartition(".")[2] for request in bob.requests]
        assert one != two


class TestSection5_3_3:
    @pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
    def test_it_is_added_as_60(self, world: World, method: str) -> None:
        bob = world.phone()
        world.caller().request(method)
        assert breadth(bob) == "60"

    @pytest.mark.parametrize(("given", "sent"), [("1000", "60"), ("60", "60"), ("7", "7")])
    def test_at_most_60(self, world: World, given: str, sent: str) -> None:
        bob = world.phone()
        world.caller().invite(headers=[("Max-Breadth", given)])
        assert bob.requests[0].values("max-breadth") == (sent,)

    @pytest.mark.parametrize("given", ["60", "10", "3"])
    def test_it_is_divided(self, world: World, given: str) -> None:
        phones = fork(world, 3)
        world.caller().invite(headers=[("Max-Breadth", given)])
        shares = [int(breadth(phone) or 0) for phone in phones]
        assert min(shares) >= 1
        assert sum(shares) <= int(given)

    def test_too_little_means_one_after_another(self, world: World) -> None:
        phones = fork(world, 3)
        alice = world.caller()
        alice.invite(headers=[("Max-Breadth", "1")])
        assert sum([len(phone.methods) for phone in phones]) == 1
        for phone in phones:
            assert breadth(phone) == "1"
            phone.answer(phone.requests[0], 486)
        assert alice.statuses == [100, 486]

    @pytest.mark.parametrize(("given", "statuses"), [("2", [440]), ("3", [100])])
    def test_what_was_here_before_does_not_fork_one_after_another(
        self, world: World, given: str, statuses: list[int]
    ) -> None:
        """Section 3: each time round it would fork again, as long as there are other URIs."""
        phones = fork(world, 3)
        alice = world.caller()
        draft = make_request("INVITE", BOB, sent_by=str(alice.address)).edit()
        draft.append("Via", "SIP / 9 / X somewhere.else")
        draft.append("Via", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKours.x")
        draft.append("Max-Breadth", given)
        alice.send(draft.build())
        assert alice.statuses[-1:] == statuses
        assert sum([len(phone.methods) for phone in phones]) == (3 if statuses == [100] else 0)

    def test_nor_tier_by_tier(self, world: World) -> None:
        phones = [world.phone("bob", f"10.0.7.{n}", params=f";q=0.{n}") for n in range(1, 4)]
        alice = world.caller()
        draft = make_request("INVITE", BOB, sent_by=str(alice.address)).edit()
        draft.append("Via", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKours.x")
        draft.append("Max-Breadth", "7")
        alice.send(draft.build())
        assert breadth(phones[2]) == "2"

    def test_what_a_branch_gives_back_is_used_again(self) -> None:
        world = World()
        fork(world, 2)
        late = world.phone("bob", "10.0.8.1", params=";q=0.5")
        alice = world.caller()
        alice.invite(headers=[("Max-Breadth", "2")])
        for phone in [peer for peer in world.core.flows.values() if peer.methods == ["INVITE"]]:
            phone.answer(phone.requests[0], 486)
        assert breadth(late) == "2"

    def test_440_when_nothing_is_left(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite(headers=[("Max-Breadth", "0")])
        assert alice.statuses[-1] == 440
        assert bob.methods == []

    @pytest.mark.parametrize("value", ["many", "-1", "1.5", "\u00b2"])
    def test_a_value_that_is_no_number(self, world: World, value: str) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite(headers=[("Max-Breadth", value)])
        assert alice.statuses == [400]
        assert bob.methods == []
        assert len(world.core.proxy) == 0

    def test_an_ack_carries_it_too(self, world: World) -> None:
        bob = world.phone()
        alice = world.caller()
        alice.invite()
        bob.accept(bob.requests[0])
        answer = parse_datagram(alice.responses[-1].to_bytes())
        routes = [("Route", value) for value in reversed(answer.values("record-route"))]
        alice.request(
            "ACK",
            bob.contact,
            call_id=answer.call_id,
            to=answer.get("to") or "",
            headers=routes,
        )
        assert bob.requests[-1].method == "ACK"
        assert bob.requests[-1].get("max-breadth") == "60"

    def test_the_limit_is_the_operators(self) -> None:
        world = World(max_breadth=4)
        bob = world.phone()
        world.caller().invite(f"sip:bob@{DOMAIN}")
        assert breadth(bob) == "4"
