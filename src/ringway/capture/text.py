"""SIP messages as people paste them: the logs of servers and phones, saved traces, quoted mails.

Understood are, among others, Kamailio's and OpenSIPS's logs and sipdump, Asterisk's two SIP
loggers, FreeSWITCH's trace, sngrep, ngrep and tcpdump, SIPp, pjsua, linphone and baresip, and plain
messages after one another (RFC 3261 §7). Whatever else the text has is passed over.

A pasted body rarely has the length it had. So Content-Length is put right in silence; only a body
of which most is missing is a fault. Messages come out in the order of their times, as far as a
window of a few thousand reaches, because logs of several programs are pasted one below the other.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from typing import Final

from ringway.capture.items import Item, Seen, Trouble
from ringway.capture.lenient import read_message
from ringway.capture.text_cut import Cutter, Pasted, octets
from ringway.capture.text_sides import Sides, Way
from ringway.message import Request, Response

WINDOW: Final = 4096
"""Messages that are held back to be put in order."""

_WINDOW_OCTETS: Final = 4_000_000
# Times below are times of day: no line had a date.
_DAY: Final = 86400.0
_DATED: Final = 2 * _DAY
_Entry = tuple[float, int, int, Way, Request | Response | None, str, bytes]
_LENGTH: Final = re.compile(r"(content-length|l)([ \t]*:[ \t]*)([0-9]{1,9})[ \t]*", re.IGNORECASE)
_START: Final = re.compile(
    rb"(?:[A-Z]{2,20} sips?:\S+ SIP/2\.0|SIP/2\.0 [1-6][0-9][0-9])", re.IGNORECASE
)


def looks_like_text(start: bytes) -> bool:
    """Tell whether the beginning of a file has a SIP message in text.

    Args:
        start: the first octets, some thousand; a message may begin only behind them.
    """
    return b"\0" not in start and _START.search(start) is not None


def read_text(lines: Iterable[bytes | str]) -> Iterator[Item]:
    """Read the SIP messages in a text.

    Where no time is given all have that of the one before, or of the first that has one, or 0:
    their order tells the rest.
    Times without a zone count as UTC. Addresses that the text does not tell are taken from the
    messages; see ``text_sides`` for what stands for those that nothing tells.

    Args:
        lines: the text, line by line, with or without line ends.

    Returns:
        The messages, each ``Seen`` with the number of its first line; a ``Trouble`` if there is
        none.
    """
    cutter = Cutter()
    sides = Sides()
    window: list[_Entry] = []
    held = 0
    count = 0
    told = 0.0

    def first() -> Seen:
        nonlocal held
        at, _, line, way, message, fault, data = heapq.heappop(window)
        held -= len(data)
        source, target = sides.settle(way)
        return Seen(at, (line,), way.transport, source, target, message, fault, data)

    for pasted in cutter.cut(lines):
        count += 1
        if pasted.at and (not told or (told < _DATED <= pasted.at)):
            window = [(_dated(entry[0], pasted.at), *entry[1:]) for entry in window]
            heapq.heapify(window)
            told = pasted.at
        data, fault = assemble(pasted)
        message, wrong = read_message(data)
        way = sides.find(message, pasted.mark)
        entry = (pasted.at, count, pasted.line, way, message, wrong or fault, data)
        heapq.heappush(window, entry)
        held += len(data)
        while len(window) > WINDOW or held > _WINDOW_OCTETS:
            yield first()
    while window:
        yield first()
    if not count:
        yield Trouble(0.0, (), f"no SIP message in {cutter.lines} lines of text")


def _dated(then: float, at: float) -> float:
    """Return the time of a message held back, after the text first told a time, or a date."""
    if not then:
        return at
    then += at - at % _DAY
    return then - _DAY if then > at + _DAY / 2 else then


def assemble(pasted: Pasted) -> tuple[bytes, str]:
    """Return the octets of a message as they may have been, and what of it is missing."""
    head = list(pasted.head)
    body = _joined(pasted.body)
    fault = ""
    for number, line in enumerate(head):
        match = _LENGTH.fullmatch(line) if line[0] in "CcLl" else None
        if match is None:
            continue
        told = int(match[3])
        body = _fitting(pasted.body, body, told)
        if len(body) != told:
            head[number] = f"{match[1]}{match[2]}{len(body)}"
            if len(body) * 2 < told:
                fault = f"only {len(body)} of the {told} octets of its body are in the text"
        break
    if pasted.cut and not fault:
        fault = "something was left out of it in the text"
    return "\r\n".join([*head, "", ""]).encode("utf-8", "surrogateescape") + body, fault


def _joined(body: list[str], line_end: str = "\r\n") -> bytes:
    text = "".join([line + line_end for line in body])
    return text.encode("utf-8", "surrogateescape")


def _fitting(lines: list[str], joined: bytes, told: int) -> bytes:
    """Return the body with those line ends that make it as long as it should be, if any do."""
    size = sum([octets(line) for line in lines])
    count = len(lines)
    if size + 2 * count - 2 == told:
        return joined[:-2]
    if size + count == told:
        return _joined(lines, "\n")
    if size + count - 1 == told:
        return _joined(lines, "\n")[:-1]
    return joined
