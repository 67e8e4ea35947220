"""The header fields of a message: its lines, and the values read from them.

A message is its lines, as they came in, folding and compact names included, each with its
canonical name beside it. Values are read from them lazily and once. UTF-8 with surrogate
escapes carries any octet through unharmed. RFC 3261 §7.3, §8.1.1, §20.
"""

import re
from collections.abc import Iterable
from typing import Final

from ringway.errors import ParseError
from ringway.message.headers import (
    first_value,
    parse_cseq,
    parse_delta,
    parse_name_addr,
    parse_via,
    split_values,
)
from ringway.message.names import CANONICAL, LISTS, canonical_name, pretty_name
from ringway.message.values import CSeq, NameAddr, Via

__all__ = ["HeaderFields", "unfold"]

# These hold a name-addr only, never a bare addr-spec (RFC 3261 §20.34, RFC 3327 §4).
_BRACKETS: Final = frozenset({"path", "record-route", "route", "service-route"})

# Asked for three times for each request, and nearly always one of these as it stands.
_HOPS: Final[dict[str, int]] = {str(number): number for number in range(256)}


class HeaderFields:
    """Header lines, and what can be read from them.

    Args:
        names: Canonical name of each header line.
        lines: Each header line, without its CRLF at the end.
        first: The first value of each header, if the parser has found them already.
    """

    __slots__ = (
        "_addresses",
        "_cseq",
        "_first",
        "_from",
        "_lines",
        "_names",
        "_to",
        "_top_via",
    )

    def __init__(
        self, names: list[str], lines: list[str], first: dict[str, str] | None = None
    ) -> None:
        self._names = names
        self._lines = lines
        self._first = first
        self._top_via: Via | None = None
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None
        self._cseq: CSeq | None = None
        self._addresses: dict[str, tuple[NameAddr, ...]] | None = None

    def lines(self) -> Iterable[tuple[str, str]]:
        """Return each header line in order, as (canonical name, the line as it stands)."""
        return zip(self._names, self._lines, strict=True)

    def names(self) -> tuple[str, ...]:
        """Return the canonical name of each header line, in order."""
        return tuple(self._names)

    def copy_lines(self) -> tuple[list[str], list[str]]:
        """Return the canonical names and the lines, as lists of the caller's own."""
        return self._names.copy(), self._lines.copy()

    def has(self, name: str) -> bool:
        """Say whether a header is there."""
        return self.get(name) is not None

    def get(self, name: str) -> str | None:
        """Return the value of the first line of a header.

        Args:
            name: The header's name, best its lower-case long form.

        Returns:
            The value, unfolded and stripped, comma-joined values together; None if the
            header is not there.
        """
        first = self._first
        if first is None:
            first = self._index()
        value = first.get(name)
        if value is None and name not in CANONICAL:
            value = first.get(canonical_name(name))
        return value

    def values(self, name: str) -> tuple[str, ...]:
        """Return all values of a header, over all its lines, in order.

        Args:
            name: The header's name.

        Returns:
            The values, unfolded and stripped. The lines of a list header are split at
            their commas; any other header gives one value for each line.
        """
        if name not in CANONICAL:
            name = canonical_name(name)
        first = self.index().get(name)
        if first is None:
            return ()
        is_list = name in LISTS
        if self._names.count(name) == 1:
            return tuple(split_values(first)) if is_list and "," in first else (first,)
        found: list[str] = []
        for position, other in enumerate(self._names):
            if other == name:
                value = unfold(self._lines[position].partition(":")[2])
                if is_list:
                    found.extend(split_values(value))
                else:
                    found.append(value)
        return tuple(found)

    def several(self, name: str) -> bool:
        """Say whether a header has more than one value, without taking them apart if it can.

        Args:
            name: Canonical name of a list header.
        """
        lines = self._names.count(name)
        if lines == 1 and "," in self.index()[name]:
            return len(self.values(name)) > 1
        return lines > 1

    @property
    def top_via(self) -> Via:
        """The topmost Via value. Raises ParseError."""
        via = self._top_via
        if via is None:
            via = self._top_via = parse_via(first_value(self._required("via")))
        return via

    @property
    def vias(self) -> tuple[Via, ...]:
        """All Via values, topmost first. Raises ParseError."""
        return tuple(parse_via(text) for text in self.values("via"))

    @property
    def call_id(self) -> str:
        """The Call-ID. Raises ParseError."""
        return self._required("call-id")

    @property
    def cseq(self) -> CSeq:
        """The CSeq. Raises ParseError."""
        cseq = self._cseq
        if cseq is None:
            cseq = self._cseq = parse_cseq(self._required("cseq"))
        return cseq

    @property
    def from_(self) -> NameAddr:
        """The From. Raises ParseError."""
        found = self._from
        if found is None:
            found = self._from = parse_name_addr(self._required("from"), "from")
        return found

    @property
    def to(self) -> NameAddr:
        """The To. Raises ParseError."""
        found = self._to
        if found is None:
            found = self._to = parse_name_addr(self._required("to"), "to")
        return found

    @property
    def from_tag(self) -> str:
        """The tag of the From, "" if there is none. Raises ParseError."""
        return self.from_.tag

    @property
    def to_tag(self) -> str:
        """The tag of the To, "" if there is none. Raises ParseError."""
        return self.to.tag

    @property
    def routes(self) -> tuple[NameAddr, ...]:
        """The Route values, next hop first. Raises ParseError."""
        return self.addresses("route")

    @property
    def record_routes(self) -> tuple[NameAddr, ...]:
        """The Record-Route values, topmost first. Raises ParseError."""
        return self.addresses("record-route")

    @property
    def path(self) -> tuple[NameAddr, ...]:
        """The Path values, topmost first (RFC 3327). Raises ParseError."""
        return self.addresses("path")

    @property
    def contacts(self) -> tuple[NameAddr, ...]:
        """The Contact values in order, a "*" left out. Raises ParseError."""
        return self.addresses("contact")

    @property
    def contact_star(self) -> bool:
        """Whether a Contact is "*"; `contacts` tells whether it stands alone."""
        return "*" in self.values("contact")

    def addresses(self, name: str) -> tuple[NameAddr, ...]:
        """Return the values of any header made of addresses.

        Args:
            name: Canonical name of the header, for instance "service-route".

        Returns:
            The addresses in order; empty if the header is not there.

        Raises:
            ParseError: One of them cannot be read (400).
        """
        known = self._addresses
        if known is None:
            known = self._addresses = {}
        found = known.get(name)
        if found is None:
            found = tuple(parse_name_addr(text, name) for text in self.values(name) if text != "*")
            if name in _BRACKETS and not all(address.bracketed for address in found):
                # Without "<>" the ";lr" would be no parameter of the URI.
                raise ParseError('a route without "<" and ">"', header=name)
            known[name] = found
        return found

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards, None if absent. Raises ParseError, also above 255 (§20.22)."""
        text = self.get("max-forwards")
        if text is None:
            return None
        number = _HOPS.get(text)
        if number is None:
            number = parse_delta(text, "max-forwards")
            if number > 255:
                raise ParseError(f"Max-Forwards is {number}", header="max-forwards")
        return number

    @property
    def expires(self) -> int | None:
        """Expires in seconds, None if absent, at most 2**32-1. Raises ParseError."""
        return self.number("expires")

    @property
    def content_length(self) -> int | None:
        """Content-Length in octets, None if absent. Raises ParseError."""
        return self.number("content-length")

    @property
    def retry_after(self) -> int | None:
        """Retry-After in seconds without its comment, None if absent. Raises ParseError."""
        text = self.get("retry-after")
        if text is None:
            return None
        return parse_delta(re.split(r"[ \t(;]", text, maxsplit=1)[0], "retry-after")

    def number(self, name: str) -> int | None:
        """Return a header that is one number, such as "min-expires" or "max-breadth".

        Args:
            name: Canonical name of the header.

        Returns:
            The number, at most 2**32-1; None if the header is not there.

        Raises:
            ParseError: It is no number (400).
        """
        text = self.get(name)
        return None if text is None else parse_delta(text, name)

    @property
    def supported(self) -> tuple[str, ...]:
        """The option tags of Supported, in lower case."""
        return tuple(tag.lower() for tag in self._tags("supported"))

    @property
    def require(self) -> tuple[str, ...]:
        """The option tags of Require, as they stand."""
        return self._tags("require")

    @property
    def proxy_require(self) -> tuple[str, ...]:
        """The option tags of Proxy-Require, as they stand."""
        return self._tags("proxy-require")

    def _tags(self, name: str) -> tuple[str, ...]:
        if self.get(name) is None:
            return ()
        return tuple(tag for tag in self.values(name) if tag)

    def _required(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise ParseError(f"no {pretty_name(name)}", header=name)
        return value

    def adopt(self, via: Via, from_: NameAddr, to: NameAddr, cseq: CSeq) -> None:
        """Take what the parser has parsed to check it, so that it is not parsed again."""
        self._top_via = via
        self._from = from_
        self._to = to
        self._cseq = cseq

    def index(self) -> dict[str, str]:
        """Return the first value of each header by its canonical name; do not change it."""
        first = self._first
        return self._index() if first is None else first

    def _index(self) -> dict[str, str]:
        first: dict[str, str] = {}
        for name, line in zip(self._names, self._lines, strict=True):
            if name not in first:
                first[name] = unfold(line.partition(":")[2])
        self._first = first
        return first


def unfold(text: str) -> str:
    """Return a header's value as one line, without white space around it (§7.3.1)."""
    if "\n" in text:
        text = " ".join([part.strip(" \t") for part in text.split("\r\n")])
    return text.strip(" \t")
