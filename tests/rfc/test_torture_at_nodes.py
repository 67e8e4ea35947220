"""The torture tests of RFC 4475 and RFC 5118 at whole nodes, over UDP and over TCP.

What a message leads to depends on who gets it. Each is sent to four:

- registrar: the node of the domains the messages are for; it registers, and as a proxy it forwards
  to who is registered;
- edge: a node in front of that one, so that message and answer pass both;
- proxy: a node of another domain that forwards for anybody;
- agent: the registrar's node, asked for itself: the Request-URI has lost its user part.

After each message the node has to serve others as before, and 64*T1 later nothing may be left of
it. The most telling messages are written out here, in our own words; those of the RFCs are read
from the corpora when these are there.
"""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from tests.harness import Peer
from tests.unit.endpoint.test_timers import running
from tests.unit.message.samples import wire
from tests.unit.proxy.world import Node, World, listeners

from ringway.endpoint import Listener
from ringway.errors import ParseError
from ringway.location import Binding, Put, aor_of
from ringway.message import Message, Request, build_response, parse_datagram
from ringway.proxy import Relay
from ringway.transport.flow import Address, Flow, NextHop
from ringway.transport.frames import FrameKind

CORPORA: Final = Path(__file__).resolve().parents[2].parent / "shared" / "corpora"
ROLES: Final = ("registrar", "edge", "proxy", "agent")
TRANSPORTS: Final = ("udp", "tcp")
SECONDS: Final = 64 * 0.5

DOMAINS: Final = (
    "chair-dnrc.example.com",
    "company.com",
    "example.com",
    "example.net",
    "example.org",
    "host.example.net",
    "registrar.example.com",
    "services.example.com",
)
SIX: Final = "2001:db8::10"  # the server of RFC 5118
CALLER: Final = Address("10.0.2.1", 40001)
PHONE: Final = Address("10.8.8.8", 5060)  # where everybody is registered
ELSEWHERE: Final = Address("192.0.2.200", 5060)  # where other people's domains are

FORWARDED: Final = "299"  # answered further on; no node of ours would say so
NOTHING: Final = ""  # not a word, neither back nor on


class Expected(NamedTuple):
    """What comes back to who sent the message; the edge's is the registrar's."""

    registrar: str
    proxy: str
    agent: str

    def at(self, role: str) -> str:
        return self.registrar if role == "edge" else str(getattr(self, role))


def everywhere(outcome: str) -> Expected:
    return Expected(outcome, outcome, outcome)


OPTIONS: Final = Expected(FORWARDED, FORWARDED, "200")
INVITE: Final = Expected(FORWARDED, FORWARDED, "405")
REGISTER: Final = Expected("200", FORWARDED, "200")
REFUSED: Final = everywhere("400")
DROPPED: Final = everywhere(NOTHING)
NOT_HERE: Final = Expected("403", FORWARDED, "403")  # for a host that only looks like ours

