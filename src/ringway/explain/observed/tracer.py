"""From items in order to conversations.

Messages of one Call-ID on one hop make exchanges by branch, CSeq and both ends (RFC 3261 §17.1.3,
§17.2.3). What is seen is not what an element sees: responses may come from or go to another port
than the request's (§18.2.2), the capture may begin in the middle or have one side only, branches
may be re-used or missing (RFC 2543), and a packet may be there twice. Nothing of that is an error.

A conversation ends by silence: soon when everything in it is answered, later while something is
pending, and after an hour in the middle of a call. Memory is bounded: with too many conversations,
or messages in them, the one that was silent the longest is let go; one that never stops is cut.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Final

from ringway.capture.items import Item, Seen
from ringway.errors import ParseError
from ringway.explain.observed.flows import LARGE, Flows
from ringway.explain.observed.model import KINDS, Conversation, Copy, Exchange, Hop, Kind, Sight
from ringway.message import CSeq, Request, Response, Via
from ringway.transport.flow import UDP

ANSWERED: Final = 64.0
"""Seconds after the last message when nothing is pending: 64*T1, twice (RFC 3261 §17.1.2.2)."""
PENDING: Final = 240.0
"""Seconds while a request has no final response: more than timer C (RFC 3261 §16.6)."""
DIALOG: Final = 3700.0
"""Seconds between messages of a call: an hour, and a session timer may come late (RFC 4028)."""

_DOUBLE: Final = 0.02  # no timer of SIP is as short: the same packet, captured twice
_LONG: Final = 2048  # octets for which a message counts as one more
_EXCHANGES: Final = 1000
_RESPONSES: Final = 100
_COPIES: Final = 100
_DAMAGED: Final = 20

_CALL_ID: Final = re.compile(rb"\r?\n(?:Call-ID|i)[ \t]*:[ \t]*([^ \t\r\n]+)", re.IGNORECASE)

_Key = tuple[str, int, str]


class _Open:
    """A conversation that may go on."""

    __slots__ = (
        "confirmed",
        "conversation",
        "fresh",
        "heard_at",
        "index",
        "messages",
        "over",
        "pending",
        "queue",
    )

    def __init__(self, conversation: Conversation, queue: OrderedDict[str, _Open]) -> None:
        self.conversation = conversation
        # By branch, CSeq number and method; the latest first. An ACK is found by its own, too.
        self.index: dict[_Key, list[Exchange]] = {}
        self.fresh: list[Sight] = []
        self.heard_at = 0.0
        self.messages = 0
        self.pending = 0
        self.confirmed = False
        self.over = False
        self.queue = queue

    @property
    def in_dialog(self) -> bool:
        return self.confirmed and not self.over


class Tracer:
    """Puts messages together to exchanges and conversations.

    Args:
        limit: conversations that are kept open at once.
        messages: messages that are kept in them; a long one counts as several.
        fresh: messages that are kept as they were read, of conversations that were heard of last;
            of the others only the octets are kept.

    Attributes:
        flows: what is known of the flows.
    """

    def __init__(self, limit: int = 10_000, messages: int = 30_000, fresh: int = 2_000) -> None:
        self.flows = Flows(limit)
        self._limit = limit
        self._most_messages = messages
        self._most_fresh = fresh
        self._held = 0
        self._fresh = 0
        self._now = 0.0
        self._due = float("inf")
        # Longest-silent first, so the next one that is due is always at the front.
        self._answered: OrderedDict[str, _Open] = OrderedDict()
        self._pending: OrderedDict[str, _Open] = OrderedDict()
        self._dialogs: OrderedDict[str, _Open] = OrderedDict()
        self._queues = (
            (self._answered, ANSWERED),
            (self._pending, PENDING),
            (self._dialogs, DIALOG),
        )
        self._heard: OrderedDict[str, _Open] = OrderedDict()  # those with fresh messages
        self._calls: dict[str, _Open] = {}
        self._ended: list[Conversation] = []

    def feed(self, item: Item) -> list[Conversation]:
        """Take in an item; return the conversations that ended before its time.

        Items come in the order of time; one that does not is taken as if it came now.
        """
        self._now = max(self._now, item.at)
        if self._now >= self._due:
            self._expire()
        self.flows.see(item)
        if isinstance(item, Seen):
            self._hear(item)
        if not self._ended:
            return []
        ended, self._ended = self._ended, []
        return ended

    def holds(self, call_id: str) -> bool:
        """Say whether a conversation is still open."""
        return call_id in self._calls

    def close(self) -> list[Conversation]:
        """Return the conversations that are still open, in the order they began."""
        for call in list(self._calls.values()):
            self._end(call, complete=call.queue is self._answered)
        ended, self._ended = self._ended, []
        return sorted(ended, key=lambda conversation: conversation.at)

    def _hear(self, seen: Seen) -> None:
        message = seen.message
        if message is None:
            self._hear_damaged(seen)
            return
        try:
            call_id = message.call_id
            via = message.top_via
            cseq = message.cseq
            to_tag = "" if isinstance(message, Request) else message.to_tag
        except ParseError:
            self._hear_damaged(seen)
            return
        method = message.method if isinstance(message, Request) else cseq.method
        call = self._calls.get(call_id)
        if call is not None and (
            len(call.conversation.exchanges) >= _EXCHANGES or call.messages >= self._most_messages
        ):
            self._end(call, complete=False)
            call = None
        if call is None:
            kind = KINDS.get(method, Kind.OTHER)
            call = _Open(Conversation(call_id, kind), self._pending)
            self._calls[call_id] = call
        hop = Hop(seen.transport, seen.source, seen.target)
        sight = Sight(message, hop, [Copy(seen.at, seen.frames)], seen.data, seen.fault)
        if isinstance(message, Response):
            known = self._response(call, sight, message, via, cseq, to_tag)
        elif method == "ACK":
            known = _ack(call, sight, via, cseq)
        else:
            known = _request(call, sight, method, via, cseq)
        if not known:
            self._hold(call, seen)
            call.fresh.append(sight)
            self._fresh += 1
            self._heard[call_id] = call
            self._heard.move_to_end(call_id)
            while self._fresh > self._most_fresh and len(self._heard) > 1:
                self._put_away(self._heard.popitem(last=False)[1])
        self._settle(call_id, call)

    def _hear_damaged(self, seen: Seen) -> None:
        found = _CALL_ID.search(seen.data[:65536])
        call = self._calls.get(found[1].decode("utf-8", "surrogateescape")) if found else None
        if call is not None and len(call.conversation.damaged) < _DAMAGED:
            call.conversation.damaged.append(seen)
            self._hold(call, seen)

    def _hold(self, call: _Open, seen: Seen) -> None:
        weight = 1 + len(seen.data) // _LONG
        call.messages += weight
        self._held += weight

    def _put_away(self, call: _Open) -> None:
        self._fresh -= len(call.fresh)
        for sight in call.fresh:
            sight.put_away()
        call.fresh.clear()

    def _response(
        self, call: _Open, sight: Sight, message: Response, via: Via, cseq: CSeq, to_tag: str
    ) -> bool:
        key = (via.branch, cseq.number, cseq.method)
        exchange = _asked(call, key, sight.hop.back)
        if exchange is None:
            exchange = Exchange(cseq.method, cseq.number, via.branch, sight.hop.back)
            _add(call, key, exchange)
        status = message.status
        for other in exchange.responses:
            if other.status != status:
                continue
            known = other.message
            if (
                isinstance(known, Response)
                and known.to_tag == to_tag
                and (status >= 200 or known.get("rseq") == message.get("rseq"))
            ):
                _copy(other, sight)
                return True
        if status >= 200 and exchange.final is None and exchange.request is not None:
            call.pending -= 1
        if sight.hop.transport == UDP and exchange.request is not None:
            octets = len(exchange.request.data)
            if octets > LARGE and not exchange.responses:
                self.flows.arrived(exchange, octets)
        if len(exchange.responses) >= _RESPONSES:
            exchange.responses.pop()
        exchange.responses.append(sight)
        if status >= 200:
            if cseq.method == "BYE":
                call.over = True
            elif status < 300 and cseq.method == "INVITE":
                call.confirmed = True
            elif status < 300 and cseq.method == "REGISTER":
                self.flows.registered(exchange, sight)
        return False

    def _settle(self, call_id: str, call: _Open) -> None:
        """Put a conversation where it waits now, and let one go if there are too many."""
        call.heard_at = self._now
        if call.in_dialog:
            queue, wait = self._dialogs, DIALOG
        elif call.pending > 0:
            queue, wait = self._pending, PENDING
        else:
            queue, wait = self._answered, ANSWERED
        if call.queue is not queue:
            call.queue.pop(call_id, None)
            call.queue = queue
            queue[call_id] = call
        elif call_id in queue:
            queue.move_to_end(call_id)
        else:
            queue[call_id] = call
        self._due = min(self._due, self._now + wait)
        while len(self._calls) > self._limit or (
            self._held > self._most_messages and len(self._calls) > 1
        ):
            oldest = next(iter(self._answered or self._dialogs or self._pending))
            first = self._calls[oldest]
            self._end(first, complete=first.queue is self._answered)

    def _expire(self) -> None:
        self._due = float("inf")
        for queue, wait in self._queues:
            while queue:
                call = next(iter(queue.values()))
                if call.heard_at + wait > self._now:
                    self._due = min(self._due, call.heard_at + wait)
                    break
                self._end(call, complete=queue is not self._dialogs)

    def _end(self, call: _Open, *, complete: bool) -> None:
        conversation = call.conversation
        conversation.complete = complete
        call.queue.pop(conversation.call_id, None)
        del self._calls[conversation.call_id]
        self._heard.pop(conversation.call_id, None)
        self._fresh -= len(call.fresh)
        self._held -= call.messages
        self._ended.append(conversation)


def _request(call: _Open, sight: Sight, method: str, via: Via, cseq: CSeq) -> bool:
    """Take in a request other than ACK; return whether it was a repeat."""
    key = (via.branch, cseq.number, method)
    for exchange in call.index.get(key, ()):
        if exchange.hop != sight.hop or exchange.method != method:
            continue
        if exchange.request is None:
            exchange.request = sight
            return False
        if exchange.final is None or exchange.request.data == sight.data:
            _copy(exchange.request, sight)
            return True
        break  # answered, and not the same again: somebody re-uses a branch
    exchange = Exchange(method, cseq.number, via.branch, sight.hop, sight)
    _add(call, key, exchange)
    call.pending += 1
    if method == "CANCEL":
        invite = _on(call, (via.branch, cseq.number, "INVITE"), sight.hop)
        if invite is not None:
            invite.cancelled = exchange
    return False


def _ack(call: _Open, sight: Sight, via: Via, cseq: CSeq) -> bool:
    """Take in an ACK; return whether it was a repeat."""
    key = (via.branch, cseq.number, "ACK")
    for exchange in call.index.get(key, ()):
        known = exchange.request if exchange.method == "ACK" else exchange.ack
        if known is not None and known.hop == sight.hop:
            _copy(known, sight)
            return True
    invite = _on(call, (via.branch, cseq.number, "INVITE"), sight.hop) or _confirmed(call, sight)
    if invite is not None and invite.ack is None:
        invite.ack = sight
        call.index.setdefault(key, []).insert(0, invite)
    else:
        _add(call, key, Exchange("ACK", cseq.number, via.branch, sight.hop, sight))
    return False


def _confirmed(call: _Open, ack: Sight) -> Exchange | None:
    """Return the INVITE's exchange with the 2xx that an ACK of its own branch is for."""
    number = ack.message.cseq.number
    for exchange in reversed(call.conversation.exchanges):
        if (
            exchange.method == "INVITE"
            and exchange.number == number
            and exchange.hop == ack.hop
            and 200 <= exchange.status < 300
        ):
            return exchange
    return None


