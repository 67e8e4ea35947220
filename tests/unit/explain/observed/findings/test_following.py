"""Redirects that nobody followed."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import AOR, healthy, hides, later, nearly, shows
from tests.unit.explain.observed.findings.test_redirects import MOBILE, follow, redirect
from tests.unit.explain.observed.support import Scene

from ringway.explain.observed.findings import following
from ringway.transport.flow import Address


class TestNotFollowed:
    @pytest.mark.parametrize("status", [301, 302])
    def test_shown(self, status: int) -> None:
        scene = Scene()
        invite, moved = redirect(scene, status=status)
        later(scene, 20)
        found = shows(scene, "redirect-not-followed")
        assert found.frames == (*invite.frames, *moved.frames)
        assert (found.status, found.call_id) == (status, "call-1")

    def test_followed_in_the_same_call(self) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene)
        later(scene, 20)
        healthy(scene)
        nearly(scene, "redirect-not-followed")

    def test_followed_with_a_call_id_of_its_own(self) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene, call_id="another", cseq=1)
        later(scene, 20)
        healthy(scene)

    def test_a_pbx_calls_the_phone_of_that_user(self) -> None:
        scene = Scene()
        redirect(scene, "sip:200@pbx.example.com")
        follow(scene, "sip:200@192.0.2.66", call_id="another", cseq=1)
        later(scene, 20)
        hides(scene, "redirect-not-followed")

    def test_a_back_to_back_agent_hands_it_on(self) -> None:
        scene = Scene()
        outer = scene.request("carol", "alice", "INVITE", AOR, call_id="outer")
        redirect(scene)
        scene.ack(scene.reply(outer, 302, headers=(("Contact", f"<{MOBILE}>"),)))
        onward = scene.request("carol", "mobile", "INVITE", MOBILE, call_id="outer", cseq=2)
        scene.ack(scene.reply(onward, 200))
        later(scene, 20)
        hides(scene, "redirect-not-followed")

    def test_what_is_forgotten_is_not_judged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(following, "_KEPT", 2)
        scene = Scene()
        redirect(scene)
        follow(scene, call_id="another", cseq=1)
        for number in range(3):
            scene.wait(100)
            scene.call_id = f"else-{number}"
            scene.ack(scene.reply(scene.request("dora", "server", "INVITE", AOR), 200))
        hides(scene, "redirect-not-followed")

    def test_the_capture_ended_at_once(self) -> None:
        scene = Scene()
        redirect(scene)
        hides(scene, "redirect-not-followed")

    @pytest.mark.parametrize("status", [300, 305, 380, 486])
    def test_other_codes_ask_for_something_else(self, status: int) -> None:
        scene = Scene()
        redirect(scene, status=status)
        later(scene, 20)
        hides(scene, "redirect-not-followed")

    def test_a_web_page_is_for_people(self) -> None:
        scene = Scene()
        redirect(scene, "https://example.com/bob")
        later(scene, 20)
        hides(scene, "redirect-not-followed")

    @pytest.mark.parametrize(("after", "found"), [(9.8, False), (10.2, True)])
    def test_how_long_the_capture_must_go_on(self, after: float, *, found: bool) -> None:
        scene = Scene()
        redirect(scene)
        later(scene, after - 0.04)
        (shows if found else hides)(scene, "redirect-not-followed")

    def test_a_busy_caller(self) -> None:
        """A PBX follows, after it has made 150 other calls."""
        scene = Scene()
        redirect(scene)
        for number in range(150):
            other = scene.request("alice", "x", "INVITE", f"sip:{number}@x", call_id=f"x{number}")
            scene.ack(scene.reply(other, 486))
        follow(scene, call_id="another", cseq=1)
        later(scene, 20)
        healthy(scene)

    @pytest.mark.parametrize(("after", "found"), [(30, False), (175, False), (185, True)])
    def test_followed_late(self, after: float, *, found: bool) -> None:
        scene = Scene()
        redirect(scene)
        scene.wait(after)
        follow(scene, call_id="another", cseq=1)
        later(scene, 20)
        (shows if found else hides)(scene, "redirect-not-followed")

    def test_called_before(self) -> None:
        """A call to that place before the redirect does not follow it."""
        scene = Scene()
        scene.ack(scene.reply(scene.request("alice", "mobile", "INVITE", MOBILE, call_id="x"), 486))
        scene.wait(5)
        redirect(scene)
        later(scene, 20)
        shows(scene, "redirect-not-followed")

    def test_hung_up_meanwhile(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "server", "INVITE", AOR)
        scene.cancel(invite)
        scene.ack(scene.reply(invite, 302, headers=(("Contact", f"<{MOBILE}>"),)))
        later(scene, 20)
        hides(scene, "redirect-not-followed")

    @pytest.mark.parametrize(
        ("to", "called", "found"),
        [
            ("sip:+49-30-123-4567@x.com", "sip:0301234567@gateway", False),
            ("sip:+49-30-1234567@x.com", "sip:0301234568@gateway", True),
            ("sip:1234567@x.com", "sip:0301234567@gateway", False),
            ("sip:200@x.com", "sip:200@192.0.2.66", False),
            ("sip:200@x.com", "sip:9200@192.0.2.66", True),
            ("sip:x.com", "sip:x.com", False),
            ("sip:x.com", "sip:y.com", True),
        ],
    )
    def test_as_a_pbx_writes_it(self, to: str, called: str, *, found: bool) -> None:
        scene = Scene()
        redirect(scene, to)
        follow(scene, called, call_id="another", cseq=1)
        later(scene, 20)
        (shows if found else hides)(scene, "redirect-not-followed")

    @pytest.mark.parametrize(("called", "found"), [(MOBILE, False), ("sip:bob@192.0.2.66", True)])
    def test_from_another_address(self, called: str, *, found: bool) -> None:
        """Only the very URI tells that it was the same client."""
        scene = Scene()
        redirect(scene)
        invite = scene.request("outside", "mobile", "INVITE", called, call_id="another")
        scene.ack(scene.reply(invite, 200))
        later(scene, 20)
        (shows if found else hides)(scene, "redirect-not-followed")

    @pytest.mark.parametrize(("after", "found"), [(0.1, False), (1.9, False), (2.1, True)])
    def test_how_soon_it_is_handed_on(self, after: float, *, found: bool) -> None:
        scene = Scene()
        outer = scene.request("carol", "alice", "INVITE", "sip:alice@example.com", call_id="outer")
        _, moved = redirect(scene)
        scene.now = moved.at + after - 0.01
        scene.ack(scene.reply(outer, 302, headers=(("Contact", f"<{MOBILE}>"),)))
        onward = scene.request("carol", "else", "INVITE", MOBILE, call_id="outer", cseq=2)
        scene.ack(scene.reply(onward, 200))
        later(scene, 20)
        (shows if found else hides)(scene, "redirect-not-followed")

    @pytest.mark.parametrize(
        ("target", "to", "found"),
        [
            ("alice", "sip:pbx@192.0.2.1", False),
            ("outside", MOBILE, False),
            ("outside", "sip:pbx@192.0.2.1", True),
        ],
    )
    def test_who_hands_it_on(self, target: str, to: str, *, found: bool) -> None:
        """The client itself in its own words, or anybody in the same words."""
        scene = Scene()
        outer = scene.request("carol", target, "INVITE", "sip:alice@example.com", call_id="outer")
        redirect(scene)
        scene.ack(scene.reply(outer, 302, headers=(("Contact", f"<{to}>"),)))
        onward = scene.request("carol", "else", "INVITE", to, call_id="outer", cseq=2)
        scene.ack(scene.reply(onward, 200))
        later(scene, 20)
        (shows if found else hides)(scene, "redirect-not-followed")

    def test_handed_on_with_another_code(self) -> None:
        scene = Scene()
        outer = scene.request("carol", "alice", "INVITE", "sip:alice@example.com", call_id="outer")
        redirect(scene)
        scene.ack(scene.reply(outer, 301, headers=(("Contact", "<sip:x@y>"),)))
        onward = scene.request("carol", "else", "INVITE", "sip:x@y", call_id="outer", cseq=2)
        scene.ack(scene.reply(onward, 200))
        later(scene, 20)
        shows(scene, "redirect-not-followed")

    def test_a_capture_at_the_server(self) -> None:
        """It redirects carol, too; where alice goes then does not come by."""
        scene = Scene()
        redirect(scene)
        other = scene.request("carol", "server", "OPTIONS", AOR, call_id="x")
        scene.reply(other, 200)
        later(scene, 20)
        hides(scene, "redirect-not-followed")

    @pytest.mark.parametrize("to", ["sip:carol@example.com", "sip:carol@192.0.2.2"])
    def test_a_capture_at_the_server_to_which_it_leads_back(self, to: str) -> None:
        scene = Scene()
        redirect(scene, to)
        other = scene.request("carol", "server", "OPTIONS", AOR, call_id="x")
        scene.reply(other, 200)
        later(scene, 20)
        shows(scene, "redirect-not-followed")

    def test_one_of_two_contacts_leads_back(self) -> None:
        """The other one may have been called, and have answered, out of sight."""
        scene = Scene()
        redirect(scene, f"{MOBILE}>, <sip:carol@example.com")
        other = scene.request("carol", "server", "OPTIONS", AOR, call_id="x")
        scene.reply(other, 200)
        later(scene, 20)
        hides(scene, "redirect-not-followed")

    def test_a_capture_at_a_phone_that_redirects(self) -> None:
        """It has registered with who calls it, and who follows elsewhere."""
        scene = Scene()
        sent = scene.request("server", "alice", "REGISTER", "sip:example.com", call_id="r")
        scene.reply(sent, 200)
        redirect(scene, "sip:carol@example.com")
        later(scene, 20)
        hides(scene, "redirect-not-followed")

    def test_a_client_that_has_registered(self) -> None:
        scene = Scene()
        sent = scene.request("alice", "server", "REGISTER", "sip:example.com", call_id="r")
        scene.reply(sent, 200)
        redirect(scene)
        later(scene, 20)
        shows(scene, "redirect-not-followed")

    def test_a_client_that_talks_with_others(self) -> None:
        scene = Scene()
        redirect(scene)
        for source, target in (("carol", "server"), ("alice", "elsewhere")):
            sent = scene.request(source, target, "OPTIONS", AOR, call_id=f"x-{source}")
            scene.reply(sent, 200)
        later(scene, 20)
        shows(scene, "redirect-not-followed")

    @pytest.mark.parametrize(("to", "found"), [(AOR, False), ("sip:bob@third.net", True)])
    def test_sent_back_to_where_it_has_been(self, to: str, *, found: bool) -> None:
        """Who is led in a circle stops, as he must."""
        scene = Scene()
        redirect(scene)
        onward = scene.request("alice", "mobile", "INVITE", MOBILE, callee=AOR, cseq=2)
        scene.ack(scene.reply(onward, 302, headers=(("Contact", f"<{to}>"),)))
        later(scene, 20)
        (shows if found else hides)(scene, "redirect-not-followed")

    def test_a_server_that_asks_whether_its_client_lives(self) -> None:
        """Only who registers is a phone."""
        scene = Scene()
        scene.reply(scene.request("server", "alice", "OPTIONS", AOR, call_id="ping"), 200)
        redirect(scene)
        later(scene, 20)
        shows(scene, "redirect-not-followed")

    def test_all_on_one_machine(self) -> None:
        ports = {"alice": 5061, "server": 5060, "carol": 5062}
        scene = Scene(places={name: Address("127.0.0.1", port) for name, port in ports.items()})
        for name in ("alice", "carol"):
            sent = scene.request(name, "server", "REGISTER", "sip:example.com", call_id=name)
            scene.reply(sent, 200)
        redirect(scene)
        later(scene, 20)
        shows(scene, "redirect-not-followed")

    def test_a_proxy_that_does_not_follow(self) -> None:
        """It is the caller who should; he was told nothing of it."""
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        told = (("Contact", f"<{MOBILE}>"),)
        scene.ack(scene.reply(scene.forward(invite, "server"), 302, headers=told))
        scene.ack(scene.reply(invite, 480))
        later(scene, 20)
        hides(scene, "redirect-not-followed")
