"""RFC 5626 §4: the user agent's registrations over flows, its keep-alives and its recovery."""

from __future__ import annotations

import pytest
from tests.unit.ua.asking import Asking
from tests.unit.ua.edges import INSTANCE, Edge, World, grant, refuse

from ringway.message import Request, parse_uri
from ringway.transport.flow import Address, NextHop
from ringway.transport.frames import PING_BYTES
from ringway.ua.events import FlowLost, Registered, RegistrationFailed

TCP = ("sip:10.0.0.11;transport=tcp", "sip:10.0.0.12;transport=tcp")
UDP = ("sip:10.0.0.11", "sip:10.0.0.12")


def started(*outbound: str) -> World:
    w = World(*(outbound or TCP))
    w.start()
    return w


def lost(w: World) -> list[FlowLost]:
    return [each for each in w.told if isinstance(each, FlowLost)]


class TestSection4_1:
    @pytest.mark.clause("RFC5626-4.1-1", "RFC5626-4.2.1-7")
    def test_the_instance_id_is_in_each_register(self) -> None:
        w = started()
        for edge in w.edges:
            assert edge.last.contacts[0].instance == f"<{INSTANCE}>"

    @pytest.mark.clause("RFC5626-4.1-3")
    def test_it_stays_the_same_wherever_the_device_goes(self) -> None:
        w = started()
        w.network_changed()
        assert {each.contacts[0].instance for each in w.edges[0].registers} == {f"<{INSTANCE}>"}

    @pytest.mark.clause("RFC5626-4.1-6")
    def test_it_stands_in_brackets_and_quotes(self) -> None:
        w = started()
        assert f'+sip.instance="<{INSTANCE}>"' in (w.edges[0].last.get("contact") or "")

    @pytest.mark.clause("RFC5626-4.1-6")
    def test_it_is_in_the_contact_of_other_requests(self) -> None:
        w = started()
        assert f'+sip.instance="<{INSTANCE}>"' in w.slots[0].contact()


class TestSection4_2_1:
    @pytest.mark.clause("RFC5626-4.2.1-1", "RFC5626-4.2.1-2", "RFC5626-4.2.1-3", "RFC5626-4.2.1-4")
    @pytest.mark.parametrize("count", [2, 4])
    def test_a_register_to_each_outbound_proxy(self, count: int) -> None:
        w = started(*(f"sip:10.0.0.{11 + number};transport=tcp" for number in range(count)))
        assert [len(edge.registers) for edge in w.edges] == [1] * count

    @pytest.mark.clause("RFC5626-4.2.1-5", "RFC5626-4.2.1-10", "RFC5626-4.2.1-11", "RFC3327-5.1-1")
    def test_supported_has_outbound_and_path(self) -> None:
        w = started()
        assert {"outbound", "path"} <= set(w.edges[0].last.supported)

    @pytest.mark.clause("RFC5626-4.2.1-6")
    def test_each_has_a_call_id_of_its_own(self) -> None:
        w = started()
        assert len({edge.last.call_id for edge in w.edges}) == 2

    def test_the_proxy_is_the_topmost_route(self) -> None:
        w = started()
        route = w.edges[1].last.routes[0].uri
        assert (route.host, route.lr) == ("10.0.0.12", True)

    @pytest.mark.clause("RFC5626-4.2.1-8", "RFC5626-4.2.1-9")
    def test_distinct_reg_ids_and_the_same_after_a_restart(self) -> None:
        runs = [
            [edge.last.contacts[0].param("reg-id") for edge in started().edges] for _ in range(2)
        ]
        assert runs == [["1", "2"], ["1", "2"]]

    @pytest.mark.clause("RFC5626-4.2.1-12")
    def test_require_outbound_shows_success(self) -> None:
        w = World(*TCP)
        w.edges[1].headers = []
        w.start()
        told = {each.proxy: each for each in w.told if isinstance(each, Registered)}
        assert told[TCP[0]].outbound
        assert TCP[1] not in told  # what would be unroutable is taken back
        assert w.edges[1].peer.closed

    @pytest.mark.clause("RFC5626-4.2.1-13", "RFC5626-4.5-6")
    def test_503_with_retry_after(self) -> None:
        w = World(TCP[0])
        w.edges[0].reaction = refuse(503, ("Retry-After", "120"))
        w.start()
        w.edges[0].reaction = grant
        w.advance(119)
        assert len(w.edges[0].registers) == 1
        w.advance(6)
        assert w.slots[0].registered

    @pytest.mark.clause("RFC5626-4.2.1-13", "RFC5626-4.2.1-15")
    def test_a_retry_after_of_zero_puts_a_refresh_off_by_no_more_than_the_spread(self) -> None:
        w = started(TCP[0])
        w.edges[0].reaction = refuse(503, ("Retry-After", "0"))
        w.advance(3060)
        w.edges[0].reaction = grant
        w.advance(5)
        assert isinstance(w.told[-1], Registered)

    @pytest.mark.clause("RFC5626-4.2.1-14")
    def test_the_next_try_looks_the_name_up_anew(self) -> None:
        w = World("sip:edge.example.com;transport=tcp", "sip:10.0.0.12;transport=tcp")
        other = w.edges[1]
        w.edges[:1] = []
        w.dns["edge.example.com"] = [NextHop("tcp", Address("10.0.0.99", 5060), "edge")]
        w.start()
        assert not w.slots[0].registered
        w.dns["edge.example.com"] = [NextHop("tcp", Address("10.0.0.13", 5060), "edge")]
        edge = w.edge(parse_uri("sip:10.0.0.13;transport=tcp"))
        w.advance(180)
        assert w.slots[0].registered
        assert (len(edge.registers), len(other.registers)) == (1, 1)

    @pytest.mark.clause("RFC5626-4.2.1-15")
    def test_439_is_followed_by_a_register_without(self) -> None:
        w = World(TCP[0])

        def reaction(edge: Edge, request: Request) -> None:
            edge.headers = []
            if request.contacts[0].has_param("reg-id"):
                edge.answer(request, 439)
            else:
                grant(edge, request)

        w.edges[0].reaction = reaction
        w.start()
        assert "outbound" not in w.edges[0].last.supported
        assert w.slots[0].registered


