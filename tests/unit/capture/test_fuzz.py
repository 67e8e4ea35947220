"""Whatever a capture file holds: no exception, and no more memory than the bounds say."""

import gzip
import io
import random
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.capture.packets import (
    ACK,
    FIN,
    Talk,
    answer,
    block,
    enhanced,
    ether,
    fragment6,
    interface,
    ipv4,
    ipv6,
    pcap,
    read,
    section,
    sip,
    tcp,
    udp,
)
from tests.unit.capture.test_ip import icmp, icmp6, pieces4, pieces6
from tests.unit.capture.test_websockets import frame, opened

from ringway.capture.files import read_capture
from ringway.transport.stun import binding_request


def everything() -> list[tuple[float, bytes]]:
    """A packet of each kind that is read."""
    talk = opened(b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
    talk.send("a", frame(sip(), mask=True))
    talk.send("b", frame(answer()))
    talk.send("b", frame(b"", 9))
    plain = Talk(port=40001)
    plain.at, plain.packets = talk.at, talk.packets
    plain.open().send("a", sip() + sip(call="b", body=b"abc", length=20) + sip(call="c"))
    plain.lose("a", b"lost")
    plain.send("a", sip(length=None) + b"\r\n\r\n")
    plain.send("b", answer() + b"\r\n")
    plain.send("b", flags=ACK | FIN)
    single = [
        ether(ipv4(udp(sip()))),
        ether(ipv6(udp(answer())), 0x86DD),
        ether(ipv4(udp(binding_request(bytes(12))))),
        ether(ipv4(ipv4(udp(sip())), 4), tags=[0x8100]),
        ether(ipv6(fragment6(udp(sip()), 17, 0, False), 44), 0x86DD),
        icmp(3, 3, ipv4(udp(sip()))[:28]),
        icmp6(1, 4, ipv6(udp(sip()))[:48]),
        *pieces4(),
        *pieces6(),
    ]
    return [*plain.packets, *((plain.at + n, packet) for n, packet in enumerate(single))]


PACKETS = everything()
FILES = [
    pcap(PACKETS),
    pcap(PACKETS, order=">", nano=True),
    section()
    + interface()
    + b"".join(enhanced(int(at * 1e6), packet) for at, packet in PACKETS)
    + block(5, bytes(40)),
]
QUIET = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def mutate(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 20)):
        if not changed:
            break
        place = chance.randrange(len(changed))
        kind = chance.randrange(4)
        if kind == 0:
            changed[place] = chance.randrange(256)
        elif kind == 1:
            del changed[place : place + chance.randrange(1, 40)]
        elif kind == 2:
            changed[place:place] = chance.randbytes(chance.randrange(1, 40))
        else:
            changed[place : place + 4] = chance.choice(
                [b"\xff" * 4, bytes(4), b"\0\0\0\x7f", b"\x7f\xff\xff\xff"]
            )
    return bytes(changed)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("seed", range(40))
def test_damaged_files(file: bytes, seed: int) -> None:
    read(mutate(file, random.Random(seed)))


@pytest.mark.parametrize("seed", range(20))
def test_damaged_packed_files(seed: int) -> None:
    read(mutate(gzip.compress(FILES[0]), random.Random(seed)))


@pytest.mark.parametrize("seed", range(150))
def test_damaged_packets_in_any_order(seed: int) -> None:
    chance = random.Random(seed)
    packets = [(at, mutate(packet, chance)) if chance.random() < 0.3 else (at, packet)
               for at, packet in PACKETS]  # fmt: skip
    if seed % 2:
        chance.shuffle(packets)
    read(pcap(packets))


@pytest.mark.parametrize("file", FILES)
def test_files_that_end_anywhere(file: bytes) -> None:
    for end in range(0, len(file), 61):
        read(file[:end])


@QUIET
@given(st.binary(max_size=400), st.sampled_from([0, 1, 9, 12, 50, 113, 228, 229, 276, 999]))
def test_any_packet(data: bytes, link: int) -> None:
    read(pcap([(1.0, data)], link=link))


@QUIET
@given(st.lists(st.binary(max_size=80), max_size=8), st.booleans())
def test_any_stream(pieces: list[bytes], start: bool) -> None:
    talk = Talk().open() if start else Talk()
    talk.send("a", sip())
    for number, piece in enumerate(pieces):
        talk.send("ab"[number % 2], piece)
    talk.send("a", sip())
    talk.items()


@QUIET
@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.binary(max_size=60), st.integers(0, 63), st.booleans()),
        max_size=30,
    )
)
def test_any_segments(segments: list[tuple[int, bytes, int, bool]]) -> None:
    packets = []
    for number, (sequence, data, flags, back) in enumerate(segments):
        ports = (5060, 40000) if back else (40000, 5060)
        hosts = ("192.0.2.2", "192.0.2.1") if back else ("192.0.2.1", "192.0.2.2")
        segment = tcp(data, seq=sequence - 100, ack=sequence, flags=flags, ports=ports)
        packets.append((number / 3, ether(ipv4(segment, 6, source=hosts[0], target=hosts[1]))))
    read(pcap(packets))


def peak(data: bytes) -> int:
    """How much more was held than the file itself, in octets."""
    source = io.BytesIO(data)
    tracemalloc.start()
    try:
        for _ in read_capture(source):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class TestMemory:
    def test_connections_that_never_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ringway.capture.tcp._MOST_CONNECTIONS", 100)
        packets = [
            (
                n / 100,
                ether(ipv4(tcp(sip(length=900_000), seq=1, ports=(n % 60000, n // 60000)), 6)),
            )
            for n in range(3000)
        ]
        assert peak(pcap(packets)) < 4_000_000

    def test_segments_that_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ringway.capture.tcp._MOST_HELD_IN_ALL", 1_000_000)
        talks = [Talk(port=10_000 + n).open() for n in range(40)]
        for talk in talks:
            talk.send("a", sip())
            talk.lose("a", b"x")
            for _ in range(100):
                talk.send("a", bytes(1400))
        assert peak(pcap([packet for talk in talks for packet in talk.packets])) < 4_000_000

    def test_fragments_that_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ringway.capture.ip._MOST_OCTETS", 1_000_000)
        packets = [
            (1.0, ether(ipv4(bytes(1400), identity=n % 900, offset=8 + n // 900 * 1400, more=True)))
            for n in range(9000)
        ]
        assert peak(pcap(packets)) < 5_000_000

    def test_a_file_that_unpacks_to_a_thousand_times_its_size(self) -> None:
        assert peak(gzip.compress(bytes(50_000_000))) < 5_000_000

    def test_items_that_wait_for_an_opening(self) -> None:
        packets = Talk().open().packets
        packets += [(100.1, ether(ipv4(udp(sip(call=f"c{n}"))))) for n in range(6000)]
        assert peak(pcap(packets)) < 12_000_000

    def test_octets_of_a_connection_that_is_searched(self) -> None:
        talk = Talk()
        talk.send("a", sip())
        talk.lose("a", b"x")
        for _ in range(3000):
            talk.send("a", bytes(1400))
        assert peak(talk_file(talk)) < 4_000_000


def talk_file(talk: Talk) -> bytes:
    return pcap(talk.packets)