EXPECTED: Final = {
    # RFC 4475 §3.1.1
    "wsinv": INVITE._replace(agent="481"),  # it has a To tag
    "intmeth": INVITE,
    "esc01": INVITE,
    "escnull": REGISTER,
    "esc02": Expected("405", FORWARDED, "405"),  # its method is not REGISTER, and names no user
    "lwsdisp": OPTIONS,
    "longreq": INVITE,
    "dblreq": REGISTER,
    "semiuri": OPTIONS,
    "transports": OPTIONS,
    "mpart01": NOT_HERE,  # for its Route
    "unreason": DROPPED,  # a response to nothing we sent; see TestResponses
    "noreason": DROPPED,
    # §3.1.2
    "badinv01": REFUSED,
    "clerr": REFUSED,
    "ncl": REFUSED,
    "scalar02": REFUSED,
    "scalarlg": DROPPED,
    "quotbal": REFUSED,
    "ltgtruri": REFUSED,
    "lwsruri": REFUSED,
    "lwsstart": REFUSED,
    "trws": REFUSED,
    "escruri": REFUSED,
    "baddate": INVITE,
    "regbadct": REFUSED._replace(proxy=FORWARDED),  # no proxy reads the Contact of a REGISTER
    "badaspec": REFUSED,
    "baddn": REFUSED,
    "badvers": everywhere("505"),
    "mismatch01": REFUSED,
    "mismatch02": everywhere("501"),
    "bigcode": DROPPED,
    # §3.2
    "badbranch": OPTIONS,
    # §3.3
    "insuf": REFUSED,
    "unkscm": everywhere("416"),
    "novelsc": everywhere("416"),
    "unksm2": REFUSED._replace(proxy=FORWARDED),
    "bext01": everywhere("420"),
    "invut": INVITE,
    "regaut01": REGISTER,
    "multi01": REFUSED,
    "mcl01": REFUSED,
    "bcast": DROPPED,
    "zeromf": Expected("483", "483", "200"),
    "cparam01": REGISTER,
    "cparam02": REGISTER,
    "regescrt": REGISTER,
    "sdp01": INVITE,
    # §3.4
    "inv2543": INVITE,
    "test": DROPPED,  # no SIP-Version and no Via: nobody to answer
    # RFC 5118 §4
    "ipv6-good": REGISTER,
    "ipv6-bad": REFUSED,
    "port-ambiguous": NOT_HERE,
    "port-unambiguous": REGISTER,
    "via-received-param-with-delim": Expected("481", FORWARDED, "481"),  # a BYE
    "via-received-param-no-delim": OPTIONS._replace(registrar="200"),  # names no user
    "ipv6-in-sdp": INVITE,
    "mult-ip-in-header": INVITE._replace(agent="481"),  # a BYE
    "mult-ip-in-sdp": INVITE,
    "ipv4-mapped-ipv6": INVITE,
    "ipv6-bug-abnf-3-colons": NOT_HERE,
    "ipv6-correct-abnf-2-colons": NOT_HERE,
}

ON_A_STREAM: Final = {
    "baddn": DROPPED,  # the file has no empty line at its end: the rest may still come
    "clerr": DROPPED,  # as may the rest of its body
    "dblreq": Expected("200 480", f"{FORWARDED} {FORWARDED}", "200 480"),  # two messages
    "inv2543": REFUSED,  # RFC 3261 §18.3: no Content-Length, no end
}
"""Where the boundaries of a message make another one of it."""

CLOSES: Final = {"inv2543", "mcl01", "ncl"}
"""After these nobody knows where the next message would begin."""

NEXT_HOPS: Final = {
    "mpart01": Address("127.0.0.1", 5080),
    "ipv6-good": Address(SIX, 5060),
    "ipv6-in-sdp": Address(SIX, 5060),
    "mult-ip-in-sdp": Address(SIX, 5060),
    "port-ambiguous": Address("2001:db8::10:5070", 5060),
    "port-unambiguous": Address(SIX, 5070),
    "via-received-param-no-delim": Address(SIX, 5060),
    "via-received-param-with-delim": Address(SIX, 5060),
    "ipv6-bug-abnf-3-colons": Address("2001:db8::192.0.2.1", 5060),
    "ipv6-correct-abnf-2-colons": Address("2001:db8::192.0.2.1", 5060),
}
"""Where the proxy has to send what does not go to somebody's domain."""

DEVIATIONS: Final = {
    ("regbadct", "proxy"): "a proxy does not read the Contact of a REGISTER (RFC 3261 §16.3)",
    ("invut", "registrar"): "bodies are for the callee to judge: forwarded",
    ("invut", "proxy"): "bodies are for the callee to judge: forwarded",
    ("invut", "agent"): "405, for the method is judged before the body (RFC 3261 §8.2.1, §8.2.3)",
    ("sdp01", "registrar"): "what a caller accepts is for the callee to judge: forwarded",
    ("sdp01", "proxy"): "what a caller accepts is for the callee to judge: forwarded",
    ("sdp01", "agent"): "405, for the method is judged first (RFC 3261 §8.2.1)",
}
"""Where the index of the corpus speaks of a phone, and a server does something else."""