class TestSection4_2_2:
    @pytest.mark.clause("RFC5626-4.2.2-1", "RFC5626-4.2.2-2")
    def test_a_refresh_goes_over_the_same_flow_with_the_same_ids(self) -> None:
        w = started(TCP[0])
        w.advance(3240)
        first, second = w.edges[0].registers
        assert first.get("contact") == second.get("contact")
        assert len(w.connects) == 1

    @pytest.mark.clause("RFC5626-4.2.2-1", "RFC3261-10.2.2-1")
    def test_so_does_what_removes_it(self) -> None:
        w = started(TCP[0])
        w.stop()
        first, second = w.edges[0].registers
        assert (second.expires, second.get("contact")) == (0, first.get("contact"))
        assert len(w.connects) == 1

    @pytest.mark.clause("RFC5626-4.2.2-3", "RFC5626-4.2.2-4")
    def test_a_recoverable_error_leaves_the_flow(self) -> None:
        w = started(TCP[0])
        flow = w.slots[0].flow
        w.edges[0].reaction = refuse(503, ("Retry-After", "60"))
        w.advance(3240)
        assert isinstance(w.told[-1], RegistrationFailed)
        assert w.slots[0].flow == flow
        w.edges[0].reaction = grant
        w.advance(200)
        assert w.slots[0].flow == flow
        assert w.slots[0].registered


class TestSection4_3:
    @pytest.mark.clause("RFC5626-4.3-5")
    def test_ob_in_the_contact_of_what_forms_a_dialog(self) -> None:
        w = started()
        assert ";ob>" in w.slots[0].contact()

    def test_rport_and_the_port_it_listens_on(self) -> None:
        w = started(UDP[0])
        via = w.edges[0].last.top_via
        assert (via.rport, via.port) == ("", w.udp.port)


class TestSection4_4:
    @pytest.mark.clause("RFC5626-4.4-1", "RFC5626-4.4.1-5", "RFC5626-4.4.2-3")
    @pytest.mark.parametrize("uri", [TCP[0], UDP[0]])
    def test_keep_alives_begin_with_the_registration(self, uri: str) -> None:
        w = started(uri)
        assert w.edges[0].pings == 1

    @pytest.mark.clause("RFC5626-4.4-2", "RFC5626-4.4-3")
    @pytest.mark.parametrize(("chance", "seconds"), [(0.0, 96), (1.0, 120)])
    def test_flow_timer_is_used_to_80_to_100_percent(self, chance: float, seconds: int) -> None:
        w = World(UDP[0])
        w.edges[0].headers.append(("Flow-Timer", "120"))
        w.chance = chance
        w.start()
        w.advance(seconds - 1)
        assert w.edges[0].pings == 1
        w.advance(1)
        assert w.edges[0].pings == 2

    @pytest.mark.clause("RFC5626-4.4-1", "RFC5626-4.4.1-2")
    def test_no_stun_without_an_explicit_indication(self) -> None:
        w = World(UDP[0])
        w.edges[0].headers = []
        w.start()
        w.advance(3000)
        assert w.edges[0].pings == 0

    @pytest.mark.clause("RFC5626-4.4-1")
    def test_no_pong_is_expected_without_one(self) -> None:
        w = World(TCP[0])
        w.edges[0].headers = []
        w.edges[0].pongs = False
        w.start()
        w.advance(1000)
        assert w.edges[0].pings > 5
        assert lost(w) == []

    @pytest.mark.clause("RFC5626-4.4-1")
    def test_a_configured_indication_will_do(self) -> None:
        w = World(UDP[0] + ";keep=stun")
        w.edges[0].headers = []
        w.start()
        assert w.edges[0].pings == 1


