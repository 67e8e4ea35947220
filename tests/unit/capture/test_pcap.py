"""pcap and pcapng files, gzip around them, and what is left of damaged ones."""

import gzip
import io
import struct

import pytest
from tests.unit.capture.packets import (
    ETHERNET,
    block,
    enhanced,
    ether,
    interface,
    ipv4,
    of,
    option,
    pcap,
    read,
    section,
    sip,
    udp,
)

from ringway.capture.files import read_capture
from ringway.capture.items import Item, Seen, Trouble

PACKETS = [(1_700_000_000.25 + n, ether(ipv4(udp(sip(call=f"c{n}"))))) for n in range(5)]
PLAIN = pcap(PACKETS)


def calls(items: list[Item]) -> list[str]:
    found = [item for item in items if isinstance(item, Seen)]
    return [item.message.get("call-id") or "" if item.message else "" for item in found]


def troubles(items: list[Item]) -> list[str]:
    return [item.text for item in items if isinstance(item, Trouble)]


class TestPcap:
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("nano", [False, True])
    def test_either_byte_order_and_either_unit_of_time(self, order: str, nano: bool) -> None:
        items = read(pcap(PACKETS, order=order, nano=nano))
        assert [(item.at, item.frames) for item in items if isinstance(item, Seen)] == [
            (1_700_000_000.25 + n, (n + 1,)) for n in range(5)
        ]
        assert not troubles(items)

    def test_the_longer_packet_heads_of_a_variant(self) -> None:
        items = read(pcap(PACKETS, magic=0xA1B2CD34, extra=bytes(8)))
        assert calls(items) == ["c0", "c1", "c2", "c3", "c4"]

    def test_a_file_that_ends_within_a_packet(self) -> None:
        items = read(PLAIN[:-10])
        assert calls(items) == ["c0", "c1", "c2", "c3"]
        assert troubles(items) == ["the file ends within packet 5"]

    def test_a_file_that_ends_within_its_head(self) -> None:
        assert troubles(read(PLAIN[:20])) == ["the file ends within its head"]

    def test_a_damaged_packet_is_jumped_over(self) -> None:
        size = len(PACKETS[0][1]) + 16
        damaged = bytearray(PLAIN)
        damaged[24 + size : 24 + size + 16] = b"\xff" * 16
        items = read(bytes(damaged))
        assert calls(items) == ["c0", "c2", "c3", "c4"]
        assert troubles(items) == [f"the file is damaged: {size} octets after packet 1"]

    def test_a_file_of_which_nothing_more_can_be_read(self) -> None:
        items = read(PLAIN[: -len(PACKETS[0][1]) - 16] + b"\xff" * 3000)
        assert calls(items) == ["c0", "c1", "c2", "c3"]
        assert troubles(items) == ["the file is damaged after packet 4, the rest cannot be read"]

    def test_a_packet_that_was_cut_is_told_with_what_is_there(self) -> None:
        packet = PACKETS[0][1]
        items = read(pcap([(1.0, packet[:-30], len(packet))]))
        (trouble,) = of(items, Trouble)
        assert trouble == Trouble(
            1.0,
            (1,),
            f"a packet was captured only in part: {len(packet) - 30} of {len(packet)}",
        )
        (seen,) = of(items, Seen)
        assert isinstance(seen, Seen)
        assert seen.fault == "30 octets of it were not captured"
        assert seen.message is not None
        assert seen.message.start_line == "OPTIONS sip:bob@example.com SIP/2.0"


class TestGzip:
    def test_it_is_unpacked(self) -> None:
        assert calls(read(gzip.compress(PLAIN))) == calls(read(PLAIN))

    def test_several_members_are_one_file(self) -> None:
        half = len(PLAIN) // 2
        packed = gzip.compress(PLAIN[:half]) + gzip.compress(PLAIN[half:]) + bytes(100)
        assert calls(read(packed)) == calls(read(PLAIN))
        assert not troubles(read(packed))

    def test_the_end_is_missing(self) -> None:
        items = read(gzip.compress(PLAIN)[:-30])
        assert troubles(items)[-1] == (
            "the file was not read to its end: it was packed with gzip, and the end is missing"
        )

    def test_what_is_before_the_damage_is_read(self) -> None:
        whole = gzip.compress(PLAIN)
        items = read(whole + b"\x1f\x8b\x08\xff\xff\xff\xff")
        assert calls(items) == ["c0", "c1", "c2", "c3", "c4"]
        assert len(troubles(items)) == 1

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "the file is empty"),
            (b"hello world", "neither pcap nor pcapng"),
            (b"\x28\xb5\x2f\xfd0000", "packed with zstd: unpack the file first"),
        ],
    )
    def test_other_files(self, data: bytes, words: str) -> None:
        assert troubles(read(data)) == [words]


