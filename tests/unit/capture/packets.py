"""Writes packets and capture files, layer by layer. Shares no code with the readers."""

import io
import struct
from collections.abc import Sequence
from ipaddress import ip_address
from typing import TypeVar

from ringway.capture.files import read_capture
from ringway.capture.items import Item

T = TypeVar("T")
A = "192.0.2.1"
B = "192.0.2.2"
A6 = "2001:db8::1"
B6 = "2001:db8::2"
ETHERNET = 1

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def sip(
    method: str = "OPTIONS",
    *,
    call: str = "one",
    body: bytes = b"",
    headers: Sequence[str] = (),
    length: int | None = -1,
) -> bytes:
    """A request; `length` is what Content-Length says, None for none."""
    lines = [
        f"{method} sip:bob@example.com SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKone",
        "Max-Forwards: 70",
        "From: <sip:alice@example.com>;tag=a",
        "To: <sip:bob@example.com>",
        f"Call-ID: {call}",
        f"CSeq: 1 {method}",
        *headers,
    ]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length < 0 else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer(status: str = "200 OK", *, call: str = "one", method: str = "OPTIONS") -> bytes:
    return sip(method, call=call).replace(
        f"{method} sip:bob@example.com SIP/2.0".encode(), f"SIP/2.0 {status}".encode()
    )


def udp(data: bytes, ports: tuple[int, int] = (5060, 5062)) -> bytes:
    return struct.pack("!HHHH", *ports, 8 + len(data), 0) + data


def tcp(
    data: bytes = b"",
    *,
    seq: int,
    ack: int = 0,
    flags: int = ACK,
    ports: tuple[int, int] = (40000, 5060),
    options: bytes = b"",
) -> bytes:
    words = 5 + len(options) // 4
    return (
        struct.pack("!HHIIBBHHH", *ports, seq % 2**32, ack % 2**32, words << 4, flags, 65535, 0, 0)
        + options
        + data
    )


def ipv4(
    payload: bytes,
    protocol: int = 17,
    *,
    source: str = A,
    target: str = B,
    identity: int = 1,
    offset: int = 0,
    more: bool = False,
    options: bytes = b"",
    length: int | None = None,
) -> bytes:
    size = 20 + len(options)
    total = size + len(payload) if length is None else length
    part = offset // 8 | more << 13
    head = struct.pack("!BBHHHBBH", 0x40 | size // 4, 0, total, identity, part, 64, protocol, 0)
    return head + ip_address(source).packed + ip_address(target).packed + options + payload


def ipv6(payload: bytes, protocol: int = 17, *, source: str = A6, target: str = B6) -> bytes:
    head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
    return head + ip_address(source).packed + ip_address(target).packed + payload


def fragment6(payload: bytes, protocol: int, offset: int, more: bool, identity: int = 7) -> bytes:
    """The fragment header of IPv6 and what follows it (RFC 8200 section 4.5)."""
    return struct.pack("!BBHI", protocol, 0, offset | more, identity) + payload


def ether(packet: bytes, kind: int = 0x0800, tags: Sequence[int] = ()) -> bytes:
    data = bytes(12)
    for tag in tags:
        data += struct.pack("!HH", tag, 7)
    return data + struct.pack("!H", kind) + packet


Packet = tuple[float, bytes]


def pcap(
    packets: Sequence[Packet | tuple[float, bytes, int]],
    *,
    link: int = ETHERNET,
    order: str = "<",
    nano: bool = False,
    magic: int = 0,
    extra: bytes = b"",
) -> bytes:
    """A pcap file; a third value of a packet is how long it was on the wire."""
    magic = magic or (0xA1B23C4D if nano else 0xA1B2C3D4)
    fractions = 10**9 if nano else 10**6
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)]
    for at, packet, *rest in packets:
        seconds = int(at)
        fraction = round((at - seconds) * fractions)
        length = rest[0] if rest else len(packet)
        parts.append(struct.pack(order + "IIII", seconds, fraction, len(packet), length))
        parts += [extra, packet]
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(
    link: int = ETHERNET, *, options: bytes = b"", longest: int = 0, order: str = "<"
) -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, longest) + options, order)


def enhanced(
    ticks: int, packet: bytes, number: int = 0, *, options: bytes = b"", order: str = "<"
) -> bytes:
    head = struct.pack(
        order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet)
    )
    return block(6, head + packet + bytes(-len(packet) % 4) + options, order)


def read(data: bytes) -> list[Item]:
    return list(read_capture(io.BytesIO(data)))


def of(items: Sequence[Item], kind: type[T]) -> list[T]:
    return [item for item in items if isinstance(item, kind)]


class Talk:
    """A TCP connection that is written packet by packet: `a` is the client, `b` the server."""

    def __init__(self, client: int = 1000, server: int = 5000, *, port: int = 40000) -> None:
        self.next = {"a": client, "b": server}
        self.port = port
        self.at = 100.0
        self.packets: list[Packet] = []

    def packet(
        self, side: str, data: bytes = b"", *, seq: int | None = None, flags: int = ACK
    ) -> Packet:
        """A packet, without noting that it was sent."""
        other = "b" if side == "a" else "a"
        ports = (self.port, 5060) if side == "a" else (5060, self.port)
        hosts = (A, B) if side == "a" else (B, A)
        number = self.next[side] if seq is None else seq
        segment = tcp(data, seq=number, ack=self.next[other], flags=flags, ports=ports)
        self.at += 0.01
        return self.at, ether(ipv4(segment, 6, source=hosts[0], target=hosts[1]))

    def send(
        self, side: str, data: bytes = b"", *, seq: int | None = None, flags: int = ACK
    ) -> Packet:
        """Write a packet into the capture."""
        packet = self.packet(side, data, seq=seq, flags=flags)
        self.packets.append(packet)
        if seq is None:
            self.next[side] += len(data) + bool(flags & (SYN | FIN))
        return packet

    def lose(self, side: str, data: bytes) -> Packet:
        """Send what the capture does not see."""
        packet = self.packet(side, data)
        self.next[side] += len(data)
        return packet

    def open(self) -> "Talk":
        self.send("a", flags=SYN)
        self.send("b", flags=SYN | ACK)
        self.send("a")
        return self

    def wait(self, seconds: float) -> None:
        self.at += seconds

    def items(self) -> list[Item]:
        return read(pcap(self.packets))
