"""Octets of a file: unpacked on the way, and as lines."""

from __future__ import annotations

import gzip
import io

import pytest

from ringway.capture.octets import Octets

TEXT = b"one\r\ntwo\n\n" + b"three" * 30_000 + b"\nlast"


def lines(data: bytes, longest: int = 1 << 20) -> list[bytes]:
    return list(Octets(io.BytesIO(data)).lines(longest))


class TestLines:
    @pytest.mark.parametrize("packed", [False, True])
    def test_each_without_its_end(self, packed: bool) -> None:
        found = lines(gzip.compress(TEXT) if packed else TEXT)
        assert found == [b"one\r", b"two", b"", b"three" * 30_000, b"last"]

    def test_one_without_end_comes_in_pieces(self) -> None:
        found = lines(b"x" * 500_000 + b"\nlast\n", 100_000)
        assert b"".join(found[:-1]) == b"x" * 500_000
        assert found[-1] == b"last"
        assert max(map(len, found)) < 200_000

    def test_nothing(self) -> None:
        assert lines(b"") == []

    def test_what_was_looked_at_is_there(self) -> None:
        octets = Octets(io.BytesIO(gzip.compress(b"one\ntwo")))
        assert octets.begin(3) == b"one"
        assert list(octets.lines(100)) == [b"one", b"two"]
