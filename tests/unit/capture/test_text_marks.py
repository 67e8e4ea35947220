"""What the lines around messages tell, and that looking for it quickly finds no less."""

from __future__ import annotations

import re

import pytest

from ringway.capture import text_marks
from ringway.capture.text_marks import Clock, Mark, read_mark
from ringway.transport.flow import Address

A, B = Address("192.0.2.1", 5060), Address("192.0.2.2", 5070)


def _whole(line: str) -> re.Match[str] | None:
    return text_marks._ARROW.search(line)


class TestArrow:
    @pytest.mark.parametrize(
        "line",
        [
            "192.0.2.1:5060 -> 192.0.2.2:5070",
            "2026/11/22 18:15:22.005731 192.0.2.1:5060 -> 192.0.2.2:5070",
            "U 192.0.2.1:5060  ---->  192.0.2.2:5070 #3",
            "tcp 192.0.2.1:5060→192.0.2.2:5070",
            "x udp 192.0.2.1:5060 => udp 192.0.2.2:5070 => more",
            "--> sent udp 192.0.2.1:5060 -> 192.0.2.2:5070",
            "-> from [2001:db8::1]:5060 -> [2001:db8::2]:5060",
            "[udp:192.0.2.1:5060] -> [udp:192.0.2.2:5070]",
            "a -> 192.0.2.1:5060 -> 192.0.2.2:5070",
            "some-host- -> other",
            "-> nothing",
            "no arrow, but <script>: at all",
            "192.0.2.1:5060 <- 192.0.2.2:5070",
        ],
    )
    def test_the_same_is_found_as_in_the_whole_line(self, line: str) -> None:
        quick, whole = text_marks._arrow(line), _whole(line)
        assert (quick and quick.groups()) == (whole and whole.groups())


class TestSource:
    def test_a_place_in_brackets_is_who_sent_it(self) -> None:
        mark = read_mark("<script>: REPLY [udp:192.0.2.2:5070]")
        assert mark == Mark(False, "udp", B, None)

    @pytest.mark.parametrize("line", ["[5283] INFO: started", "[core/udp_server.c:154]: probing"])
    def test_other_brackets_are_not(self, line: str) -> None:
        assert read_mark(line) == Mark()


class TestClock:
    def test_a_day_that_is_none_is_no_time(self) -> None:
        clock = Clock()
        assert not clock.read("2026-02-30 10:00:00 -0500")
        assert clock.now == 0

    def test_the_same_day_again(self) -> None:
        clock = Clock()
        times = []
        for line in ("2026-11-22 10:00:00.5", "2026-11-22 10:00:01.25 +01:00"):
            assert clock.read(line)
            times.append(clock.now)
        assert times == [1795341600.5, 1795338001.25]