TAIL: Final = "From: <sip:caller@example.net>;tag=1\nCall-ID: own\nMax-Forwards: 70\n"
VIA: Final = "Via: SIP/2.0/UDP host.example.com;branch=z9hG4bKown\n"
TO: Final = "To: <sip:user@example.com>\n"
BODY: Final = "Content-Type: text/plain\nContent-Length: 5\n\na\0b\n"


OWN: Final = {
    "badinv01": (
        "INVITE sip:user@example.com SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.15;;,;,,\n"
        f"{TO}{TAIL}CSeq: 1 INVITE\n{BODY}"
    ),
    "dblreq": (
        f"REGISTER sip:example.com SIP/2.0\n{VIA}{TO}{TAIL}CSeq: 1 REGISTER\n"
        "Contact: sip:user@host.example.com\nContent-Length: 0\n\n\n"
        "INVITE sip:joe@example.com SIP/2.0\nTo: sip:joe@example.com\n"
        f"{VIA.replace('own', '2')}{TAIL.replace('own', '2')}CSeq: 1 INVITE\n{BODY}"
    ),
    "wsinv": (
        "INVITE sip:user@example.com;unknownparam SIP/2.0\n"
        "TO :\n <sip:user@example.com> ;  tag   = 2\n"
        "Via  : SIP  /   2.0\n /UDP\n    192.0.2.2;branch=390skdjuw\n"
        f"{TAIL}cseq: 0009\n  INVITE\nUnknownHeader: ;;,,;;,;\n"
        'NewFangled:   "folded\n  value" \nRoute:\n <sip:services.example.com;lr;unknown>\n'
        "v:  SIP  / 2.0  / TCP     spindle.example.com   ;\n"
        "  branch  =   z9hG4bK9ikj8  ,\n SIP  /    2.0   / UDP  192.168.255.111   ; branch=\n"
        f" z9hG4bK30239\n{BODY}"
    ),
    "clerr": (
        f"INVITE sip:user@example.com SIP/2.0\n{VIA}{TO}{TAIL}CSeq: 1 INVITE\n"
        "Content-Length: 9999\n\nv=0\n"
    ),
    "ncl": (
        f"INVITE sip:user@example.com SIP/2.0\n{VIA}{TO}{TAIL}CSeq: 1 INVITE\n"
        "Content-Length: -999\n\nv=0\n"
    ),
    "scalarlg": (
        f"SIP/2.0 503 Service Unavailable\n{VIA}{TO}{TAIL}"
        "CSeq: 9292394834772304023312 OPTIONS\nContent-Length: 0\n\n"
    ),
    "regbadct": (
        f"REGISTER sip:example.com SIP/2.0\n{VIA}{TO}{TAIL}CSeq: 1 REGISTER\n"
        "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E\nl: 0\n\n"
    ),
    "insuf": f"INVITE sip:user@example.com SIP/2.0\nCSeq: 193942 INVITE\n{VIA}{BODY}",
    "unksm2": (
        f"REGISTER sip:example.com SIP/2.0\n{VIA}To: isbn:2983792873\n"
        f"{TAIL.replace('sip:caller@example.net', 'http://www.example.com')}CSeq: 1 REGISTER\n"
        "Contact: <name:John_Smith>\nl: 0\n\n"
    ),
    "bext01": (
        f"OPTIONS sip:user@example.com SIP/2.0\n{VIA}{TO}{TAIL}CSeq: 1 OPTIONS\n"
        "Require: nothingSupportsThis, norThis\nProxy-Require: noProxySupportsThis, norThat\n"
        "Content-Length: 0\n\n"
    ),
    "zeromf": (
        f"OPTIONS sip:user@example.com SIP/2.0\n{VIA}{TO}{TAIL.replace('70', '0')}"
        "CSeq: 1 OPTIONS\nContent-Length: 0\n\n"
    ),
    "inv2543": (
        "INVITE sip:user@example.com SIP/2.0\nVia: SIP/2.0/UDP iftgw.example.com\n"
        "From: <sip:+13035551111@client.example.net;user=phone>\n"
        "Record-Route: <sip:user@example.com;maddr=ss1.example.com>\n"
        f"{TO}Call-ID: own\nCSeq: 56 INVITE\nContent-Type: application/sdp\n\nv=0\n"
    ),
    "port-ambiguous": (
        f"REGISTER sip:[2001:db8::10:5070] SIP/2.0\n{VIA}{TO}{TAIL}CSeq: 1 REGISTER\n"
        "Contact: <sip:caller@[2001:db8::1]>\nContent-Length: 0\n\n"
    ),
    "port-unambiguous": (
        f"REGISTER sip:[2001:db8::10]:5070 SIP/2.0\n{VIA}{TO}{TAIL}CSeq: 1 REGISTER\n"
        "Contact: <sip:caller@[2001:db8::1]>\nContent-Length: 0\n\n"
    ),
    "via-received-param-no-delim": (
        "OPTIONS sip:[2001:db8::10] SIP/2.0\n"
        "Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKown\n"
        f"{TO}{TAIL}CSeq: 1 OPTIONS\nContent-Length: 0\n\n"
    ),
}
"""Messages of our own that have the point of those of the same name."""


