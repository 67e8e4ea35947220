"""TCP: segments put in order, gaps, and how connections begin and end."""

from itertools import pairwise, permutations

import pytest
from tests.unit.capture.packets import (
    ACK,
    FIN,
    RST,
    SYN,
    A,
    B,
    Talk,
    answer,
    ether,
    ipv4,
    of,
    pcap,
    read,
    sip,
    tcp,
)

from ringway.capture import tcp as module
from ringway.capture.items import Closed, Item, KeepAlive, Opened, Seen, Trouble
from ringway.transport.flow import Address

CLIENT, SERVER = Address(A, 40000), Address(B, 5060)
FIRST, SECOND, THIRD = sip(call="first"), sip(call="second", body=b"x" * 900), sip(call="third")


def calls(items: list[Item]) -> list[str]:
    found = [item for item in items if isinstance(item, Seen)]
    return [item.message.get("call-id") or "" if item.message else "" for item in found]


def troubles(items: list[Item]) -> list[str]:
    return [item.text for item in items if isinstance(item, Trouble)]


class TestBeginAndEnd:
    def test_a_connection_from_its_begin_to_its_end(self) -> None:
        talk = Talk().open()
        talk.send("a", FIRST)
        talk.send("b", answer())
        talk.send("a", flags=ACK | FIN)
        talk.send("b", flags=ACK | FIN)
        talk.send("a")
        opened, request, response, closed = talk.items()
        assert opened == Opened(100.03, (1, 2, 3), "tcp", CLIENT, SERVER)
        assert isinstance(request, Seen)
        assert request[1:5] == ((4,), "tcp", CLIENT, SERVER)
        assert isinstance(response, Seen)
        assert response[1:5] == ((5,), "tcp", SERVER, CLIENT)
        assert closed == Closed(100.06, (6,), "tcp", CLIENT, SERVER, "closed")

    def test_a_handshake_that_is_repeated(self) -> None:
        talk = Talk()
        talk.send("a", flags=SYN)
        talk.send("a", seq=1000, flags=SYN)
        talk.send("b", flags=SYN | ACK)
        talk.send("a", FIRST)
        opened, seen = talk.items()
        assert opened == Opened(100.04, (1, 2, 3, 4), "tcp", CLIENT, SERVER)
        assert isinstance(seen, Seen)

    def test_a_handshake_of_which_one_side_was_captured(self) -> None:
        for own in ("a", "b"):
            talk = Talk()
            talk.send("a", flags=SYN)
            talk.send("b", flags=SYN | ACK)
            if own == "a":
                del talk.packets[1]
            else:
                del talk.packets[0]
            talk.send("a")
            (opened,) = talk.items()
            assert isinstance(opened, Opened)
            assert opened.source == CLIENT

    def test_refused(self) -> None:
        talk = Talk()
        talk.send("a", flags=SYN)
        talk.send("b", flags=RST | ACK)
        assert talk.items() == [Closed(100.02, (1, 2), "tcp", SERVER, CLIENT, "refused")]

    def test_reset(self) -> None:
        talk = Talk().open()
        talk.send("a", FIRST)
        talk.send("b", flags=RST)
        talk.send("b", flags=RST)
        assert talk.items()[-1] == Closed(100.05, (5,), "tcp", SERVER, CLIENT, "reset")
        assert len(talk.items()) == 3

    def test_reset_by_who_opened_it(self) -> None:
        talk = Talk().open()
        talk.send("a", flags=RST)
        assert talk.items()[-1] == Closed(100.04, (4,), "tcp", CLIENT, SERVER, "reset")

    def test_no_answer(self) -> None:
        talk = Talk()
        talk.send("a", flags=SYN)
        talk.send("a", seq=1000, flags=SYN)
        assert talk.items() == [
            Trouble(
                100.01,
                (1, 2),
                "a connection was asked for, and did not come about in the capture: "
                f"{CLIENT} to {SERVER}",
            )
        ]

    def test_a_connection_over_which_nothing_is_said(self) -> None:
        talk = Talk().open()
        talk.send("b", flags=ACK | FIN)
        opened, closed = talk.items()
        assert opened == Opened(100.03, (1, 2, 3), "tcp", CLIENT, SERVER)
        assert closed == Closed(100.04, (4,), "tcp", SERVER, CLIENT, "closed")

    def test_the_same_addresses_again(self) -> None:
        talk = Talk().open()
        talk.send("a", FIRST)
        talk.send("a", flags=ACK | FIN)
        again = Talk(777_000, 888_000)
        again.at, again.packets = talk.at, talk.packets
        again.open().send("a", SECOND)
        items = again.items()
        assert [type(item) for item in items] == [Opened, Seen, Closed, Opened, Seen]
        assert items[3][1] == (6, 7, 8)

    def test_a_new_begin_without_an_end(self) -> None:
        talk = Talk().open()
        talk.send("a", FIRST[:50])
        again = Talk(777_000, 888_000)
        again.at, again.packets = talk.at, talk.packets
        again.open().send("a", SECOND)
        assert calls(again.items())[-1] == "second"

    def test_what_comes_after_the_end_is_nothing_new(self) -> None:
        talk = Talk().open()
        talk.send("a", FIRST)
        talk.send("b", flags=RST)
        talk.send("a", FIRST, seq=1001)
        assert calls(talk.items()) == ["first"]

    def test_the_end_waits_for_what_is_before_it(self) -> None:
        talk = Talk().open()
        late = talk.lose("a", FIRST)
        talk.send("a", flags=ACK | FIN)
        talk.packets.append((talk.at, late[1]))
        assert [type(item) for item in talk.items()] == [Opened, Seen, Closed]

    def test_a_connection_that_speaks_something_else_is_not_told(self) -> None:
        talk = Talk().open()
        talk.send("b", b"220 mail.example.com ESMTP\r\n")
        talk.send("a", FIRST)
        talk.send("a", flags=ACK | FIN)
        assert talk.items() == []


