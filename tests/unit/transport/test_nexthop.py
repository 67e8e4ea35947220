from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.transport.zones import ALL, Zone, naptr, run, search, srv

from ringway.message.headers import parse_via
from ringway.message.uri import parse_uri
from ringway.transport.flow import TRANSPORTS, Address, NextHop, is_numeric
from ringway.transport.nexthop import (
    MAX_QUERIES,
    MAX_TARGETS,
    Naptr,
    Record,
    Srv,
    locate,
    locate_response,
    numeric_target,
    weighted,
)

ONE = ("192.0.2.1",)
ZONE: Zone = {
    ("example.com", "A"): ONE,
    ("example.com", "AAAA"): ("2001:db8::1",),
    ("one.example.com", "A"): ONE,
    ("two.example.com", "A"): ("192.0.2.2", "192.0.2.1"),
}


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("sip:a@192.0.2.1", "udp 192.0.2.1:5060"),
        ("sip:a@192.0.2.1:5080", "udp 192.0.2.1:5080"),
        ("sip:a@[2001:db8::1]", "udp [2001:db8::1]:5060"),
        ("sip:a@192.0.2.1;transport=tcp", "tcp 192.0.2.1:5060"),
        ("sip:a@192.0.2.1;transport=TLS", "tls 192.0.2.1:5061"),
        ("sip:a@192.0.2.1;transport=ws", "ws 192.0.2.1:80"),
        ("sip:a@192.0.2.1;transport=wss", "wss 192.0.2.1:443"),
        ("sips:a@192.0.2.1", "tls 192.0.2.1:5061"),
        ("sips:a@192.0.2.1:5060", "tls 192.0.2.1:5060"),
        ("sips:a@192.0.2.1;transport=tcp", "tls 192.0.2.1:5061"),
        ("sips:a@192.0.2.1;transport=tls", "tls 192.0.2.1:5061"),
        ("sips:a@192.0.2.1;transport=ws", "wss 192.0.2.1:443"),
        ("sips:a@192.0.2.1;transport=wss", "wss 192.0.2.1:443"),
        ("sip:a@example.com;maddr=192.0.2.9", "udp 192.0.2.9:5060"),
        ("sips:a@192.0.2.1;transport=udp", None),
        ("sip:a@192.0.2.1;transport=sctp", None),
        ("sips:a@192.0.2.1;transport=sctp", None),
        ("sip:a@192.0.2.1;maddr=example.com", None),
        ("sip:a@example.com", None),
        ("tel:+15551234", None),
        ("http://192.0.2.1/", None),
    ],
)
def test_numeric(uri: str, target: str | None) -> None:
    found = numeric_target(parse_uri(uri))
    assert (None if found is None else str(found)) == target
    if not uri.endswith("example.com"):
        assert search(uri, {}) == ([target] if target else [], [])


@pytest.mark.parametrize(
    ("uri", "supported", "target"),
    [
        ("sip:a@192.0.2.1", {"tcp", "tls"}, "tcp 192.0.2.1:5060"),
        ("sip:a@192.0.2.1", {"tls"}, None),
        ("sips:a@192.0.2.1", {"udp", "tcp"}, None),
        ("sip:a@192.0.2.1;transport=tcp", {"udp"}, None),
    ],
)
def test_numeric_with_what_we_speak(uri: str, supported: set[str], target: str | None) -> None:
    found = numeric_target(parse_uri(uri), frozenset(supported))
    assert (None if found is None else str(found)) == target


def test_the_name_is_the_one_a_certificate_has_to_match() -> None:
    zone: Zone = {
        ("_sips._tcp.example.com", "SRV"): (srv("one.example.com", 5061),),
        **ZONE,
    }
    targets, _ = run(locate(parse_uri("sips:a@example.com"), ALL, float, ("A",)), zone)
    assert targets == [NextHop("tls", Address("192.0.2.1", 5061), "example.com")]
    found = numeric_target(parse_uri("sips:a@example.com;maddr=192.0.2.9"))
    assert found == NextHop("tls", Address("192.0.2.9", 5061), "example.com")


