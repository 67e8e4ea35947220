"""No false alarm: traffic as it should be has nothing in it that is wrong or suspicious."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.unit.explain.observed.findings import rfc3665
from tests.unit.explain.observed.findings.looking import (
    AOR,
    healthy,
    later,
    look,
    register,
    talk,
)
from tests.unit.explain.observed.support import Scene

from ringway.capture.text import read_text
from ringway.explain.observed.finding import Severity

FLOWS = Path(__file__).parents[6] / "shared/corpora/flows"
# Where RFC 3665 shows a failure, it is found: a wrong password, a silent proxy, a silent phone.
FAILURES = {
    "2.5": ["credentials-refused"],
    "3.4": ["silent-callee"],
    "3.10": ["silent-callee"],
}


def alarms(scene: Scene) -> list[str]:
    return [each.name for each in look(scene) if each.severity is not Severity.NOTE]


@pytest.mark.skipif(not rfc3665.TEXT.exists(), reason="the RFC texts are not here")
def test_rfc3665() -> None:
    flows = rfc3665.flows()
    assert len(flows) == 16
    for section, items in flows.items():
        assert not [each for each in items if getattr(each, "fault", "")]
        scene = Scene()
        scene.items = items
        assert alarms(scene) == FAILURES.get(section, []), section


@pytest.mark.skipif(not FLOWS.is_dir(), reason="the corpora are not here")
@pytest.mark.parametrize("rfc", ["rfc3327", "rfc3665", "rfc5626", "rfc5627", "rfc7118"])
def test_flows_as_pasted_text(rfc: str) -> None:
    sections: dict[str, list[Path]] = {}
    for file in sorted((FLOWS / rfc).glob("*.sip")):
        part = re.match(r"\d+_s([\d.]*)_", file.name)
        sections.setdefault(part[1] if part else "", []).append(file)
    for section, files in sections.items():
        scene = Scene()
        lines = [line for file in files for line in [*file.read_bytes().split(b"\r\n"), b""]]
        scene.items = list(read_text(lines))
        allowed = FAILURES.get(section, []) if rfc == "rfc3665" else []
        assert [each for each in alarms(scene) if each not in allowed] == [], section


def test_a_call() -> None:
    for transport in ("udp", "tcp", "tls", "ws"):
        scene = Scene(transport=transport)
        talk(scene)
        later(scene, 120)
        healthy(scene)
        assert look(scene) == []


def test_a_day_of_a_phone() -> None:
    scene = Scene(transport="tcp")
    scene.opened("phone", "edge")
    register(scene, "phone", reg_id=1, answer=(("Flow-Timer", "120"),), expires=3600)
    for hour in range(3):
        for _ in range(33):
            scene.wait(105)
            scene.keep_alive("phone", "edge")
            scene.keep_alive("edge", "phone", answer=True)
        register(
            scene,
            "phone",
            reg_id=1,
            answer=(("Flow-Timer", "120"),),
            expires=3600,
            cseq=hour + 2,
        )
    invite = scene.request("alice", "edge", "INVITE", AOR)
    scene.reply(invite, 100)
    onward = scene.forward(invite, "phone", headers=(("Record-Route", "<sip:192.0.2.2;lr>"),))
    scene.back(scene.reply(onward, 180))
    scene.wait(12)
    ok = scene.back(scene.reply(onward, 200, headers=(("Contact", "<sip:bob@192.0.2.1>"),)))
    ack = scene.ack(ok, headers=(("Route", "<sip:192.0.2.2;lr>"),))
    scene.forward(ack, "phone", drop=("route",))
    register(scene, "phone", reg_id=1, expires=0, cseq=9)
    scene.closed("phone", "edge")
    later(scene, 100)
    healthy(scene)


def test_a_fork_whose_losers_are_cancelled() -> None:
    scene = Scene()
    invite = scene.request("alice", "proxy", "INVITE", AOR)
    scene.reply(invite, 100)
    desk, mobile = scene.forward(invite, "desk"), scene.forward(invite, "mobile")
    for each in (desk, mobile):
        scene.back(scene.reply(each, 180))
    scene.wait(8)
    ok = scene.reply(desk, 200)
    scene.reply(scene.cancel(mobile), 200)
    scene.ack(scene.reply(mobile, 487))
    scene.ack(scene.back(ok))
    later(scene, 100)
    healthy(scene)


def test_nobody_picks_up() -> None:
    scene = Scene()
    invite = scene.request("alice", "bob", "INVITE", AOR)
    scene.reply(invite, 180)
    scene.wait(90)
    scene.ack(scene.reply(invite, 480))
    later(scene, 100)
    healthy(scene)


def test_pings_that_never_end() -> None:
    scene = Scene()
    for number in range(50):
        ping = scene.request("proxy", "gateway", "OPTIONS", "sip:gateway", cseq=number + 1)
        scene.reply(ping, 200)
        scene.wait(30)
    healthy(scene)