class TestOrder:
    @pytest.mark.parametrize("order", list(permutations(range(4))))
    def test_any_order(self, order: tuple[int, ...]) -> None:
        talk = Talk(2**32 - 700).open()
        data = FIRST + SECOND + THIRD
        cuts = [0, 100, len(FIRST) + 400, len(data) - 7, len(data)]
        packets = [talk.lose("a", data[a:b]) for a, b in pairwise(cuts)]
        talk.packets += [(101.0 + n, packets[each][1]) for n, each in enumerate(order)]
        items = talk.items()
        assert calls(items) == ["first", "second", "third"]
        assert not troubles(items)
        (last,) = of(items, Seen)[-1:]
        assert last[0] == 101.0 + max(order.index(each) for each in range(4))

    def test_a_message_tells_its_packets(self) -> None:
        talk = Talk().open()
        data = FIRST + SECOND
        for begin in range(0, len(data), 500):
            talk.send("a", data[begin : begin + 500])
        seen = of(talk.items(), Seen)
        assert [item[1] for item in seen] == [(4,), (4, 5, 6)]

    def test_octet_by_octet(self) -> None:
        talk = Talk().open()
        for octet in FIRST + b"\r\n\r\n" + THIRD:
            talk.send("a", bytes([octet]))
        assert calls(talk.items()) == ["first", "third"]

    def test_segments_again_and_overlapping(self) -> None:
        talk = Talk().open()
        data = FIRST + SECOND
        talk.send("a", data[:300])
        talk.send("a", data[:300], seq=1001)
        talk.send("a", data[100:700], seq=1101)
        talk.send("a", b"y" * 600 + data[700:], seq=1101)
        items = talk.items()
        assert calls(items) == ["first", "second"]
        seen = of(items, Seen)[-1]
        assert isinstance(seen, Seen)
        assert seen.data == SECOND

    def test_options_are_passed_over(self) -> None:
        segment = tcp(FIRST, seq=5, options=b"\x01" * 12)
        assert calls(read(pcap([(1.0, ether(ipv4(segment, 6)))]))) == ["first"]