class Came(NamedTuple):
    """Bytes of one message, as they came, and where."""

    to: Address
    data: bytes


class Witness(Peer):
    """Somebody who keeps what comes as it comes, and answers requests."""

    def __init__(self, node: Node, transport: str, address: Address, log: list[Came]) -> None:
        super().__init__(node, transport, address)
        self.log = log
        if transport == "udp":
            self.flow = Flow("udp", node.udp, address)
        node.peers[transport, address] = self

    def take_bytes(self, data: bytes) -> None:
        if self.framer is None:
            self._take(data)
            return
        for frame in self.framer.feed(data):
            assert frame.kind is FrameKind.MESSAGE, frame
            self._take(frame.head + frame.body)

    def _take(self, data: bytes) -> None:
        self.log.append(Came(self.address, data))
        if not data.startswith(b"SIP/2.0 "):
            self.answer(parse_datagram(data), int(FORWARDED))


class Scene:
    """One kind of node, and who is around it.

    Attributes:
        node: the one under test.
        onward: what went further on.
        back: what came back to the caller.
        closed: True when our node closed the caller's connection.
    """

    def __init__(self, role: str) -> None:
        self.role = role
        self.onward: list[Came] = []
        self.back: list[Came] = []
        self.closed = False
        local = listeners("10.0.0.1")
        if role == "proxy":
            local += (Listener("udp", Address("2001:db8::53", 5060)),)
            self.world = World(listeners=local, relay=Relay.ANY)
        else:
            local += tuple(Listener("udp", Address(SIX, port)) for port in (5060, 5070))
            self.world = World(listeners=local, domains=DOMAINS)
        self.node = self.world.core
        if role == "edge":
            self.node = self.world.add_edge("10.0.0.2", domains=DOMAINS, aliases=(SIX,))
        for node in self.world.nodes:
            node.dns = {host: [NextHop("udp", ELSEWHERE, host)] for host in DOMAINS}
            for transport in TRANSPORTS:  # what is too long for a datagram comes over TCP
                for place in {PHONE, ELSEWHERE, *NEXT_HOPS.values()}:
                    Witness(node, transport, place, self.onward)
        for port in (CALLER.port, 5060, 5050, 5070, 6050, 19823):  # what they say in their Via
            Witness(self.node, "udp", Address(CALLER.host, port), self.back)
        Witness(self.node, "tcp", Address(CALLER.host, 5060), self.back)

    def send(self, data: bytes, transport: str) -> None:
        """Send a message from the caller; what it calls is registered unless it is elsewhere."""
        request = understood(data)
        if self.role != "proxy" and isinstance(request, Request):
            with suppress(ParseError):
                self._register(request)
        if transport == "udp":
            self.node.peers["udp", CALLER].send_raw(data)
            return
        peer = Witness(self.node, "tcp", CALLER, self.back)
        self.node.welcome(peer)
        peer.send_raw(data)
        self.closed = peer.closed
        if not peer.closed:
            peer.close()

    @property
    def outcome(self) -> str:
        """The final answers, each once however often it was repeated."""
        answers = {data: data.split(b" ", 2)[1].decode() for _, data in self.back}
        return " ".join(sorted(status for status in answers.values() if status != "100"))

    def _register(self, request: Request) -> None:
        binding = Binding(
            aor=aor_of(request.uri),
            contact=f"sip:phone@{PHONE}",
            expires_at=self.world.now + 3600,
            call_id="bind",
            cseq=1,
            registered_at=self.world.now,
        )
        self.world.core.location.apply([Put(binding)], self.world.now)

    def assert_serves(self) -> None:
        """An OPTIONS of somebody else is answered."""
        for node in self.world.nodes:
            other = node.peer("udp", "10.0.3.1", 5060)
            other.request("OPTIONS", f"sip:{node.host}")
            assert other.statuses == [200]

    def assert_empty(self) -> None:
        """Nothing is left but the listeners, and connections that we keep to who is further on."""
        for node in self.world.nodes:
            endpoint = node.endpoint
            assert running(endpoint) == []
            assert endpoint.next_timer() is None
            assert len(endpoint._servers) == len(endpoint._clients) == len(node.core.proxy) == 0
            assert not endpoint._resolving
            assert not endpoint._flows._opening
            assert not endpoint._servers._named
            assert CALLER not in [flow.remote for flow in endpoint._flows._connections]