class TestSection4_4_1:
    @pytest.mark.clause("RFC5626-4.4.1-1", "RFC5626-4.4.1-3", "RFC5626-4.4.1-5", "RFC5626-4.4.2-2")
    def test_a_double_crlf_over_a_connection(self) -> None:
        w = World(TCP[0])
        w.start()
        flow = w.slots[0].flow
        assert flow is not None
        w.endpoint.keep_alive(flow, w.now)
        (command,) = w.endpoint.take_commands()
        assert getattr(command, "data", b"") == PING_BYTES

    @pytest.mark.clause("RFC5626-4.4.1-3", "RFC5626-4.4.1-4")
    def test_never_within_a_message(self) -> None:
        w = World(TCP[0])
        w.start()
        flow = w.slots[0].flow
        assert flow is not None
        w.send("OPTIONS", flow)
        w.endpoint.keep_alive(flow, w.now)
        w.pump()
        w.send("OPTIONS", flow)
        assert w.edges[0].peer.methods == ["REGISTER", "OPTIONS", "OPTIONS"]
        assert w.edges[0].pings == 2

    @pytest.mark.clause("RFC5626-4.4.1-4")
    def test_ten_seconds_for_the_pong(self) -> None:
        w = World(TCP[0])
        w.edges[0].pongs = False
        w.start()
        w.advance(9.9)
        assert lost(w) == []
        w.advance(0.2)
        assert len(lost(w)) == 1

    @pytest.mark.clause("RFC5626-4.4.1-6", "RFC5626-4.4.1-7")
    @pytest.mark.parametrize(("chance", "seconds"), [(0.0, 95), (1.0, 120)])
    def test_without_flow_timer_every_95_to_120_seconds(self, chance: float, seconds: int) -> None:
        w = World(TCP[0])
        w.chance = chance
        w.start()
        w.advance(seconds - 1)
        assert w.edges[0].pings == 1
        w.advance(1)
        assert w.edges[0].pings == 2


class TestSection4_4_2:
    @pytest.mark.clause("RFC5626-4.4.2-1", "RFC5626-4.4.2-3", "RFC5626-4.4.1-2")
    def test_over_udp_it_is_stun(self) -> None:
        w = started(UDP[0])
        assert w.edges[0].peer.raw[-1][:2] == b"\0\1"

    @pytest.mark.clause("RFC5626-4.4.2-4")
    @pytest.mark.parametrize(("chance", "seconds"), [(0.0, 24), (1.0, 29)])
    def test_without_flow_timer_every_24_to_29_seconds(self, chance: float, seconds: int) -> None:
        w = World(UDP[0])
        w.chance = chance
        w.start()
        w.advance(seconds - 1)
        assert w.edges[0].pings == 1
        w.advance(1)
        assert w.edges[0].pings == 2

    @pytest.mark.clause("RFC5626-4.4.2-5")
    def test_an_error_response_is_a_failure(self) -> None:
        w = World(UDP[0])
        w.edges[0].pongs = False
        w.start()
        w.edges[0].peer.send_raw(b"\x01\x11\0\0" + w.edges[0].peer.raw[-1][4:])
        assert len(lost(w)) == 1

    @pytest.mark.clause("RFC5626-4.4.2-5")
    def test_so_are_seven_requests_without_an_answer(self) -> None:
        w = World(UDP[0])
        w.edges[0].pongs = False
        w.start()
        w.advance(39.4)
        assert (w.edges[0].pings, lost(w)) == (7, [])
        w.advance(0.2)
        assert len(lost(w)) == 1

    @pytest.mark.clause("RFC5626-4.4.2-6")
    def test_so_is_a_mapped_address_that_changes(self) -> None:
        w = started(UDP[0])
        w.edges[0].seen = w.edges[0].seen._replace(port=1)
        w.advance(30)
        assert len(lost(w)) == 1


