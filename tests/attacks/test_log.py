"""What a stranger can write into the log: nothing that ends a line, moves a cursor or is JSON's.

Each header field and URI, with CR, LF, terminal escapes, NUL, bytes that are no UTF-8 and Unicode
that turns the reading direction around; what is told is looked at as bytes.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.attacks.attacker import Bare, Phone, credentials, message
from tests.attacks.victim import DOMAIN, Victim
from tests.interop.programs import eventually

MARK = "0wned"
"""In everything that is injected: a line that begins with it was injected."""

INJECTED = [
    f"x\r\n{MARK}",
    f"x\n{MARK}",
    f"x\r{MARK}",
    f"x\n {MARK}",
    f"x\r\n\t{MARK}",
    f"x\x1b[2J\x1b]0;{MARK}\x07",
    f"x\x9b31m{MARK}",
    f"x\x00{MARK}",
    f"x\x08\x7f{MARK}",
    f"x\u2028{MARK}\u2029\x85{MARK}",
    f"x\u202e{MARK}",
    f"x\ufeff\u200b{MARK}",
    f"x\udcff\udc9b{MARK}",
    f'x","{MARK}":"',
    f"x%0d%0a{MARK}%1b[2J",
    f"x\\n{MARK}\\x1b",
]
FIELDS = [
    *("Call-ID", "From", "To", "Contact", "User-Agent", "Subject", "Reason", "Route", "Path"),
    *("Authorization", "Proxy-Authorization", "Require", "Proxy-Require", "Via", "Warning"),
    *("Max-Forwards", "Expires", "Content-Length", "CSeq", "X-Any", "Record-Route", "Supported"),
]
SHAPES = {
    "From": '"{}" <sip:{}@example.com>;tag={}',
    "To": '"{}" <sip:{}@example.com>;tag={}',
    "Contact": '"{}" <sip:{}@{}>;+sip.instance="<{}>";reg-id=1',
    "Route": "<sip:{}@example.com;lr>",
    "Path": "<sip:{};lr;ob>",
    "Via": "SIP/2.0/UDP {};branch={}",
    "Authorization": 'Digest username="{}", realm="{}", nonce="{}", uri="{}", response="{}"',
    "Proxy-Authorization": 'Digest username="{}", realm="example.com", nonce="{}"',
}


def injections(transport: str) -> list[bytes]:
    """Every field with everything, in requests of three kinds; and methods and URIs."""
    found: list[bytes] = []
    for text in INJECTED:
        for name in FIELDS:
            shape = SHAPES.get(name, "{}")
            value = shape.format(*[text] * shape.count("{}"))
            for method, uri in (
                ("REGISTER", f"sip:{DOMAIN}"),
                ("INVITE", f"sip:alice@{DOMAIN}"),
                ("OPTIONS", f"sip:{DOMAIN}"),
            ):
                data = message(
                    method,
                    uri,
                    via=f"SIP/2.0/{transport.upper()} 127.0.0.1:9;rport;branch={{branch}}",
                    headers=[f"{name}: {value}"],
                    call_id=f"inj-{len(found)}",
                )
                if name in {"Call-ID", "From", "To", "CSeq", "Max-Forwards", "Via"}:
                    lines = data.split(b"\r\n")
                    last = max(n for n, line in enumerate(lines) if line.startswith(name.encode()))
                    first = min(n for n, line in enumerate(lines) if line.startswith(name.encode()))
                    if first != last:
                        lines[first] = lines.pop(last)
                    data = b"\r\n".join(lines)
                found.append(data)
        for start in (f"{text} sip:{DOMAIN}", f"INVITE sip:{text}@{DOMAIN}", f"BYE {text}"):
            data = message("OPTIONS", f"sip:{DOMAIN}", via="SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK")
            _, _, rest = data.partition(b"\r\n")
            found.append(f"{start} SIP/2.0\r\n".encode("utf-8", "surrogateescape") + rest)
    return found


def check(told: bytes) -> None:
    """Every byte prints, and no line is the stranger's."""
    text = told.decode()  # valid UTF-8, or this raises
    for number, line in enumerate(text.split("\n")):
        assert line.isprintable(), (number, line)
        assert not line.lstrip().startswith(MARK), (number, line)


def check_values(told: bytes) -> None:
    """Whoever shows the values of JSON lines can do so as they are; no name is the stranger's."""
    for line in told.decode().split("\n"):
        for name, value in (json.loads(line) if line else {}).items():
            assert MARK not in name, line
            assert str(value).isprintable(), line


