"""HEP; the packets that are given as octets were sent by Kamailio 5.6.3 (siptrace)."""

import gzip
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.capture.packets import ether, ipv4, pcap, read, udp

from ringway.capture.hep import decode_hep, hep_packet, looks_like_hep, message_in, read_hep
from ringway.capture.items import Seen, Trouble
from ringway.capture.lenient import read_message
from ringway.errors import ParseError
from ringway.message import Request
from ringway.transport.flow import TRANSPORTS, Address

OPTIONS = (
    b"OPTIONS sip:x@127.0.0.1:25060 SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1:25099;branch=z9hG4bKq\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:x@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
    b"Max-Forwards: 5\r\nContent-Length: 0\r\n\r\n"
)
UDP_OPTIONS = OPTIONS % b"UDP"
# What comes before the payload: capture id 77, key "geheim".
KAMAILIO = bytes.fromhex(
    "0000000100070200000002000711"
    "00000003000a7f00000100000004000a7f000001"
    "00000007000861f800000008000861e4"
    "00000009000a6b03313a0000000a000a0000170d"
    "0000000b000701"
    "0000000c000a0000004d"
    "0000000e000c67656865696d"
)
KAMAILIO_1 = bytes.fromhex("011002119b7a61e47f0000017f000001")
KAMAILIO_2 = bytes.fromhex("02100211bc8d61e47f0000017f0000019034036be8ad09004d000000")


def chunk(kind: int, value: bytes, vendor: int = 0) -> bytes:
    return struct.pack("!HHH", vendor, kind, len(value) + 6) + value


def packet(*chunks: bytes) -> bytes:
    body = b"".join(chunks)
    return struct.pack("!4sH", b"HEP3", len(body) + 6) + body


def seen(transport: str = "udp", source: str = "127.0.0.1", target: str = "127.0.0.1") -> Seen:
    data = OPTIONS % transport.upper().encode()
    message, fault = read_message(data)
    ends = Address(source, 25099), Address(target, 25060)
    return Seen(1795371322.005901, (7,), transport, *ends, message, fault, data)


class TestKamailio:
    def test_version_3(self) -> None:
        data = packet(KAMAILIO, chunk(15, UDP_OPTIONS))
        hep = decode_hep(data)
        assert (hep.capture_id, hep.auth_key, hep.protocol, hep.kind) == (77, b"geheim", 17, 1)
        item = read_hep(data, frames=(3,))
        assert isinstance(item, Seen)
        assert item[:5] == (
            1795371322.005901,
            (3,),
            "udp",
            Address("127.0.0.1", 25080),
            Address("127.0.0.1", 25060),
        )
        assert isinstance(item.message, Request)
        assert (item.fault, item.data) == ("", UDP_OPTIONS)

    def test_version_1(self) -> None:
        hep = decode_hep(KAMAILIO_1 + UDP_OPTIONS)
        assert hep == (
            0,
            17,
            ("127.0.0.1", 39802),
            ("127.0.0.1", 25060),
            1,
            UDP_OPTIONS,
            0,
            b"",
            b"",
        )

    def test_version_2(self) -> None:
        hep = decode_hep(KAMAILIO_2 + UDP_OPTIONS)
        assert (hep.at, hep.capture_id) == (1795372176.634344, 77)
        assert (hep.source, hep.payload) == (Address("127.0.0.1", 48269), UDP_OPTIONS)

    def test_version_2_of_the_other_byte_order(self) -> None:
        head = KAMAILIO_2[:16] + struct.pack(">IIHxx", 1795372176, 634344, 77)
        assert decode_hep(head + UDP_OPTIONS)[:1] == (1795372176.634344,)
        assert decode_hep(KAMAILIO_2[:16] + b"\xff" * 12 + UDP_OPTIONS).at == 0

    def test_version_2_cut(self) -> None:
        assert read_hep(KAMAILIO_2[:20]) == Trouble(0.0, (), "a HEP packet that ends in its time")

    def test_version_1_over_ipv6(self) -> None:
        head = bytes.fromhex("01280a1113c413c4") + bytes(15) + b"\1" + bytes(15) + b"\2"
        assert decode_hep(head + UDP_OPTIONS)[2:4] == (("::1", 5060), ("::2", 5060))


