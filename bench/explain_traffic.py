"""Made-up SIP traffic that is as varied as a provider's: what `bench.explain` has explained.

A proxy, two edges, and phones of many kinds behind them over UDP and TCP. Each session is written
as it would be seen by who captures at all three servers. The same seed gives the same traffic, so
figures compare; no two sessions have the same users, tags, branches and bodies, so that a reader's
memory of what it has read before helps no more than it does in real life.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.explain_people import (
    ALLOW,
    BEGUN,
    EDGES,
    PROXY,
    Body,
    Header,
    Node,
    People,
    Phone,
    Sent,
    host,
    written,
)

_LATENCY = (0.0008, 0.012)


def traffic(seed: int = 1, sessions_a_second: float = 12.0) -> Iterator[Sent]:
    """Yield traffic without end, in order of time."""
    rng = random.Random(seed)
    waiting: list[tuple[float, int, int, Sent]] = []
    begun = BEGUN
    for number in range(1 << 60):
        begun += rng.expovariate(sessions_a_second)
        while waiting and waiting[0][0] < begun:
            yield heapq.heappop(waiting)[3]
        for place, sent in enumerate(Session(rng, begun).play()):
            heapq.heappush(waiting, (sent.at, number, place, sent))


@dataclass(slots=True)
class Dialog:
    """What the requests of a session have in common."""

    caller: Phone
    callee: Phone
    call_id: str
    tags: tuple[str, str]
    uri: str
    routes: list[str] = field(default_factory=list)
    number: int = 1


class Session:
    """One registration, call or message from its first octet to its last.

    Args:
        rng: decides what happens in it.
        at: when it begins.
    """

    def __init__(self, rng: random.Random, at: float) -> None:
        self._rng = rng
        self._people = People(rng)
        self._at = at
        self._sent: list[Sent] = []
        self._vias: list[str] = []
        self._method = ""

    def play(self) -> list[Sent]:
        """Return what was sent."""
        plots: dict[Callable[[], None], int] = {
            self.registration: 22,
            self.answered: 26,
            self.challenged: 14,
            self.refused: 8,
            self.cancelled: 7,
            self.forked: 6,
            self.redirected: 5,
            self.flow_failed: 3,
            self.message: 6,
            self.options: 5,
            self.keep_alive: 8,
        }
        self._rng.choices(list(plots), list(plots.values()))[0]()
        return sorted(self._sent, key=lambda sent: sent.at)

    def registration(self) -> None:
        """REGISTER, 401, REGISTER, 200; sometimes over both edges (RFC 5626 §4.2)."""
        phone, rng = self._people.phone(), self._rng
        flows = 2 if rng.random() < 0.3 else 1
        for flow in range(flows):
            phone.edge = (phone.edge + flow) % 2
            dialog = self._dialog(phone, phone, f"sip:{phone.domain}")
            way = [Node(phone.address, phone.transport), EDGES[phone.edge], PROXY]
            contact = f'<{phone.contact};ob>;reg-id={flow + 1};+sip.instance="{phone.instance}"'
            more = [("Contact", contact), ("Expires", "3600")]
            challenge = ("WWW-Authenticate", self._people.challenge(phone.domain))
            self._ask(dialog, way, "REGISTER", more)
            self._answer(dialog, way, "401 Unauthorized", [challenge])
            dialog.number += 1
            self._pause(0.01, 0.06)
            self._ask(dialog, way, "REGISTER", [*more, self._people.credentials(phone, "REGISTER")])
            granted = [("Contact", f"{contact};expires=3600"), ("Require", "outbound")]
            granted.append(
                ("Path", f"<sip:{self._people.hex(40)}@{host(EDGES[phone.edge])};lr;ob>")
            )
            self._answer(dialog, way, "200 OK", granted)
            self._pause(0.1, 0.4)

    def answered(self, *, authorise: bool = False) -> None:
        """A call that is answered; somebody hangs up."""
        dialog, way = self._call()
        if authorise:
            self._challenge_call(dialog, way)
        offer = self._people.offer(dialog.caller)
        more = [self._people.credentials(dialog.caller, "INVITE")] if authorise else []
        lost = way[0].transport == "udp" and self._rng.random() < 0.04
        if lost:  # on its way to the edge, so it comes again (RFC 3261 §17.1.1.2)
            begun = self._at
            self._ask(dialog, way[:2], "INVITE", more, offer)
            self._at = begun + 0.5
            self._ask(dialog, way, "INVITE", more, offer, fresh=False)
        else:
            self._ask(dialog, way, "INVITE", more, offer)
        self._trying(dialog, way)
        self._ring_and_answer(dialog, way)
        self._talk(dialog, way)

    def challenged(self) -> None:
        """A call for which the proxy wants credentials (RFC 3261 §22.3)."""
        self.answered(authorise=True)

    def refused(self) -> None:
        """A call that the callee's phone refuses."""
        dialog, way = self._call()
        self._ask(dialog, way, "INVITE", [], self._people.offer(dialog.caller))
        self._trying(dialog, way)
        self._pause(0.1, 3)
        status = self._rng.choice(("486 Busy Here", "603 Decline", "480 Temporarily Unavailable"))
        self._answer(dialog, way, status, [])
        self._ack(dialog, way)

    def cancelled(self) -> None:
        """A call that the caller gives up while it rings (RFC 3261 §9)."""
        dialog, way = self._call()
        self._ask(dialog, way, "INVITE", [], self._people.offer(dialog.caller))
        self._trying(dialog, way)
        self._pause(0.1, 0.5)
        self._answer(dialog, way, "180 Ringing", self._contact_of(dialog.callee))
        self._pause(2, 20)
        self._cancel(dialog, way)

    def forked(self) -> None:
        """A call to two phones of one user; one answers, the other one is cancelled."""
        dialog, way = self._call()
        other = self._people.phone()
        second = [PROXY, EDGES[other.edge], Node(other.address, other.transport)]
        self._ask(dialog, way, "INVITE", [], self._people.offer(dialog.caller))
        vias = self._vias
        fork = Dialog(
            dialog.caller, other, dialog.call_id, (dialog.tags[0], self._people.hex(10)), ""
        )
        fork.uri = other.contact
        self._branch(fork, [*way[:2], *second], 2)
        others = self._vias
        self._vias = vias
        self._trying(dialog, way)
        self._ring_and_answer(dialog, way)
        talk = self._at
        self._vias = others
        self._cancel(fork, [*way[:2], *second], 2)
        self._at, self._vias = talk, vias
        self._talk(dialog, way)

    def redirected(self) -> None:
        """A call that a phone sends elsewhere; the proxy follows (RFC 3261 §16.5)."""
        dialog, way = self._call()
        self._ask(dialog, way, "INVITE", [], self._people.offer(dialog.caller))
        self._trying(dialog, way)
        self._pause(0.05, 0.4)
        moved = self._people.phone()
        self._answer(dialog, way, "302 Moved Temporarily", [("Contact", f"<{moved.contact}>")], 2)
        self._again(dialog, way, moved)

    def flow_failed(self) -> None:
        """A call over a flow that is gone: 430, and the next flow (RFC 5626 §5.3)."""
        dialog, way = self._call()
        self._ask(dialog, way[:4], "INVITE", [], self._people.offer(dialog.caller))
        self._pause(0.001, 0.004)
        self._answer(dialog, way[:4], "430 Flow Failed", [], 2)
        dialog.callee.edge = 1 - dialog.callee.edge
        self._again(dialog, way, dialog.callee)

    def message(self) -> None:
        """A text (RFC 3428)."""
        dialog, way = self._call()
        words = " ".join(self._people.hex(self._rng.randint(2, 9)) for _ in range(40))
        self._ask(dialog, way, "MESSAGE", [], ("text/plain", words))
        self._pause(0.02, 0.2)
        self._answer(dialog, way, "200 OK", [])

    def options(self) -> None:
        """An edge asks whether the proxy is there."""
        dialog = self._dialog(self._people.phone(), self._people.phone(), f"sip:{host(PROXY)}")
        way = [EDGES[dialog.caller.edge], PROXY]
        self._ask(dialog, way, "OPTIONS", [])
        self._answer(dialog, way, "200 OK", [("Accept", "*/*"), ("Allow", ALLOW)])

    def keep_alive(self) -> None:
        """Pings and pongs of a flow (RFC 5626 §3.5)."""
        phone = self._people.phone()
        edge = EDGES[phone.edge].address
        ping, pong = b"\r\n\r\n", b"\r\n"
        if phone.transport == "udp":
            head = b"\x21\x12\xa4\x42" + self._rng.randbytes(12)
            ping, pong = b"\0\1\0\0" + head, b"\1\1\0\0" + head
        for _ in range(3):
            self._sent.append(Sent(self._at, phone.transport, phone.address, edge, ping))
            self._pause(*_LATENCY)
            self._sent.append(Sent(self._at, phone.transport, edge, phone.address, pong))
            self._pause(24, 29)

    # What sessions are made of.

    def _call(self) -> tuple[Dialog, list[Node]]:
        caller, callee = self._people.phone(), self._people.phone()
        dialog = self._dialog(caller, callee, callee.aor)
        way = [Node(caller.address, caller.transport), EDGES[caller.edge], PROXY]
        return dialog, [*way, EDGES[callee.edge], Node(callee.address, callee.transport)]

    def _challenge_call(self, dialog: Dialog, way: list[Node]) -> None:
        asked = way[:3]
        self._ask(dialog, asked, "INVITE", [], self._people.offer(dialog.caller))
        challenge = ("Proxy-Authenticate", self._people.challenge(dialog.caller.domain))
        self._answer(dialog, asked, "407 Proxy Authentication Required", [challenge])
        self._ack(dialog, asked)
        self._pause(0.01, 0.05)
        dialog.number += 1

    def _again(self, dialog: Dialog, way: list[Node], callee: Phone) -> None:
        """Let the proxy try another way, up to the end of the call."""
        vias = self._vias[-3:]
        dialog.callee, dialog.tags = callee, (dialog.tags[0], self._people.hex(10))
        way = [*way[:3], EDGES[callee.edge], Node(callee.address, callee.transport)]
        self._vias = vias
        self._branch(dialog, way, 2)
        self._ring_and_answer(dialog, way)
        self._talk(dialog, way)

    def _ring_and_answer(self, dialog: Dialog, way: list[Node]) -> None:
        rng = self._rng
        self._pause(0.05, 0.4)
        self._answer(dialog, way, "180 Ringing", self._contact_of(dialog.callee))
        self._pause(1, 12)
        self._answer(
            dialog,
            way,
            "200 OK",
            self._contact_of(dialog.callee),
            0,
            self._people.offer(dialog.callee),
        )
        self._pause(0.01, 0.05)
        dialog.uri = dialog.callee.contact
        dialog.routes = [f"<sip:{host(node)};lr>" for node in way[1:-1]]
        self._ask(dialog, way, "ACK", [])
        self._pause(2, 60 if rng.random() < 0.8 else 200)

    def _talk(self, dialog: Dialog, way: list[Node]) -> None:
        """Perhaps put it on hold, then hang up."""
        if self._rng.random() < 0.15:
            dialog.number += 1
            self._ask(dialog, way, "INVITE", [], self._people.offer(dialog.caller))
            offer = self._people.offer(dialog.callee)
            self._answer(dialog, way, "200 OK", self._contact_of(dialog.callee), 0, offer)
            self._ask(dialog, way, "ACK", [])
            self._pause(1, 10)
        dialog.number += 1
        reason = [("Reason", 'Q.850;cause=16;text="Normal call clearing"')]
        self._ask(dialog, way, "BYE", reason)
        self._answer(dialog, way, "200 OK", [])

    def _cancel(self, dialog: Dialog, way: list[Node], since: int = 0) -> None:
        """CANCEL and 487, hop by hop."""
        vias = self._vias
        for hop in range(since, len(way) - 1):
            self._vias = vias[-hop - 1 :]
            data = self._text(dialog, "CANCEL", [], None, [self._vias[0]])
            self._put(way[hop], way[hop + 1], data)
            data = self._reply(dialog, "CANCEL", "200 OK", [], None, [self._vias[0]])
            self._put(way[hop + 1], way[hop], data)
        self._vias = vias
        self._answer(dialog, way, "487 Request Terminated", [], since, method="INVITE")
        self._ack(dialog, way, since)

    def _ack(self, dialog: Dialog, way: list[Node], since: int = 0) -> None:
        """ACK to a failure: each hop has its own (RFC 3261 §17.1.1.3)."""
        for hop in range(since, len(way) - 1):
            data = self._text(dialog, "ACK", [], None, [self._vias[-hop - 1]])
            self._put(way[hop], way[hop + 1], data)

    def _trying(self, dialog: Dialog, way: list[Node]) -> None:
        begun = self._at
        for hop in range(len(way) - 2):
            self._at = begun - 0.0004 * (len(way) - 2 - hop)
            vias = self._vias[-hop - 1 :]
            data = self._reply(dialog, "INVITE", "100 Trying", [], None, vias, tag=False)
            self._put(way[hop + 1], way[hop], data)
        self._at = begun

    def _ask(
        self,
        dialog: Dialog,
        way: Sequence[Node],
        method: str,
        more: list[Header],
        body: Body | None = None,
        *,
        fresh: bool = True,
    ) -> None:
        """Send a request all the way."""
        self._method = method
        if fresh:
            self._vias = []
        more = [*more, *self._contact_of(dialog.caller)] if method == "INVITE" else more
        self._carry(dialog, way, 0, method, more, body, fresh=fresh)

    def _branch(self, dialog: Dialog, way: Sequence[Node], since: int) -> None:
        """Send an INVITE on from a proxy."""
        self._method = "INVITE"
        self._vias = self._vias[-since:]
        body = self._people.offer(dialog.caller)
        self._carry(dialog, way, since, "INVITE", self._contact_of(dialog.caller), body)

    def _carry(
        self,
        dialog: Dialog,
        way: Sequence[Node],
        since: int,
        method: str,
        more: list[Header],
        body: Body | None,
        *,
        fresh: bool = True,
    ) -> None:
        for hop in range(since, len(way) - 1):
            node, then = way[hop], way[hop + 1]
            if fresh or hop >= len(self._vias):
                over = (then if hop else node).transport
                rport = f";rport={node.address[1]}" if hop else ";rport"
                branch = f"branch=z9hG4bK{self._people.hex(24)}"
                self._vias.insert(0, f"SIP/2.0/{over.upper()} {host(node)};{branch}{rport}")
            headers = list(more)
            if hop and method == "INVITE" and not dialog.routes:
                headers += [("Record-Route", f"<sip:{host(each)};lr>") for each in way[hop:0:-1]]
            routes = dialog.routes[hop:] if dialog.routes else []
            headers += [("Route", each) for each in routes]
            headers.append(("Max-Forwards", str(70 - hop)))
            vias = self._vias[-hop - 1 :]
            self._put(node, then, self._text(dialog, method, headers, body, vias))

    def _answer(
        self,
        dialog: Dialog,
        way: Sequence[Node],
        status: str,
        more: list[Header],
        until: int = 0,
        body: Body | None = None,
        method: str = "",
    ) -> None:
        """Send a response back from the end of the way."""
        for hop in range(len(way) - 2, until - 1, -1):
            vias = self._vias[-hop - 1 :]
            data = self._reply(dialog, method or self._method, status, more, body, vias)
            self._put(way[hop + 1], way[hop], data)

    def _put(self, source: Node, target: Node, data: bytes) -> None:
        self._at += self._rng.uniform(*_LATENCY)
        transport = "tcp" if "tcp" in (source.transport, target.transport) else "udp"
        self._sent.append(Sent(self._at, transport, source.address, target.address, data))

    def _text(
        self,
        dialog: Dialog,
        method: str,
        more: list[Header],
        body: Body | None,
        vias: Sequence[str],
    ) -> bytes:
        caller = dialog.caller
        early = not dialog.routes or method == "CANCEL"
        to = f"<{dialog.callee.aor}>" + ("" if early else f";tag={dialog.tags[1]}")
        headers = [("Via", via) for via in vias]
        headers += [
            ("From", f'"{caller.name}" <{caller.aor}>;tag={dialog.tags[0]}'),
            ("To", to),
            ("Call-ID", dialog.call_id),
            ("CSeq", f"{dialog.number} {method}"),
            *more,
            ("User-Agent", caller.agent),
        ]
        if method in ("INVITE", "REGISTER"):
            headers += [("Allow", ALLOW), ("Supported", "replaces, outbound, gruu, 100rel, timer")]
        return written(f"{method} {dialog.uri} SIP/2.0", headers, body, caller.compact)

    def _reply(
        self,
        dialog: Dialog,
        method: str,
        status: str,
        more: list[Header],
        body: Body | None,
        vias: Sequence[str],
        *,
        tag: bool = True,
    ) -> bytes:
        caller, callee = dialog.caller, dialog.callee
        tagged = f";tag={dialog.tags[1]}" if tag else ""
        route = (EDGES[callee.edge], PROXY, EDGES[caller.edge])
        headers = [("Via", via) for via in vias]
        if method == "INVITE" and status[0] < "3" and tag:
            headers += [("Record-Route", f"<sip:{host(each)};lr>") for each in route]
        headers += [
            ("From", f'"{caller.name}" <{caller.aor}>;tag={dialog.tags[0]}'),
            ("To", f"<{callee.aor}>{tagged}"),
            ("Call-ID", dialog.call_id),
            ("CSeq", f"{dialog.number} {method}"),
            *more,
            ("Server", callee.agent if tag else "ringway"),
        ]
        return written(f"SIP/2.0 {status}", headers, body, callee.compact)

    def _dialog(self, caller: Phone, callee: Phone, uri: str) -> Dialog:
        call_id = f"{self._people.hex(self._rng.choice((16, 24, 32)))}@{caller.address[0]}"
        return Dialog(caller, callee, call_id, (self._people.hex(8), self._people.hex(10)), uri)

    def _contact_of(self, phone: Phone) -> list[Header]:
        return [("Contact", f'<{phone.contact};ob>;+sip.instance="{phone.instance}"')]

    def _pause(self, least: float, most: float) -> None:
        self._at += self._rng.uniform(least, most)