class TestWithoutRecords:
    @pytest.mark.parametrize(
        ("uri", "targets", "asked"),
        [
            (
                "sip:a@example.com",
                ["udp 192.0.2.1:5060"],
                ["NAPTR", "_sip._udp SRV", "_sip._tcp SRV", "A"],
            ),
            ("sips:a@example.com", ["tls 192.0.2.1:5061"], ["NAPTR", "_sips._tcp SRV", "A"]),
            ("sip:a@example.com:5080", ["udp 192.0.2.1:5080"], ["A"]),
            ("sips:a@example.com:5080", ["tls 192.0.2.1:5080"], ["A"]),
            ("sip:a@example.com;transport=tcp", ["tcp 192.0.2.1:5060"], ["_sip._tcp SRV", "A"]),
            ("sip:a@example.com;transport=tls", ["tls 192.0.2.1:5061"], ["_sips._tcp SRV", "A"]),
            ("sip:a@example.com;transport=ws", ["ws 192.0.2.1:80"], ["_sip._ws SRV", "A"]),
            ("sips:a@example.com;transport=ws", ["wss 192.0.2.1:443"], ["_sips._ws SRV", "A"]),
            ("sip:a@example.com:1;transport=tcp", ["tcp 192.0.2.1:1"], ["A"]),
            ("sip:a@other.net;maddr=example.com:5080", [], []),
            ("sip:a@other.net;maddr=example.com;transport=tcp", ["tcp 192.0.2.1:5060"], None),
            ("sips:a@example.com;transport=udp", [], []),
            ("sip:a@example.com;transport=sctp", [], []),
            ("sip:a@bad_-.com", [], []),
            ("sip:a@b-.com", [], []),
            ("sip:a@" + "x" * 64 + ".com", [], []),
            ("sip:a@" + "x." * 126 + "com", [], []),
            ("tel:+15551234", [], []),
            ("mailto:a@example.com", [], []),
        ],
    )
    def test_search(self, uri: str, targets: list[str], asked: list[str] | None) -> None:
        found, questions = search(uri, ZONE)
        assert found == targets
        if asked is not None:
            assert [
                question.replace(".example.com", "").removeprefix("example.com ")
                for question in questions
            ] == asked

    @pytest.mark.parametrize("host", ["a.bc", "x" * 63 + ".com", "x.y-z.com", "_a.com", "x"])
    def test_odd_names(self, host: str) -> None:
        assert search(f"sip:{host}:1", {(host, "A"): ONE})[0] == ["udp 192.0.2.1:1"]

    def test_nothing_at_all(self) -> None:
        assert search("sip:a@example.com", {})[0] == []

    @pytest.mark.parametrize(
        ("families", "targets"),
        [
            (("A",), ["udp 192.0.2.1:5060"]),
            (("AAAA",), ["udp [2001:db8::1]:5060"]),
            (("AAAA", "A"), ["udp [2001:db8::1]:5060", "udp 192.0.2.1:5060"]),
            (("A", "AAAA"), ["udp 192.0.2.1:5060", "udp [2001:db8::1]:5060"]),
        ],
    )
    def test_families(self, families: tuple[str, ...], targets: list[str]) -> None:
        assert search("sip:a@example.com", ZONE, families=families)[0] == targets

    @pytest.mark.parametrize(
        ("uri", "supported", "targets"),
        [
            ("sip:a@example.com", {"tcp"}, ["tcp 192.0.2.1:5060"]),
            ("sip:a@example.com", {"tls"}, []),
            ("sip:a@example.com:5080", {"tcp"}, ["tcp 192.0.2.1:5080"]),
            ("sip:a@example.com:5080", {"tls"}, []),
            ("sips:a@example.com", {"udp", "tcp"}, []),
            ("sips:a@example.com:5080", {"udp", "tcp"}, []),
        ],
    )
    def test_only_what_we_speak(self, uri: str, supported: set[str], targets: list[str]) -> None:
        assert search(uri, ZONE, frozenset(supported))[0] == targets


