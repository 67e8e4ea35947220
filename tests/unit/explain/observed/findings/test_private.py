"""Private addresses that a public peer was told."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import AOR, healthy, hides, shows
from tests.unit.explain.observed.support import Headers, Scene

from ringway.capture.items import Seen
from ringway.explain.observed.findings.private import is_private, is_public
from ringway.transport.flow import Address

INSIDE = "192.168.1.9:5060"


def behind_nat(transport: str = "udp") -> Scene:
    return Scene(transport, places={"phone": Address("192.0.2.9", 40000)})


def send(
    scene: Scene,
    method: str = "INVITE",
    *,
    contact: str = f"sip:bob@{INSIDE}",
    params: str = "",
    rport: bool = False,
    headers: Headers = (),
) -> Seen:
    """Let a phone behind a NAT send a request; `support` always asks for rport."""
    seen = scene.request(
        "phone",
        "server",
        method,
        AOR,
        via=INSIDE,
        headers=(("Contact", f"<{contact}>{params}"), *headers),
    )
    if rport:
        return seen
    scene.items.pop()
    return scene.raw("phone", "server", seen.data.replace(b";rport", b""))


def answer(scene: Scene, seen: Seen, *, received: bool = False, headers: Headers = ()) -> Seen:
    ok = scene.reply(seen, 200, headers=headers)
    if received:
        scene.items.pop()
        data = ok.data.replace(b";rport", b"").replace(
            b"\r\nFrom", b";received=192.0.2.9;rport=40000\r\nFrom", 1
        )
        ok = scene.raw("server", "phone", data)
    return ok


class TestContact:
    @pytest.mark.parametrize("method", ["INVITE", "REGISTER", "SUBSCRIBE"])
    def test_shown(self, method: str) -> None:
        scene = behind_nat()
        request = send(scene, method)
        ok = answer(scene, request)
        found = shows(scene, "private-contact")
        assert found.frames == (*request.frames, *ok.frames)
        assert found.facts["address"] == INSIDE

    def test_the_server_knows_better(self) -> None:
        scene = behind_nat()
        answer(scene, send(scene, rport=True), received=True)
        hides(scene, "private-contact")

    def test_outbound(self) -> None:
        scene = behind_nat()
        answer(scene, send(scene, contact=f"sip:bob@{INSIDE};ob"))
        answer(scene, send(scene, "REGISTER", params=';reg-id=1;+sip.instance="<urn:uuid:1>"'))
        hides(scene, "private-contact")

    @pytest.mark.parametrize(
        "stored",
        [f"<sip:bob@{INSIDE}>;received=192.0.2.9", "<sip:bob@192.0.2.9:40000>;expires=60"],
    )
    def test_the_registrar_remembers_the_source(self, stored: str) -> None:
        scene = behind_nat()
        answer(scene, send(scene, "REGISTER"), headers=(("Contact", stored),))
        hides(scene, "private-contact")

    def test_the_next_hop_gets_another(self) -> None:
        scene = behind_nat()
        invite = send(scene)
        onward = scene.forward(
            invite, "bob", drop=("contact",), headers=(("Contact", "<sip:bob@192.0.2.9:40000>"),)
        )
        scene.ack(scene.back(scene.reply(onward, 200)))
        hides(scene, "private-contact")

    def test_the_phone_was_reached(self) -> None:
        scene = behind_nat()
        scene.ack(answer(scene, send(scene)))
        scene.reply(
            scene.request("server", "phone", "BYE", f"sip:bob@{INSIDE}", to_tag="x", cseq=2), 200
        )
        hides(scene, "private-contact")

    def test_within_one_network(self) -> None:
        scene = Scene(
            places={"phone": Address("192.168.1.9", 5060), "server": Address("192.168.1.1", 5060)}
        )
        scene.ack(answer(scene, send(scene)))
        healthy(scene)

    def test_a_refused_call(self) -> None:
        scene = behind_nat()
        scene.ack(scene.reply(send(scene), 486))
        hides(scene, "private-contact")


class TestVia:
    def astray(self, scene: Scene, seen: Seen) -> Seen:
        scene.place("inside", Address("192.0.2.9", 5060))
        scene.reply(seen, 200)
        right = scene.items.pop()
        assert isinstance(right, Seen)
        return scene.raw("server", "inside", right.data)

    def test_shown(self) -> None:
        scene = behind_nat()
        request = send(scene, "OPTIONS")
        wrong = self.astray(scene, request)
        found = shows(scene, "private-via")
        assert found.frames == (*request.frames, *wrong.frames)
        assert found.facts["target"] == "192.0.2.9:5060"

    def test_the_answer_went_back_the_way_it_came(self) -> None:
        scene = behind_nat()
        scene.reply(send(scene, "OPTIONS"), 200)
        hides(scene, "private-via")

    def test_rport(self) -> None:
        scene = behind_nat()
        self.astray(scene, send(scene, "OPTIONS", rport=True))
        hides(scene, "private-via")


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("172.32.0.1", False),
        ("100.64.0.1", True),
        ("fd00::1", True),
        ("2001:db8::1", False),
        ("192.0.2.1", False),
    ],
)
def test_addresses(host: str, *, private: bool) -> None:
    assert is_private(host) is private
    assert is_public(host) is not private


def test_neither() -> None:
    for host in ("127.0.0.1", "example.com"):
        assert not is_private(host)
        assert not is_public(host)
