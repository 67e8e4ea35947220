"""The lines that programs write around the SIP messages in their logs: when, from whom, to whom.

Every program has its own words for it, and people change them. So no program is known by name here:
a line is looked through for a time, for an arrow between two addresses, or for a word for sending
or receiving with the address of the other side. What is found counts only when a message follows.
"""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from ringway.transport.flow import TRANSPORTS, Address, is_numeric

_DAY: Final = 86400
_MONTHS: Final = tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())  # noqa: SIM905
# Syslog names no year. This one has a 29th of February.
_SOME_YEAR: Final = 1972
_LONGEST: Final = 400

_CLOCK: Final = r"([0-2]?\d):([0-5]\d):([0-6]\d)(?:[.,:](\d{1,9}))?"
_EPOCH: Final = re.compile(r"(?<![\w.])(1\d{9}\.\d{3,9})(?![\w.])", re.ASCII)
_DATED: Final = re.compile(
    rf"(?<!\d)(\d{{4}})[-/.](\d\d)[-/.](\d\d)[T \t]+{_CLOCK}(?:[ \t]?(Z|[-+]\d\d:?\d\d)\b)?",
    re.ASCII,
)
_NAMED: Final = re.compile(
    rf"\b({'|'.join(_MONTHS)})[a-z]* +([0-3]?\d)(?:,? (\d{{4}}))?,? {_CLOCK}(?: (\d{{4}})\b)?",
    re.ASCII | re.IGNORECASE,
)
_TIMED: Final = re.compile(rf"(?<![\w:.]){_CLOCK}(?!\w|[:.]\d)", re.ASCII)

_TRANSPORT: Final = r"(?:\b(udp|tcp|tls|wss?)(?:://|[:/ ]))?"
_HOST: Final = r"(\[[0-9A-Za-z:.%]+\]|[\w-]+(?:\.[\w-]+)*)"
_PLACE: Final = rf"{_TRANSPORT}{_HOST}(?::(\d{{1,5}})(?!\d))?"
_NUMERIC: Final = r"(\d+(?:\.\d+){3}|[0-9a-f:]*:[0-9a-f:]+|[\w.-]+?)\.(\d{1,5}|sips?)"
_I: Final = re.ASCII | re.IGNORECASE

# "1.2.3.4:5060 -> 5.6.7.8:5060": sngrep, ngrep, baresip, HOMER
_ARROW: Final = re.compile(rf"{_PLACE} *(?:[-=]+>|→) *{_PLACE}", _I)
# "IP 1.2.3.4.5060 > 5.6.7.8.5060: SIP": tcpdump
_DUMPED: Final = re.compile(rf"(?:\bIP6? +|^ +){_NUMERIC} > {_NUMERIC}:", _I)
# Both sides in words: what people write in a routing script.
_FROM_TO: Final = re.compile(rf"\bfrom:? +\[?{_PLACE}\]?,? +to:? +\[?{_PLACE}", _I)
_OUT: Final = re.compile(r"\b(?:sen[dt]|sending|(?:re)?transmitting|tx|snd|outgoing)\b", _I)
_IN: Final = re.compile(r"\b(?:recv|received?|receiving|rx|rcv|read|incoming)\b", _I)
# Only one: such scripts log what came in.
_SOURCE: Final = re.compile(
    rf"(?:\b(?:from|src|source)[ =:]+\[?|\[(?=(?:udp|tcp|tls|wss?):)){_PLACE}", _I
)
_OTHER: Final = re.compile(rf"\b(?:from|to)\b:? +\[?{_PLACE}", _I)
# Kamailio's sipdump has a line for each of these.
_NAMED_FIELD: Final = re.compile(
    r"(?:(tag): (rcv|snd)|(proto): (\w+)|((?:src|dst)ip): (\S+)|((?:src|dst)port): (\d{1,5})).*"
)

# What stands where no header or body does: the head of a log line, or one of the above.
_LOG_LINE: Final = re.compile(
    r"\[?\d{4}[-/]\d\d[-/]\d\d[ T\t]\d\d?:|\[?\d\d:\d\d:\d\d[., :\]]|[ \t]*\d+\(\d+\) [A-Z]+:"
    rf"|\[?(?:{'|'.join(_MONTHS)}) +\d+ \d\d:\d\d:\d\d|<-{{2,}}|--- ?\(\d+ headers|--end msg--"
    r"|(?:recv|send) \d+ bytes|(?:Ret|Reliably T|T)ransmitting |[UT] \d{4}/|-{10,}[ \t]+\d{4}-"
    r"|(?:UDP|TCP|TLS|WSS?) message (?:sent|received)|(?:UDP|TCP|TLS|WSS?) \S+:\d+ -> "
    r"|\|{10,}$|={10,}$|~{10,}$|Really destroying SIP dialog|Scheduling destruction of SIP dialog",
    re.IGNORECASE,
)
_RULER: Final = re.compile(r"[ \t]*([-=*#_~<>|])\1*[->]*[ \t]*")


class Mark(NamedTuple):
    """What the lines before a message told about it.

    Attributes:
        out: True if who wrote the log sent it, False if they received it, None if not told.
        transport: one of ``TRANSPORTS``; empty if not told.
        source: who sent it, if told.
        target: to whom, if told.
        dotted: line ends are shown as full stops (ngrep).
    """

    out: bool | None = None
    transport: str = ""
    source: Address | None = None
    target: Address | None = None
    dotted: bool = False


NO_MARK: Final = Mark()