class TestRoundTrip:
    @pytest.mark.parametrize("transport", TRANSPORTS)
    @pytest.mark.parametrize("hosts", [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")])
    def test_a_message(self, transport: str, hosts: tuple[str, str]) -> None:
        item = seen(transport, *hosts)
        data = hep_packet(item, 4294967295, b"key")
        back = read_hep(data, frames=(7,))
        assert isinstance(back, Seen)
        assert back._replace(message=item.message) == item
        hep = decode_hep(data)
        assert (hep.capture_id, hep.auth_key, hep.correlation_id) == (4294967295, b"key", b"c")

    def test_without_a_key(self) -> None:
        assert decode_hep(hep_packet(seen(), 1)).auth_key == b""

    def test_a_scope_is_left_out(self) -> None:
        data = hep_packet(seen("udp", "fe80::1%eth0", "fe80::2"), 1)
        assert decode_hep(data).source == Address("fe80::1", 25099)

    @pytest.mark.parametrize("hosts", [("here", "192.0.2.1"), ("192.0.2.1", "2001:db8::2")])
    def test_what_cannot_be_told(self, hosts: tuple[str, str]) -> None:
        with pytest.raises(ValueError, match="address"):
            hep_packet(seen("udp", *hosts), 1)

    @pytest.mark.parametrize("size", [65530, 65450, 70000])
    def test_too_long(self, size: int) -> None:
        with pytest.raises(ValueError, match="too long"):
            hep_packet(seen()._replace(data=bytes(size)), 1)

    def test_without_a_message(self) -> None:
        hep = decode_hep(hep_packet(seen()._replace(message=None, data=b"x"), 1))
        assert (hep.payload, hep.correlation_id) == (b"x", b"")

    def test_without_a_call_id(self) -> None:
        data = UDP_OPTIONS.replace(b"Call-ID: c\r\n", b"")
        item = seen()._replace(message=read_message(data)[0], data=data)
        assert decode_hep(hep_packet(item, 1)).correlation_id == b""


class TestDecode:
    @pytest.mark.parametrize("compress", [zlib.compress, gzip.compress])
    def test_compressed(self, compress: object) -> None:
        assert callable(compress)
        item = read_hep(packet(KAMAILIO, chunk(16, compress(UDP_OPTIONS))))
        assert isinstance(item, Seen)
        assert item.data == UDP_OPTIONS

    def test_a_bomb_is_not_unpacked(self) -> None:
        hep = decode_hep(packet(KAMAILIO, chunk(16, zlib.compress(bytes(50_000_000)))))
        assert len(hep.payload) == 131_072

    def test_other_vendors_and_kinds_are_passed_over(self) -> None:
        more = [chunk(15, b"theirs", vendor=3), chunk(99, b"new"), chunk(15, UDP_OPTIONS)]
        assert decode_hep(packet(KAMAILIO, *more)).payload == UDP_OPTIONS

    def test_what_is_behind_it_does_not_count(self) -> None:
        assert decode_hep(packet(KAMAILIO, chunk(15, b"x")) + b"more").payload == b"x"

    def test_other_protocols_are_no_items(self) -> None:
        rtcp = KAMAILIO.replace(bytes.fromhex("0000000b000701"), bytes.fromhex("0000000b000705"))
        assert read_hep(packet(rtcp, chunk(15, UDP_OPTIONS))) is None

    @pytest.mark.parametrize("payload", [b"", b"\r\n\r\n", b"\0\0\0\0"])
    def test_keep_alives_are_no_items(self, payload: bytes) -> None:
        assert read_hep(packet(KAMAILIO, chunk(15, payload))) is None

    @pytest.mark.parametrize(
        ("via", "protocol", "transport"),
        [(b"TLS", 6, "tls"), (b"TCP", 6, "tcp"), (b"UDP", 6, "tcp"), (b"SCTP", 132, "tcp")],
    )
    def test_the_via_tells_what_runs_over_tcp(
        self, via: bytes, protocol: int, transport: str
    ) -> None:
        head = KAMAILIO.replace(bytes.fromhex("00000002000711"), chunk(2, bytes([protocol])))
        item = read_hep(packet(head, chunk(15, OPTIONS % via)))
        assert isinstance(item, Seen)
        assert item.transport == transport

    def test_a_message_with_a_fault(self) -> None:
        broken = UDP_OPTIONS.replace(b"Via: SIP/2.0/UDP 127.0.0.1:25099", b"Via: ?")
        head = KAMAILIO.replace(bytes.fromhex("00000002000711"), chunk(2, b"\6"))
        item = read_hep(packet(head, chunk(15, broken)))
        assert isinstance(item, Seen)
        assert item.fault.startswith("via")
        assert item.transport == "tcp"
        nothing = read_hep(packet(KAMAILIO, chunk(15, b"what")))
        assert isinstance(nothing, Seen)
        assert nothing.message is None
        assert nothing.fault

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "no HEP packet"),
            (b"\1\2\3", "no HEP packet"),
            (b"\1\x10\x09\x11" + bytes(20), "no HEP packet"),
            (b"\1\x11\x02\x11" + bytes(20), "no HEP packet"),
            (b"HEP3\0", "a HEP packet that ends in its head"),
            (b"HEP3\0\x20", "a HEP packet of 32 octets of which 6 are there"),
            (packet(b"\0\0"), "a HEP chunk that ends in its head"),
            (packet(b"\0\0\0\1\0\5"), "a HEP chunk with a length of 5"),
            (packet(b"\0\0\0\1\0\7"), "a HEP chunk with a length of 7"),
            (packet(KAMAILIO, chunk(16, b"xx")), "a HEP payload that cannot be decompressed"),
            (
                packet(chunk(11, b"\1"), chunk(15, UDP_OPTIONS)),
                "a HEP packet that does not say from where to where",
            ),
            (
                packet(chunk(11, b"\1"), chunk(3, b"123"), chunk(7, b"\1\0\0\0")),
                "a HEP packet that does not say from where to where",
            ),
        ],
    )
    def test_broken(self, data: bytes, reason: str) -> None:
        assert read_hep(data, frames=(9,)) == Trouble(0.0, (9,), reason)