class TestPcapng:
    @pytest.mark.parametrize("order", ["<", ">"])
    def test_blocks_of_packets(self, order: str) -> None:
        packet = PACKETS[0][1]
        old = struct.pack(order + "HHIIII", 0, 0, 0, 3_000_000, len(packet), len(packet)) + packet
        data = (
            section(order)
            + interface(order=order)
            + enhanced(2_500_000, packet, order=order, options=option(1, b"a comment", order))
            + block(2, old, order)
            + block(3, struct.pack(order + "I", len(packet)) + packet, order)
        )
        items = read(data)
        assert not troubles(items)
        assert [(item.at, item.frames) for item in items if isinstance(item, Seen)] == [
            (2.5, (1,)),
            (3.0, (2,)),
            (3.0, (3,)),
        ]

    def test_each_interface_has_its_link_layer_and_its_clock(self) -> None:
        bare = ipv4(udp(sip(call="raw")))
        data = (
            section()
            + interface(options=option(9, b"\x09") + option(0, b""))
            + interface(101, options=option(9, b"\x8a") + option(14, struct.pack("<q", 100)))
            + enhanced(1_500_000_000, PACKETS[0][1])
            + enhanced(3 << 10, bare, 1)
        )
        items = read(data)
        assert [item.at for item in items] == [1.5, 103.0]
        assert calls(items) == ["c0", "raw"]

    def test_a_section_begins_anew(self) -> None:
        data = (
            section()
            + interface()
            + enhanced(1, PACKETS[0][1])
            + section(">")
            + interface(101, order=">")
            + enhanced(2, ipv4(udp(sip(call="second"))), order=">")
        )
        items = read(data)
        assert calls(items) == ["c0", "second"]
        assert items[1][1] == (2,)

    def test_other_blocks_are_passed_over(self) -> None:
        data = (
            section()
            + interface()
            + block(4, b"names")
            + block(0x0BAD, bytes(500_000))
            + block(10, b"secrets")
            + enhanced(1, PACKETS[0][1])
        )
        assert calls(read(data)) == ["c0"]

    def test_what_the_capture_lost_is_told(self) -> None:
        lost = struct.pack("<III", 0, 0, 0) + option(5, struct.pack("<Q", 17))
        items = read(section() + interface() + block(5, lost))
        assert troubles(items) == ["the capture lost packets: 17"]

    def test_a_simple_packet_is_cut_as_the_interface_says(self) -> None:
        packet = PACKETS[0][1]
        cut = packet[:-10]
        body = struct.pack("<I", len(packet)) + cut
        items = read(section() + interface(longest=len(cut)) + block(3, body))
        (seen,) = of(items, Seen)
        assert isinstance(seen, Seen)
        assert seen.fault == "10 octets of it were not captured"

    def test_a_damaged_block_is_jumped_over(self) -> None:
        bad = bytearray(enhanced(2, PACKETS[1][1]))
        bad[4:8] = b"\xff\xff\xff\xff"
        data = section() + interface() + enhanced(1, PACKETS[0][1]) + bad
        items = read(data + enhanced(3, PACKETS[2][1]))
        assert calls(items) == ["c0", "c2"]
        assert troubles(items) == [f"the file is damaged: {len(bad)} octets after packet 1"]

    @pytest.mark.parametrize("cut", [4, 20])
    def test_a_file_that_ends_within_a_block(self, cut: int) -> None:
        data = section() + interface() + enhanced(1, PACKETS[0][1]) + enhanced(2, PACKETS[1][1])
        items = read(data[:-cut])
        assert calls(items) == ["c0"]
        assert troubles(items) == ["the file ends within what follows packet 1"]

    def test_a_packet_of_an_unknown_interface_keeps_its_number(self) -> None:
        data = section() + interface() + enhanced(1, PACKETS[0][1], 5)
        items = read(data + enhanced(1, PACKETS[1][1]))
        assert troubles(items) == ["a packet whose block is damaged"]
        assert items[-1][1] == (2,)

    @pytest.mark.parametrize("kind", [2, 3, 6])
    def test_a_block_that_is_too_short_keeps_its_number(self, kind: int) -> None:
        items = read(section() + block(kind, b"") + interface() + enhanced(1, PACKETS[0][1]))
        assert troubles(items) == ["a packet whose block is damaged"]
        assert items[-1][1] == (2,)

    def test_an_interface_that_is_too_short(self) -> None:
        assert troubles(read(section() + block(1, b""))) == [
            "the description of an interface is damaged"
        ]

    def test_two_lengths_of_a_block_that_differ(self) -> None:
        bad = bytearray(enhanced(2, PACKETS[1][1]))
        bad[-4:] = b"\x10\0\0\0"
        items = read(section() + interface() + bad + enhanced(3, PACKETS[2][1]))
        assert calls(items) == ["c2"]

    def test_a_file_that_ends_within_a_block_that_is_passed_over(self) -> None:
        data = section() + interface() + enhanced(1, PACKETS[0][1]) + block(0x0BAD, bytes(500))
        assert troubles(read(data[:-100])) == ["the file ends behind packet 1"]

    def test_an_unknown_link_layer_is_told(self) -> None:
        data = section() + interface(147) + enhanced(1, PACKETS[0][1])
        assert troubles(read(data)) == ["a link layer that cannot be read: number 147"]


class TestReader:
    def test_progress_counts_the_octets_of_the_file(self) -> None:
        packed = gzip.compress(PLAIN)
        reader = read_capture(io.BytesIO(packed))
        assert 0 < reader.progress <= len(packed)
        assert len(list(reader)) == 5
        assert (reader.progress, reader.packets) == (len(packed), 5)

    def test_the_same_trouble_again_is_counted(self) -> None:
        packet = PACKETS[0][1]
        items = read(pcap([(float(n), packet[:60], 99) for n in range(50)], link=ETHERNET))
        words = [text for text in troubles(items) if "only in part" in text]
        assert len(words) == 4
        assert words[-1] == "a packet was captured only in part: 47 times more"

    def test_items_come_in_the_order_of_the_file(self) -> None:
        items = read(pcap(PACKETS))
        assert [item.at for item in items] == sorted(item.at for item in items)
