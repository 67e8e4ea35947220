"""Nonces that need no memory until they are used, and a bounded memory of what was used.

A challenge costs us nothing: a nonce carries when and as how manieth it was made, sealed with a
keyed digest over that, the realm and, if asked for, the address it was sent to. So a flood of
requests without credentials leaves nothing behind (RFC 7616 §3.3, §5.4).

A nonce is remembered from its first right response on, to take each nonce count once (§3.4, §5.5).
Requests that overtake each other are let through in a window of 64 counts. When the memory is full,
the nonce that was not used for the longest time is forgotten, and a mark is set to the manieth it
was: what was made before the mark and is not remembered may have been used, so it counts as
forgotten and never as fresh.

    nonce = base64url( milliseconds(6) number(5) seal(16) )      36 characters, no padding

The key must be new in each process. The memory ends with the process, so a nonce that outlived it
could be used a second time.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac
import re
from collections import OrderedDict
from typing import Final

__all__ = ["KEY_LENGTH", "NonceState", "Nonces"]

KEY_LENGTH: Final = 32
"""Bytes in a key (RFC 7693 §2.1)."""

WINDOW: Final = 64
"""How far a nonce count may lie behind the highest one seen, and still be taken."""

_SEAL_LENGTH: Final = 16
_HEAD_LENGTH: Final = 11
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{36}")
_ALL: Final = (1 << WINDOW) - 1


class NonceState(enum.Enum):
    """What a nonce with its count is worth; the value is for the log."""

    FRESH = "the nonce is fresh"
    FOREIGN = "the nonce is not of this run, realm or address"
    EXPIRED = "the nonce is too old"
    USED = "the nonce count was used before, or is far behind"
    FORGOTTEN = "the nonce is no longer remembered"


class Nonces:
    """Makes nonces, and takes each count of each once.

    Args:
        key: ``KEY_LENGTH`` bytes that only this process knows.
        life: Seconds a nonce is good for.
        size: Nonces to remember; about 220 bytes each.

    Raises:
        ValueError: The key has another length, or the size is not positive.
    """

    __slots__ = ("_forgotten", "_key", "_life", "_made", "_used", "size")

    def __init__(self, key: bytes, life: float, size: int) -> None:
        if len(key) != KEY_LENGTH:
            fault = f"a nonce key has {KEY_LENGTH} bytes, not {len(key)}"
            raise ValueError(fault)
        if size < 1:
            fault = f"{size} nonces cannot be remembered"
            raise ValueError(fault)
        self._key = key
        self._life = round(life * 1000)
        self._made = 0
        self._forgotten = 0
        # By number, the least recently used first: when made, highest count, and a bit for each
        # count of the window, the lowest bit being the highest count.
        self._used: OrderedDict[int, tuple[int, int, int]] = OrderedDict()
        self.size = size

    def __len__(self) -> int:
        """How many nonces are remembered."""
        return len(self._used)

    def make(self, now: float, realm: str, source: str = "") -> str:
        """Make a nonce that was never made before.

        Args:
            now: Seconds, 0 or more, of a clock that runs as long as the process.
            realm: The realm it is good in.
            source: The address it is good from, without a port; "" for all.
        """
        self._made += 1
        head = int(now * 1000).to_bytes(6, "big") + self._made.to_bytes(5, "big")
        return base64.urlsafe_b64encode(head + self._seal(head, realm, source)).decode("ascii")

    def is_ours(self, nonce: str, realm: str, source: str = "") -> bool:
        """Say whether `make` made a nonce with these arguments, however old it is."""
        return self._open(nonce, realm, source) is not None

    def use(self, nonce: str, count: int, now: float, realm: str, source: str = "") -> NonceState:
        """Take a nonce with a count, if it was not taken before.

        Call it for a right response only, since it is remembered.

        Args:
            nonce: The nonce as it came back.
            count: The nonce count, 0 or more.
            now: Seconds, of the same clock as in `make`.
            realm: The realm it must be good in.
            source: The address it must be good from.

        Returns:
            FRESH if it counts; for any other state the client needs a new nonce.
        """
        opened = self._open(nonce, realm, source)
        if opened is None:
            return NonceState.FOREIGN
        made, number = opened
        time = int(now * 1000)
        # A clock that was set back makes nonces of the future; they would live too long.
        if not 0 <= time - made <= self._life:
            return NonceState.EXPIRED
        known = self._used.get(number)
        if known is None:
            if number <= self._forgotten:
                return NonceState.FORGOTTEN
            self._used[number] = (made, count, 1)
            self._forget(time)
            return NonceState.FRESH
        _, highest, seen = known
        ahead = count - highest
        if ahead > 0:
            seen = 1 if ahead >= WINDOW else (seen << ahead | 1) & _ALL
            highest = count
        else:
            behind = -ahead
            if behind >= WINDOW or seen >> behind & 1:
                return NonceState.USED
            seen |= 1 << behind
        self._used[number] = (made, highest, seen)
        self._used.move_to_end(number)
        return NonceState.FRESH

    def _forget(self, time: int) -> None:
        """Keep to the size; what is too old anyway goes first where it is seen."""
        used = self._used
        while True:
            number, (made, _, _) = next(iter(used.items()))
            if len(used) <= self.size and 0 <= time - made <= self._life:
                return
            del used[number]
            self._forgotten = max(self._forgotten, number)

    def _open(self, nonce: str, realm: str, source: str) -> tuple[int, int] | None:
        """Return when a nonce was made and its number, None if it is not ours."""
        if _NONCE.fullmatch(nonce) is None:
            return None
        data = base64.urlsafe_b64decode(nonce)
        head = data[:_HEAD_LENGTH]
        if not hmac.compare_digest(data[_HEAD_LENGTH:], self._seal(head, realm, source)):
            return None
        return int.from_bytes(head[:6], "big"), int.from_bytes(head[6:], "big")

    def _seal(self, head: bytes, realm: str, source: str) -> bytes:
        # The length keeps one pair of realm and source from passing for another.
        name = realm.encode("utf-8", "surrogateescape")
        data = head + len(name).to_bytes(4, "big") + name + source.encode()
        return hashlib.blake2s(
            data, key=self._key, digest_size=_SEAL_LENGTH, person=b"nonce"
        ).digest()
