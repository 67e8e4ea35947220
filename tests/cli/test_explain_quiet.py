"""Who listens live is told the time, so that a conversation is told though nothing follows it."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from typing import BinaryIO, cast

import pytest
from tests.unit.capture.packets import ether, ipv4, pcap, read, sip, udp
from tests.unit.explain.observed.captures import healthy

from ringway.capture.files import read_capture
from ringway.capture.items import Item, Seen, Tick
from ringway.cli.explain.live import Interface, LiveError
from ringway.explain.observed.explain import Explained, Explainer
from ringway.explain.observed.tracer import ANSWERED


@pytest.mark.parametrize("seconds", [ANSWERED + 1, ANSWERED - 1])
def test_a_tick_ends_a_conversation_that_is_over(seconds: float) -> None:
    items = healthy().items
    explained: list[Explained] = []
    told_in_time = 0

    def ticking() -> Iterator[Item]:
        nonlocal told_in_time
        yield from items
        yield Tick(items[-1].at + seconds)
        told_in_time = len(explained)

    explained.extend(Explainer().explain(ticking()))
    assert len(explained) == 1
    assert told_in_time == int(seconds > ANSWERED)


def test_a_packet_without_octets_is_the_time() -> None:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    empty = struct.pack("<IIII", 7, 500_000, 0, 0)
    assert read(head + empty + empty) == [Tick(7.5), Tick(7.5)]


def test_it_is_no_packet() -> None:
    packet = ipv4(udp(sip()))
    with_ticks = pcap([(1.0, b""), (2.0, packet), (3.0, b"")], link=101)
    first, item, last = read(with_ticks)
    assert (first, last) == (Tick(1.0), Tick(3.0))
    assert isinstance(item, Seen)
    assert item.frames == (1,)


def test_on_another_link_it_is_nothing() -> None:
    (item,) = read(pcap([(1.0, b""), (2.0, ether(ipv4(udp(sip()))))]))
    assert isinstance(item, Seen)
    assert item.frames == (2,)


def test_an_interface_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringway.cli.explain.live._TICK", 10**7)
    try:
        interface = Interface("lo")
    except LiveError as error:
        pytest.skip(str(error))
    ticks = []
    for item in read_capture(cast("BinaryIO", interface)):
        if isinstance(item, Tick):
            ticks.append(item.at)
            if len(ticks) == 2:
                interface.stop()
    interface.close()
    assert ticks[1] - ticks[0] >= 0.01
    assert abs(ticks[1] - time.time()) < 60
