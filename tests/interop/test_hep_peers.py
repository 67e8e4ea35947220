"""HEP both ways: Kamailio's copies told by `ringway explain --hep`, and our server's copies read by
sngrep, by Kamailio as a collector and by ourselves, beside a packet capture of the same calls."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import ssl
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.interop.certificate import Certificate
from tests.interop.lab import LOOPBACK, Lab
from tests.interop.ours import Ours
from tests.interop.peers import need
from tests.interop.programs import eventually
from tests.interop.servers import Server, ringway_command
from tests.interop.sniffer import Sniffer, ports_of
from tests.interop.wire import Agent
from tests.ports import free_port

from ringway.capture.files import read_capture
from ringway.capture.items import Seen, Tick
from ringway.cli.explain.hep_in import HepCollector
from ringway.server.config.values import read_hep_listen
from ringway.ua.events import Answered, Ended, Registered

Conversation = dict[str, Any]
KEY = "not a secret"
PASSWORDS = {"alice": "wonderland", "bob": "wonderland"}
SECRETS = ("nonce=", "response=", "wonderland")


class Explain:
    """`ringway explain --hep` as a program, from its greeting to Ctrl-C."""

    def __init__(self, lab: Lab, transport: str, *more: str) -> None:
        args = [*ringway_command(), "explain", "--hep", f"{transport}:0", "--json", *more]
        self._program = lab.start("ringway-explain", args)
        place = self._program.wait_for(r"listening for HEP at (\w+):127\.0\.0\.1:(\d+);")
        self.collector = f"{place[1]}:{LOOPBACK}:{place[2]}"
        self.port = int(place[2])

    def end(self) -> list[Conversation]:
        """Press Ctrl-C; what it told."""
        self._program.signal(signal.SIGINT)
        assert self._program.wait(20) in {0, 1}, self._program.text
        return conversations(self._program.text)


def conversations(text: str) -> list[Conversation]:
    told = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert told[-1]["type"] == "summary"
    assert not [each for each in told if each["type"] == "trouble"], told
    return [each for each in told if each["type"] == "conversation"]


def explained(lab: Lab, file: Path) -> list[Conversation]:
    program = lab.start("ringway-explain", [*ringway_command(), "explain", file, "--json"])
    assert program.wait(20) in {0, 1}, program.text
    return conversations(program.text)


def collector(name: str, *more: str) -> list[str]:
    return ["[hep]", f'collector = "{name}"', "capture_id = 7", *more]


def said(conversation: Conversation) -> Counter[tuple[str, ...]]:
    """The messages of a conversation: over what, from where to where, and which."""
    return Counter(
        (each["transport"], each["source"], each["target"], each["says"])
        for each in conversation["messages"]
    )


class TestKamailio:
    @pytest.mark.parametrize("version", [1, 2, 3])
    def test_its_copies_are_told(self, lab: Lab, version: int) -> None:
        need("kamailio")
        explain = Explain(lab, "udp", *(("--hep-key", KEY) if version == 3 else ()))
        uri = f"sip:127.0.0.1:{explain.port}"
        server = lab.kamailio("hep.cfg", defines={"COLLECTOR": uri, f"HEP_{version}": "1"})
        asked = []
        for _ in range(3):  # its one process has copied what it answered before
            with Agent("udp", server.place("udp"), user="alice") as agent:
                agent.request("OPTIONS", "sip:bob@ring.test")
                assert agent.read().status == 200
                asked.append(agent)
        told = {each["call_id"]: each for each in explain.end()}
        host, port = server.place("udp")
        there = f"{host}:{port}"
        for agent in asked[:-1]:
            one = told[agent.call_id]
            here = f"{agent.local[0]}:{agent.local[1]}"
            assert (one["kind"], one["verdict"]["status"], one["findings"]) == ("options", 200, [])
            assert said(one) == {
                ("udp", here, there, "OPTIONS"): 1,
                ("udp", there, here, "200 OK"): 1,
            }

    def test_another_key_is_not_taken(self, lab: Lab) -> None:
        need("kamailio")
        with contextlib.closing(HepCollector(read_hep_listen("udp:0"), b"other")) as ours:
            uri = f"sip:127.0.0.1:{ours.address.port}"
            server = lab.kamailio("hep.cfg", defines={"COLLECTOR": uri, "HEP_3": "1"})
            for _ in range(2):
                with Agent("udp", server.place("udp"), user="alice") as agent:
                    agent.request("OPTIONS", "sip:bob@ring.test")
                    agent.read()
            ours.stop()
            found = [item for item in ours if not isinstance(item, Tick)]
        assert found
        assert all("without the right key" in item.text for item in found)  # type: ignore[union-attr]

    def test_over_tcp(self, lab: Lab) -> None:
        need("kamailio")
        with contextlib.closing(HepCollector(read_hep_listen("tcp:0"), KEY.encode())) as ours:
            uri = f"sip:127.0.0.1:{ours.address.port};transport=tcp"
            server = lab.kamailio("hep.cfg", defines={"COLLECTOR": uri, "HEP_3": "1"})
            with Agent("tcp", server.place("tcp"), user="alice") as agent:
                agent.request("OPTIONS", "sip:bob@ring.test")
                assert agent.read().status == 200
                found = seen_of(ours, agent.call_id, 2)
        request, response = found
        assert (request.transport, response.transport) == ("tcp", "tcp")
        assert (request.source, request.target) == (agent.local, server.place("tcp"))
        assert (response.source, response.target) == (server.place("tcp"), agent.local)


def seen_of(ours: HepCollector, call_id: str, count: int) -> list[Seen]:
    found: list[Seen] = []
    quiet = 0
    for item in ours:
        quiet += isinstance(item, Tick)
        assert quiet < 15, found
        if isinstance(item, Seen) and item.message is not None and item.message.call_id == call_id:
            found.append(item)
            if len(found) == count:
                ours.stop()
    return found


class Phones:
    """Two user agents of ours at a server of ours, with passwords."""

    def __init__(self, lab: Lab, transport: str, settings: Sequence[str]) -> None:
        secure = transport in {"tls", "wss"}
        certificate = Certificate(lab.folder, LOOPBACK) if secure else None
        self.server: Server = lab.server(
            ("udp", transport) if transport != "udp" else ("udp",),
            users=PASSWORDS,
            certificate=certificate,
            settings=settings,
        )
        self._tls = None
        if certificate is not None:
            self._tls = ssl.create_default_context(cafile=certificate.certificate)
        self._lab = lab
        self._transport = transport

    def call(self) -> None:
        """One call, from the first word to the last; then both go, and the server last.

        A server that stops sends its last copies before it ends.
        """
        outbound = [self.server.uri(self._transport)]
        alice, bob = (
            Ours(self._lab, user, outbound=outbound, password=password, tls=self._tls)
            for user, password in PASSWORDS.items()
        )
        alice.event(Registered)
        bob.event(Registered)
        call = alice.call(bob.aor)
        taken = bob.take_call()
        call.event(Answered)
        call.hang_up()
        taken.event(Ended)
        alice.leave()
        bob.leave()
        self.server.program.signal(signal.SIGTERM)
        assert self.server.program.wait(10) == 0, self.server.program.text


class TestOurServer:
    @pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws", "wss"])
    @pytest.mark.parametrize("hep", ["udp", "tcp"])
    def test_its_calls_are_told(self, lab: Lab, transport: str, hep: str) -> None:
        explain = Explain(lab, hep, "--hep-key", KEY)
        phones = Phones(lab, transport, collector(explain.collector, f'key = "{KEY}"'))
        phones.call()
        told = explain.end()
        text = json.dumps(told)
        assert not [secret for secret in SECRETS if secret in text]
        kinds = Counter(each["kind"] for each in told)
        assert (kinds["call"], kinds["registration"]) == (1, 2)
        (call,) = [each for each in told if each["kind"] == "call"]
        says = {each["says"].removesuffix(" (SDP)") for each in call["messages"]}
        assert says >= {"INVITE", "407 Proxy Authentication Required", "200 OK", "ACK", "BYE"}
        assert {each["transport"] for each in call["messages"]} == {transport}
        assert call["verdict"]["name"] == "verdict-ended"
        assert not [each for each in told if each["findings"]]

    @pytest.mark.parametrize("transport", ["udp", "tcp", "ws"])
    def test_a_capture_tells_the_same(self, lab: Lab, transport: str) -> None:
        explain = Explain(lab, "udp")
        phones = Phones(lab, transport, collector(explain.collector))
        sniffer = Sniffer(lab, ports_of(phones.server), "lo")
        phones.call()
        ours = {each["call_id"]: each for each in explain.end()}
        theirs = {each["call_id"]: each for each in explained(lab, sniffer.stop())}
        assert set(theirs) <= set(ours)
        calls = [each for each in theirs.values() if each["kind"] == "call"]
        assert len(calls) == 1
        for call_id, theirs_of_it in theirs.items():
            mine = ours[call_id]
            assert said(mine) == said(theirs_of_it)
            for key in ("kind", "title", "codes", "findings", "complete"):
                assert mine[key] == theirs_of_it[key]
            assert mine["verdict"]["name"] == theirs_of_it["verdict"]["name"]
            names = [[step["name"] for step in each["steps"]] for each in (mine, theirs_of_it)]
            assert names[0] == names[1]


class TestOthersRead:
    """One OPTIONS and its answer, read by who shares no code with us."""

    def ask(self, lab: Lab, settings: Sequence[str]) -> tuple[Agent, Server]:
        server = lab.server(("udp", "tcp"), settings=settings)
        for _ in range(2):
            with Agent("tcp", server.place("tcp"), user="alice") as agent:
                agent.request("OPTIONS", "sip:ring.test")
                assert agent.read().status == 200
        server.program.signal(signal.SIGTERM)
        assert server.program.wait(10) == 0, server.program.text
        return agent, server

    def test_sngrep(self, lab: Lab) -> None:
        port, file = free_port(), lab.file("sngrep.pcap")
        args: list[str | Path] = [need("sngrep"), "-N", "-L", f"udp:{LOOPBACK}:{port}", "-O", file]
        sngrep = lab.start("sngrep", args, terminal=True, env={"TERM": "xterm"}, goodbye=0.1)
        eventually(lambda: listens(port), 10, "sngrep listens")
        try:
            agent, server = self.ask(lab, collector(f"udp:{LOOPBACK}:{port}"))
            found: list[Seen] = []

            def whole() -> bool:
                found[:] = of_call(file, agent.call_id)
                return len(found) == 2

            eventually(whole, 10, "sngrep writes the messages")
        finally:
            sngrep.kill()
        request, response = found
        assert (request.source, request.target) == (agent.local, server.place("tcp"))
        assert (response.source, response.target) == (server.place("tcp"), agent.local)
        assert response.data.startswith(b"SIP/2.0 200 OK\r\n")

    @pytest.mark.parametrize("hep", ["udp", "tcp"])
    def test_kamailio(self, lab: Lab, hep: str) -> None:
        need("kamailio")
        homer = lab.kamailio("collector.cfg", defines={"DATABASE": f"text://{lab.folder}"})
        name = f"{hep}:{LOOPBACK}:{homer.place(hep)[1]}"
        agent, server = self.ask(lab, collector(name, 'key = "k3y"', "mask = false"))
        here = re.escape(f"{LOOPBACK}:{agent.local[1]}")
        there = re.escape(f"{LOOPBACK}:{server.place('tcp')[1]}")
        copy = "COPY version=3 id=7 key=k3y kind=1 protocol=6"
        homer.program.wait_for(
            rf"{copy} from={here} to={there} says=OPTIONS sip:ring.test SIP/2\.0$"
        )
        homer.program.wait_for(rf"^Call-ID: {agent.call_id}$")
        homer.program.wait_for(rf"{copy} from={there} to={here} says=SIP/2\.0 200 OK$")
        homer.program.wait_for(rf"^Call-ID: {agent.call_id}$")

    def test_a_capture_of_copies(self, lab: Lab) -> None:
        """What goes to a collector, captured on its way, is read as what it carries."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
            sink.bind((LOOPBACK, 0))
            port = sink.getsockname()[1]
            sniffer = Sniffer(lab, [port], "lo")
            agent, server = self.ask(lab, collector(f"udp:{LOOPBACK}:{port}"))
            request, response = of_call(sniffer.stop(), agent.call_id)
        assert (request.transport, request.source) == ("tcp", agent.local)
        assert (response.transport, response.target) == ("tcp", agent.local)
        assert request.target == response.source == server.place("tcp")


def of_call(file: Path, call_id: str) -> list[Seen]:
    if not file.exists():
        return []
    with file.open("rb") as source:
        found = [item for item in read_capture(source) if isinstance(item, Seen)]
    return [item for item in found if item.message is not None and item.message.call_id == call_id]


def listens(port: int) -> bool:
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") for line in lines)