class TestGaps:
    def test_what_the_other_side_has_and_the_capture_not(self) -> None:
        talk = Talk().open()
        talk.send("a", FIRST)
        talk.lose("a", SECOND)
        talk.send("a", THIRD)
        talk.send("b")
        talk.wait(1.0)
        talk.send("b", answer())
        items = talk.items()
        assert calls(items) == ["first", "third", "one"]
        missing = f"{len(SECOND)} before this packet, {CLIENT} to {SERVER}"
        assert troubles(items) == [f"octets of a connection were not captured: {missing}"]

    def test_one_that_comes_late_is_no_gap(self) -> None:
        talk = Talk().open()
        late = talk.lose("a", FIRST)
        talk.send("a", SECOND)
        talk.send("b")
        talk.packets.append((talk.at, late[1]))
        assert calls(talk.items()) == ["first", "second"]
        assert not troubles(talk.items())

    def test_a_message_of_which_a_part_is_missing(self) -> None:
        talk = Talk().open()
        talk.send("a", SECOND[:400])
        talk.lose("a", SECOND[400:700])
        talk.send("a", SECOND[700:] + THIRD)
        items = talk.items()
        assert calls(items) == ["second", "third"]
        broken = of(items, Seen)[0]
        assert isinstance(broken, Seen)
        assert broken.fault == "300 octets behind these were not captured"
        assert broken.data == SECOND[:400]

    def test_a_segment_that_was_cut(self) -> None:
        talk = Talk().open()
        at, _ = talk.send("a", SECOND)
        talk.send("a", THIRD)
        packets = [
            (when, data[:-100], len(data)) if when == at else (when, data, len(data))
            for when, data in talk.packets
        ]
        items = read(pcap(packets))
        assert calls(items) == ["second", "third"]
        assert len(troubles(items)) == 2

    def test_a_connection_that_was_under_way(self) -> None:
        talk = Talk()
        talk.send("a", b"z" * 40 + b"\r\n" + FIRST)
        talk.send("b", answer())
        talk.send("a", SECOND)
        talk.send("a", flags=ACK | FIN)
        items = talk.items()
        assert [type(item) for item in items] == [Seen, Seen, Seen, Closed]
        assert not troubles(items)

    def test_another_connection_whose_begin_is_missing(self) -> None:
        talk = Talk().open()
        talk.send("a", FIRST)
        talk.next["a"] += 2**30
        talk.send("a", SECOND)
        assert calls(talk.items()) == ["first", "second"]

    def test_too_much_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_MOST_SEGMENTS", 5)
        talk = Talk().open()
        talk.send("a", FIRST)
        talk.lose("a", b"x")
        for number in range(7):
            talk.send("a", sip(call=f"c{number}"))
        talk.send("b", answer())
        assert calls(talk.items()) == ["first", *(f"c{number}" for number in range(7)), "one"]

    def test_too_many_connections(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_MOST_CONNECTIONS", 3)
        packets = []
        for port in range(10):
            talk = Talk(port=30_000 + port).open()
            talk.send("a", FIRST)
            packets += talk.packets
        assert len(calls(read(pcap(packets)))) == 10

    def test_too_much_is_held(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_MOST_HELD_IN_ALL", 10_000)
        packets = []
        for port in range(10):
            talk = Talk(port=30_000 + port).open()
            talk.send("a", SECOND[:-1])
            packets += talk.packets
        items = read(pcap(packets))
        seen = of(items, Seen)
        assert len(seen) == 10
        assert {item.fault for item in seen} == {"the capture ends within it"}
        assert items.index(seen[0]) < items.index(of(items, Opened)[-1])

    def test_a_message_that_does_not_end(self) -> None:
        for end in (FIN | ACK, RST):
            talk = Talk().open()
            talk.send("a", SECOND[:-5])
            talk.send("a", flags=end)
            seen = of(talk.items(), Seen)[0]
            assert isinstance(seen, Seen)
            assert seen.fault == "the connection ended within it"


class TestKeepAlive:
    def test_a_probe_and_its_answer(self) -> None:
        talk = Talk().open()
        talk.send("a", FIRST)
        talk.send("b")
        talk.send("a", seq=talk.next["a"] - 1)
        talk.send("b")
        talk.send("a", b"\0", seq=talk.next["a"] - 1)
        talk.send("b")
        alive = of(talk.items(), KeepAlive)
        assert [(item[1], item[5], item[6]) for item in alive] == [
            ((6,), "tcp", False),
            ((7,), "tcp", True),
            ((8,), "tcp", False),
            ((9,), "tcp", True),
        ]

    def test_not_of_what_is_of_no_interest(self) -> None:
        talk = Talk().open()
        talk.send("a", b"GET / HTTP/1.1\r\n\r\n")
        talk.send("a", seq=talk.next["a"] - 1)
        assert talk.items() == []


def test_a_packet_to_itself_does_no_harm() -> None:
    packets = [
        (1.0, ether(ipv4(tcp(sip(), seq=n, flags=flags, ports=(5, 5)), 6, target=A)))
        for n, flags in enumerate([SYN, SYN | ACK, ACK, FIN, RST])
    ]
    read(pcap(packets))
