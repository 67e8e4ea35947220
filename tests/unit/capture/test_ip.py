"""What lies below UDP and TCP: link layers, IPv4 and IPv6, fragments, and ICMP."""

import struct

import pytest
from tests.unit.capture.packets import (
    A6,
    B6,
    A,
    B,
    ether,
    fragment6,
    ipv4,
    ipv6,
    of,
    pcap,
    read,
    sip,
    tcp,
    udp,
)

from ringway.capture.items import Item, Seen, Trouble, Unreachable
from ringway.transport.flow import Address

MESSAGE = sip()
IP = ipv4(udp(MESSAGE))
IP6 = ipv6(udp(MESSAGE))
LONG = sip(body=b"x" * 3000)


def one(packet: bytes, link: int = 1) -> Item:
    items = read(pcap([(1.0, packet)], link=link))
    assert len(items) == 1, items
    return items[0]


def seen(packet: bytes, link: int = 1) -> Seen:
    item = one(packet, link)
    assert isinstance(item, Seen)
    assert item.data == MESSAGE
    assert not item.fault
    return item


class TestLinkLayers:
    @pytest.mark.parametrize(
        ("link", "packet"),
        [
            (1, ether(IP)),
            (1, ether(IP, tags=[0x8100])),
            (1, ether(IP, tags=[0x88A8, 0x8100])),
            (1, ether(IP) + bytes(12)),
            (1, ether(b"\x00\x01\x00\x40\x00\x02\x01\x40" + IP, 0x8847)),
            (1, ether(b"\x11\x00\x00\x01\x00\x00\x00\x21" + IP, 0x8864)),
            (113, bytes(14) + b"\x08\x00" + IP),
            (113, bytes(14) + b"\x81\x00\x00\x05\x08\x00" + IP),
            (276, b"\x08\x00" + bytes(18) + IP),
            (0, b"\x02\x00\x00\x00" + IP),
            (0, b"\x00\x00\x00\x02" + IP),
            (108, b"\x00\x00\x00\x02" + IP),
            (9, b"\xff\x03\x00\x21" + IP),
            (9, b"\x00\x21" + IP),
            (50, b"\x0f\x00\x08\x00" + IP),
            (101, IP),
            (12, IP),
            (228, IP),
        ],
    )
    def test_ipv4(self, link: int, packet: bytes) -> None:
        item = seen(packet, link)
        assert (item.source, item.target) == (Address(A, 5060), Address(B, 5062))

    @pytest.mark.parametrize(
        ("link", "packet"),
        [
            (1, ether(IP6, 0x86DD)),
            (0, b"\x1e\x00\x00\x00" + IP6),
            (276, b"\x86\xdd" + bytes(18) + IP6),
            (9, b"\x00\x57" + IP6),
            (14, IP6),
            (229, IP6),
        ],
    )
    def test_ipv6(self, link: int, packet: bytes) -> None:
        item = seen(packet, link)
        assert (item.source, item.target) == (Address(A6, 5060), Address(B6, 5062))

    @pytest.mark.parametrize("packet", [b"", bytes(13), ether(b"", 0x0806), ether(b"", 0x8847)])
    def test_what_is_no_ip_is_passed_over(self, packet: bytes) -> None:
        assert read(pcap([(1.0, packet)])) == []


class TestHeaders:
    def test_options_are_passed_over(self) -> None:
        seen(ether(ipv4(udp(MESSAGE), options=bytes(8))))

    def test_a_packet_without_a_length_goes_to_its_end(self) -> None:
        seen(ether(ipv4(udp(MESSAGE), length=0)))

    def test_extension_headers_are_passed_over(self) -> None:
        routing = struct.pack("!BB", 60, 0) + bytes(6)
        options = struct.pack("!BB", 51, 1) + bytes(14)
        authentication = struct.pack("!BB", 17, 1) + bytes(10)
        seen(ether(ipv6(routing + options + authentication + udp(MESSAGE), 43), 0x86DD))

    @pytest.mark.parametrize(
        "packet",
        [
            ipv4(IP, 4),
            ipv4(IP6, 41),
            ipv4(struct.pack("!BB", 17, 1) + bytes(10) + udp(MESSAGE), 51),
        ],
    )
    def test_a_packet_within_a_packet_is_opened(self, packet: bytes) -> None:
        seen(ether(packet))

    def test_no_depth_of_packets_is_too_much(self) -> None:
        packet = IP
        for _ in range(200):
            packet = ipv4(packet, 4)
        assert read(pcap([(1.0, ether(packet))])) == []

    @pytest.mark.parametrize("cut", range(0, 60, 7))
    def test_a_packet_that_ends_anywhere(self, cut: int) -> None:
        for packet in (ether(IP), ether(IP6, 0x86DD)):
            read(pcap([(1.0, packet[:cut])]))


def pieces4(identity: int = 1) -> list[bytes]:
    datagram = udp(LONG)
    return [
        ether(ipv4(datagram[:1480], identity=identity, more=True)),
        ether(ipv4(datagram[1480:2960], identity=identity, offset=1480, more=True)),
        ether(ipv4(datagram[2960:], identity=identity, offset=2960)),
    ]


