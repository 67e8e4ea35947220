"""What no phone would send: torture messages, mutations by the ten thousand, scanners.

After it the server still answers, has met nothing it did not expect, and holds no more memory.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest
from tests.attacks.attacker import Bare, Phone, message, raw
from tests.attacks.victim import DOMAIN, Victim, password
from tests.fuzz.test_fuzz_parser import INVITE, PIECES, REGISTER, RESPONSE
from tests.interop.wire import Place
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

CORPORA: Final = Path(__file__).resolve().parents[2].parent / "shared" / "corpora"
TORTURE: Final = sorted(CORPORA.glob("rfc4475/*.dat")) + sorted(CORPORA.glob("rfc5118/*.dat"))
MUTATIONS: Final = int(os.environ.get("ATTACK_MUTATIONS", "50000"))
SEED: Final = 4475


class TestTorture:
    """RFC 4475 and RFC 5118; what each is answered with is in tests/rfc."""

    @pytest.mark.skipif(not TORTURE, reason="the corpora are not here")
    @pytest.mark.parametrize("transport", ["udp", "tcp", "ws"])
    def test_each_message(self, victim: Victim, transport: str) -> None:
        assert len(TORTURE) >= 60
        for path in TORTURE:
            data = path.read_bytes()
            self.send(victim.place(transport), transport, data)
            with Phone("udp", victim.place()) as phone:
                phone.request("OPTIONS", f"sip:{DOMAIN}")
                assert phone.final().status == 200, path.name
        assert "fault" not in victim.err

    def send(self, place: Place, transport: str, data: bytes) -> None:
        if transport == "udp":
            with Bare() as stranger:
                stranger.send(data, place)
        elif transport == "tcp":
            with raw(place) as sock, suppress(OSError):
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
        else:
            uri = f"ws://{place[0]}:{place[1]}/"
            with (
                suppress(WebSocketException, TimeoutError),
                connect(uri, subprotocols=[Subprotocol("sip")]) as browser,
            ):
                browser.send(data)
                browser.recv(0.05)


def sound() -> list[bytes]:
    """Valid messages of every kind, as this server gets them."""
    found = [INVITE, RESPONSE, REGISTER]
    for method in ("OPTIONS", "INVITE", "REGISTER", "BYE", "CANCEL", "ACK", "SUBSCRIBE", "MESSAGE"):
        for uri in (f"sip:{DOMAIN}", f"sip:alice@{DOMAIN}"):
            digest = (
                f'Digest username="alice", realm="{DOMAIN}", nonce="bm8=", uri="{uri}", '
                'response="0123456789abcdef0123456789abcdef", qop=auth, cnonce="c", nc=00000001'
            )
            found.append(
                message(
                    method,
                    uri,
                    via="SIP/2.0/UDP 127.0.0.1:9;rport;branch={branch}",
                    headers=[
                        'Contact: "A, B" <sip:a@127.0.0.1:9;ob>;q=0.5;+sip.instance="<urn:x:1>"',
                        "Supported: outbound, path",
                        f"Route: <sip:{DOMAIN};lr>",
                        "Max-Breadth: 5",
                        f"Authorization: {digest}",
                        "Accept: application/sdp",
                    ],
                    body="v=0\r\n",
                )
            )
    return found


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Change a message in one to five places: a piece in, some bytes out, a line twice or moved."""
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0:
                data = data[:at] + chance.choice(PIECES) + data[at:]
            case 1:
                data = data[:at] + data[at + chance.randrange(1, 40) :]
            case 2:
                data = data[:at] + bytes((chance.randrange(256),)) + data[at + 1 :]
            case 3:
                lines = data.split(b"\r\n")
                line = chance.choice(lines)
                lines.insert(chance.randrange(len(lines)), line)
                data = b"\r\n".join(lines)
            case 4:
                lines = data.split(b"\r\n")
                del lines[chance.randrange(len(lines))]
                data = b"\r\n".join(lines)
            case _:
                data = data[:at] + chance.choice(PIECES) * chance.randrange(1, 50) + data[at:]
    return data