def understood(data: bytes) -> Message | None:
    """Return a message as far as it can be read."""
    try:
        return parse_datagram(data)
    except ParseError as error:
        return error.message if isinstance(error.message, Message) else None


def as_request(answer: bytes) -> Message:
    """Return an answer with what it may lack, for what was not in the request is not in it."""
    read = understood(b"OPTIONS sip:a SIP/2.0\r\n" + answer.partition(b"\r\n")[2])
    assert read is not None
    return read


def lines_of(data: bytes) -> list[bytes]:
    """The header lines, folded ones as they are, without those a proxy may change."""
    head = data.lstrip(b"\r\n").partition(b"\r\n\r\n")[0]
    lines = re.split(rb"\r\n(?![ \t])", head)[1:]
    changeable = {b"via", b"v", b"max-forwards", b"route", b"record-route", b"path", b"require"}
    changeable |= {b"content-length", b"l", b"max-breadth"}
    return [line for line in lines if line.partition(b":")[0].strip().lower() not in changeable]


def assert_unchanged(sent: bytes, came: bytes, hops: int) -> None:
    """What went on is what came in, but for what a proxy has to change (RFC 3261 §16.6)."""
    before, after = parse_datagram(sent), parse_datagram(came)
    assert after.to_bytes() == came  # there is nothing behind the body
    length = re.search(rb"^(?:content-length|l) *: *(\d+)\r$", sent, re.IGNORECASE | re.MULTILINE)
    body = sent.partition(b"\r\n\r\n")[2]
    assert after.body == (body if length is None else body[: int(length[1])])
    assert lines_of(came) == lines_of(sent)
    for name, least in (("via", 1), ("record-route", 0)):
        values = before.values(name)[least:]  # the topmost Via has got a received
        assert after.values(name)[len(after.values(name)) - len(values) :] == values
    left = before.max_forwards
    assert after.max_forwards == (71 if left is None else left) - hops