class TestSection4_5:
    @pytest.mark.clause("RFC5626-4.5-1")
    def test_the_new_flow_has_the_reg_id_of_the_old(self) -> None:
        w = started()
        w.edges[1].peer.close()
        w.advance(5)
        assert [each.contacts[0].param("reg-id") for each in w.edges[1].registers] == ["2", "2"]

    @pytest.mark.clause("RFC5626-4.5-3", "RFC5626-4.5-5", "RFC5626-4.5-6")
    @pytest.mark.parametrize(("chance", "seconds"), [(0.0, 30), (1.0, 60)])
    def test_the_first_wait_when_all_have_failed(self, chance: float, seconds: int) -> None:
        w = World(TCP[0])
        w.edges[0].peer.accepting = False
        w.chance = chance
        w.start()
        w.advance(seconds - 1)
        assert len(w.connects) == 1
        w.advance(1)
        assert len(w.connects) == 2

    @pytest.mark.clause("RFC5626-4.5-3", "RFC5626-4.5-5")
    @pytest.mark.parametrize(("chance", "seconds"), [(0.0, 90), (1.0, 180)])
    def test_the_first_wait_when_another_works(self, chance: float, seconds: int) -> None:
        w = World(*TCP)
        w.chance = chance
        w.start()
        w.edges[0].peer.accepting = False
        w.edges[0].peer.close()
        w.advance(5)
        (failed,) = [each for each in w.told if isinstance(each, RegistrationFailed)]
        assert failed.retry_in == seconds

    @pytest.mark.clause("RFC5626-4.5-4", "RFC5626-4.5-7")
    def test_it_doubles_up_to_half_an_hour_and_goes_on_for_ever(self) -> None:
        w = World(TCP[0])
        w.edges[0].peer.accepting = False
        w.chance = 1.0
        w.start()
        w.advance(20_000)
        waits = [each.retry_in for each in w.told if isinstance(each, RegistrationFailed)]
        assert waits[:7] == [60, 120, 240, 480, 960, 1800, 1800]
        assert len(waits) > 12

    @pytest.mark.clause("RFC5626-4.5-2")
    def test_a_flow_without_an_answered_keep_alive_was_no_success(self) -> None:
        w = World(TCP[0])
        w.edges[0].pongs = False
        w.start()
        w.edges[0].peer.close()
        assert lost(w)[-1].retry_in == 45

    @pytest.mark.clause("RFC5626-4.5-2")
    def test_one_with_it_was(self) -> None:
        w = started(TCP[0])
        w.edges[0].peer.close()
        assert lost(w)[-1].retry_in == 2.5


class TestSection4_2_1AndDns:
    @pytest.mark.clause("RFC5626-4.2.1-14")
    def test_the_next_try_asks_for_the_name_again(self) -> None:
        w = World("sip:edge.example.com;transport=tcp")
        first, second = (w.peer("tcp", host) for host in ("10.0.0.11", "10.0.0.12"))
        w.dns["edge.example.com"] = [NextHop("tcp", first.address, "edge.example.com")]
        first.accepting = False
        w.start()
        assert not w.slots[0].registered
        w.dns["edge.example.com"] = [NextHop("tcp", second.address, "edge.example.com")]
        w.advance(60)
        assert second.methods == ["REGISTER"]


class TestSection4_3Flows:
    @pytest.mark.clause("RFC5626-4.3-2")
    def test_the_flow_that_is_open_to_the_next_hop_is_used(self) -> None:
        w = Asking(*TCP)
        w.ask("MESSAGE")
        assert w.edges[0].peer.methods == ["MESSAGE"]
        assert len(w.connects) == 2  # those of the registrations

    @pytest.mark.clause("RFC5626-4.3-4")
    def test_without_one_a_new_one_is_made(self) -> None:
        w = Asking()
        bob = w.server("bob.example", "10.0.0.2", transport="tcp")
        w.ask("MESSAGE")
        assert bob.methods == ["MESSAGE"]
        assert len(w.connects) == 1

    @pytest.mark.clause("RFC5626-4.3-3")
    def test_over_tls_only_for_the_name_it_was_opened_to(self) -> None:
        w = Asking(listeners=("tls",))
        server = w.peer("tls", "10.0.0.2", 5061)
        for name in ("a.example", "b.example"):
            w.dns[name] = [NextHop("tls", server.address, name)]
        for name in ("a.example", "a.example", "b.example"):
            w.ask("MESSAGE", f"sips:bob@{name}")
        assert [each.name for each in w.connects] == ["a.example", "b.example"]
