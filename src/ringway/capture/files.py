"""Reads capture files: packets in, what was seen on the network out, in the file's order.

The reader is our own: dpkt 1.9.8 (BSD, its last release) takes three times as long from file to UDP
payload, raises or says nothing where a file is cut, and puts no fragments or streams together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from ringway.capture.datagrams import read_datagram
from ringway.capture.icmp import read_icmp
from ringway.capture.ip import ICMP, ICMPV6, TCP, UDP, IpReader
from ringway.capture.items import Item, Tick
from ringway.capture.link import OTHER, UNKNOWN, network_layer
from ringway.capture.octets import Octets
from ringway.capture.output import Output
from ringway.capture.pcap import Packet, is_pcap, read_pcap
from ringway.capture.pcapng import is_pcapng, read_pcapng
from ringway.capture.tcp import TcpReader

_EMPTY: Final = (101, b"", 0)  # raw IP without octets: who listens live tells the time so
_PACKERS: Final = {b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4", b"\xfd7zX": "xz"}


def read_capture(source: BinaryIO | Octets) -> CaptureReader:
    """Read a capture file: pcap or pcapng, also when gzip has packed it.

    Args:
        source: the file, opened for reading octets, or its octets.

    Returns:
        What is seen in it, to be iterated over once.
    """
    return CaptureReader(source)


class CaptureReader:
    """The items of a capture file; made by `read_capture`.

    What cannot be read is a `Trouble` among them. How much is held has bounds, whatever the file
    says. The items are in order of time; only what waited behind octets that never came, and what a
    wrong length had swallowed, is told later than it was seen.

    Args:
        source: the file.
    """

    __slots__ = ("_ip", "_octets", "_out", "_tcp", "packets")

    def __init__(self, source: BinaryIO | Octets) -> None:
        self._octets = source if isinstance(source, Octets) else Octets(source)
        self._out = Output()
        self._ip = IpReader(self._out)
        self._tcp = TcpReader(self._out)
        self.packets: int = 0
        """Packets read by now."""

    @property
    def progress(self) -> int:
        """Octets of the file that were read by now."""
        return self._octets.taken

    def __iter__(self) -> Iterator[Item]:
        """Read on to the end of the file."""
        out = self._out
        for packet in self._packets():
            if not packet.length and packet[1:] == _EMPTY:
                yield from out.take(packet.at)
                yield Tick(packet.at)
                continue
            self.packets += 1
            self._take(packet)
            if out.waiting:
                yield from out.take(packet.at)
        self._ip.end()
        self._tcp.end()
        if self._octets.fault:
            out.trouble(0.0, (), "the file was not read to its end", self._octets.fault)
        if self._tcp.encrypted:
            count = self._tcp.encrypted
            what = "connection is" if count == 1 else "connections are"
            out.trouble(0.0, (), f"{count} {what} encrypted with TLS and cannot be read")
        yield from out.end()

    def _packets(self) -> Iterator[Packet]:
        octets = self._octets
        octets.fill(4)
        first = octets.data[:4]
        if is_pcap(first):
            return read_pcap(octets, self._out)
        if is_pcapng(first):
            return read_pcapng(octets, self._out)
        if first in _PACKERS:
            self._out.trouble(0.0, (), f"packed with {_PACKERS[first]}: unpack the file first")
        elif first:
            self._out.trouble(0.0, (), "neither pcap nor pcapng")
        else:
            self._out.trouble(0.0, (), "the file is empty")
        return iter(())

    def _take(self, packet: Packet) -> None:
        at, link, data, length = packet
        number = self.packets
        absent = length - len(data)
        if absent > 0:
            self._out.trouble(
                at, (number,), "a packet was captured only in part", f"{len(data)} of {length}"
            )
        kind, start = network_layer(link, data)
        if kind == OTHER:
            return
        if kind == UNKNOWN:
            if link >= 0:
                self._out.trouble(
                    at, (number,), "a link layer that cannot be read", f"number {link}"
                )
            return
        payload = self._ip.take(number, at, kind, data, start, max(absent, 0))
        if payload is None:
            return
        if payload.protocol == UDP:
            read_datagram(at, payload, self._out)
        elif payload.protocol == TCP:
            self._tcp.take(at, payload)
        elif payload.protocol in (ICMP, ICMPV6):
            unreachable = read_icmp(at, payload)
            if unreachable is not None:
                self._out.put(unreachable)