def assert_answers(sent: Message, came: Came, transport: str) -> None:
    """What came back belongs to what was sent, and went where its Via and its source say."""
    via = None
    with suppress(ParseError):
        via = sent.top_via
    if transport == "udp":
        by_source = via is None or via.rport is not None
        assert came.to.port == (CALLER.port if by_source or via is None else via.port or 5060)
    answer = as_request(came.data)
    for name in ("call-id", "cseq", "from"):
        assert answer.get(name) == sent.get(name)
    if via is None:
        assert answer.get("via") == sent.get("via")
    else:
        assert answer.values("via")[1:] == sent.values("via")[1:]
        assert answer.top_via.branch == via.branch


def data_of(name: str, *, own: bool) -> bytes:
    if own:
        return wire(OWN[name])
    (path,) = CORPORA.glob(f"rfc*/{name}.dat")
    return path.read_bytes()


def for_the_server(data: bytes) -> bytes:
    """Take the user part off the Request-URI."""
    return re.sub(rb"^(\S+ +<?sips?:)[^\r\n> ]*@", rb"\1", data)


def play(name: str, role: str, transport: str, *, own: bool = False) -> Scene:
    """Send a message and check all that holds for every one of them."""
    sent = data_of(name, own=own)
    if role == "agent":
        sent = for_the_server(sent)
    scene = Scene(role)
    scene.send(sent, transport)
    assert scene.closed or transport == "udp" or name not in CLOSES
    scene.assert_serves()
    scene.world.advance(SECONDS)
    scene.assert_serves()
    scene.world.advance(SECONDS)
    scene.assert_empty()

    expected = EXPECTED[name]
    if transport == "tcp":
        expected = ON_A_STREAM.get(name, expected)
    assert scene.outcome == expected.at(role)
    assert len(scene.onward) == scene.outcome.split().count(FORWARDED)
    place = NEXT_HOPS.get(name, ELSEWHERE) if role == "proxy" else PHONE
    for came in scene.onward:
        assert came.to == place
    if "dblreq" not in name or transport == "udp":
        for came in scene.onward:
            assert_unchanged(sent, came.data, 2 if role == "edge" else 1)
        request = understood(sent)
        for came in scene.back:
            assert isinstance(request, Request)
            assert_answers(request, came, transport)
    return scene


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("role", ROLES)
class TestEveryMessage:
    @pytest.mark.clause(
        "RFC4475 3.1.1.1",
        "RFC4475 3.1.1.8",
        "RFC4475 3.1.2.1",
        "RFC4475 3.1.2.2",
        "RFC4475 3.1.2.3",
        "RFC4475 3.1.2.5",
        "RFC4475 3.1.2.13",
        "RFC4475 3.3.1",
        "RFC4475 3.3.4",
        "RFC4475 3.3.5",
        "RFC4475 3.3.11",
        "RFC4475 3.4.1",
        "RFC5118 4.3",
        "RFC5118 4.4",
        "RFC5118 4.5",
    )
    @pytest.mark.parametrize("name", OWN)
    def test_of_our_own(self, name: str, role: str, transport: str) -> None:
        play(name, role, transport, own=True)

    @pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not here")
    @pytest.mark.parametrize("name", EXPECTED)
    def test_of_the_corpora(self, name: str, role: str, transport: str) -> None:
        play(name, role, transport)


@pytest.mark.parametrize("transport", TRANSPORTS)
class TestAnswers:
    @pytest.mark.clause("RFC4475 3.1.2.1")
    def test_via_that_cannot_be_read_is_answered_to_the_source(self, transport: str) -> None:
        scene = play("badinv01", "registrar", transport, own=True)
        (came,) = scene.back
        assert came.to == CALLER
        assert b"\r\nVia: SIP/2.0/UDP 192.0.2.15;;,;,,\r\n" in came.data

    @pytest.mark.parametrize(
        ("role", "tags"),
        [
            ("proxy", "noProxySupportsThis, norThat"),
            ("agent", "nothingSupportsThis, norThis"),
        ],
    )
    @pytest.mark.clause("RFC4475 3.3.5")
    def test_unsupported_says_what(self, role: str, tags: str, transport: str) -> None:
        (came,) = play("bext01", role, transport, own=True).back
        answer = parse_datagram(came.data)
        assert answer.get("unsupported") == tags

    @pytest.mark.clause("RFC4475 3.1.1.8")
    def test_octets_behind_the_body_go_nowhere(self, transport: str) -> None:
        scene = play("dblreq", "proxy", transport, own=True)
        assert [b"INVITE" in came.data for came in scene.onward] == (
            [False] if transport == "udp" else [False, True]
        )


