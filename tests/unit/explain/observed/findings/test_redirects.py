"""Redirects: not followed, in a circle, twice, remembered, and with somebody else's credentials."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import (
    AOR,
    healthy,
    hides,
    later,
    shows,
)
from tests.unit.explain.observed.support import Headers, Scene

from ringway.capture.items import Seen
from ringway.explain.observed.findings import following

MOBILE = "sip:bob@mobile.example.net"


def redirect(
    scene: Scene, to: str = MOBILE, *, expires: str = "", call_id: str = "", status: int = 302
) -> tuple[Seen, Seen]:
    """Let alice call bob, who is elsewhere."""
    invite = scene.request("alice", "server", "INVITE", AOR, call_id=call_id)
    headers: Headers = (("Contact", f"<{to}>"),)
    if expires:
        headers += (("Expires", expires),)
    moved = scene.reply(invite, status, headers=headers)
    scene.ack(moved)
    return invite, moved


def follow(
    scene: Scene,
    to: str = MOBILE,
    *,
    cseq: int = 2,
    call_id: str = "",
    headers: Headers = (),
    target: str = "mobile",
    status: int = 200,
) -> Seen:
    invite = scene.request(
        "alice",
        target,
        "INVITE",
        to,
        callee=AOR,
        cseq=cseq,
        call_id=call_id,
        headers=headers,
    )
    scene.ack(scene.reply(invite, status))
    return invite


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


class TestLoop:
    def test_shown(self) -> None:
        scene = Scene()
        first, _ = redirect(scene)
        onward = scene.request("alice", "mobile", "INVITE", MOBILE, callee=AOR, cseq=2)
        back = scene.reply(onward, 302, headers=(("Contact", f"<{AOR}>"),))
        scene.ack(back)
        again = scene.request("alice", "server", "INVITE", AOR, cseq=3)
        scene.ack(scene.reply(again, 486))
        found = shows(scene, "redirect-loop")
        assert found.frames == (*first.frames, *back.frames, *again.frames)
        hides(scene, "redirect-followed-twice")

    def test_somebody_redirects_to_himself(self) -> None:
        scene = Scene()
        redirect(scene, AOR)
        again = scene.request("alice", "server", "INVITE", AOR, cseq=2)
        scene.ack(scene.reply(again, 200))
        shows(scene, "redirect-loop")

    def test_the_original_may_be_asked_once_more(self) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene, status=486)
        again = scene.request("alice", "server", "INVITE", AOR, cseq=3)
        scene.ack(scene.reply(again, 200))
        hides(scene, "redirect-loop")
        hides(scene, "redirect-followed-twice")

    def test_a_chain_is_no_circle(self) -> None:
        scene = Scene()
        redirect(scene)
        onward = scene.request("alice", "mobile", "INVITE", MOBILE, callee=AOR, cseq=2)
        third = "sip:bob@third.example.net"
        scene.ack(scene.reply(onward, 302, headers=(("Contact", f"<{third}>"),)))
        follow(scene, third, cseq=3, target="third")
        later(scene, 20)
        hides(scene, "redirect-loop")
        healthy(scene)


class TestTwice:
    def test_by_one_client(self) -> None:
        scene = Scene()
        _, moved = redirect(scene)
        one = follow(scene, status=486)
        other = follow(scene, cseq=3)
        found = shows(scene, "redirect-followed-twice")
        assert found.frames == (*moved.frames, *one.frames, *other.frames)

    def test_by_a_proxy_and_the_caller(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        onward = scene.forward(invite, "server")
        moved = scene.reply(onward, 302, headers=(("Contact", f"<{MOBILE}>"),))
        scene.ack(moved)
        tried = scene.forward(invite, "mobile", uri=MOBILE)
        scene.ack(scene.reply(tried, 486))
        passed = scene.back(moved)
        scene.ack(passed)
        again = follow(scene)
        found = shows(scene, "redirect-followed-twice")
        assert found.frames == (*tried.frames, *passed.frames, *again.frames)

    @pytest.mark.parametrize("status", [401, 407])
    def test_a_challenge_is_a_reason_to_come_again(self, status: int) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene, status=status)
        follow(scene, cseq=3)
        later(scene, 20)
        healthy(scene)

    def test_the_next_server_is_another_attempt(self) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene, status=500)
        follow(scene, cseq=3, target="mobile-2")
        hides(scene, "redirect-followed-twice")

    def test_a_proxy_alone(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        moved = scene.reply(
            scene.forward(invite, "server"), 302, headers=(("Contact", f"<{MOBILE}>"),)
        )
        scene.ack(moved)
        tried = scene.forward(invite, "mobile", uri=MOBILE)
        scene.ack(scene.back(scene.reply(tried, 200)))
        later(scene, 20)
        healthy(scene)


class TestRemembered:
    def test_shown(self) -> None:
        scene = Scene()
        invite, moved = redirect(scene)
        follow(scene)
        scene.wait(600)
        again = follow(scene, call_id="second", cseq=1)
        found = shows(scene, "redirect-cached")
        assert found.frames == (*invite.frames, *moved.frames, *again.frames)

    def test_asked_again(self) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene)
        scene.wait(600)
        redirect(scene, call_id="second")
        follow(scene, call_id="second")
        later(scene, 20)
        healthy(scene)

    def test_dialled_directly(self) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene)
        scene.wait(600)
        scene.ack(
            scene.reply(scene.request("alice", "mobile", "INVITE", MOBILE, call_id="second"), 200)
        )
        hides(scene, "redirect-cached")

    def test_a_301_may_be_remembered(self) -> None:
        scene = Scene()
        redirect(scene, status=301)
        follow(scene)
        scene.wait(600)
        follow(scene, call_id="second", cseq=1)
        hides(scene, "redirect-cached")

    def test_within_its_time(self) -> None:
        scene = Scene()
        redirect(scene, expires="3600")
        follow(scene)
        scene.wait(600)
        follow(scene, call_id="second", cseq=1)
        later(scene, 20)
        hides(scene, "redirect-cached-too-long")
        healthy(scene)

    def test_after_its_time(self) -> None:
        scene = Scene()
        redirect(scene, expires="60")
        follow(scene)
        scene.wait(600)
        follow(scene, call_id="second", cseq=1)
        found = shows(scene, "redirect-cached-too-long")
        assert found.facts["expires"] == "60"


def digest(realm: str, nonce: str = "n1") -> str:
    return f'Digest username="alice", realm="{realm}", nonce="{nonce}", uri="{AOR}", response="00"'


class TestLeaked:
    def challenged(self, scene: Scene, header: str, realm: str, to: str = MOBILE) -> Seen:
        asks = "Proxy-Authenticate" if header.startswith("Proxy") else "WWW-Authenticate"
        status = 407 if header.startswith("Proxy") else 401
        invite = scene.request("alice", "server", "INVITE", AOR)
        challenge = (asks, f'Digest realm="{realm}", nonce="n1"')
        scene.ack(scene.reply(invite, status, headers=(challenge,)))
        sent = scene.request(
            "alice", "server", "INVITE", AOR, cseq=2, headers=((header, digest(realm)),)
        )
        scene.ack(scene.reply(sent, 302, headers=(("Contact", f"<{to}>"),)))
        return sent

    @pytest.mark.parametrize("header", ["Authorization", "Proxy-Authorization"])
    def test_shown(self, header: str) -> None:
        scene = Scene()
        sent = self.challenged(scene, header, "example.com")
        onward = follow(scene, cseq=3, headers=((header, digest("example.com")),))
        found = shows(scene, "redirect-leaked-credentials")
        assert set(sent.frames + onward.frames) <= set(found.frames)
        assert found.facts["header"] == header

    def test_none_were_sent(self) -> None:
        scene = Scene()
        self.challenged(scene, "Authorization", "example.com")
        follow(scene, cseq=3)
        later(scene, 20)
        healthy(scene)

    def test_the_same_proxy_takes_it_on(self) -> None:
        scene = Scene()
        self.challenged(scene, "Proxy-Authorization", "example.com")
        credentials = (("Proxy-Authorization", digest("example.com")),)
        follow(scene, cseq=3, target="server", headers=credentials)
        hides(scene, "redirect-leaked-credentials")

    def test_the_same_domain(self) -> None:
        scene = Scene()
        to = "sip:bob@pbx.example.com"
        self.challenged(scene, "Authorization", "example.com", to)
        follow(scene, to, cseq=3, headers=(("Authorization", digest("example.com")),))
        hides(scene, "redirect-leaked-credentials")

    def test_the_new_target_asked_itself(self) -> None:
        scene = Scene()
        self.challenged(scene, "Authorization", "example.com")
        follow(scene, cseq=3, status=401)
        credentials = (("Authorization", digest("mobile.example.net", "n2")),)
        follow(scene, cseq=4, headers=credentials)
        hides(scene, "redirect-leaked-credentials")