def pieces6() -> list[bytes]:
    datagram = udp(LONG)
    return [
        ether(ipv6(fragment6(datagram[:1448], 17, 0, True), 44), 0x86DD),
        ether(ipv6(fragment6(datagram[1448:2896], 17, 1448, True), 44), 0x86DD),
        ether(ipv6(fragment6(datagram[2896:], 17, 2896, False), 44), 0x86DD),
    ]


class TestFragments:
    @pytest.mark.parametrize("pieces", [pieces4(), pieces6()])
    @pytest.mark.parametrize(
        "order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 0, 2, 1), (0, *(2,) * 9, 1)]
    )
    def test_they_are_put_together(self, pieces: list[bytes], order: tuple[int, ...]) -> None:
        items = read(pcap([(float(n), pieces[each]) for n, each in enumerate(order)]))
        (item,) = items
        assert isinstance(item, Seen)
        assert item.data == LONG
        assert item.frames == tuple(range(1, len(order) + 1))
        assert item.at == len(order) - 1

    def test_where_they_overlap_the_first_stays(self) -> None:
        datagram = udp(LONG)
        first = ether(ipv4(datagram[:1480], more=True))
        second = ether(ipv4(b"y" * 8 + datagram[1480:], offset=1472))
        (item,) = read(pcap([(1.0, first), (2.0, second)]))
        assert isinstance(item, Seen)
        assert item.data == LONG

    def test_datagrams_are_told_apart(self) -> None:
        mixed = [pair for both in zip(pieces4(1), pieces4(2), strict=True) for pair in both]
        items = read(pcap([(1.0, piece) for piece in mixed]))
        assert [item.frames for item in items if isinstance(item, Seen)] == [(1, 3, 5), (2, 4, 6)]

    def test_one_that_does_not_come_is_told_when_its_time_is_over(self) -> None:
        first, second, _ = pieces4()
        later = ether(ipv4(udp(MESSAGE), identity=9, more=True))
        items = read(pcap([(1.0, first), (1.5, second), (62.0, later), (63.0, ether(IP))]))
        assert items[0] == Trouble(1.0, (1, 2), f"fragments of a datagram are missing: {A} to {B}")
        assert isinstance(items[1], Seen)

    def test_at_the_end_what_waits_is_told(self) -> None:
        items = read(pcap([(1.0, pieces6()[0])]))
        assert items == [Trouble(1.0, (1,), f"fragments of a datagram are missing: {A6} to {B6}")]

    def test_an_atomic_fragment_is_whole(self) -> None:
        seen(ether(ipv6(fragment6(udp(MESSAGE), 17, 0, False), 44), 0x86DD))


def icmp(kind: int, code: int, about: bytes) -> bytes:
    return ether(
        ipv4(struct.pack("!BBHI", kind, code, 0, 0) + about, 1, source="192.0.2.9", target=A)
    )


def icmp6(kind: int, code: int, about: bytes) -> bytes:
    payload = struct.pack("!BBHI", kind, code, 0, 0) + about
    return ether(ipv6(payload, 58, source="2001:db8::9", target=A6), 0x86DD)


class TestUnreachable:
    @pytest.mark.parametrize(
        ("kind", "code", "reason"),
        [
            (3, 3, "port unreachable"),
            (3, 1, "host unreachable"),
            (3, 4, "too large, and must not be fragmented"),
            (3, 15, "destination unreachable"),
            (11, 0, "time to live exceeded"),
        ],
    )
    def test_icmp(self, kind: int, code: int, reason: str) -> None:
        assert one(icmp(kind, code, IP[:28])) == Unreachable(
            1.0, (1,), Address(A, 5060), Address(B, 5062), reason
        )

    @pytest.mark.parametrize(
        ("kind", "code", "reason"),
        [(1, 4, "port unreachable"), (1, 0, "no route"), (2, 0, "too large")],
    )
    def test_icmpv6(self, kind: int, code: int, reason: str) -> None:
        assert one(icmp6(kind, code, IP6[:48])) == Unreachable(
            1.0, (1,), Address(A6, 5060), Address(B6, 5062), reason
        )

    def test_of_a_connection_too(self) -> None:
        about = ipv4(tcp(seq=1), 6)[:28]
        item = one(icmp(3, 1, about))
        assert isinstance(item, Unreachable)
        assert item.target == Address(B, 5060)

    @pytest.mark.parametrize(
        "packet",
        [
            icmp(8, 0, bytes(40)),
            icmp(3, 3, b""),
            icmp(3, 3, IP[:22]),
            icmp(3, 3, ipv4(bytes(8), 1)),
            icmp(3, 3, ipv4(udp(MESSAGE), offset=8)),
            icmp6(128, 0, bytes(40)),
            icmp6(1, 4, IP6[:41]),
        ],
    )
    def test_what_is_about_nothing_with_ports_is_passed_over(self, packet: bytes) -> None:
        assert read(pcap([(1.0, packet)])) == []


def test_only_messages_and_no_troubles() -> None:
    items = read(pcap([(1.0, ether(IP)), (2.0, ether(IP6, 0x86DD))]))
    assert not of(items, Trouble)
