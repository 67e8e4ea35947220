import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringway.transport.flow import Address
from ringway.transport.stun import (
    binding_request,
    binding_response,
    is_stun,
    mapped_address,
    transaction_of,
)

ID = bytes(range(12))
SOURCE = Address("192.0.2.7", 40112)
SOURCE6 = Address("2001:db8:1::7", 5060)

# RFC 5769 §2.1 to §2.3: a request of ICE, and the addresses in its responses.
VECTOR_ID = bytes.fromhex("b7e7a701bc34d686fa87dfae")
VECTOR_XOR_IPV4 = bytes.fromhex("0001a147e112a643")
VECTOR_XOR_IPV6 = bytes.fromhex("0002a1470113a9faa5d3f179bc25f4b5bed2b9d9")


def stun(kind: int, attributes: bytes = b"", transaction: bytes = ID, cookie: bytes = b"") -> bytes:
    cookie = cookie or bytes.fromhex("2112a442")
    return struct.pack("!HH", kind, len(attributes)) + cookie + transaction + attributes


def attribute(name: int, value: bytes = b"") -> bytes:
    return struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (stun(0x0001), True),
        (stun(0x0101), True),
        (stun(0x0001, attribute(0x8022, b"phone")), True),
        (stun(0x0001, cookie=b"abcd"), True),
        (b"", False),
        (b"\r\n\r\n", False),
        (stun(0x0001)[:19], False),
        (stun(0x0001) + b"x", False),
        (stun(0x0201), False),
        (b"OPTIONS sip:a@example.com SIP/2.0\r\n\r\n", False),
        (b"\r\n\r\n" + b"OPTIONS sip:a@example.com SIP/2.0\r\n\r\n", False),
    ],
)
def test_stun_is_told_from_sip(data: bytes, expected: bool) -> None:
    assert is_stun(data) is expected


@pytest.mark.clause("RFC5626-5.4-1")
class TestBinding:
    @pytest.mark.parametrize("source", [SOURCE, SOURCE6])
    def test_the_answer_says_where_the_request_came_from(self, source: Address) -> None:
        request = binding_request(ID)
        assert is_stun(request)
        response = binding_response(request, source)
        assert response is not None
        assert is_stun(response)
        assert mapped_address(response, ID) == source

    @pytest.mark.parametrize(
        ("source", "value"),
        [
            (Address("192.0.2.1", 32853), VECTOR_XOR_IPV4),
            (Address("2001:db8:1234:5678:11:2233:4455:6677", 32853), VECTOR_XOR_IPV6),
        ],
    )
    def test_the_addresses_of_rfc_5769(self, source: Address, value: bytes) -> None:
        response = binding_response(binding_request(VECTOR_ID), source)
        assert response == stun(0x0101, attribute(0x0020, value), VECTOR_ID)

    @pytest.mark.parametrize(
        ("source", "value"),
        [
            (SOURCE, bytes.fromhex("00019cb0c0000207")),
            (SOURCE6, bytes.fromhex("000213c420010db8000100000000000000000007")),
        ],
    )
    def test_a_client_of_rfc_3489(self, source: Address, value: bytes) -> None:
        response = binding_response(stun(0x0001, cookie=b"abcd"), source)
        assert response == stun(0x0101, attribute(0x0001, value), cookie=b"abcd")

    @pytest.mark.parametrize(
        "name", [0x8000, 0x8022, 0x8028, 0xFFFF, 0x0006, 0x0008, 0x0014, 0x0015]
    )
    def test_attributes_that_need_not_be_understood(self, name: int) -> None:
        response = binding_response(stun(0x0001, attribute(name, b"odd")), SOURCE)
        assert response is not None
        assert mapped_address(response, ID) == SOURCE

    def test_attributes_that_must_be_understood(self) -> None:
        unknown = attribute(0x0003, bytes(4)) + attribute(0x8022, b"x") + attribute(0x0024, b"abcd")
        expected = attribute(0x0009, b"\0\0\x04\x14Unknown Attribute")
        expected += attribute(0x000A, bytes.fromhex("00030024"))
        assert binding_response(stun(0x0001, unknown), SOURCE) == stun(0x0111, expected)

    def test_the_error_is_bounded(self) -> None:
        response = binding_response(stun(0x0001, attribute(0x0003) * 1000), SOURCE)
        assert response is not None
        assert len(response) < 100

    @pytest.mark.parametrize("kind", [0x0011, 0x0101, 0x0111, 0x0003])
    def test_only_requests_are_answered(self, kind: int) -> None:
        assert binding_response(stun(kind), SOURCE) is None

    @pytest.mark.parametrize(
        "attributes",
        [b"\x80", b"\x80\x22\x00", b"\x80\x22\x00\x05abcd", attribute(0x8022, b"abcd") + b"\x80"],
    )
    def test_attributes_that_do_not_fit(self, attributes: bytes) -> None:
        assert binding_response(stun(0x0001, attributes), SOURCE) is None


class TestMappedAddress:
    @pytest.mark.parametrize(
        "data",
        [
            stun(0x0111),
            stun(0x0101, transaction=bytes(12)),
            stun(0x0101, cookie=b"abcd"),
            stun(0x0101),
            stun(0x0101, attribute(0x0001, bytes(8))),
            stun(0x0111, attribute(0x0020, bytes(8))),
            stun(0x0101, attribute(0x0020, bytes(8)), transaction=bytes(12)),
            stun(0x0101, attribute(0x0020, bytes(8)), cookie=b"abcd"),
            stun(0x0101, attribute(0x0020, bytes(7))),
            stun(0x0101, b"\x00\x20\x00\x08"),
        ],
    )
    def test_no_answer_to_our_request(self, data: bytes) -> None:
        assert mapped_address(data, ID) is None

    def test_other_attributes_before_it(self) -> None:
        value = bytes.fromhex("0001a147e112a643")
        data = stun(0x0101, attribute(0x8022, b"server") + attribute(0x0020, value))
        assert mapped_address(data, ID) == Address("192.0.2.1", 32853)


@given(st.binary(max_size=60).map(lambda tail: stun(0x0001, tail)), st.integers(0, 65535))
def test_any_attributes_at_all(data: bytes, port: int) -> None:
    assert is_stun(data)
    response = binding_response(data, Address("192.0.2.1", port))
    assert response is None or is_stun(response)
    assert mapped_address(data, ID) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (stun(0x0101), ID),
        (stun(0x0111), ID),
        (stun(0x0001), None),
        (stun(0x0011), None),
        (stun(0x0101, cookie=b"abcd"), None),
    ],
)
def test_the_transaction_of_a_response(data: bytes, expected: bytes | None) -> None:
    assert transaction_of(data) == expected
