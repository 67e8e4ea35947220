"""Cuts SIP messages out of lines of text.

A message begins with its start line, which may stand behind whatever a log, a mail or an indented
paste puts before it; the same is then taken off the lines that follow. It ends where its body does
by Content-Length, or where something begins that is no part of it. Pasting changes messages: line
ends, wrapped lines, replaced addresses. So nothing here insists.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from ringway.capture.text_marks import NO_MARK, Clock, Mark, is_log_line, is_ruler, read_mark
from ringway.message import MAX_HEAD, MAX_HEADERS, canonical_name
from ringway.message.names import CANONICAL, METHODS, NAMES

LONGEST: Final = 2 * MAX_HEAD
"""Characters of one message that are kept."""

_LONGEST_LINE: Final = MAX_HEAD
_MOST_LINES: Final = 4096
# Lines that may stand between a mark and its message.
_NEAR: Final = 6

# Request-Line = Method SP Request-URI SP SIP-Version; Status-Line = SIP-Version SP Status-Code SP …
_START: Final = re.compile(
    r"(?:^|(?<=[\s\[>:|\"'(;]))(?:[A-Z][A-Z0-9_.!%*+`'~-]{1,30} [a-zA-Z][a-zA-Z0-9+.-]*:\S+"
    r" SIP/2\.0|SIP/2\.0 [1-6][0-9][0-9](?: .*)?)\.?[ \t]*$"
)
# tcpdump -A shows the octets of the packet's head before it.
_BURIED: Final = re.compile(
    rf"(?:{'|'.join(sorted(METHODS))}) sips?:\S+ SIP/2\.0$|SIP/2\.0 [1-6][0-9][0-9] .*$"
)
_UNFINISHED: Final = re.compile(r"(?:^|(?<=[\s>|]))[A-Z]{3,20} sips?:\S+ ?$")
_VERSION: Final = re.compile(r"[\s>|]*SIP/2\.0 *")
_HEADER: Final = re.compile(r"([A-Za-z][A-Za-z0-9.!%*_+`'~-]*)[ \t]*:(?!//)")
# These look like header names and are the beginning of a wrapped value.
_SCHEMES: Final = frozenset({"sip", "sips", "tel", "urn", "http", "https", "mailto", "data"})
_NEEDED: Final = frozenset({"via", "from", "to", "call-id", "cseq"})
_KNOWN: Final = CANONICAL
_ESCAPED: Final = re.compile(r"SIP/2\.0(?: [1-6]\d\d [^#\\]*)?(#015#012|#012|\\r\\n|\\n)")
_COLOUR: Final = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~])?")
_LEFT_OUT: Final = re.compile(r"\W*(?:\.{2,}|…|snip(?:ped)?|omitted|truncated)\W*", re.IGNORECASE)
_SDP: Final = re.compile(r"[a-z]=")
# What a body may begin with when the empty line before it was lost.
_BODIES: Final = ("v=0", "<?xml", "{")
_LENGTH: Final = re.compile(r"[0-9]{1,9}")
_SIZED: Final = re.compile(r"(?:content-length|l)[ \t]*:[ \t]*[0-9]+", re.IGNORECASE)
_FEW: Final = 3
_DIGITS: Final = str.maketrans("123456789", "000000000")


class Pasted(NamedTuple):
    """A message as it stands in a text.

    Attributes:
        at: the time told before it.
        line: number of its start line, from 1.
        mark: what else was told before it.
        head: its start line and header lines, wrapped ones joined again.
        body: the lines of its body.
        cut: something was left out of it.
    """

    at: float
    line: int
    mark: Mark
    head: list[str]
    body: list[str]
    cut: bool


class _Part(Enum):
    OUTSIDE = auto()
    HEAD = auto()
    BODY = auto()


class Cutter:
    """Cuts messages out of lines, one line after the other.

    Attributes:
        clock: the time as the text tells it.
        lines: how many there were.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.lines = 0
        self._mark = NO_MARK
        self._mark_age = 0
        self._unfinished = ""
        self._begin("", NO_MARK, "")
        self._part = _Part.OUTSIDE

    def cut(self, lines: Iterable[bytes | str]) -> Iterator[Pasted]:
        """Return the messages in the lines, each as soon as it is known to be complete."""
        for line in lines:
            self.lines += 1
            for piece in _cleaned(line):
                if self._part is not _Part.OUTSIDE:
                    if self._goes_on(piece if self._bare else self._without_prefix(piece)):
                        continue
                    whole = self._end()
                    if whole is not None:
                        yield whole
                self._look(piece)
        whole = self._end()
        if whole is not None:
            yield whole

    def _look(self, line: str) -> None:
        """Look for the beginning of a message, and for what is told about it."""
        if self._unfinished:
            if _VERSION.fullmatch(line):
                line = f"{self._unfinished.rstrip()} SIP/2.0"
            self._unfinished = ""
        if not line.strip():
            return
        if "SIP/2.0" in line:
            start = _START.search(line) or (
                _BURIED.search(line) if self._mark.source is not None else None
            )
            if start is not None:
                prefix = line[: start.start()]
                if prefix.strip():
                    self._note(prefix)
                self._begin(start[0].rstrip(" \t"), self._mark, prefix)
                return
        elif _UNFINISHED.search(line):
            self._unfinished = line
        self._note(line)

    def _note(self, line: str) -> None:
        self.clock.read(line)
        mark = read_mark(line, self._mark)
        if mark != self._mark:
            self._mark = mark
            self._mark_age = 0
            return
        self._mark_age += 1
        if self._mark_age > _NEAR:
            self._mark = NO_MARK

    def _begin(self, start: str, mark: Mark, prefix: str) -> None:
        dotted = mark.dotted and start.endswith(".")
        self._part = _Part.HEAD
        self._begun = self.clock.now
        self._line = self.lines
        self._told = mark._replace(dotted=dotted)
        self._prefix = prefix
        self._bare = not prefix and not dotted
        self._shape = prefix.translate(_DIGITS)
        self._quoted = _quotes(prefix)
        self._head = [start.removesuffix(".") if dotted else start]
        self._body: list[str] = []
        self._size = len(start)
        self._body_size = 0
        self._names: set[str] = set()
        self._length: int | None = None
        self._type = ""
        self._left_out = False
        self._blanks = 0
        self._spaced = False
        self._mark = NO_MARK

    def _end(self) -> Pasted | None:
        part, self._part = self._part, _Part.OUTSIDE
        # Without a header it was a line of a log about a message.
        if part is _Part.OUTSIDE or not self._names & _NEEDED:
            return None
        self._drop_blanks()
        return Pasted(self._begun, self._line, self._told, self._head, self._body, self._left_out)

    def _without_prefix(self, line: str) -> str:
        prefix = self._prefix
        if prefix:
            size = len(prefix)
            if line.startswith(prefix) or line[:size].translate(_DIGITS) == self._shape:
                line = line[size:]
            elif line.rstrip().translate(_DIGITS) == self._shape.rstrip():
                line = ""
            elif self._quoted is not None:
                line = self._quoted.sub("", line, count=1)
            elif line[:size].isspace():
                line = line[size:]
        return line.removesuffix(".") if self._told.dotted else line

    def _goes_on(self, line: str) -> bool:
        """Add a line to the message, or return False if it is no part of it."""
        if self._size > LONGEST or len(self._body) > _MOST_LINES:
            self._left_out = True
            return False
        if self._part is _Part.HEAD:
            return self._belongs_to_head(line.rstrip())
        return self._belongs_to_body(line)

    def _belongs_to_head(self, line: str) -> bool:
        if not line:
            return self._ends_head()
        self._blanks = 0
        name, value = _header(line)
        if name:
            if name not in _KNOWN and _START.search(line):
                return False
            self._add(line)
            self._names.add(name)
            if name == "content-length":
                value = value.strip()
                self._length = int(value) if _LENGTH.fullmatch(value) else None
            elif name == "content-type":
                self._type = value.strip().lower()
            return True
        if _START.search(line) or is_log_line(line) or is_ruler(line):
            return False
        if _LEFT_OUT.fullmatch(line):
            self._left_out = True
            return True
        if line.startswith(_BODIES) and self._names:
            self._part = _Part.BODY
            return self._belongs_to_body(line)
        last = self._head[-1]
        if len(self._head) == 1 or (_SIZED.fullmatch(last) and not line[:1].isspace()):
            return False
        # Folded, or wrapped by whoever sent the text on.
        line = line.strip()
        self._size += len(line)
        tight = line[0] in ";," or last[-1] in ";=@<"
        self._head[-1] = f"{last}{line}" if tight else f"{last} {line}"
        return True

    def _ends_head(self) -> bool:
        self._blanks += 1
        if len(self._head) == 1:
            self._spaced = True  # a blank line behind every line
        elif self._blanks > self._spaced:
            self._part = _Part.BODY
        return self._blanks < _FEW

    def _belongs_to_body(self, line: str) -> bool:
        if self._length == 0 or (self._length is None and not self._type):
            return False
        blank = not line.strip()
        if blank:
            self._blanks += 1
            if self._spaced and (self._blanks == 1 or not self._body):
                return True
        gap = self._blanks > self._spaced
        if not blank:
            self._blanks = 0
        if "sdp" in self._type or (not self._type and not self._body and _SDP.match(line)):
            self._type = self._type or "application/sdp"
            return self._belongs_to_sdp(line, blank=blank, gap=gap)
        if self._length is None:
            if self._blanks >= _FEW or _START.search(line) or is_log_line(line) or is_ruler(line):
                return False
        elif self._is_whole() or is_log_line(line) or (self._plain and _START.search(line)):
            return False
        self._add_to_body(line)
        return True

    def _belongs_to_sdp(self, line: str, *, blank: bool, gap: bool) -> bool:
        if blank:
            return self._blanks < _FEW
        if _SDP.match(line):
            self._add_to_body(line.rstrip())
            return True
        if _START.search(line) or is_log_line(line) or is_ruler(line):
            return False
        if _LEFT_OUT.fullmatch(line):
            self._left_out = True
            return True
        if gap or not self._body or self._length is None or self._body_size >= self._length:
            return False
        self._body[-1] = f"{self._body[-1]} {line.strip()}"
        self._body_size += len(line.strip()) + 1
        return True

    @property
    def _plain(self) -> bool:
        """Whether the body can have no SIP message in it."""
        return not self._type.startswith(("message/", "multipart/"))

    def _is_whole(self) -> bool:
        """Tell whether the body is as long as it should be, whatever its line ends were."""
        length = self._length or 0
        size = self._body_size
        return size in (length, length + 2) or size - len(self._body) >= length

    def _add(self, line: str) -> None:
        if len(self._head) <= MAX_HEADERS + 1:  # one too many, so that the parser tells of it
            self._head.append(line)
        self._size += len(line)

    def _add_to_body(self, line: str) -> None:
        self._body.append(line)
        self._body_size += octets(line) + 2
        self._size += len(line)

    def _drop_blanks(self) -> None:
        while self._body and not self._body[-1]:
            if self._length is not None and self._body_size <= self._length:
                return
            self._body.pop()
            self._body_size -= 2


