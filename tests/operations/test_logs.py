"""What the log must not hold: secrets, and what a stranger could pass off as a line of ours."""

import signal
import socket
import unicodedata
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.operations.service import Phone, running
from tests.ports import free_port

SECRET = "5ec7e75ec7e75ec7e75ec7e75ec7e75e"
HASH = "ab" * 32
ANSWERS = [
    (
        f'Digest username="alice", realm="example.com", nonce="{SECRET}", uri="sip:example.com", '
        f'response="{SECRET}", algorithm=SHA-256, cnonce="{SECRET}", qop=auth, nc=00000001'
    ),
    f'Digest username="alice", realm="example.com", nonce="{SECRET}',
    f"Digest {SECRET}",
    f"Digest response={SECRET}{SECRET}, =, realm=example.com",
    f"Basic {SECRET}",
    f"{SECRET}",
    f'Digest username="{SECRET}\\", realm="example.com", nonce="x", uri="x", response="{SECRET}"',
]
READY = '^ready$|"kind": "ready"'
USER = f'[[user]]\nname = "alice"\nsha_256 = "{HASH}"\n'


def lines_of(port: int, level: str, form: str) -> str:
    return f'listen = ["udp:127.0.0.1:{port}"]\n[log]\nlevel = "{level}"\nformat = "{form}"\n'


@pytest.mark.parametrize("form", ["story", "json"])
class TestLogs:
    def test_hold_no_secrets(self, form: str, tmp_path: Path) -> None:
        port = free_port()
        text = lines_of(port, "debug", form) + USER
        with running(tmp_path, text, no_auth=False, ready=False) as server, Phone(port) as phone:
            server.wait_for(READY)
            for number, answer in enumerate(ANSWERS):
                for name in ("Authorization", "Proxy-Authorization"):
                    contact = f"Contact: <sip:alice@{phone.address}>"
                    for method, user in (("REGISTER", "alice"), ("INVITE", "bob")):
                        text = phone.request(method, user, contact, f"{name}: {answer}")
                        phone.send(text.replace("Call-ID: ", f"Call-ID: n{number}"))
                        assert b"SIP/2.0 " in phone.read()
            server.process.send_signal(signal.SIGHUP)
            server.wait_for("read again")
            server.process.send_signal(signal.SIGTERM)
            assert server.wait(15) == 0
            assert "401" in server.text
            assert SECRET not in server.text
            assert HASH not in server.text
            assert "Traceback" not in server.text

    def test_hold_no_lines_of_strangers(self, form: str, tmp_path: Path) -> None:
        port = free_port()
        evil = "\x1b[2J\x1b]0;x\x07\x9b31m\u202e\u2028ringway: error: owned\x7f"
        with running(tmp_path, lines_of(port, "debug", form), ready=False) as server:
            server.wait_for(READY)
            with Phone(port) as phone:
                assert phone.register("alice").status == 200
                for old in (
                    "Call-ID: ",
                    "Max-Forwards: ",
                    "From: ",
                    "To: ",
                    "CSeq: ",
                    "Via: ",
                    "Contact: ",
                    "INVITE",
                    "SIP/2.0\r",
                ):
                    for injected in (evil, f'"{evil}" ', f"x\r {evil}\r\n "):
                        contact = f"Contact: <sip:x@{phone.address}>"
                        text = phone.request("INVITE", "alice", contact)
                        phone.send(text.replace(old, old.rstrip("\r") + injected, 1))
            with Phone(port) as phone:
                assert phone.register("bob").status == 200  # all before it has been read
            server.process.send_signal(signal.SIGTERM)
            server.process.send_signal(signal.SIGTERM)
            server.wait(15)
        written = (tmp_path / "ringway.log").read_bytes().decode()
        odd = {char for char in written if char != "\n" and unicodedata.category(char)[0] == "C"}
        assert not odd
        assert not {"\u2028", "\u2029"} & set(written)
        assert not [
            line for line in written.splitlines() if line.startswith("ringway: error: owned")
        ]
        assert "Traceback" not in written


class TestRoom:
    """What a system that is full must not cost: calls, and the word of why."""

    def test_no_more_files(self, tmp_path: Path) -> None:
        port = free_port()
        text = f'listen = ["tcp:127.0.0.1:{port}", "udp:127.0.0.1:{port}"]'
        narrow = ("sh", "-c", 'ulimit -n 80 && exec "$@"', "sh")
        with running(tmp_path, text, prefix=narrow) as server, ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            server.wait_for("nearly all of the 80 files")
            with Phone(port) as phone:
                assert phone.register("alice").status == 200
            assert server.text.count("nearly all") == 1
            assert "Traceback" not in server.text

    def test_no_room_on_the_disk(self, tmp_path: Path) -> None:
        port = free_port()
        text = f'listen = ["udp:127.0.0.1:{port}"]'
        full = ("sh", "-c", 'exec "$@" > /dev/full', "sh")
        with (
            running(tmp_path, text, prefix=full, ready=False) as server,
            Phone(port) as phone,
        ):
            server.wait_for("takes no stories for now: no space left on device")
            assert phone.register("alice").status == 200
            server.process.send_signal(signal.SIGTERM)
            server.wait(15)
            assert "Traceback" not in server.text
