"""Writes made-up traffic as a capture file, and as the logs that people paste.

    python -m bench.explain_file capture.pcap 100000
    python -m bench.explain_file log.txt 100000 sngrep

The capture is Ethernet with UDP datagrams and TCP segments: connections with handshakes, messages
cut in two or joined in one segment, acknowledgements.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import BinaryIO

from bench.explain_people import Address, Sent
from bench.explain_traffic import traffic

_MTU = 1448
_SYN, _PSH, _ACK = 2, 8, 16
_FILE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
_ETHERNET = bytes.fromhex("02000000000102000000000208 00")


def write(path: Path, messages: int, form: str = "pcap", seed: int = 1) -> None:
    """Write a file with so many SIP messages.

    Args:
        path: the file.
        messages: how many; keep-alives come on top.
        form: pcap, sngrep or kamailio.
        seed: of the traffic.
    """
    with path.open("wb") as file:
        WRITERS[form](_first(messages, seed), file)


def _first(messages: int, seed: int) -> Iterator[Sent]:
    for sent in traffic(seed):
        yield sent
        messages -= sent.data[0] >= ord("A")
        if not messages:
            return


def _pcap(sents: Iterator[Sent], file: BinaryIO) -> None:
    file.write(_FILE)
    connections: dict[tuple[Address, Address], int] = {}
    for sent in sents:
        if sent.transport == "udp":
            ports = struct.pack("!HHHH", sent.source[1], sent.target[1], 8 + len(sent.data), 0)
            _packet(file, sent, 17, ports + sent.data)
        else:
            _stream(file, sent, connections)


def _stream(file: BinaryIO, sent: Sent, places: dict[tuple[Address, Address], int]) -> None:
    """Write a message as the next octets of its connection."""
    there, back = (sent.source, sent.target), (sent.target, sent.source)
    if there not in places:
        places[there] = places[back] = 1000
        _segment(file, sent, places, _SYN)
        places[there] += 1
        turned = sent._replace(source=sent.target, target=sent.source)
        _segment(file, turned, places, _SYN | _ACK)
        places[back] += 1
        _segment(file, sent, places, _ACK)
    data = sent.data
    while data:
        size = min(_MTU, len(data))
        if size > 700 and places[there] % 10 == 0:
            size //= 2
        piece, data = data[:size], data[size:]
        _segment(file, sent, places, _PSH | _ACK, piece)
        places[there] += size
    turned = sent._replace(source=sent.target, target=sent.source)
    _segment(file, turned, places, _ACK)


def _segment(
    file: BinaryIO,
    sent: Sent,
    places: dict[tuple[Address, Address], int],
    flags: int,
    data: bytes = b"",
) -> None:
    seq, ack = places[sent.source, sent.target], places[sent.target, sent.source]
    ports = (sent.source[1], sent.target[1])
    head = struct.pack(
        "!HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 65535, 0, 0
    )
    _packet(file, sent, 6, head + data)


def _packet(file: BinaryIO, sent: Sent, protocol: int, payload: bytes) -> None:
    ends = ip_address(sent.source[0]).packed + ip_address(sent.target[0]).packed
    length = 20 + len(payload)
    packet = _ETHERNET + struct.pack("!BBHHHBBH", 0x45, 0, length, 1, 0, 64, protocol, 0)
    packet += ends + payload
    seconds, fraction = divmod(round(sent.at * 1_000_000), 1_000_000)
    file.write(struct.pack("<IIII", seconds, fraction, len(packet), len(packet)) + packet)


def _sngrep(sents: Iterator[Sent], file: BinaryIO) -> None:
    """As sngrep saves it."""
    for sent in sents:
        if sent.data[0] >= ord("A"):
            when = datetime.fromtimestamp(sent.at, UTC)
            ends = f"{_place(sent.source)} -> {_place(sent.target)}"
            file.write(f"{when:%Y/%m/%d %H:%M:%S.%f} {ends}\n".encode())
            file.write(sent.data.replace(b"\r\n", b"\n") + b"\n\n")


def _kamailio(sents: Iterator[Sent], file: BinaryIO) -> None:
    """As a routing script with xlog writes it, with a syslog's head before each line."""
    for sent in sents:
        if sent.data[0] >= ord("A"):
            when = datetime.fromtimestamp(sent.at, UTC)
            head = f"{when.isoformat()} edge1 kamailio[{5280 + int(sent.at) % 4}]: "
            ends = f"from {sent.transport}:{_place(sent.source)} to {_place(sent.target)}"
            lines = sent.data.decode().rstrip("\r\n").split("\r\n")
            text = "".join(f"{head}{line}\n" for line in lines)
            file.write(f"{head}NOTICE: <script>: REQ {ends}\n{text}{head}\n".encode())


def _place(address: Address) -> str:
    return f"{address[0]}:{address[1]}"


WRITERS: dict[str, Callable[[Iterator[Sent], BinaryIO], None]] = {
    "pcap": _pcap,
    "sngrep": _sngrep,
    "kamailio": _kamailio,
}

if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), (sys.argv[3:] or ["pcap"])[0])