def _asked(call: _Open, key: _Key, hop: Hop) -> Exchange | None:
    """Return what a response answers: on the same hop, else with one end on the same host."""
    candidates = call.index.get(key, ())
    for exchange in candidates:
        if exchange.hop == hop:
            if exchange.method == key[2]:
                return exchange
            # Somebody answers an ACK: it was put to its INVITE, and is an exchange now.
            ack, exchange.ack = exchange.ack, None
            call.index[key].remove(exchange)
            answered = Exchange("ACK", key[1], key[0], hop, ack)
            _add(call, key, answered)
            return answered
    for exchange in candidates:
        if exchange.method == key[2] and (
            exchange.hop.source.host == hop.source.host
            or exchange.hop.target.host == hop.target.host
        ):
            return exchange
    return None


def _on(call: _Open, key: _Key, hop: Hop) -> Exchange | None:
    return next((each for each in call.index.get(key, ()) if each.hop == hop), None)


def _add(call: _Open, key: _Key, exchange: Exchange) -> None:
    call.index.setdefault(key, []).insert(0, exchange)
    call.conversation.exchanges.append(exchange)


def _copy(known: Sight, again: Sight) -> None:
    copy = again.copies[0]
    if copy.at - known.copies[-1].at < _DOUBLE:
        return
    if len(known.copies) >= _COPIES:
        known.copies.pop()
    known.copies.append(copy)
