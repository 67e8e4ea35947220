"""RFC 3263: how the next hop is found, by the examples and rules of the text."""

import pytest
from tests.harness import Peer
from tests.unit.transport.zones import ALL, Zone, naptr, run, search, srv
from tests.unit.ua.asking import Asking

from ringway.message.headers import parse_via
from ringway.transport.nexthop import Srv, locate_response

UDP_TCP = frozenset({"udp", "tcp"})

# The zone of the example in §4.1, with addresses for its servers.
EXAMPLE: Zone = {
    ("example.com", "NAPTR"): (
        naptr(50, "SIPS+D2T", "_sips._tcp.example.com."),
        naptr(90, "SIP+D2T", "_sip._tcp.example.com"),
        naptr(100, "SIP+D2U", "_sip._udp.example.com."),
    ),
    ("_sip._tcp.example.com", "SRV"): (
        Srv(0, 1, 5060, "server1.example.com"),
        Srv(0, 2, 5060, "server2.example.com"),
    ),
    ("_sips._tcp.example.com", "SRV"): (Srv(0, 1, 5061, "server1.example.com"),),
    ("_sip._udp.example.com", "SRV"): (Srv(0, 1, 5060, "server1.example.com"),),
    ("server1.example.com", "A"): ("192.0.2.1",),
    ("server2.example.com", "A"): ("192.0.2.2",),
    ("example.com", "A"): ("192.0.2.9",),
}
WITHOUT_NAPTR: Zone = {key: value for key, value in EXAMPLE.items() if key[1] != "NAPTR"}
ADDRESS_ONLY: Zone = {("example.com", "A"): ("192.0.2.9", "192.0.2.10")}


class TestSection4_1SelectingATransport:
    @pytest.mark.clause("RFC3263 4.1")
    @pytest.mark.parametrize(
        ("uri", "transport"),
        [
            ("sip:a@example.com;transport=tcp", "tcp"),
            ("sip:a@example.com;transport=udp", "udp"),
            ("sip:a@192.0.2.1;transport=tcp", "tcp"),
            ("sips:a@example.com;transport=tcp", "tls"),
        ],
    )
    def test_a_transport_that_is_named_is_used(self, uri: str, transport: str) -> None:
        targets, asked = search(uri, EXAMPLE)
        assert {target.split()[0] for target in targets} == {transport}
        assert not any("NAPTR" in question for question in asked)

    @pytest.mark.clause("RFC3263 4.1")
    @pytest.mark.parametrize(
        ("uri", "target"),
        [
            ("sip:a@192.0.2.1", "udp 192.0.2.1:5060"),
            ("sips:a@192.0.2.1", "tls 192.0.2.1:5061"),
            ("sip:a@192.0.2.1:5070", "udp 192.0.2.1:5070"),
            ("sip:a@[2001:db8::1]", "udp [2001:db8::1]:5060"),
        ],
    )
    def test_an_address_means_udp_or_tls(self, uri: str, target: str) -> None:
        assert search(uri, EXAMPLE) == ([target], [])

    @pytest.mark.clause("RFC3263 4.1")
    def test_a_port_means_udp_or_tls(self) -> None:
        assert search("sip:a@example.com:5070", EXAMPLE)[0] == ["udp 192.0.2.9:5070"]
        assert search("sips:a@example.com:5070", EXAMPLE)[0] == ["tls 192.0.2.9:5070"]

    @pytest.mark.clause("RFC3263 4.1")
    def test_the_example(self) -> None:
        """The client speaks UDP and TCP, so the TLS record is not for it."""
        targets, asked = search("sip:user@example.com", EXAMPLE, UDP_TCP)
        assert targets == ["tcp 192.0.2.1:5060", "tcp 192.0.2.2:5060"]
        assert asked[:2] == ["example.com NAPTR", "_sip._tcp.example.com SRV"]

    @pytest.mark.clause("RFC3263 4.1")
    def test_sip_takes_tls_where_it_is_preferred_and_we_speak_it(self) -> None:
        assert search("sip:user@example.com", EXAMPLE)[0] == ["tls 192.0.2.1:5061"]

    @pytest.mark.clause("RFC3263 4.1")
    def test_sips_discards_what_is_not_sips(self) -> None:
        assert search("sips:user@example.com", EXAMPLE)[0] == ["tls 192.0.2.1:5061"]
        only_sip: Zone = {
            **EXAMPLE,
            ("example.com", "NAPTR"): (naptr(90, "SIP+D2T", "_sip._tcp.example.com"),),
        }
        _, asked = search("sips:user@example.com", only_sip)
        assert "_sip._tcp.example.com SRV" not in asked

    @pytest.mark.clause("RFC3263 4.1")
    def test_services_we_do_not_speak_are_discarded(self) -> None:
        zone: Zone = {
            **EXAMPLE,
            ("example.com", "NAPTR"): (
                naptr(1, "SIP+D2S", "_sip._sctp.example.com"),
                naptr(2, "E2U+sip", "_sip._udp.example.com"),
                naptr(90, "SIP+D2T", "_sip._tcp.example.com"),
            ),
        }
        targets, asked = search("sip:user@example.com", zone, UDP_TCP)
        assert targets == ["tcp 192.0.2.1:5060", "tcp 192.0.2.2:5060"]
        assert "_sip._sctp.example.com SRV" not in asked

    @pytest.mark.clause("RFC3263 4.1")
    def test_the_replacement_may_lie_in_another_domain(self) -> None:
        zone: Zone = {
            ("example.com", "NAPTR"): (naptr(1, "SIP+D2U", "_sip._udp.school.example"),),
            ("_sip._udp.school.example", "SRV"): (srv("sip.school.example", 5099),),
            ("sip.school.example", "A"): ("192.0.2.33",),
        }
        assert search("sip:user@example.com", zone)[0] == ["udp 192.0.2.33:5099"]

    @pytest.mark.clause("RFC3263 4.1")
    def test_without_naptr_srv_is_asked_for_what_we_speak(self) -> None:
        targets, asked = search("sip:user@example.com", WITHOUT_NAPTR)
        assert targets == ["udp 192.0.2.1:5060"]
        assert asked[1] == "_sip._udp.example.com SRV"
        targets, asked = search("sips:user@example.com", WITHOUT_NAPTR)
        assert targets == ["tls 192.0.2.1:5061"]
        assert asked[1] == "_sips._tcp.example.com SRV"
        assert search("sip:user@example.com", WITHOUT_NAPTR, frozenset({"tcp"}))[0] == [
            "tcp 192.0.2.1:5060",
            "tcp 192.0.2.2:5060",
        ]

    @pytest.mark.clause("RFC3263 4.1")
    def test_without_srv_it_is_udp_or_tls(self) -> None:
        assert search("sip:user@example.com", ADDRESS_ONLY)[0] == [
            "udp 192.0.2.9:5060",
            "udp 192.0.2.10:5060",
        ]
        assert search("sips:user@example.com", ADDRESS_ONLY)[0] == [
            "tls 192.0.2.9:5061",
            "tls 192.0.2.10:5061",
        ]


