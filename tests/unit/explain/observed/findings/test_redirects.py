"""Redirects: in a circle, twice, and with somebody else's credentials."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import (
    AOR,
    healthy,
    hides,
    later,
    nearly,
    shows,
)
from tests.unit.explain.observed.support import Headers, Scene

from ringway.capture.items import Seen

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
        nearly(scene, "redirect-loop")
        healthy(scene)

    @pytest.mark.parametrize("status", [301, 302])
    def test_either_code(self, status: int) -> None:
        scene = Scene()
        redirect(scene, AOR, status=status)
        scene.ack(scene.reply(scene.request("alice", "server", "INVITE", AOR, cseq=2), 200))
        assert shows(scene, "redirect-loop").status == status

    @pytest.mark.parametrize("status", [300, 305, 380])
    def test_other_codes_ask_for_something_else(self, status: int) -> None:
        scene = Scene()
        redirect(scene, AOR, status=status)
        scene.ack(scene.reply(scene.request("alice", "server", "INVITE", AOR, cseq=2), 200))
        hides(scene, "redirect-loop")

    def test_another_client_may_ask_too(self) -> None:
        """The second request is somebody else's, with the same Call-ID."""
        scene = Scene()
        redirect(scene, AOR)
        scene.ack(scene.reply(scene.request("carol", "server", "INVITE", AOR, cseq=2), 200))
        hides(scene, "redirect-loop")

    def test_two_branches_of_a_fork_may_meet(self) -> None:
        """A proxy asks one place for two requests that came to it: their ways are not the same."""
        scene = Scene()
        one = scene.request("alice", "proxy", "INVITE", AOR)
        other = scene.request("carol", "proxy", "INVITE", AOR)
        for each in (one, other):
            moved = scene.reply(
                scene.forward(each, "server"), 302, headers=(("Contact", f"<{AOR}>"),)
            )
            scene.ack(moved)
        hides(scene, "redirect-loop")

    @pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE", "OPTIONS", "REGISTER"])
    def test_other_requests(self, method: str) -> None:
        scene = Scene()
        for number in (1, 2):
            sent = scene.request("alice", "server", method, AOR, cseq=number)
            scene.reply(sent, 302, headers=(("Contact", f"<{AOR}>"),))
        shows(scene, "redirect-loop")


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
        assert found.facts["client"] == f"{scene.place('proxy')}, {scene.place('alice')}"

    def test_one_of_two_contacts(self) -> None:
        scene = Scene()
        redirect(scene, f"sip:bob@home.example.net>, <{MOBILE}")
        follow(scene, status=486)
        follow(scene, cseq=3)
        shows(scene, "redirect-followed-twice")

    @pytest.mark.parametrize(
        "status",
        [*(401, 407, 408, 412, 413, 415, 420, 421, 422, 428, 430, 494, 500, 503)],
    )
    def test_what_may_be_tried_again(self, status: int) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene, status=status)
        follow(scene, cseq=3)
        nearly(scene, "redirect-followed-twice")

    @pytest.mark.parametrize("status", [200, 400, 403, 404, 406, 480, 486, 502, 600, 603])
    def test_what_may_not(self, status: int) -> None:
        scene = Scene()
        redirect(scene)
        follow(scene, status=status)
        follow(scene, cseq=3)
        shows(scene, "redirect-followed-twice")

    def test_one_of_them_came_before_the_redirect(self) -> None:
        scene = Scene()
        follow(scene, cseq=1, status=486)
        scene.ack(
            scene.reply(
                scene.request("alice", "server", "INVITE", AOR, cseq=2),
                302,
                headers=(("Contact", f"<{MOBILE}>"),),
            )
        )
        follow(scene, cseq=3)
        hides(scene, "redirect-followed-twice")

    def test_a_proxy_and_somebody_else(self) -> None:
        """The proxy followed and handed the Contact on; only another caller calls it."""
        scene = Scene()
        self.handed_on(scene)
        invite = scene.request("carol", "mobile", "INVITE", MOBILE, callee=AOR, cseq=2)
        scene.ack(scene.reply(invite, 200))
        hides(scene, "redirect-followed-twice")

    def test_a_proxy_and_a_call_that_came_before(self) -> None:
        scene = Scene()
        follow(scene, cseq=1, status=486)
        self.handed_on(scene, cseq=2)
        hides(scene, "redirect-followed-twice")

    def test_a_proxy_that_only_hands_it_on(self) -> None:
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        moved = scene.reply(
            scene.forward(invite, "server"), 302, headers=(("Contact", f"<{MOBILE}>"),)
        )
        scene.ack(scene.back(moved))
        onward = scene.request("alice", "proxy", "INVITE", MOBILE, callee=AOR, cseq=2)
        scene.ack(scene.back(scene.reply(scene.forward(onward, "mobile"), 200)))
        hides(scene, "redirect-followed-twice")

    def test_a_proxy_that_goes_on_after_it_has_handed_it_on(self) -> None:
        """Only what it tried before it answered is its own doing."""
        scene = Scene()
        invite = scene.request("alice", "proxy", "INVITE", AOR)
        moved = scene.reply(
            scene.forward(invite, "server"), 302, headers=(("Contact", f"<{MOBILE}>"),)
        )
        scene.ack(scene.back(moved))
        scene.forward(invite, "mobile", uri=MOBILE)
        follow(scene)
        hides(scene, "redirect-followed-twice")

    def handed_on(self, scene: Scene, cseq: int = 1) -> None:
        invite = scene.request("alice", "proxy", "INVITE", AOR, cseq=cseq)
        onward = scene.forward(invite, "server")
        moved = scene.reply(onward, 302, headers=(("Contact", f"<{MOBILE}>"),))
        scene.ack(scene.reply(scene.forward(invite, "mobile", uri=MOBILE), 486))
        scene.ack(scene.back(moved))

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

    @pytest.mark.parametrize(
        ("realm", "to", "found"),
        [
            ("example.com", "sip:bob@example.com.example.net", True),
            ("example.com", "sip:bob@badexample.com", True),
            ("pbx.example.com", "sip:bob@example.com.net", True),
            ("example.net", "sip:bob@example.net", False),
            ("example.net", "sip:bob@pbx.EXAMPLE.net", False),
            ("pbx.example.net", "sip:bob@example.net", False),
            ("example.com", "sip:mary@example.com", False),
            ("another realm", "sip:mary@example.com", False),
            ("another realm", MOBILE, True),
        ],
    )
    @pytest.mark.parametrize("header", ["Authorization", "Proxy-Authorization"])
    def test_whose_realm(self, header: str, realm: str, to: str, *, found: bool) -> None:
        """Credentials for a server follow the domain, those for a proxy its address."""
        scene = Scene()
        self.challenged(scene, header, realm, to)
        follow(scene, to, cseq=3, headers=((header, digest(realm)),))
        for_proxy = header.startswith("Proxy") and realm == "another realm"
        (shows if found or for_proxy else hides)(scene, "redirect-leaked-credentials")

    def test_who_got_them(self) -> None:
        for header, target in (
            ("Authorization", "mobile.example.net"),
            ("Proxy-Authorization", ""),
        ):
            scene = Scene()
            self.challenged(scene, header, "example.com")
            follow(scene, cseq=3, headers=((header, digest("example.com")),))
            found = shows(scene, "redirect-leaked-credentials")
            assert found.facts["target"] == (target or str(scene.place("mobile")))
            assert found.facts["client"] == str(scene.place("alice"))

    def test_new_ones_for_the_old_realm(self) -> None:
        """The server that is new asks for that realm itself: the nonce is its own."""
        scene = Scene()
        self.challenged(scene, "Authorization", "example.com")
        follow(scene, cseq=3, headers=(("Authorization", digest("example.com", "n2")),))
        nearly(scene, "redirect-leaked-credentials")

    def test_they_went_there_before(self) -> None:
        scene = Scene()
        follow(scene, cseq=1, headers=(("Authorization", digest("example.com")),))
        sent = scene.request(
            "alice",
            "server",
            "INVITE",
            AOR,
            cseq=2,
            headers=(("Authorization", digest("example.com")),),
        )
        scene.ack(scene.reply(sent, 302, headers=(("Contact", f"<{MOBILE}>"),)))
        hides(scene, "redirect-leaked-credentials")

    def test_somebody_else_has_the_same(self) -> None:
        scene = Scene()
        self.challenged(scene, "Authorization", "example.com")
        scene.request(
            "carol",
            "mobile",
            "INVITE",
            MOBILE,
            callee=AOR,
            cseq=3,
            headers=(("Authorization", digest("example.com")),),
        )
        hides(scene, "redirect-leaked-credentials")

    def test_they_went_elsewhere(self) -> None:
        scene = Scene()
        self.challenged(scene, "Authorization", "example.com")
        credentials = (("Authorization", digest("example.com")),)
        follow(scene, "sip:else@third.example.net", cseq=3, headers=credentials)
        hides(scene, "redirect-leaked-credentials")
