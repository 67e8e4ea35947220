"""UDP: messages by their content, keep-alives, and what is passed over."""

import struct

import pytest
from tests.unit.capture.packets import A6, B6, A, B, answer, ether, ipv4, ipv6, pcap, read, sip, udp

from ringway.capture.items import Item, KeepAlive, Seen
from ringway.message import Request, Response
from ringway.transport.flow import Address
from ringway.transport.stun import binding_request, binding_response

ID = bytes(range(12))
SOURCE, TARGET = Address(A, 5060), Address(B, 5062)


def items_of(data: bytes, ports: tuple[int, int] = (5060, 5062)) -> list[Item]:
    return read(pcap([(1.0, ether(ipv4(udp(data, ports))))]))


def one(data: bytes) -> Item:
    (item,) = items_of(data)
    return item


class TestMessages:
    @pytest.mark.parametrize("ports", [(5060, 5060), (1, 65535), (53, 4000)])
    def test_the_port_does_not_matter(self, ports: tuple[int, int]) -> None:
        (item,) = items_of(sip(), ports)
        assert isinstance(item, Seen)
        assert isinstance(item.message, Request)
        assert item[:5] == (1.0, (1,), "udp", Address(A, ports[0]), Address(B, ports[1]))
        assert (item.fault, item.data) == ("", sip())

    def test_a_response(self) -> None:
        item = one(answer("302 Moved Temporarily"))
        assert isinstance(item, Seen)
        assert isinstance(item.message, Response)
        assert item.message.status == 302

    def test_empty_lines_before_the_message(self) -> None:
        item = one(b"\r\n\r\n" + sip())
        assert isinstance(item, Seen)
        assert not item.fault

    @pytest.mark.parametrize(
        ("data", "fault"),
        [
            (sip(body=b"abc", length=30), "content-length: Content-Length is 30, the body has"),
            (sip().replace(b"Call-ID: one\r\n", b""), "call-id: no Call-ID"),
            (sip().replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1), "not SIP/2.0: SIP/3.0"),
            (answer().replace(b"CSeq: 1 OPTIONS\r\n", b""), "cseq: no CSeq"),
            (sip()[:120], "no empty line ends the head"),
        ],
    )
    def test_a_fault_is_told_with_the_message(self, data: bytes, fault: str) -> None:
        item = one(data)
        assert isinstance(item, Seen)
        assert item.fault.startswith(fault)
        assert item.message is not None
        assert item.data == data

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x80" + bytes(171),
            b"M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\n\r\n",
            b"POST /sip/2 HTTP/1.1\r\n\r\n",
            b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00",
            b"A" * 70_00,
            b"A" + b" " * 9000 + b"SIP/2",
            b"HEP3\x00\x20" + sip(),
            b"\r\n\r\n\r\n\r\n\r\n",
        ],
    )
    def test_all_else_is_passed_over(self, data: bytes) -> None:
        assert items_of(data) == []

    def test_a_length_that_lies(self) -> None:
        datagram = bytearray(udp(sip()))
        for length in (0, 7, 60_000):
            datagram[4:6] = struct.pack("!H", length)
            (item,) = read(pcap([(1.0, ether(ipv4(bytes(datagram))))]))
            assert isinstance(item, Seen)
            assert not item.fault


class TestKeepAlives:
    @pytest.mark.parametrize(
        ("data", "kind", "is_answer"),
        [
            (b"\r\n\r\n", "crlf", False),
            (b"\r\n", "crlf", True),
            (b"\0\0\0\0", "zeros", False),
            (b"\0", "zeros", False),
        ],
    )
    def test_octets_of_no_meaning(self, data: bytes, kind: str, is_answer: bool) -> None:
        assert one(data) == KeepAlive(1.0, (1,), "udp", SOURCE, TARGET, kind, is_answer)

    def test_stun_asks(self) -> None:
        expected = KeepAlive(1.0, (1,), "udp", SOURCE, TARGET, "stun", answer=False)
        assert one(binding_request(ID)) == expected

    def test_stun_tells_the_address(self) -> None:
        mapped = Address("198.51.100.7", 40112)
        data = binding_response(binding_request(ID), mapped)
        assert data is not None
        item = one(data)
        assert item == KeepAlive(1.0, (1,), "udp", SOURCE, TARGET, "stun", True, mapped)

    def test_stun_as_it_was_of_old(self) -> None:
        mapped = Address("198.51.100.7", 40112)
        data = binding_response(binding_request(ID).replace(b"\x21\x12\xa4\x42", b"abcd"), mapped)
        assert data is not None
        item = one(data)
        assert isinstance(item, KeepAlive)
        assert item.mapped == mapped

    def test_over_ipv6(self) -> None:
        mapped = Address("2001:db8::77", 40112)
        data = binding_response(binding_request(ID), mapped)
        assert data is not None
        (item,) = read(pcap([(1.0, ether(ipv6(udp(data)), 0x86DD))]))
        assert isinstance(item, KeepAlive)
        assert (item.source.host, item.target.host, item.mapped) == (A6, B6, mapped)

    @pytest.mark.parametrize("name", [0x0006, 0x0008])
    def test_stun_of_media_is_none(self, name: int) -> None:
        value = struct.pack("!HH", name, 4) + b"user"
        data = struct.pack("!HH", 1, len(value)) + b"\x21\x12\xa4\x42" + ID + value
        assert items_of(data) == []

    def test_an_error_and_a_broken_address(self) -> None:
        head = b"\x21\x12\xa4\x42" + ID
        error = one(b"\x01\x11\x00\x00" + head)
        assert isinstance(error, KeepAlive)
        assert (error.answer, error.mapped) == (True, None)
        broken = one(b"\x01\x01\x00\x08" + head + b"\x00\x01\x00\x04abcd")
        assert isinstance(broken, KeepAlive)
        assert broken.mapped is None
        assert items_of(b"\x00\x11\x00\x00" + head) == []
