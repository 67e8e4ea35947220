"""Private addresses that a public peer was told."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import AOR, healthy, hides, nearly, shows
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
        nearly(scene, "private-contact")

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

    @pytest.mark.parametrize("status", [300, 302, 480])
    def test_what_was_not_accepted(self, status: int) -> None:
        scene = behind_nat()
        scene.ack(scene.reply(send(scene), status))
        hides(scene, "private-contact")

    @pytest.mark.parametrize("method", ["MESSAGE", "OPTIONS", "BYE", "NOTIFY"])
    def test_what_has_no_later_requests(self, method: str) -> None:
        scene = behind_nat()
        answer(scene, send(scene, method))
        hides(scene, "private-contact")

    def test_a_public_contact(self) -> None:
        scene = behind_nat()
        answer(scene, send(scene, contact="sip:bob@192.0.2.9:40000"))
        hides(scene, "private-contact")

    def test_no_contact(self) -> None:
        scene = behind_nat()
        answer(scene, scene.request("phone", "server", "REGISTER", AOR))
        hides(scene, "private-contact")

    def test_to_a_server_within(self) -> None:
        """The phone is reached from outside, and calls somebody of its own network."""
        scene = behind_nat()
        scene.place("server", Address("10.0.0.1", 5060))
        scene.ack(answer(scene, send(scene)))
        hides(scene, "private-contact")

    def test_what_a_proxy_sends_on(self) -> None:
        """It is told where the phone itself told it."""
        scene = behind_nat()
        onward = scene.forward(send(scene), "bob")
        scene.ack(scene.back(scene.reply(onward, 200)))
        assert shows(scene, "private-contact").facts["server"] == str(scene.place("server"))

    def test_only_what_a_proxy_sends_on_was_captured(self) -> None:
        """What the phone and the proxy told each other, nobody saw."""
        scene = behind_nat()
        sent = send(scene)
        onward = scene.forward(sent, "bob")
        scene.items.remove(sent)
        scene.reply(onward, 200)
        hides(scene, "private-contact")

    @pytest.mark.parametrize(("host", "found"), [("192.0.2.9", True), ("192.168.1.9", False)])
    def test_on_which_side_of_the_nat_it_is_captured(self, host: str, *, found: bool) -> None:
        """Within, nobody knows what the NAT makes of it."""
        scene = Scene(places={"phone": Address(host, 40000)})
        scene.ack(answer(scene, send(scene)))
        (shows if found else hides)(scene, "private-contact")

    def test_it_is_told_once(self) -> None:
        scene = behind_nat()
        for _ in range(2):
            scene.ack(answer(scene, send(scene)))
        shows(scene, "private-contact")

    @pytest.mark.parametrize(
        ("told", "transport", "found"),
        [
            (b";received=192.0.2.9;rport=40000", "udp", False),
            (b";received=192.0.2.9", "udp", True),
            (b";rport=40000", "udp", True),
            (b"", "udp", True),
            (b";received=192.0.2.9", "tcp", False),
            (b"", "tcp", True),
        ],
    )
    def test_what_the_answer_tells(self, told: bytes, transport: str, *, found: bool) -> None:
        scene = behind_nat(transport)
        ok = scene.reply(send(scene), 200)
        scene.items.pop()
        scene.raw("server", "phone", ok.data.replace(b"\r\nFrom", told + b"\r\nFrom", 1))
        (shows if found else hides)(scene, "private-contact")

    @pytest.mark.parametrize(
        "stored",
        [
            f"<sip:bob@{INSIDE}>;expires=60",
            f"<sip:bob@192.0.2.50>, <sip:bob@{INSIDE}>;expires=60",
        ],
    )
    def test_the_registrar_keeps_it(self, stored: str) -> None:
        scene = behind_nat()
        answer(scene, send(scene, "REGISTER"), headers=(("Contact", stored),))
        shows(scene, "private-contact")

    def test_the_contact_of_the_answer_is_somebody_elses(self) -> None:
        """In the answer to an INVITE stands the called party's Contact."""
        scene = behind_nat()
        scene.ack(answer(scene, send(scene), headers=(("Contact", "<sip:x@192.0.2.50>"),)))
        shows(scene, "private-contact")

    @pytest.mark.parametrize(
        ("contact", "found"),
        [
            (f"<sip:bob@{INSIDE}>", True),
            ("<sip:bob@192.168.1.9:6060>", True),
            ("<sip:bob@192.0.2.9:40000>", False),
        ],
    )
    def test_what_the_next_hop_gets(self, contact: str, *, found: bool) -> None:
        scene = behind_nat()
        onward = scene.forward(
            send(scene), "bob", drop=("contact",), headers=(("Contact", contact),)
        )
        scene.ack(scene.back(scene.reply(onward, 200)))
        (shows if found else hides)(scene, "private-contact")


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

    def test_an_ack_has_no_answer(self) -> None:
        scene = behind_nat()
        scene.ack(self.astray(scene, send(scene, "OPTIONS", contact="sip:x@192.0.2.9")))
        assert len([each for each in scene.items if isinstance(each, Seen)]) == 3
        shows(scene, "private-via")

    def test_a_connection_needs_none(self) -> None:
        scene = behind_nat("tcp")
        self.astray(scene, send(scene, "OPTIONS"))
        hides(scene, "private-via")

    def test_a_public_address(self) -> None:
        """The port of a phone that is not behind a NAT is its own affair."""
        scene = behind_nat()
        request = send(scene, "OPTIONS")
        scene.items.clear()
        public = request.data.replace(INSIDE.encode(), b"192.0.2.9:5060")
        self.astray(scene, scene.raw("phone", "server", public))
        hides(scene, "private-via")

    @pytest.mark.parametrize(
        ("via", "address"), [("10.0.0.1", "10.0.0.1:5060"), ("10.0.0.1:5070", "10.0.0.1:5070")]
    )
    def test_which_address(self, via: str, address: str) -> None:
        scene = behind_nat()
        request = send(scene, "OPTIONS")
        scene.items.clear()
        data = request.data.replace(f"UDP {INSIDE}".encode(), f"UDP {via}".encode())
        self.astray(scene, scene.raw("phone", "server", data))
        assert shows(scene, "private-via").facts["address"] == address

    def test_rport(self) -> None:
        scene = behind_nat()
        self.astray(scene, send(scene, "OPTIONS", rport=True))
        nearly(scene, "private-via")


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