class TestTime:
    """Agents' clocks are believed, unless they tell no time or one to come."""

    @pytest.mark.parametrize(
        ("told", "came", "expected"),
        [
            (1000.0, 0.0, 1000.0),
            (0.0, 0.0, 0.0),
            (1000.0, 1001.0, 1000.0),
            (1009.0, 1000.0, 1009.0),
            (1011.0, 1000.0, 1000.0),
            (0.0, 1000.0, 1000.0),
            (4e9, 1000.0, 1000.0),
        ],
    )
    def test_which_time_counts(self, told: float, came: float, expected: float) -> None:
        hep = decode_hep(hep_packet(seen()._replace(at=told), 1))
        item = message_in(hep, at=came)
        assert isinstance(item, Seen)
        assert item.at == expected

    def test_a_broken_packet_has_the_time_it_came(self) -> None:
        assert read_hep(b"HEP3", at=7.0) == Trouble(7.0, (), "a HEP packet that ends in its head")


class TestInACapture:
    """HEP on its way to a collector is read as what it carries."""

    def test_it_is_as_if_it_were_captured_there(self) -> None:
        item = seen("tls")._replace(frames=(1,))
        packets = [(item.at + 0.1, ether(ipv4(udp(hep_packet(item, 1)))))]
        (found,) = read(pcap(packets))
        assert isinstance(found, Seen)
        assert found._replace(message=None) == item._replace(message=None)

    @pytest.mark.parametrize("head", [KAMAILIO_1, KAMAILIO_2])
    def test_old_versions(self, head: bytes) -> None:
        (found,) = read(pcap([(2e9, ether(ipv4(udp(head + UDP_OPTIONS))))]))
        assert isinstance(found, Seen)
        assert found.data == UDP_OPTIONS
        assert found.at == (2e9 if head == KAMAILIO_1 else 1795372176.634344)

    @pytest.mark.parametrize("data", [KAMAILIO_1 + b"what", packet(KAMAILIO), b"HEP3\0\xff" * 9])
    def test_all_else_is_passed_over(self, data: bytes) -> None:
        assert read(pcap([(2e9, ether(ipv4(udp(data))))])) == []


def test_looks_like_hep() -> None:
    assert looks_like_hep(packet(KAMAILIO))
    assert looks_like_hep(KAMAILIO_1)
    assert looks_like_hep(KAMAILIO_2)
    assert not looks_like_hep(UDP_OPTIONS)
    assert not looks_like_hep(bytes.fromhex("000100002112a442") + bytes(12))


def pieces() -> list[bytes]:
    return [chunk(kind, value) for kind in range(18) for value in (b"", b"\1", bytes(4), bytes(16))]


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=80).map(packet),
        st.lists(st.sampled_from(pieces()) | st.binary(max_size=9), max_size=20).map(
            lambda chunks: packet(*chunks)
        ),
        st.binary(max_size=60).map(lambda data: KAMAILIO_2[:3] + data),
    )
)
def test_never_raises(data: bytes) -> None:
    item = read_hep(data)
    assert item is None or isinstance(item, Seen | Trouble)
    try:
        decode_hep(data)
    except ParseError:
        assert isinstance(item, Trouble)
