"""The ways on which one request can reach one target."""

from __future__ import annotations

from typing import Any

import pytest
from tests.harness import Peer
from tests.unit.ua.asking import BOB, EDGES, Asking, dialog

from ringway.message import Uri, parse_uri
from ringway.transport.flow import Address, NextHop
from ringway.ua.requests.redirects import Target
from ringway.ua.requests.ways import Way, Ways, route_text


class Search:
    """The ways that were found, and that none was."""

    def __init__(self, world: Asking, uri: str = BOB, proxy: str = "", **how: Any) -> None:
        self.world = world
        self.found: list[Way | None] = []
        behind = parse_uri(proxy) if proxy else None
        target = Target(parse_uri(uri), behind, status=how.pop("status", 0))
        self.ways = Ways(world.services, target, lambda way, _: self.found.append(way), **how)
        self.ways.start(world.now)
        world.pump()

    @property
    def last(self) -> Way | None:
        return self.found[-1]

    def place(self) -> str:
        assert self.last is not None
        return str(self.last.to)

    def next_server(self) -> Way | None:
        assert self.ways.more_servers
        self.ways.next_server(self.world.now)
        self.world.pump()
        return self.last

    def next_flow(self) -> Way | None:
        assert self.ways.more_flows
        self.ways.next_flow(self.world.now)
        return self.last


def registered(service_route: str = "") -> tuple[Asking, Peer]:
    """Return an agent without outbound proxy that has registered, and its registrar."""
    w = Asking(registers=True)
    edge = w.edge(parse_uri("sip:10.0.0.5;transport=tcp"))
    w.dns["example.com"] = [NextHop("tcp", edge.peer.address, "example.com")]
    if service_route:
        edge.headers.append(("Service-Route", service_route))
    w.start()
    edge.peer.take()
    return w, edge.peer


def servers(world: Asking, name: str, *hosts: str) -> None:
    world.dns[name] = [NextHop("udp", Address(host, 5060), name) for host in hosts]


class TestNextHops:
    """RFC 3261 §8.1.2, RFC 3263 §4."""

    def test_by_the_request_uri(self) -> None:
        w = Asking()
        servers(w, "bob.example", "10.0.0.2", "10.0.0.3")
        search = Search(w)
        assert search.place() == "udp 10.0.0.2:5060"
        assert search.next_server()
        assert search.place() == "udp 10.0.0.3:5060"
        assert not search.ways.more_servers
        assert not search.ways.more_flows

    @pytest.mark.parametrize(
        ("how", "host"),
        [
            ({"route": "<sip:10.0.0.7;lr>"}, "10.0.0.7"),
            ({"proxy": "sip:10.0.0.8", "status": 305}, "10.0.0.8"),
        ],
    )
    def test_by_the_topmost_route(self, how: dict[str, Any], host: str) -> None:
        assert Search(Asking(), **how).place() == f"udp {host}:5060"

    @pytest.mark.interpreted
    def test_a_sips_uri_makes_every_hop_secure(self) -> None:
        asked: list[Uri] = []
        w = Asking()
        resolve = w.endpoint.resolve
        w.endpoint.resolve = lambda uri, *more: (asked.append(uri), resolve(uri, *more))  # type: ignore[assignment, func-returns-value]
        Search(w, "sips:bob@bob.example", route="<sip:proxy.example;lr>")
        assert [str(each) for each in asked] == ["sips:proxy.example;lr"]

    def test_an_outbound_proxy_without_a_registration_is_a_pre_loaded_route(self) -> None:
        w = Asking("sip:one.example", "sip:two.example;lr", registers=False)
        servers(w, "one.example", "10.0.0.2")
        servers(w, "two.example", "10.0.0.3")
        search = Search(w)
        assert search.last == Way(w.dns["one.example"][0], routes=("<sip:one.example;lr>",))
        search.next_server()
        assert search.last == Way(w.dns["two.example"][0], routes=("<sip:two.example;lr>",))
        assert not search.ways.more_servers

    def test_a_proxy_whose_name_leads_nowhere_is_passed_over(self) -> None:
        w = Asking("sip:one.example", "sip:two.example", registers=False)
        servers(w, "two.example", "10.0.0.3")
        assert Search(w).place() == "udp 10.0.0.3:5060"

    def test_nothing_is_found_after_the_end(self) -> None:
        w = Asking()
        servers(w, "bob.example", "10.0.0.2")
        found: list[Way | None] = []
        ways = Ways(w.services, Target(parse_uri(BOB)), lambda way, _: found.append(way))
        ways.start(w.now)
        ways.stop()
        w.pump()
        assert found == []

    def test_a_resting_server_is_passed_over(self) -> None:
        w = Asking()
        servers(w, "bob.example", "10.0.0.2", "10.0.0.3")
        w.services.resting.rest(w.dns["bob.example"][0], 30, w.now)
        search = Search(w)
        assert search.place() == "udp 10.0.0.3:5060"
        assert (search.ways.more_servers, search.ways.rest) == (False, 30.0)

    def test_within_a_dialog_it_comes_last(self) -> None:
        w = Asking()
        servers(w, "bob.example", "10.0.0.2", "10.0.0.3")
        w.services.resting.rest(w.dns["bob.example"][0], 30, w.now)
        search = Search(w, dialog=dialog(BOB))
        assert search.place() == "udp 10.0.0.3:5060"
        assert search.next_server()
        assert search.place() == "udp 10.0.0.2:5060"