class TestServices:
    def test_the_first_transport_with_servers_is_taken(self) -> None:
        zone: Zone = {
            ("_sip._tcp.example.com", "SRV"): (srv("one.example.com", 5070),),
            **ZONE,
        }
        assert search("sip:a@example.com", zone) == (
            ["tcp 192.0.2.1:5070"],
            [
                "example.com NAPTR",
                "_sip._udp.example.com SRV",
                "_sip._tcp.example.com SRV",
                "one.example.com A",
            ],
        )

    def test_a_service_that_is_not_offered_is_not_looked_for_elsewhere(self) -> None:
        zone: Zone = {
            ("_sip._udp.example.com", "SRV"): (srv("."),),
            **ZONE,
        }
        assert search("sip:a@example.com", zone)[0] == []
        assert search("sip:a@example.com;transport=udp", zone)[0] == []
        assert search("sip:a@example.com;transport=tcp", zone)[0] == ["tcp 192.0.2.1:5060"]

    def test_servers_without_an_address_leave_the_next_transport(self) -> None:
        zone: Zone = {
            ("_sip._udp.example.com", "SRV"): (srv("gone.example.com"),),
            ("_sip._tcp.example.com", "SRV"): (srv("one.example.com"),),
            **ZONE,
        }
        assert search("sip:a@example.com", zone)[0] == ["tcp 192.0.2.1:5060"]

    @pytest.mark.parametrize("port", [1, 65535])
    def test_ports_at_the_ends_of_the_range(self, port: int) -> None:
        zone: Zone = {("_sip._udp.example.com", "SRV"): (srv("192.0.2.3", port),)}
        assert search("sip:a@example.com", zone)[0] == [f"udp 192.0.2.3:{port}"]

    def test_priorities_then_addresses_in_order_each_once(self) -> None:
        zone: Zone = {
            ("_sip._udp.example.com", "SRV"): (
                srv("one.example.com.", 5060, priority=2),
                srv("two.example.com.", 5060, priority=1),
                srv("192.0.2.3", 5060, priority=3),
            ),
            **ZONE,
        }
        assert search("sip:a@example.com;transport=udp", zone)[0] == [
            "udp 192.0.2.2:5060",
            "udp 192.0.2.1:5060",
            "udp 192.0.2.3:5060",
        ]

    @pytest.mark.parametrize(
        "bad",
        [
            srv("one.example.com", 0),
            srv("one.example.com", 65536),
            srv("one.example.com", weight=-1),
            srv("one.example.com", weight=65536),
            srv("bad name"),
            srv("-bad"),
            "192.0.2.1",
            naptr(1, "SIP+D2U", "_sip._udp.example.com"),
        ],
    )
    def test_what_is_no_server_is_passed_over(self, bad: Record) -> None:
        key = ("_sip._udp.example.com", "SRV")
        uri = "sip:a@example.com;transport=udp"
        assert search(uri, {key: (bad,), **ZONE})[0] == ["udp 192.0.2.1:5060"]
        both: Zone = {key: (bad, srv("one.example.com", 5090)), **ZONE}
        assert search(uri, both)[0] == ["udp 192.0.2.1:5090"]

    @pytest.mark.parametrize(
        "bad", ["", "2001:db8::1", "192.0.2.300", "example.com", srv("one.example.com")]
    )
    def test_what_is_no_address_is_passed_over(self, bad: Record) -> None:
        zone: Zone = {("example.com", "A"): (bad, "192.0.2.1")}
        assert search("sip:a@example.com:5060", zone)[0] == ["udp 192.0.2.1:5060"]