def read_mark(line: str, before: Mark = NO_MARK) -> Mark:
    """Return what a line tells about the message to come, added to what lines before it told."""
    line = line[:_LONGEST]
    if ": " in line[:9]:
        field = _NAMED_FIELD.fullmatch(line)
        if field is not None:
            return _with_field(before, *[text for text in field.groups() if text is not None])
    both = _arrow(line) or (_FROM_TO.search(line) if "rom" in line.lower() else None)
    if both is not None and (both[3] or both[6]):
        source, target = _address(both[2], both[3]), _address(both[5], both[6])
        if source is not None and target is not None:
            return Mark(None, _transport(both[1] or both[4]), source, target, line[:2] in _NGREP)
    dumped = _DUMPED.search(line) if " > " in line else None
    if dumped is not None:
        source, target = _address(dumped[1], dumped[2]), _address(dumped[3], dumped[4])
        return Mark(None, "", source, target)
    sent = _OUT.search(line)
    received = _IN.search(line)
    if sent is None and received is None:
        lone = _SOURCE.search(line)
        if lone is None or not lone[3]:
            return before
        return Mark(False, _transport(lone[1]), _address(lone[2], lone[3]), None)
    # "message sent" or "read from": the first of such words is the verb.
    out = received is None or (sent is not None and sent.start() < received.start())
    other = _OTHER.search(line)
    if other is None or not (other[1] or other[3] or is_numeric(other[2].strip("[]"))):
        return Mark(out, _transport(line.partition(" ")[0]))
    address = _address(other[2], other[3])
    sides = (None, address) if out else (address, None)
    return Mark(out, _transport(other[1]), *sides)


def _arrow(line: str) -> re.Match[str] | None:
    """Look for an arrow between two places, from two words before the first arrow on."""
    arrow = min((at for each in _ARROWS if (at := line.find(each)) >= 0), default=-1)
    if arrow < 0:
        return None
    before = line[:arrow].rstrip(" -=")
    word = before.rfind(" ")
    return _ARROW.search(line, max(before.rfind(" ", 0, max(word, 0)), 0))


def is_log_line(line: str) -> bool:
    """Tell whether a line can only stand between messages."""
    return _LOG_LINE.match(line) is not None


def is_ruler(line: str) -> bool:
    """Tell whether a line is drawn from one end to the other."""
    return _RULER.fullmatch(line) is not None


class Clock:
    """Reads the times in a text. Without a zone they count as UTC.

    Attributes:
        now: the last time read, in seconds since the epoch, or since midnight where no line had a
            date; 0 before there is one.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._day = 0
        self._year = _SOME_YEAR

    def read(self, line: str) -> bool:
        """Take the time from a line, if it has one."""
        line = line[:_LONGEST]
        # sipdump's second time of the same packet, in local time and whole seconds
        if ":" not in line or line.startswith("date: "):
            return False
        epoch = _EPOCH.search(line)
        if epoch is not None:
            return self._is(float(epoch[1]))
        dated = _DATED.search(line)
        if dated is not None:
            return self._is(_seconds(dated[1], dated[2], dated[3], dated, 4) - _zone(dated[8]))
        named = _NAMED.search(line)
        if named is not None:
            month = str(_MONTHS.index(named[1].lower()) + 1)
            year = named[3] or named[8] or str(self._year)
            return self._is(_seconds(year, month, named[2], named, 4))
        timed = _TIMED.search(line)
        if timed is None:
            return False
        at = self._day * _DAY + _time_of_day(timed, 1)
        if at < self.now - _DAY / 2:  # midnight
            at += _DAY
        return self._is(at)

    def _is(self, at: float | None) -> bool:
        if at is None or not 0 <= at < _SOME_DISTANT_DAY:
            return False
        self.now = at
        self._day = int(at // _DAY)
        if self._day:
            self._year = datetime.fromtimestamp(at, UTC).year
        return True


_ARROWS: Final = ("->", "=>", "→")
_NGREP: Final = ("U ", "T ")
_SOME_DISTANT_DAY: Final = 200_000_000_000.0


def _seconds(year: str, month: str, day: str, match: re.Match[str], first: int) -> float:
    return _midnight(year, month, day) + _time_of_day(match, first)


@lru_cache(maxsize=64)
def _midnight(year: str, month: str, day: str) -> float:
    """Return the first second of a day since the epoch, -infinity if there is no such day."""
    try:
        date = datetime(int(year), int(month), int(day), tzinfo=UTC)
    except ValueError:
        return float("-inf")
    return timegm(date.timetuple())


def _time_of_day(match: re.Match[str], first: int) -> float:
    hours, minutes, seconds, fraction = match.group(first, first + 1, first + 2, first + 3)
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + (float(f"0.{fraction}") if fraction else 0.0)


def _zone(text: str | None) -> float:
    if text is None or text == "Z":
        return 0.0
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:])).total_seconds()
    return -offset if text[0] == "-" else offset


def _with_field(mark: Mark, name: str, value: str) -> Mark:
    if name == "tag":
        return mark._replace(out=value == "snd")
    if name == "proto":
        return mark._replace(transport=_transport(value))
    side = "source" if name.startswith("src") else "target"
    before: Address | None = getattr(mark, side)
    if name.endswith("ip"):
        address = _address(value, str(before.port) if before is not None else None)
    else:
        address = _address(before.host if before is not None else "", value)
    return mark._replace(source=address) if side == "source" else mark._replace(target=address)


def _transport(text: str | None) -> str:
    text = (text or "").lower()
    return text if text in TRANSPORTS else ""


def _address(host: str, port: str | None) -> Address | None:
    """Return an address; port 0 where none is told."""
    host = host.strip("[]").lower()
    number = {"sip": 5060, "sips": 5061}.get(port or "0") or int(port or 0)
    if not host or number > 65535:
        return None
    return Address(host, number)
