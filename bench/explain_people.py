"""Who takes part in made-up traffic: a proxy, two edges, and phones of many kinds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

Address = tuple[str, int]
Header = tuple[str, str]
Body = tuple[str, str]


class Sent(NamedTuple):
    """A message, or a sign of life.

    Attributes:
        at: seconds since the epoch.
        transport: udp or tcp.
        source: who sends.
        target: to whom.
        data: its octets.
    """

    at: float
    transport: str
    source: Address
    target: Address
    data: bytes


class Node(NamedTuple):
    """A server or phone on a request's way; `transport` leads to whoever is before it."""

    address: Address
    transport: str = "udp"


@dataclass(slots=True)
class Phone:
    """A phone: who uses it, where it is, over which edge, and how it writes."""

    user: str
    domain: str
    name: str
    address: Address
    transport: str
    edge: int
    agent: str
    instance: str
    compact: bool

    @property
    def aor(self) -> str:
        return f"sip:{self.user}@{self.domain}"

    @property
    def contact(self) -> str:
        over = ";transport=tcp" if self.transport == "tcp" else ""
        return f"sip:{self.user}@{self.address[0]}:{self.address[1]}{over}"


PROXY = Node(("192.0.2.20", 5060))
EDGES = (Node(("192.0.2.11", 5060)), Node(("192.0.2.12", 5060)))
BEGUN = 1_700_000_000.0

_AGENTS = (
    "Linphone-Desktop/5.1.65 (Debian GNU/Linux 12) LinphoneSDK/5.2.98",
    "baresip v1.0.0 (x86_64/linux)",
    "PJSUA v2.15.1 Linux-6.1.0.28/x86_64/glibc-2.36",
    "Yealink SIP-T46S 66.86.0.15",
    "PolycomVVX-VVX_411-UA/5.9.7.4477",
    "snom870/8.7.5.35",
    "Grandstream GXP2170 1.0.11.64",
    "Cisco-CP8841/12.8.1",
    "Zoiper rv2.10.19.6",
    "Asterisk PBX 20.5.0",
    "FreeSWITCH-mod_sofia/1.10.11-release+git~20231222T180000Z~f24064f7c9~64bit",
    "JsSIP 3.10.0",
)
_NAMES = "Anna Bao Carlos Dana Emre Fatima Gita Hugo Ines Jan Kofi Lena Mei Nora Omar Pia".split()  # noqa: SIM905
_DOMAINS = ("example.com", "voice.example.net", "pbx-12.example.org", "example.de")
ALLOW = "INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO, PRACK, UPDATE"
_COMPACT = {
    "Via": "v",
    "From": "f",
    "To": "t",
    "Call-ID": "i",
    "Contact": "m",
    "Content-Type": "c",
    "Content-Length": "l",
    "Supported": "k",
}
_CODECS = (
    (0, "PCMU/8000"),
    (8, "PCMA/8000"),
    (9, "G722/8000"),
    (18, "G729/8000"),
    (96, "opus/48000/2"),
    (97, "iLBC/8000"),
    (98, "speex/16000"),
    (101, "telephone-event/8000"),
)


class People:
    """Makes phones and what they write, each time anew.

    Args:
        rng: decides.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def phone(self) -> Phone:
        rng = self._rng
        return Phone(
            user=f"{rng.choice(_NAMES).lower()}{rng.randrange(100_000)}",
            domain=rng.choice(_DOMAINS),
            name=f"{rng.choice(_NAMES)} {self.hex(5).title()}",
            address=(f"203.0.113.{rng.randrange(1, 255)}", rng.randrange(10_000, 65_000)),
            transport=rng.choice(("udp", "tcp")),
            edge=rng.randrange(2),
            agent=rng.choice(_AGENTS),
            instance=f"<urn:uuid:{self.hex(8)}-{self.hex(4)}-4000-8000-{self.hex(12)}>",
            compact=rng.random() < 0.05,
        )

    def offer(self, phone: Phone) -> Body:
        rng = self._rng
        codecs = rng.sample(_CODECS, rng.randint(3, len(_CODECS)))
        numbers = " ".join(str(number) for number, _ in codecs)
        lines = [
            "v=0",
            f"o={phone.user} {rng.randrange(1 << 31)} 1 IN IP4 {phone.address[0]}",
            "s=-",
            f"c=IN IP4 {phone.address[0]}",
            "t=0 0",
            f"m=audio {rng.randrange(5000, 32000) * 2} RTP/AVP {numbers}",
            *(f"a=rtpmap:{number} {name}" for number, name in codecs),
            "a=sendrecv",
            f"a=ssrc:{rng.randrange(1 << 32)} cname:{self.hex(16)}",
        ]
        return "application/sdp", "\r\n".join([*lines, ""])

    def challenge(self, realm: str) -> str:
        return f'Digest realm="{realm}", nonce="{self.hex(32)}", algorithm=MD5, qop="auth"'

    def credentials(self, phone: Phone, method: str) -> Header:
        name = "Authorization" if method == "REGISTER" else "Proxy-Authorization"
        return name, (
            f'Digest username="{phone.user}", realm="{phone.domain}", nonce="{self.hex(32)}", '
            f'uri="sip:{phone.domain}", response="{self.hex(32)}", algorithm=MD5, '
            f'cnonce="{self.hex(16)}", qop=auth, nc=00000001'
        )

    def hex(self, count: int) -> str:
        return f"{self._rng.getrandbits(4 * count):0{count}x}"


def host(node: Node) -> str:
    return f"{node.address[0]}:{node.address[1]}"


def written(start: str, headers: Sequence[Header], body: Body | None, compact: bool) -> bytes:
    kind, text = body or ("", "")
    if kind:
        headers = [*headers, ("Content-Type", kind)]
    headers = [*headers, ("Content-Length", str(len(text)))]
    lines = [f"{_COMPACT.get(name, name) if compact else name}: {value}" for name, value in headers]
    return "\r\n".join([start, *lines, "", text]).encode()
