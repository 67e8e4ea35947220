"""Our answers as a weapon: what a stranger can have us send to an address that is not its own.

RFC 3261 §26.3.2.4: challenge once, without retransmissions. §18.2.2, RFC 3581: the response goes
to the source, whatever the Via says. The figures are those of docs/security.md; `pytest -s` shows
them.
"""

import itertools
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from select import select

import pytest
from tests.attacks.attacker import Bare, Phone, address, message, replies
from tests.attacks.victim import DOMAIN, Victim
from tests.interop.wire import Place

ALICE = f"sip:alice@{DOMAIN}"
# What docs/security.md promises: bytes sent for each byte received, of the shortest requests.
MOST = 4.0
# T1, doubled until T2: what would be repeated is, for the first time after half a second.
LONG_ENOUGH = 1.6
# RFC 3261 §17.2.1: seconds after which an INVITE is answered 100 if it has no other answer.
TRYING = 0.2


_numbers = itertools.count(1)


def shortest(method: str, uri: str, *headers: str) -> bytes:
    """The shortest request that is one, for the largest factor."""
    to = "sip:a@example.com" if method == "REGISTER" else uri
    lines = [
        f"{method} {uri} SIP/2.0",
        f"v:SIP/2.0/UDP h;rport;branch=z9hG4bK{next(_numbers)}",
        "f:<sip:a@example.com>;tag=1",
        f"t:<{to}>",
        f"i:{method[0]}{len(headers)}",
        f"CSeq:1 {method}",
        "Max-Forwards:9",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


ASKED = {
    "REGISTER": shortest("REGISTER", "sip:example.com"),
    "INVITE": shortest("INVITE", "sip:a@example.com"),
    "INVITE elsewhere": shortest("INVITE", "sip:a@b.example", "Subject:x"),
    "MESSAGE": shortest("MESSAGE", "sip:a@example.com"),
    "OPTIONS": shortest("OPTIONS", "sip:a@example.com"),
    "OPTIONS to the server": shortest("OPTIONS", "sip:example.com"),
    "INVITE to the server": shortest("INVITE", "sip:example.com"),
    "BYE": shortest("BYE", "sip:a@example.com"),
    "CANCEL": shortest("CANCEL", "sip:a@example.com"),
    "ACK": shortest("ACK", "sip:a@example.com"),
    "Require": shortest("OPTIONS", "sip:example.com", "Require:" + "a," * 20 + "a"),
    "malformed": shortest("OPTIONS", "sip:example.com").replace(b"CSeq:1", b"CSeq:x"),
    "version": shortest("OPTIONS", "sip:example.com").replace(b"SIP/2.0\r", b"SIP/3.0\r", 1),
    "STUN": b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"attack-id-12",
    "ping": b"\r\n\r\n",
}


def came_of(asked: Mapping[str, bytes], place: Place) -> dict[str, list[tuple[float, bytes]]]:
    """Send each from a socket of its own; return what came to it, and after how many seconds."""
    came: dict[str, list[tuple[float, bytes]]] = {name: [] for name in asked}
    with ExitStack() as stack:
        names = {stack.enter_context(Bare()): name for name in asked}
        began = time.monotonic()
        for sock, name in names.items():
            sock.send(asked[name], place)
        while ready := select(list(names), [], [], LONG_ENOUGH)[0]:
            for sock in ready:
                data = sock.socket.recv(65536)
                came[names[sock]].append((time.monotonic() - began, data))
    return came


def is_trying(data: bytes) -> bool:
    return data.startswith(b"SIP/2.0 100 ")


@pytest.fixture(scope="module")
def edged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """An edge before a registrar that asks for passwords."""
    folder = tmp_path_factory.mktemp("edge")
    with Victim(folder / "registrar", settings=['role = "registrar"']) as registrar:
        settings = ['role = "edge"', f'registrar = "{registrar.uri()}"']
        with Victim(folder / "edge", settings=settings, users=None) as edge:
            yield edge


class TestFactor:
    def test_of_everything_a_stranger_may_ask(self, victim: Victim) -> None:
        """All at once, so that all have the time in which something would be repeated."""
        self.measure(victim)

    def test_at_an_edge(self, edged: Victim) -> None:
        """What the registrar behind it says to an INVITE is passed on once, and no 100 before."""
        self.measure(edged)
        assert edged.is_well()

    def measure(self, victim: Victim) -> None:
        print()
        print(f"{'request':24}{'bytes':>6}{'datagrams':>10}{'sent':>6}{'factor':>8}")
        for name, taken in came_of(ASKED, victim.place()).items():
            asked, sent = len(ASKED[name]), sum(len(data) for _, data in taken)
            print(f"{name:24}{asked:6}{len(taken):10}{sent:6}{sent / asked:8.2f}")
            if taken and is_trying(taken[0][1]):
                # Nobody may leave the caller without word for longer; what follows is repeated.
                assert taken[0][0] >= TRYING, (name, taken)
                continue
            assert len(taken) <= 1, (name, taken)
            assert sent <= MOST * asked, name

    def test_a_challenge_offers_all_three_algorithms(self, victim: Victim) -> None:
        """So that the figures are of the largest answer there is."""
        with Bare() as sock:
            sock.send(ASKED["REGISTER"], victim.place())
            (reply,) = replies(sock.take())
        assert reply.status == 401
        assert len(reply.values("WWW-Authenticate")) == 3

    @pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
    def test_who_asks_again_is_answered_again_and_no_oftener(
        self, victim: Victim, method: str
    ) -> None:
        data = message(
            method,
            f"sip:{DOMAIN}" if method == "REGISTER" else ALICE,
            to=f"<{ALICE}>",
            via="SIP/2.0/UDP 127.0.0.1:9;rport;branch={branch}",
        )
        with Bare() as sock:
            for _ in range(4):
                sock.send(data, victim.place())
            taken = sock.take(LONG_ENOUGH)
        assert len(taken) == 4
        (tag,) = {re.sub(r".*tag=", "", reply.get("To")) for reply in replies(taken)}
        assert tag

    def test_wrong_credentials_weigh_no_more(self, victim: Victim) -> None:
        """Credentials that prove nothing earn no transaction that repeats its answer."""
        nonsense = 'Digest username="a",realm="example.com",nonce="x",uri="sip:x",response="0"'
        forged = (
            f'Digest username="alice", realm="{DOMAIN}", nonce="bm9uY2U=", uri="{ALICE}", '
            'response="0123456789abcdef0123456789abcdef", algorithm=MD5, cnonce="c", '
            "qop=auth, nc=00000001"
        )
        socks: list[tuple[Bare, int]] = []
        for value in (nonsense, forged, "Digest", "Basic YTpi"):
            data = message(
                "INVITE",
                ALICE,
                via="SIP/2.0/UDP 127.0.0.1:9;rport;branch={branch}",
                from_=f"<{ALICE}>;tag=1",
                headers=[f"Proxy-Authorization: {value}"],
            )
            sock = Bare()
            sock.send(data, victim.place())
            socks.append((sock, len(data)))
        for number, (sock, asked) in enumerate(socks):
            with sock:
                taken = sock.take(0.05 if number else LONG_ENOUGH)
            assert len(taken) == 1, (number, taken)
            assert len(taken[0]) <= MOST * asked


def vias(third: str, port: int) -> Sequence[str]:
    branch = "branch={branch}"
    return [
        f"SIP/2.0/UDP {third}:{port};{branch}",
        f"SIP/2.0/UDP {third}:{port};rport;{branch}",
        f"SIP/2.0/UDP {third}:{port};received={third};{branch}",
        f"SIP/2.0/UDP {third}:{port};rport={port};{branch}",
        f"SIP/2.0/UDP {third}:{port};received={third};rport={port};{branch}",
        f"SIP/2.0/UDP {third}:{port};maddr={third};{branch}",
        f"SIP/2.0/UDP {third}:{port};maddr={third};ttl=1;rport;{branch}",
        f"SIP/2.0/UDP unknown.invalid:{port};maddr={third};{branch}",
        f'SIP/2.0/UDP {third}:{port};x="a;rport;";received="{third}";{branch}',
        f"SIP/2.0/TCP {third}:{port};{branch}",
        f"SIP/2.0/TCP {third}:{port};maddr={third};{branch}",
        f"SIP/2.0/TLS {third}:{port};alias;{branch}",
        f"SIP/2.0/UDP {third}:{port};{branch},SIP/2.0/UDP {third}:{port};branch=z9hG4bKb",
    ]


class TestVia:
    """A Via names a third party; nothing ever reaches it."""

    @pytest.mark.parametrize("method", ["OPTIONS", "INVITE", "REGISTER", "BYE"])
    def test_no_datagram_goes_to_a_third_address(self, victim: Victim, method: str) -> None:
        server = f"sip:{DOMAIN}"
        uri = server if method in {"OPTIONS", "REGISTER"} else ALICE
        with Bare("127.0.0.9") as third, Bare("127.0.0.1") as stranger:
            host, port = third.place
            for via in vias(host, port):
                stranger.send(message(method, uri, to=f"<{ALICE}>", via=via), victim.place())
            assert third.take(0.4) == []
            # Without rport the response goes to the source address and the port of the sent-by.
            assert stranger.take(0.0)

    def test_nor_does_an_unsound_request(self, victim: Victim) -> None:
        with Bare("127.0.0.9") as third, Bare("127.0.0.1") as stranger:
            host, port = third.place
            for via in vias(host, port):
                data = message("OPTIONS", f"sip:{DOMAIN}", via=via)
                stranger.send(data.replace(b"CSeq: 1", b"CSeq: none"), victim.place())
                stranger.send(data.replace(b" SIP/2.0\r", b" SIP/7.0\r", 1), victim.place())
            assert third.take(0.4) == []

    def test_nor_over_a_connection(self, victim: Victim) -> None:
        """A TCP request whose connection is gone: its answer is for nobody else."""
        with Bare("127.0.0.9") as third:
            host, port = third.place
            for via in vias(host, port):
                with Phone("tcp", victim.place("tcp")) as stranger:
                    data = message("INVITE", ALICE, via=via.replace("/UDP", "/TCP"))
                    stranger._socket.sendall(data)
            assert third.take(0.4) == []

    def test_responses_that_nobody_asked_for_go_nowhere(self, victim: Victim) -> None:
        """Below our Via stands a third party: a made-up response must not be passed on."""
        with Bare("127.0.0.9") as third, Bare("127.0.0.1") as stranger:
            ours = address(victim.place())
            for branch in ("z9hG4bKa", "z9hG4bK.a.b.c", "z9hG4bKlong.00000000"):
                for status in ("200 OK", "180 Ringing", "302 Moved", "404 No"):
                    lines = [
                        f"SIP/2.0 {status}",
                        f"Via: SIP/2.0/UDP {ours};branch={branch}",
                        f"Via: SIP/2.0/UDP {address(third.place)};branch=z9hG4bKx",
                        "From: <sip:a@b>;tag=1",
                        f"To: <{ALICE}>;tag=2",
                        "Call-ID: x",
                        "CSeq: 1 INVITE",
                        "Content-Length: 0",
                        "",
                        "",
                    ]
                    stranger.send("\r\n".join(lines).encode(), victim.place())
            assert third.take(0.5) == []
            assert stranger.take(0.0) == []