class TestRegistrar:
    """Without outbound proxies DNS decides, but the registration's flow is known by its hop."""

    def test_over_the_flow_of_the_registration(self) -> None:
        w, _ = registered("<sip:10.0.0.5;transport=tcp;lr>")
        search = Search(w)
        assert search.last is not None
        assert search.last.slot is w.slots[0]
        assert search.last.routes == ("<sip:10.0.0.5;transport=tcp;lr>",)
        assert search.last.flow(w.endpoint) == w.slots[0].flow
        assert not search.ways.more_flows

    def test_elsewhere(self) -> None:
        w, _ = registered()
        search = Search(w, "sip:bob@10.0.0.2")
        assert search.place() == "udp 10.0.0.2:5060"
        assert search.last is not None
        assert search.last.slot is None

    def test_a_connection_to_be_opened(self) -> None:
        w, _ = registered()
        search = Search(w, "sip:bob@10.0.0.2;transport=tcp")
        assert search.last is not None
        assert (search.last.slot, search.last.flow(w.endpoint)) == (None, None)

    def test_a_dialog_too_goes_by_dns(self) -> None:
        w, _ = registered()
        search = Search(w, dialog=dialog("sip:bob@10.0.0.2"), slot=w.slots[0])
        assert search.place() == "udp 10.0.0.2:5060"
        assert not search.ways.more_flows


class TestFlows:
    """RFC 5626 §4.3."""

    def test_the_best_and_then_the_next(self) -> None:
        w = Asking(*EDGES)
        search = Search(w)
        assert search.last is not None
        assert search.last.slot is w.slots[0]
        way = search.next_flow()
        assert way is not None
        assert way.slot is w.slots[1]
        assert not search.ways.more_flows
        assert not search.ways.more_servers

    def test_the_one_that_is_wanted(self) -> None:
        w = Asking(*EDGES)
        search = Search(w, slot=w.slots[1])
        assert search.last is not None
        assert search.last.slot is w.slots[1]
        way = search.next_flow()
        assert way is not None
        assert way.slot is w.slots[0]

    def test_a_sips_uri_needs_a_secure_one(self) -> None:
        w = Asking(EDGES[0], "sips:10.0.0.12", listeners=("tcp", "tls"))
        search = Search(w, "sips:bob@bob.example")
        assert search.last is not None
        assert search.last.slot is w.slots[1]
        w.edges[1].peer.close()
        search = Search(w, "sips:bob@bob.example")
        assert search.last is None
        assert "secure" in search.ways.refusal

    def test_all_that_rest(self) -> None:
        w = Asking(*EDGES)
        for slot, seconds in zip(w.slots, (30, 20), strict=True):
            assert slot.flow is not None
            w.services.resting.rest(slot.flow, seconds, w.now)
        search = Search(w)
        assert (search.last, search.ways.rest) == (None, 20.0)

    def test_none(self) -> None:
        w = Asking(*EDGES)
        for edge in w.edges:
            edge.peer.close()
        assert Search(w).ways.refusal == "no flow to an outbound proxy is registered"


class TestWithinADialog:
    """RFC 5626 §4.5, RFC 3261 §12.2."""

    def test_its_own_flow_and_no_other(self) -> None:
        w = Asking(*EDGES)
        search = Search(w, dialog=dialog(), slot=w.slots[1])
        assert search.last is not None
        assert search.last.slot is w.slots[1]
        w.edges[1].peer.close()
        search.next_flow()
        w.pump()
        assert len(search.found) == 1
        w.advance(6)
        assert search.found[1] == Way(w.slots[1].flow, w.slots[1])  # type: ignore[arg-type]
        assert not search.ways.more_flows

    def test_a_flow_that_was_replaced_meanwhile_is_used_at_once(self) -> None:
        w = Asking(*EDGES)
        search = Search(w, dialog=dialog(), slot=w.slots[0])
        w.edges[0].peer.close()
        w.advance(6)
        search.next_flow()
        assert len(search.found) == 2
        assert search.place() == str(w.slots[0].flow)

    def test_the_wait_ends(self) -> None:
        w = Asking(*EDGES)
        for edge in w.edges:
            edge.reaction = None
        w.edges[0].peer.close()
        search = Search(w, dialog=dialog(), slot=w.slots[0])
        assert search.found == []
        w.advance(32)
        assert search.found == [None]
        assert search.ways.refusal.endswith("within 32 s")

    def test_who_waits_no_more_is_not_told(self) -> None:
        w = Asking(*EDGES)
        w.edges[0].peer.close()
        search = Search(w, dialog=dialog(), slot=w.slots[0])
        search.ways.stop()
        w.advance(40)
        assert search.found == []

    def test_by_the_route_set_even_when_redirected(self) -> None:
        call = dialog("sip:bob@10.0.0.2", "<sip:10.0.0.7;lr>")
        search = Search(Asking(), "sip:bob@10.0.0.3", status=302, dialog=call)
        assert search.place() == "udp 10.0.0.7:5060"

    def test_without_one_to_the_new_target(self) -> None:
        call = dialog("sip:bob@10.0.0.2")
        search = Search(Asking(), "sip:bob@10.0.0.3", status=302, dialog=call)
        assert search.place() == "udp 10.0.0.3:5060"


def test_a_route_is_loose() -> None:
    assert route_text(parse_uri("sip:p.example")) == "<sip:p.example;lr>"
    assert route_text(parse_uri("sip:p.example;lr")) == "<sip:p.example;lr>"