class TestSection4_2PortAndAddress:
    @pytest.mark.clause("RFC3263 4.2")
    def test_a_port_is_used_even_with_srv_records_there(self) -> None:
        targets, asked = search("sip:a@example.com:5060;transport=tcp", EXAMPLE)
        assert targets == ["tcp 192.0.2.9:5060"]
        assert asked == ["example.com A"]

    @pytest.mark.clause("RFC3263 4.2")
    def test_all_addresses_are_there_to_be_tried(self) -> None:
        assert search("sip:a@example.com:5060", ADDRESS_ONLY)[0] == [
            "udp 192.0.2.9:5060",
            "udp 192.0.2.10:5060",
        ]

    @pytest.mark.clause("RFC3263 4.2")
    @pytest.mark.parametrize(
        ("uri", "service"),
        [
            ("sip:a@example.com;transport=tcp", "_sip._tcp.example.com SRV"),
            ("sip:a@example.com;transport=udp", "_sip._udp.example.com SRV"),
            ("sip:a@example.com;transport=tls", "_sips._tcp.example.com SRV"),
            ("sips:a@example.com;transport=tcp", "_sips._tcp.example.com SRV"),
        ],
    )
    def test_a_named_transport_asks_for_its_service(self, uri: str, service: str) -> None:
        assert search(uri, EXAMPLE)[1][0] == service

    @pytest.mark.clause("RFC3263 4.2")
    @pytest.mark.parametrize(
        ("uri", "target"),
        [
            ("sip:a@example.com;transport=tcp", "tcp 192.0.2.9:5060"),
            ("sips:a@example.com;transport=tcp", "tls 192.0.2.9:5061"),
        ],
    )
    def test_without_srv_the_default_port(self, uri: str, target: str) -> None:
        assert search(uri, ADDRESS_ONLY)[0][0] == target

    @pytest.mark.clause("RFC3263 4.2")
    def test_srv_by_priority_and_weight(self) -> None:
        """The heavier of two comes first for the larger draws (RFC 2782)."""
        light_first = search("sip:a@example.com;transport=tcp", EXAMPLE, draw=0.2)[0]
        heavy_first = search("sip:a@example.com;transport=tcp", EXAMPLE, draw=0.8)[0]
        assert light_first == ["tcp 192.0.2.1:5060", "tcp 192.0.2.2:5060"]
        assert heavy_first == light_first[::-1]