def _header(line: str) -> tuple[str, str]:
    """Return the canonical name of a header line and its value; no name if it is none."""
    name, colon, value = line.partition(":")
    known = NAMES.get(name)
    if known is not None and colon and not value.startswith("//"):
        return known, value
    header = _HEADER.match(line)
    if header is None or header[1].lower() in _SCHEMES:
        return "", ""
    return canonical_name(header[1]), line[header.end() :]


def _quotes(prefix: str) -> re.Pattern[str] | None:
    """Return what a mail put before each line, as it may vary; None if it is something else."""
    if prefix.strip(" \t>|"):
        return None
    marks = prefix.count(">") + prefix.count("|")
    white = len(prefix) - len(prefix.rstrip(" \t"))
    return re.compile(rf"(?:[ \t]*[>|]){{0,{marks}}}[ \t]{{0,{white}}}")


def octets(line: str) -> int:
    """Return how many octets a line has, without its end."""
    return len(line) if line.isascii() else len(line.encode("utf-8", "surrogateescape"))


def _cleaned(line: bytes | str) -> Sequence[str]:
    """Return the line without what a terminal, a web page or a logger did to it."""
    if isinstance(line, str):
        line = _encoded(line[:_LONGEST_LINE])
    text = line[:_LONGEST_LINE].decode("utf-8", "surrogateescape").rstrip("\r\n")
    text = text.removeprefix("\ufeff")
    if "\x1b" in text:
        text = _COLOUR.sub("", text).rstrip("\r")
    if "&lt;sip" in text:
        text = html.unescape(text)
    escaped = "SIP/2.0" in text and ("#012" in text or "\\n" in text)
    found = _ESCAPED.search(text) if escaped else None
    if found is None:
        return (text,)
    if found[1].startswith("\\"):
        text = text.replace('\\"', '"')
    return text.split(found[1])


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