@pytest.mark.parametrize(
    ("log", "level"), [("json", "info"), ("story", "info"), ("story", "debug")]
)
def test_of_strangers(folder: Path, log: str, level: str) -> None:
    environment = {"RINGWAY_LOG__LEVEL": level}
    with Victim(folder, log=log, environment=environment) as victim:
        with Bare() as stranger:
            for number, data in enumerate(injections("udp")):
                stranger.send(data, victim.place())
                if number % 40 == 0:
                    stranger.take(0.01)
        for data in injections("tcp")[::7]:
            with Phone("tcp", victim.place("tcp")) as phone:
                phone._socket.sendall(data)
                phone.is_closed(0.002)
        assert victim.is_well()
    out, err = (folder / "stdout").read_bytes(), (folder / "stderr").read_bytes()
    assert out.count(b"\n") > 300, "it has told of them"
    check(out)
    check(err)
    if log == "json":
        check_values(out)
    sound = [line for line in out.decode().split("\n") if "not a header line" not in line]
    for secret in ("response=", "nonce="):
        assert secret not in "\n".join(sound)


@pytest.mark.parametrize("log", ["json", "story"])
def test_of_users_and_of_those_they_call(folder: Path, log: str) -> None:
    """Call-IDs, display names, Contacts, reason phrases: of users, and of whoever answers."""
    with Victim(folder, log=log) as victim:
        with (
            Phone("tcp", victim.place("tcp"), user="alice") as alice,
            Phone("udp", victim.place()) as mallory,
        ):
            for number, text in enumerate(INJECTED):
                if any(char in text for char in "\r\n\0"):
                    continue
                printable = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                more = [f"User-Agent: {printable}"]
                contact = f"sip:alice@{alice.local[0]}:{alice.local[1]};transport=tcp;x=%1b%0a"
                reply = alice.register_proven(number=60, contact=contact, headers=more)
                assert reply.status == 200, text
                mallory.call_id = f"call-{number}-{printable.replace(' ', '')}"
                mallory.request("OPTIONS", f"sip:alice@{DOMAIN}")
                challenge = mallory.final()
                assert challenge.status == 407
                value = credentials(
                    challenge.get("Proxy-Authenticate"),
                    user="mallory",
                    secret=mallory.secret,
                    method="OPTIONS",
                    uri=f"sip:alice@{DOMAIN}",
                )
                name = f"Proxy-Authorization: {value}"
                mallory.request("OPTIONS", f"sip:alice@{DOMAIN}", [name, f"Subject: {printable}"])
                request = alice.read()
                alice.answer(
                    request,
                    f"{'302' if number % 2 else '480'} {printable}",
                    [
                        f'Contact: "{printable}" <sip:{MARK}%0d%0a@x.invalid>',
                        f"Reason: {printable}",
                    ],
                )
                assert mallory.final().status in {302, 480, 500}
        eventually(lambda: f"call-{len(INJECTED) - 1}-" in victim.out, 10, "all of it is told")
        assert victim.is_well()
    out = (folder / "stdout").read_bytes()
    assert MARK in out.decode(), "it has told of them"
    check(out)
    if log == "json":
        check_values(out)
    check((folder / "stderr").read_bytes())


@pytest.mark.parametrize("log", ["json", "story"])
def test_of_who_is_called(folder: Path, log: str) -> None:
    """An address-of-record is kept without its escapes: `%61lice` is alice."""
    with (
        Victim(folder, log=log, users=None) as victim,
        Phone("udp", victim.place()) as stranger,
    ):
        stranger.request("OPTIONS", f"sip:x%0d%0a{MARK}%1b%9b%e2%80%ae@{DOMAIN}")
        assert stranger.final().status in {404, 480}
    out = (folder / "stdout").read_bytes()
    assert out.decode().count(MARK) > 1
    check(out)
    if log == "json":
        check_values(out)


@pytest.mark.parametrize("log", ["json", "story"])
def test_of_a_handler_that_quotes_them(folder: Path, log: str) -> None:
    """An operator's handler fails, and its error holds what a stranger wrote: several lines."""
    (folder / "app.py").write_text(
        "def handler(call):\n    raise ValueError(call.request.body.decode())\n"
    )
    body = f"v=0\nringway: error: {MARK}\n{MARK}\x1b[2J\u2028{MARK}\u202e"
    data = message(
        "INVITE",
        f"sip:alice@{DOMAIN}",
        via="SIP/2.0/UDP 127.0.0.1:9;rport;branch={branch}",
        call_id=f"x\x1b[2J{MARK}",
        body=body,
    )
    with Victim(folder, log=log, app="app:handler") as victim:
        with Bare() as stranger:
            stranger.send(data, victim.place())
            eventually(lambda: "ValueError" in victim.err, 10, "the fault is told")
        victim.close()
        told = (folder / "stderr").read_bytes()
    lines = told.decode().split("\n")
    assert [line for line in lines if MARK in line]
    assert not [line for line in lines if not line.isprintable()]
    assert not [line for line in lines if line.startswith((MARK, f"ringway: error: {MARK}"))]