class TestSection5Responses:
    @pytest.mark.clause("RFC3263 5")
    @pytest.mark.clause("RFC3261-18.2.2-4", "RFC3261-18.2.2-8")
    @pytest.mark.parametrize(
        ("via", "targets", "asked"),
        [
            ("SIP/2.0/UDP 192.0.2.5", ["udp 192.0.2.5:5060"], []),
            ("SIP/2.0/TLS 192.0.2.5:5070", ["tls 192.0.2.5:5070"], []),
            (
                "SIP/2.0/TCP example.com:5070",
                ["tcp 192.0.2.9:5070", "tcp 192.0.2.10:5070"],
                ["example.com A"],
            ),
            (
                "SIP/2.0/TLS example.com",
                ["tls 192.0.2.9:5061", "tls 192.0.2.10:5061"],
                ["_sips._tcp.example.com SRV", "example.com A"],
            ),
            (
                "SIP/2.0/UDP example.com",
                ["udp 192.0.2.9:5060", "udp 192.0.2.10:5060"],
                ["_sip._udp.example.com SRV", "example.com A"],
            ),
        ],
    )
    def test_by_sent_by(self, via: str, targets: list[str], asked: list[str]) -> None:
        found, questions = run(locate_response(parse_via(via), ALL, float), ADDRESS_ONLY)
        assert [str(target) for target in found] == targets
        assert [" ".join(query) for query in questions] == asked


class TestSection4_3DetailsOfRfc2782Process:
    """A user agent and its servers; proxies see `test_rfc3261_s16.py`."""

    def world(self) -> tuple[Asking, Peer, Peer]:
        w = Asking()
        first = w.server("bob.example", "10.0.0.2", "10.0.0.3")
        return w, first, w.udp_peer("10.0.0.3")

    @pytest.mark.clause("RFC3263 4.3")
    @pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
    @pytest.mark.parametrize("failure", ["503", "unreachable", "silent"])
    def test_a_failure_leads_to_the_next_element(self, method: str, failure: str) -> None:
        w, first, second = self.world()
        _, asker = w.ask(method)
        if failure == "503":
            first.answer(first.last, 503)
        elif failure == "unreachable":
            first.unreachable()
        else:
            w.advance(32)
        assert second.methods == [method]
        second.answer(second.last, 200)
        assert asker.failures == []

    @pytest.mark.clause("RFC3263 4.3")
    def test_the_request_is_identical_but_for_its_branch(self) -> None:
        w, first, second = self.world()
        w.ask(headers=(("Subject", "s"),), body=b"offer", content_type="x/y", forms_dialog=True)
        first.answer(first.last, 503)
        one, two = first.requests[0], second.requests[0]
        assert one.top_via.branch != two.top_via.branch
        old, new = one.top_via.branch.encode(), two.top_via.branch.encode()
        assert one.to_bytes() == two.to_bytes().replace(new, old)

    @pytest.mark.clause("RFC3263 4.3")
    @pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
    def test_a_server_that_has_said_anything_has_not_failed_by_silence(self, method: str) -> None:
        w, first, second = self.world()
        w.ask(method)
        first.answer(first.last, 100)
        w.advance(32)
        assert second.received == []

    @pytest.mark.clause("RFC3263 4.3")
    def test_any_other_response_is_no_failure_of_the_server(self) -> None:
        w, first, second = self.world()
        _, asker = w.ask()
        first.answer(first.last, 500)
        assert asker.failure.status == 500
        assert second.received == []

    @pytest.mark.clause("RFC3263 4.3")
    def test_until_none_is_left(self) -> None:
        w, first, second = self.world()
        _, asker = w.ask()
        first.unreachable()
        second.unreachable()
        assert asker.failure.status == 503


class TestSection4_4:
    @pytest.mark.clause("RFC3263 4.4")
    def test_ack_and_cancel_go_to_the_server_that_was_contacted(self) -> None:
        w = Asking()
        first = w.server("bob.example", "10.0.0.2", "10.0.0.3")
        second = w.udp_peer("10.0.0.3")
        sending, _ = w.ask()
        first.unreachable()
        w.dns["bob.example"].reverse()
        invite = second.last
        second.answer(invite, 180)
        w.cancel(sending)
        second.answer(invite, 487)
        assert second.methods == ["INVITE", "CANCEL", "ACK"]
        assert first.methods == ["INVITE"]