class TestNaptr:
    SRVS: ClassVar[Zone] = {
        ("_sips._tcp.example.com", "SRV"): (srv("one.example.com", 5061),),
        ("_sip._tcp.example.com", "SRV"): (srv("one.example.com", 5060),),
        ("_sip._udp.example.com", "SRV"): (srv("one.example.com", 5060),),
        ("_sips._ws.example.com", "SRV"): (srv("one.example.com", 443),),
        ("_sip._ws.example.com", "SRV"): (srv("one.example.com", 80),),
        **ZONE,
    }
    ALL_ORDERS = (
        naptr(90, "SIP+D2T", "_sip._tcp.example.com."),
        naptr(50, "SIPS+D2T", "_sips._tcp.example.com."),
        naptr(100, "SIP+D2U", "_sip._udp.example.com."),
        naptr(120, "SIPS+D2W", "_sips._ws.example.com."),
        naptr(110, "SIP+D2W", "_sip._ws.example.com."),
    )

    def find(self, uri: str, records: tuple[Record, ...], supported: frozenset[str]) -> list[str]:
        return search(uri, {("example.com", "NAPTR"): records, **self.SRVS}, supported)[0]

    @pytest.mark.parametrize(
        ("uri", "supported", "targets"),
        [
            ("sip:a@example.com", ALL, ["tls 192.0.2.1:5061"]),
            ("sip:a@example.com", {"udp", "tcp"}, ["tcp 192.0.2.1:5060"]),
            ("sip:a@example.com", {"udp"}, ["udp 192.0.2.1:5060"]),
            ("sip:a@example.com", {"ws", "wss"}, ["ws 192.0.2.1:80"]),
            ("sips:a@example.com", ALL, ["tls 192.0.2.1:5061"]),
            ("sips:a@example.com", {"ws", "wss"}, ["wss 192.0.2.1:443"]),
            ("sips:a@example.com", {"udp", "tcp"}, []),
        ],
    )
    def test_order_and_what_we_speak(
        self, uri: str, supported: set[str], targets: list[str]
    ) -> None:
        assert self.find(uri, self.ALL_ORDERS, frozenset(supported)) == targets

    def test_one_order_by_preference(self) -> None:
        records = (
            Naptr(10, 60, "s", "SIP+D2U", "", "_sip._udp.example.com"),
            Naptr(10, 50, "S", "sip+d2t", "", "_sip._tcp.example.com"),
            Naptr(11, 10, "s", "SIPS+D2T", "", "_sips._tcp.example.com"),
        )
        assert self.find("sip:a@example.com", records, ALL) == [
            "tcp 192.0.2.1:5060",
            "udp 192.0.2.1:5060",
        ]

    def test_an_order_that_leads_nowhere_leaves_the_next(self) -> None:
        records = (
            naptr(10, "SIP+D2U", "_sip._udp.gone.example.com"),
            naptr(20, "SIP+D2T", "_sip._tcp.example.com"),
        )
        assert self.find("sip:a@example.com", records, ALL) == ["tcp 192.0.2.1:5060"]

    @pytest.mark.parametrize(
        "bad",
        [
            naptr(1, "SIP+D2T", "_sip._tcp.example.com", flags="u"),
            naptr(1, "SIP+D2T", "_sip._tcp.example.com", flags=""),
            naptr(1, "SIP+D2T", "_sip._tcp.example.com", regexp="!.*!x!"),
            naptr(1, "SIP+D2S", "_sip._sctp.example.com"),
            naptr(1, "E2U+sip", "_sip._tcp.example.com"),
            naptr(1, "SIP+D2T", "."),
            naptr(1, "SIP+D2T", "bad name"),
            srv("one.example.com"),
            "192.0.2.1",
        ],
    )
    def test_what_is_of_no_use_is_passed_over(self, bad: Record) -> None:
        assert self.find("sip:a@example.com", (bad,), ALL) == ["udp 192.0.2.1:5060"]
        _, asked = search("sip:a@example.com", {("example.com", "NAPTR"): (bad,), **self.SRVS})
        assert asked[1] == "_sip._udp.example.com SRV"
        records = (bad, naptr(2, "SIPS+D2T", "_sips._tcp.example.com"))
        assert self.find("sip:a@example.com", records, ALL) == ["tls 192.0.2.1:5061"]


class TestLimits:
    def test_questions(self) -> None:
        zone: Zone = {
            ("example.com", "NAPTR"): tuple(
                naptr(number, "SIP+D2U", f"_sip._udp.x{number}.example.com")
                for number in range(1000)
            ),
        }
        targets, asked = search("sip:a@example.com", zone)
        assert targets == []
        assert len(asked) == MAX_QUERIES

    def test_targets(self) -> None:
        many = tuple(f"192.0.2.{number}" for number in range(256))
        assert len(search("sip:a@example.com:5060", {("example.com", "A"): many})[0]) == MAX_TARGETS

    def test_servers(self) -> None:
        many = tuple(srv(f"192.0.2.{number}", 5060, number % 3) for number in range(256))
        zone: Zone = {("_sip._udp.example.com", "SRV"): many}
        targets, _ = search("sip:a@example.com", zone)
        assert len(targets) == MAX_TARGETS