def mutations(count: int, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    kinds = sound()
    for _ in range(count):
        yield mutate(chance.choice(kinds), chance)[:60_000]


class TestMutations:
    @pytest.mark.timeout(120)
    def test_thousands_leave_nothing(self, folder: Path) -> None:
        """Half over UDP, half over TCP; most of them first, to fill what is bounded.

        Transactions last 64*T1, which is short here: what is left then has leaked.
        """
        environment = {
            "RINGWAY_LOG__LEVEL": "warning",
            "RINGWAY_TIMERS__T1": "10ms",
            "RINGWAY_TIMERS__T2": "40ms",
            "RINGWAY_TIMERS__T4": "50ms",
        }
        with Victim(folder, environment=environment) as victim:
            self.flood(victim, MUTATIONS * 3 // 5, SEED)
            before = victim.memory()
            self.flood(victim, MUTATIONS * 2 // 5, SEED + 1)
            assert victim.is_well()
            grown = victim.memory() - before
            print(f"\n{MUTATIONS} mutations: memory grew by {grown / 1e6:.1f} MB")
            assert grown < 8_000_000
            assert "fault" not in victim.err

    def flood(self, victim: Victim, count: int, seed: int) -> None:
        udp, tcp = victim.place(), victim.place("tcp")
        with Bare() as stranger:
            for number, data in enumerate(mutations(count // 2, seed)):
                stranger.send(data, udp)
                if number % 50 == 0:  # so that the server's socket takes them all
                    self.wait(victim)
                    stranger.take(0.0)
        whole = list(mutations(count - count // 2, seed + 1000))
        for start in range(0, len(whole), 10):
            with raw(tcp) as sock, suppress(OSError):
                sock.settimeout(1)
                sock.sendall(b"".join(whole[start : start + 10]))
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass

    def wait(self, victim: Victim) -> None:
        """Until it has read what came before this."""
        with Phone("udp", victim.place()) as phone:
            phone.request("OPTIONS", f"sip:{DOMAIN}")
            assert phone.final().status == 200


def told_apart(data: bytes) -> bytes:
    """An answer without what is new each time: nonce, tag, Date, and the names that were asked."""
    data = re.sub(rb'nonce="[^"]*"', b"nonce", data)
    data = re.sub(rb";tag=[^\r;]*", b";tag", data)
    data = re.sub(rb";rport=\d+", b";rport", data)
    data = re.sub(rb"branch=[^;\r]*", b"branch", data)
    return re.sub(rb"(alice|nobod|xxxxx)", b"USER!", data)


class TestScanners:
    """Which users there are is nobody's business."""

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    @pytest.mark.parametrize(
        "method",
        ["REGISTER", "INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "BYE", "PUBLISH", "FOO"],
    )
    @pytest.mark.parametrize("proof", ["none", "wrong", "junk"])
    def test_who_is_there_and_who_is_not_get_the_same_bytes(
        self, victim: Victim, transport: str, method: str, proof: str
    ) -> None:
        """`alice` has a password and is registered; `nobod` and `xxxxx` are nobody."""
        with Phone("tcp", victim.place("tcp"), user="alice") as alice:
            assert alice.register_proven(number=1).status == 200
            answers = {
                told_apart(self.ask(victim, transport, method, user, proof))
                for user in ("alice", "nobod", "xxxxx")
            }
            assert len(answers) == 1, answers
            assert alice.hears(0.01) is None

    def ask(self, victim: Victim, transport: str, method: str, user: str, proof: str) -> bytes:
        aor = f"sip:{user}@{DOMAIN}"
        uri = f"sip:{DOMAIN}" if method == "REGISTER" else aor
        headers = {
            "none": [],
            "junk": ["Authorization: Digest x", "Proxy-Authorization: Digest x"],
            "wrong": [
                f'{name}: Digest username="{user}", realm="{DOMAIN}", nonce="bm9uY2U=", '
                f'uri="{uri}", response="0123456789abcdef0123456789abcdef", algorithm=MD5, '
                'cnonce="c", qop=auth, nc=00000001'
                for name in ("Authorization", "Proxy-Authorization")
            ],
        }[proof]
        data = message(
            method,
            uri,
            via=f"SIP/2.0/{transport.upper()} 127.0.0.1:9;rport;branch={{branch}}",
            from_=f"<{aor}>;tag=1",
            to=f"<{aor}>",
            call_id="scan",
            headers=[*headers, f"Contact: <sip:{user}@127.0.0.1:9>"],
        )
        with Phone(transport, victim.place(transport)) as phone:
            phone._socket.sendall(data)
            return phone._socket.recv(65536)

    @pytest.mark.skipif(find_spec("sipvicious") is None, reason="sipvicious is not here")
    @pytest.mark.parametrize(
        ("tool", "args"),
        [
            ("svmap", []),
            ("svwar", ["-D", "-m", "REGISTER"]),
            ("svwar", ["-d", "names", "-m", "REGISTER"]),
            ("svwar", ["-d", "names", "-m", "INVITE", "--force"]),
            ("svwar", ["-d", "names", "-m", "OPTIONS", "--force"]),
        ],
    )
    def test_sipvicious_finds_nobody(
        self, victim: Victim, folder: Path, tool: str, args: list[str]
    ) -> None:
        said = self.sipvicious(victim, folder, tool, *args)
        assert "Traceback" not in said, said
        if tool == "svmap":
            assert str(victim.place()[1]) in said, said
        else:  # it tells users by answers that differ from those to a name that nobody has
            assert "| alice" not in said, said
            assert "found nothing" in said or "SIP server replied" in said, said

    @pytest.mark.skipif(find_spec("sipvicious") is None, reason="sipvicious is not here")
    def test_sipvicious_guesses_no_password(self, folder: Path) -> None:
        """It knows no algorithm but MD5, and stumbles where another one is offered first."""
        guesses = ["100", "alice", "secret"]
        with Victim(folder, environment={"RINGWAY_AUTH__ALGORITHMS": "MD5"}) as victim:
            for right in ([], [password("alice")]):
                (folder / "guesses").write_text("\n".join((*guesses, *right, "")))
                said = self.sipvicious(
                    victim,
                    folder,
                    "svcrack",
                    *("-u", "alice", "-d", "guesses", f"--domain={DOMAIN}", "--maximumtime=1"),
                )
                assert "Traceback" not in said, said
                assert ("| alice" in said) == bool(right), said
            assert victim.is_well()

    def sipvicious(self, victim: Victim, folder: Path, tool: str, *args: str) -> str:
        (folder / "names").write_text("alice\nbob\nnobody\n1000\n")
        host, port = victim.place()
        done = subprocess.run(
            [sys.executable, "-m", f"sipvicious.{tool}", *args, "-p", str(port), host],
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
            cwd=folder,
            env={**os.environ, "HOME": str(folder)},
        )
        return done.stdout + done.stderr

    @pytest.mark.skipif(shutil.which("sipsak") is None, reason="sipsak is not here")
    def test_sipsak_floods(self, victim: Victim) -> None:
        host, port = victim.place()
        for mode in (["-R"], ["-F", "-e", "2000"], ["-M"]):
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    ["sipsak", *mode, "-s", f"sip:alice@{host}:{port}"],
                    capture_output=True,
                    timeout=3,
                    check=False,
                )
            assert victim.is_well()