class TestResponses:
    """Odd responses, as answers to a request that waits for one."""

    @pytest.mark.parametrize(
        ("start", "passes"),
        [
            pytest.param(
                "SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое",
                True,
                marks=pytest.mark.clause("RFC4475 3.1.1.12"),
                id="unreason",
            ),
            pytest.param(
                "SIP/2.0 200 ", True, marks=pytest.mark.clause("RFC4475 3.1.1.13"), id="noreason"
            ),
            pytest.param(
                "SIP/2.0 4294967301 better not break the receiver",
                False,
                marks=pytest.mark.clause("RFC4475 3.1.2.19"),
                id="bigcode",
            ),
            pytest.param(
                "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1",
                False,
                marks=pytest.mark.clause("RFC4475 3.3.10"),
                id="bcast",
            ),
        ],
    )
    @pytest.mark.parametrize("role", ["registrar", "proxy", "edge"])
    def test_passes_as_it_is_or_not_at_all(self, role: str, start: str, passes: bool) -> None:
        scene = Scene(role)
        sent = f"OPTIONS sip:user@example.com SIP/2.0\n{VIA}{TO}{TAIL}CSeq: 1 OPTIONS\nl: 0\n\n"
        further = scene.world.core.peer("udp", ELSEWHERE.host if role == "proxy" else PHONE.host)
        scene.send(wire(sent), "udp")
        answer = build_response(further.requests[0], 200, to_tag="t").to_bytes()
        odd = answer.replace(b"SIP/2.0 200 OK", start.encode(), 1)
        if "Via" in start:  # below ours, or it would not be for us
            first, via = start.encode().split(b"\r\n")
            odd = answer.replace(b"\r\nFrom:", b"\r\n" + via + b"\r\nFrom:", 1)
            assert odd.startswith(first)
        assert odd != answer
        further.send(odd)
        got = [came.data.split(b"\r\n", 1)[0] for came in scene.back]
        assert got == ([start.encode()] if passes else [])
        further.send(answer)
        assert len(scene.back) == 1
        scene.assert_serves()
        scene.world.advance(SECONDS)
        scene.assert_empty()


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not here")
class TestIndex:
    """What is expected here is what the index says, or stands among the deviations."""

    def test_every_name_is_there(self) -> None:
        assert [row["name"] for row in index()] == list(EXPECTED)

    def test_agrees(self) -> None:
        differing = {
            (row["name"], role)
            for row in index()
            for role in ROLES
            if role != "edge" and not permits(row, role, EXPECTED[row["name"]].at(role))
        }
        assert differing == set(DEVIATIONS)


def index() -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for corpus in ("rfc4475", "rfc5118"):
        with (CORPORA / corpus / "INDEX.csv").open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file)
    return rows


def permits(row: dict[str, str], role: str, outcome: str) -> bool:
    """Say whether the index allows an outcome."""
    text = row.get("expected") or row["class"]
    parts = [part for part in text.split(";") if f"{role} " in part]
    text = parts[0] if parts else text
    statuses = re.findall(r"\b[1-6]\d\d\b", text)
    if "discard" in text or "malformed" in text:
        return outcome == NOTHING
    if outcome in statuses:
        return True
    lenient = re.search("lenient|liberal|accept|ignore|may|fallback|forwards|processes", text)
    return outcome != "400" if lenient or not statuses else False