class TestResponses:
    @pytest.mark.parametrize(
        ("via", "targets", "asked"),
        [
            ("SIP/2.0/UDP 192.0.2.5", ["udp 192.0.2.5:5060"], []),
            ("SIP/2.0/TLS 192.0.2.5", ["tls 192.0.2.5:5061"], []),
            ("SIP/2.0/TCP [2001:db8::1]:5080", ["tcp [2001:db8::1]:5080"], []),
            ("SIP/2.0/TCP example.com:5080", ["tcp 192.0.2.1:5080"], ["example.com A"]),
            (
                "SIP/2.0/TLS example.com",
                ["tls 192.0.2.1:5061"],
                ["_sips._tcp.example.com SRV", "example.com A"],
            ),
            (
                "SIP/2.0/UDP big.example",
                ["udp 192.0.2.1:5099"],
                ["_sip._udp.big.example SRV", "one.example.com A"],
            ),
            ("SIP/2.0/WSS example.com", [], []),
            ("SIP/2.0/WS 192.0.2.5", [], []),
            ("SIP/2.0/SCTP example.com", [], []),
            ("SIP/2.0/UDP b-.example", [], []),
        ],
    )
    def test_search(self, via: str, targets: list[str], asked: list[str]) -> None:
        zone: Zone = {("_sip._udp.big.example", "SRV"): (srv("one.example.com", 5099),), **ZONE}
        found, questions = run(locate_response(parse_via(via), ALL, float), zone)
        assert [str(target) for target in found] == targets
        assert [" ".join(query) for query in questions] == asked


class TestWeights:
    A, B, C = srv("a", weight=1), srv("b", weight=3), srv("c", weight=0)

    @pytest.mark.parametrize(
        ("draws", "order"),
        [
            ((0.0, 0.0), "cab"),
            ((0.21, 0.0), "acb"),
            ((0.41, 0.0), "bca"),
            ((0.99, 0.99), "bac"),
            ((0.99, 0.49), "bca"),
        ],
    )
    def test_draws(self, draws: tuple[float, ...], order: str) -> None:
        left = iter(draws)
        picked = weighted([self.B, self.A, self.C], lambda: next(left))
        assert "".join(record.target for record in picked) == order

    def test_a_priority_with_one_server_needs_no_draw(self) -> None:
        records = [srv("b", priority=2), srv("a", priority=1)]
        assert weighted(records, lambda: pytest.fail("drawn")) == records[::-1]

    def test_weights_are_respected(self) -> None:
        draws = iter([number / 1000 for number in range(1000)])
        first = [weighted([self.A, self.B], lambda: next(draws))[0] for _ in range(1000)]
        # 0 and the sum are both drawn (RFC 2782), so 3 of 5, not 3 of 4.
        assert first.count(self.B) == 600

    @given(
        st.lists(
            st.builds(Srv, st.integers(0, 3), st.integers(0, 9), st.just(1), st.text(max_size=2))
        ),
        st.lists(st.floats(0, 1, exclude_max=True), min_size=100, max_size=100),
    )
    def test_all_come_out_by_priority(self, records: list[Srv], draws: list[float]) -> None:
        first = iter(draws)
        second = iter(draws)
        ordered = weighted(records, lambda: next(first))
        assert sorted(ordered) == sorted(records)
        assert [record.priority for record in ordered] == sorted(r.priority for r in records)
        assert weighted(records[::-1], lambda: next(second)) == ordered


names = st.sampled_from(["example.com", "a.example", ".", "", "x y", "192.0.2.7"])
records = (
    st.builds(Srv, st.integers(-1, 2), st.integers(-1, 9), st.integers(-1, 70000), names)
    | st.builds(
        Naptr,
        st.integers(0, 2),
        st.integers(0, 2),
        st.sampled_from(["s", "S", "u"]),
        st.sampled_from(["SIP+D2U", "SIPS+D2T", "sip+d2t", "SIPS+D2W", "x"]),
        st.sampled_from(["", "!"]),
        names,
    )
    | st.sampled_from(["192.0.2.1", "2001:db8::1", "nonsense", ""])
)


@given(
    st.sampled_from(["sip:example.com", "sips:example.com", "sip:example.com;transport=tcp"]),
    st.lists(st.lists(records, max_size=4), max_size=40),
    st.frozensets(st.sampled_from(TRANSPORTS)),
    st.permutations(["A", "AAAA"]),
)
def test_any_answers_at_all(
    uri: str, answers: list[list[Record]], supported: frozenset[str], families: list[str]
) -> None:
    lookup = locate(parse_uri(uri), supported, lambda: 0.5, tuple(families))
    left = iter(answers)
    asked = 0
    try:
        next(lookup)
        while True:
            asked += 1
            lookup.send(next(left, []))
    except StopIteration as stop:
        targets: list[NextHop] = stop.value
    assert asked <= MAX_QUERIES
    assert len(targets) == len(set(targets)) <= MAX_TARGETS
    for target in targets:
        assert target.transport in supported
        assert target.secure or not uri.startswith("sips")
        assert is_numeric(target.address.host)
        assert 0 < target.address.port <= 65535
